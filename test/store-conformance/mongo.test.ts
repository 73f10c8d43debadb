import { withMongodb } from '../mongodb/shared.js';
import { describeStore, type StoreUnderTest } from './describe-store.js';
import { MongoDatabases } from './mongo-databases.js';
import { describeSameAnswers } from './same-answers.js';
import { describeSharedStores } from './shared-stores.js';

withMongodb(() => {
  const databases = new MongoDatabases();
  const underTest: StoreUnderTest = {
    open: async () => {
      const [store] = await databases.open();
      return store!;
    },
    reopen: (store) => databases.reopen(store),
  };

  describeStore('MongoDB', underTest);
  describeSharedStores('MongoDB', {
    open: async () => {
      const [one, other] = await databases.open(2);
      return [one!, other!];
    },
  });
  // Not opened anew: what another store committed is not its own any more, which memory would not say.
  describeSameAnswers('MongoDB', { open: underTest.open });
});
