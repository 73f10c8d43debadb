import { describe, onTestFinished } from 'vitest';
import type { Store } from '../../server/src/store/store.js';
import { describeCommits } from './commits.js';
import { describeJournals } from './journals.js';
import { describeLists } from './lists.js';
import { describeRecords } from './records.js';
import { describeRemoval } from './removal.js';
import { describeSchemas } from './schemas.js';
import { describeSearches } from './searches.js';
import { describeValues } from './values.js';
import { describeWaiting } from './waiting.js';
import { describeWorkers } from './workers.js';

/** How a test gets at the store that it is about. */
export interface StoreUnderTest {
  /** An empty store; nothing of any other test is in it. */
  open(): Promise<Store>;
  /** Closes a store and opens its data again. Missing for a store that forgets. */
  reopen?(store: Store): Promise<Store>;
}

/** Opens a store that is closed when its test ends. */
export type OpenStore = () => Promise<Store>;

/** Holds an adapter to the contract of the port: server/src/store/store.ts. */
export function describeStore(name: string, underTest: StoreUnderTest): void {
  const open = async () => {
    const store = await underTest.open();
    onTestFinished(() => store.close());
    return store;
  };
  const reopen = async (store: Store) => {
    if (!underTest.reopen) return store;
    const again = await underTest.reopen(store);
    onTestFinished(() => again.close());
    return again;
  };
  describe(`the ${name} store`, () => {
    describeCommits(open);
    describeJournals(open);
    describeLists(open);
    describeSchemas(open);
    describeWorkers(open);
    describeWaiting(open, reopen);
    describeSearches(open, reopen);
    describeRecords(open, reopen);
    describeRemoval(open, reopen);
    describeValues(open, reopen);
  });
}
