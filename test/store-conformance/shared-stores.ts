import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { ForeignChange, Store } from '../../server/src/store/store.js';
import { create, entry, execution, next, write } from './samples.js';

/** Two stores on one database, each as if it were in a process of its own. */
export interface SharedStores {
  open(): Promise<readonly [Store, Store]>;
}

/** Holds an adapter to what the port promises to several processes. */
export function describeSharedStores(name: string, stores: SharedStores): void {
  async function open(): Promise<readonly [Store, Store]> {
    const pair = await stores.open();
    onTestFinished(async () => {
      for (const store of pair) await store.close();
    });
    return pair;
  }

  /** Follows until the test ends; answers what it was told so far. */
  async function follow(store: Store): Promise<{ readonly changes: ForeignChange[]; missed: number }> {
    const told = { changes: [] as ForeignChange[], missed: 0 };
    const stop = store.follow({
      changed: (changes) => void told.changes.push(...changes),
      missed: () => {
        told.missed += 1;
      },
    });
    onTestFinished(stop);
    // Long enough for a stream to open.
    await new Promise((resolve) => setTimeout(resolve, 500));
    return told;
  }

  describe(`two ${name} stores on one database`, () => {
    test('see each other’s commits', async () => {
      const [one, other] = await open();
      expect([one.isShared, other.isShared]).toEqual([true, true]);
      const first = await create(one, { id: 'a' });
      expect((await other.load('a'))?.execution).toEqual(first);
      const second = next(first, { eventCount: 1 });
      expect(await other.commit(write(second, { state: { n: 1 }, entry: entry(1) }))).toBe('committed');
      expect(await one.load('a')).toEqual({ execution: second, state: { n: 1 } });
      expect(await one.commit(write(next(first)))).toBe('conflict');
    });

    test('commit against one version, again and again: always exactly one of them wins', async () => {
      const [one, other] = await open();
      let latest = await create(one, { id: 'a' });
      for (let round = 0; round < 30; round++) {
        const rivals = ['one', 'other'].map((queue) => next(latest, { queue: `${queue} ${round}` }));
        const results = await Promise.all([one.commit(write(rivals[0]!)), other.commit(write(rivals[1]!))]);
        expect([...results].sort()).toEqual(['committed', 'conflict']);
        latest = rivals[results.indexOf('committed')]!;
      }
      expect((await one.load('a'))?.execution).toEqual(latest);
    });

    test('tell each other of commits, of the others’ only, and what waits for a worker since', async () => {
      const [one, other] = await open();
      const told = await follow(one);
      await create(one, { id: 'own' });
      const first = await create(other, { id: 'a', projectId: 'p', workflowId: 'w' }, { ready: false });
      await other.commit(write(next(first), { index: { ready: true } }));
      await vi.waitFor(() => {
        expect(told.changes).toContainEqual({ executionId: 'a', ready: { projectId: 'p', workflowId: 'w' } });
      }, 5_000);
      await create(other, { id: 'b' }, { ready: true });
      await vi.waitFor(() => {
        const ready = { projectId: 'default', workflowId: 'batch' };
        expect(told.changes).toContainEqual({ executionId: 'b', ready });
      }, 5_000);
      expect(told.changes.map(({ executionId }) => executionId)).not.toContain('own');
      expect(told.changes.length).toBeLessThanOrEqual(3);
    });

    test('tell nothing more to who stopped following', async () => {
      const [one, other] = await open();
      const changes: ForeignChange[] = [];
      const stop = one.follow({ changed: (more) => void changes.push(...more), missed() {} });
      const still = await follow(one);
      stop();
      await create(other, { id: 'a' });
      await vi.waitFor(() => expect(still.changes).not.toEqual([]), 5_000);
      expect(changes).toEqual([]);
    });

    test('know which of them committed last to what is due', async () => {
      const [one, other] = await open();
      await create(one, { id: 'mine' }, { wakeAt: 10 });
      const first = await create(one, { id: 'taken' }, { wakeAt: 10 });
      await other.commit(write(next(first), { index: { wakeAt: 10 } }));
      expect(await one.listDue({ until: 10, limit: 10 })).toEqual({
        due: [
          { id: 'mine', wakeAt: 10, isOurs: true },
          { id: 'taken', wakeAt: 10, isOurs: false },
        ],
      });
    });

    test('share workers and schemas', async () => {
      const [one, other] = await open();
      await one.putWorker({ id: 'w', projectId: 'default', expiresAt: 100, body: '{}' });
      expect(await other.listWorkers({ projectId: 'default', now: 0 })).toHaveLength(1);
      const kept = { projectId: 'p', workflowId: 'w', kind: 'state', digest: 'd', jsonSchema: '{}' } as const;
      await one.putSchema({ ...kept, registeredAt: 5 });
      expect(await other.listSchemas({ projectId: 'p', registeredSince: 5 })).toHaveLength(1);
      expect(await other.listSchemas({ projectId: 'p', registeredSince: 6 })).toHaveLength(0);
    });

    test('create one execution of an id, whoever is asked', async () => {
      const pair = await open();
      const rivals = Array.from({ length: 20 }, (_, n) => execution({ id: 'same', queue: `${n}` }));
      const results = await Promise.all(
        rivals.map((rival, n) => pair[n % 2 === 0 ? 0 : 1].commit(write(rival))),
      );
      expect(results.filter((result) => result === 'committed')).toHaveLength(1);
    });
  });
}
