import { openMemoryStore } from '../../server/src/store/memory/memory-store.js';
import { describeStore } from './describe-store.js';

describeStore('memory', { open: async () => openMemoryStore() });
