import { MongoClient } from 'mongodb';
import { expect, onTestFinished, test } from 'vitest';
import { applyLayout } from '../../server/src/store/mongo/layout.js';
import { planLayout } from '../../server/src/store/mongo/layout-plan.js';
import { ReplicaSet } from '../mongodb/replica-set.js';
import { withMongod } from '../mongodb/shared.js';

withMongod(() => {
  test('an index on data is made although a member is down, and although the primary changes', async () => {
    const set = await ReplicaSet.start({ members: 3, electionTimeoutMs: 1_000 });
    onTestFinished(() => set.stop());
    const client = new MongoClient(set.url);
    onTestFinished(() => client.close());
    const db = client.db('polos');
    await applyLayout(db);
    const workers = Array.from({ length: 2_000 }, (_, number) => {
      return { _id: `${number}`, projectId: 'p', expiresAt: new Date(Date.now() + 600_000), body: '{}' };
    });
    await db.collection<{ _id: string }>('workers').insertMany(workers);
    await db.collection('workers').dropIndex('project');
    const primary = await set.primary();
    const others = set.members.filter((member) => member !== primary);
    await others[0]!.kill();
    await applyLayout(db);
    await others[0]!.restart();
    await set.settled();

    await db.collection('workers').dropIndex('project');
    await Promise.all([applyLayout(db), applyLayout(db), set.stepDown()]);
    expect((await planLayout(db)).filter(({ state }) => state !== 'present')).toEqual([]);
  }, 120_000);
});
