import { MemoryDatabase, openMemoryStore } from '../../server/src/store/memory/memory-store.js';
import { describeStore } from './describe-store.js';
import { describeSharedStores } from './shared-stores.js';

describeStore('memory', { open: async () => openMemoryStore() });
describeSharedStores('memory', {
  open: async () => {
    const database = new MemoryDatabase();
    return [openMemoryStore(database), openMemoryStore(database)];
  },
});
