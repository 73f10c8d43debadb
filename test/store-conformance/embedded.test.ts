import { openEmbeddedStore } from '../../server/src/store/embedded/embedded-store.js';
import type { Store } from '../../server/src/store/store.js';
import { dataDirectory } from './data-directory.js';
import { describeStore, type StoreUnderTest } from './describe-store.js';
import { describeSameAnswers } from './same-answers.js';

const directories = new WeakMap<Store, string>();

async function openAt(dataDir: string): Promise<Store> {
  const store = await openEmbeddedStore({ dataDir });
  directories.set(store, dataDir);
  return store;
}

const underTest: StoreUnderTest = {
  open: async () => openAt(await dataDirectory()),
  reopen: async (store) => {
    await store.close();
    return openAt(directories.get(store)!);
  },
};

describeStore('embedded', underTest);
describeSameAnswers('embedded', underTest);
