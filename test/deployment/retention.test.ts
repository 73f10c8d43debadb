import { expect, onTestFinished, test } from 'vitest';
import { ExecutionRetention } from '../../server/src/engine/execution-retention.js';
import { Connection } from '../../server/src/store/mongo/connection.js';
import { openMongoStore } from '../../server/src/store/mongo/mongo-store.js';
import { removeClosed } from '../../server/src/store/mongo/removal.js';
import type { Store } from '../../server/src/store/store.js';
import { uniqueDatabase, withMongodb } from '../mongodb/shared.js';
import { until } from '../mongodb/until.js';
import { create, createRecord, entry, next, write } from '../store-conformance/samples.js';

const NOW = Date.UTC(2026, 10, 23);
const KEPT_MS = 86_400_000;

withMongodb(() => {
  test('two servers at once delete each execution, and disturb nothing else', async () => {
    const { stores } = await open(2);
    const [one] = stores;
    await Promise.all(Array.from({ length: 600 }, (_, n) => close(one!, `past-${n}`, 2)));
    await close(one!, 'long', 100);
    await create(one!, { id: 'later', closedAt: NOW - KEPT_MS + 1 });
    await create(one!, { id: 'open' });
    const faults: unknown[] = [];
    const both = stores.map((store) => start(store, faults));
    const ids = async () =>
      (await one!.list({ projectId: 'default', limit: 1_000 })).map(({ id }) => id).sort();
    await until('the deletion', async () => (await ids()).length === 2 || undefined);
    await Promise.all(both.map((retention) => retention.stop()));
    expect(await ids()).toEqual(['later', 'open']);
    expect(await one!.journal('long', { afterEvent: 0, entries: 10, bytes: 1e6 })).toEqual([]);
    expect(faults).toEqual([]);
  });

  test('what is added to the order of a tree while its root is being deleted goes, too', async () => {
    const { stores, connection } = await open(1);
    const [store] = stores;
    await close(store!, 'root', 1);
    await createRecord(store!, { group: 'tree["root"]', id: '1' });
    const late = Object.create(connection, {
      executions: {
        value: {
          find: connection.executions.find.bind(connection.executions),
          async deleteMany(...args: Parameters<typeof connection.executions.deleteMany>) {
            await createRecord(store!, { group: 'tree["root"]', id: '2' });
            return connection.executions.deleteMany(...args);
          },
        },
      },
    }) as Connection;
    await removeClosed(late, [{ executionId: 'root', groups: ['tree["root"]'] }]);
    expect(await store!.listGroups({ prefix: '', limit: 5 })).toEqual([]);
    expect(await store!.load('root')).toBeUndefined();
  });

  test.each(['journal', 'records', 'executions'] as const)(
    'a deletion that broke off before the %s leaves an execution that is found again, and nothing that is not',
    async (name) => {
      const { stores, connection } = await open(1);
      const [store] = stores;
      const last = await close(store!, 'past', 100);
      await createRecord(store!, { group: 'state["past"]', id: '1' });
      const broken = Object.create(connection, {
        [name]: {
          value: {
            find: connection.executions.find.bind(connection.executions),
            deleteMany: () => Promise.reject(new Error('killed')),
          },
        },
      }) as Connection;
      const removals = [{ executionId: 'past', groups: ['state["past"]'] }];
      await expect(removeClosed(broken, removals)).rejects.toThrow('killed');
      expect((await store!.load('past'))?.execution).toEqual(last);
      const query = { projectId: 'default', until: NOW, limit: 5 };
      expect(await store!.listClosed(query)).toEqual([{ id: 'past', rootExecutionId: 'past' }]);
      await store!.removeClosed(removals);
      expect(await store!.listClosed(query)).toEqual([]);
      expect(await connection.journal.countDocuments()).toBe(0);
      expect(await connection.records.countDocuments()).toBe(0);
      expect(await connection.executions.countDocuments()).toBe(0);
    },
  );
});

/** Stores on one empty database, and a connection to it. */
async function open(count: number): Promise<{ stores: readonly Store[]; connection: Connection }> {
  const { url, name: database } = await uniqueDatabase();
  const stores: Store[] = [];
  for (let n = 0; n < count; n++) stores.push(await openMongoStore({ url, database }));
  const connection = new Connection({ url, database });
  onTestFinished(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await connection.close();
  });
  return { stores, connection };
}

/** Creates an execution with so many events and closes it, long ago. */
async function close(store: Store, id: string, events: number) {
  let latest = await create(store, { id });
  for (let event = 1; event <= events; event++) {
    const end = event === events && ({ status: 'completed', ready: false, closedAt: NOW - KEPT_MS } as const);
    latest = next(latest, { eventCount: event, ...end });
    await store.commit(write(latest, { entry: entry(event) }));
  }
  return latest;
}

/** Retention by a clock that stands still, and by which every time to wait is over at once. */
function start(store: Store, faults: unknown[]): ExecutionRetention {
  const callAt = (_: number, call: () => void) => {
    const timer = setTimeout(call, 2);
    return () => clearTimeout(timer);
  };
  const retention = new ExecutionRetention({
    store,
    clock: { now: () => NOW, callAt },
    keptFor: () => KEPT_MS,
    fault: (error) => faults.push(error),
  });
  onTestFinished(() => retention.stop());
  retention.start();
  return retention;
}
