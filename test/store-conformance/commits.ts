import { describe, expect, test } from 'vitest';
import type { OpenStore } from './describe-store.js';
import { create, createWithJournal, entry, execution, next, schema, write } from './samples.js';

/** What `commit` and `load` promise. */
export function describeCommits(open: OpenStore): void {
  describe('commits', () => {
    test('an execution is what was committed last, with its state', async () => {
      const store = await open();
      const first = execution({ id: 'a' });
      expect(await store.commit(write(first, { state: { n: 1 } }))).toBe('committed');
      const second = next(first, { status: 'running', priority: 7 });
      expect(await store.commit(write(second, { state: { n: 2 } }))).toBe('committed');
      expect(await store.load('a')).toEqual({ execution: second, state: { n: 2 } });
    });

    test('a write without a state leaves the state as it was', async () => {
      const store = await open();
      const first = execution({ id: 'a' });
      await store.commit(write(first, { state: { n: 1 } }));
      await store.commit(write(next(first)));
      expect((await store.load('a'))?.state).toEqual({ n: 1 });
    });

    test('an execution that was never created is not there', async () => {
      const store = await open();
      expect(await store.load('a')).toBeUndefined();
      expect(await store.commit(write(next(execution({ id: 'a' }))))).toBe('conflict');
      expect(await store.load('a')).toBeUndefined();
    });

    test('a second creation of the same id is a conflict and changes nothing', async () => {
      const store = await open();
      const first = await create(store, { id: 'a', idempotencyKey: 'k' });
      const again = execution({ id: 'a', idempotencyKey: 'k', queue: 'other' });
      expect(await store.commit(write(again))).toBe('conflict');
      expect((await store.load('a'))?.execution).toEqual(first);
    });

    test('a write against a version that is past, or yet to come, is a conflict and changes nothing', async () => {
      const store = await open();
      const first = await create(store, { id: 'a' });
      const second = next(first);
      await store.commit(write(second));
      const stale = next(first, { queue: 'stale', eventCount: 1 });
      expect(await store.commit(write(stale, { state: { stale: true }, entry: entry(1) }))).toBe('conflict');
      expect(await store.commit(write(next(next(second, { queue: 'early' }))))).toBe('conflict');
      expect(await store.load('a')).toEqual({ execution: second, state: {} });
      expect(await store.journal('a', { afterEvent: 0, entries: 10, bytes: 1_000 })).toEqual([]);
    });

    test('of many writes against one version, asked for at once, exactly one wins', async () => {
      const store = await open();
      const first = await create(store, { id: 'a' });
      const rivals = Array.from({ length: 20 }, (_, number) => next(first, { queue: `rival-${number}` }));
      const results = await Promise.all(rivals.map((rival) => store.commit(write(rival))));
      expect(results.filter((result) => result === 'committed')).toHaveLength(1);
      const winner = rivals[results.indexOf('committed')];
      expect((await store.load('a'))?.execution).toEqual(winner);
    });

    test('writes of one execution that are asked for at once succeed in their order', async () => {
      const store = await open();
      const first = execution({ id: 'a' });
      const versions = [first, next(first), next(next(first))];
      const results = await Promise.all(versions.map((version) => store.commit(write(version))));
      expect(results).toEqual(['committed', 'committed', 'committed']);
      expect((await store.load('a'))?.execution).toEqual(versions[2]);
    });

    test('a write that conflicts does not harm the others of its moment', async () => {
      const store = await open();
      const known = await create(store, { id: 'known' });
      const results = await Promise.all([
        store.commit(write(execution({ id: 'x' }))),
        store.commit(write(execution({ id: 'known' }))),
        store.commit(write(next(known))),
        store.commit(write(execution({ id: 'y' }))),
        store.putSchema(schema({ digest: 's' })),
      ]);
      expect(results).toEqual(['committed', 'conflict', 'committed', 'committed', undefined]);
      expect((await store.load('y'))?.execution.id).toBe('y');
    });

    test('a write that breaks the rules of the port throws and leaves the others alone', async () => {
      const store = await open();
      const known = await createWithJournal(store, 'known', [entry(1)]);
      const broken = [
        { ...write(execution({ id: 'x', version: 2 })), before: undefined },
        { ...write(next(known, { eventCount: 3 })), before: known, entry: entry(3) },
        { ...write(next(known)), entry: entry(2, { count: 0 }) },
        { ...write(next(known, { sessionId: 'another' })), before: known },
        { ...write(next(known, { idempotencyKey: 'new' })), before: known },
      ];
      const { state: _, ...withoutState } = write(execution({ id: 'z' }));
      const refused = [...broken, withoutState].map((bad) => expect(store.commit(bad)).rejects.toThrow());
      const good = store.commit(write(execution({ id: 'good' })));
      await Promise.all(refused);
      expect(await good).toBe('committed');
      expect((await store.load('known'))?.execution).toEqual(known);
      expect(await store.load('z')).toBeUndefined();
    });
  });

  describe('closing', () => {
    test('what was asked for before is finished, and what comes after throws', async () => {
      const store = await open();
      const commits = [1, 2, 3].map((n) => store.commit(write(execution({ id: `e${n}` }))));
      await store.close();
      expect(await Promise.all(commits)).toEqual(['committed', 'committed', 'committed']);
      await expect(store.load('e1')).rejects.toThrow('closed');
      await expect(store.commit(write(execution({ id: 'late' })))).rejects.toThrow('closed');
      await expect(store.putSchema(schema({ digest: 'late' }))).rejects.toThrow('closed');
      await store.close();
    });
  });
}
