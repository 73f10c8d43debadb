import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { ForeignChange, Store } from '../../server/src/store/store.js';
import { create, createRecord, entry, execution, next, nextRecord, record, write } from './samples.js';

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
  async function follow(store: Store): Promise<Told> {
    const told = { changes: [] as ForeignChange[], groups: [] as string[], missed: 0 };
    const stop = store.follow({
      changed: (changes) => void told.changes.push(...changes),
      recordsChanged: (groups) => void told.groups.push(...groups),
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
      const groups: string[] = [];
      const stop = one.follow({
        changed: (more) => void changes.push(...more),
        recordsChanged: (more) => void groups.push(...more),
        missed() {},
      });
      const still = await follow(one);
      stop();
      await create(other, { id: 'a' });
      await createRecord(other, { id: 'a' });
      await vi.waitFor(() => expect([still.changes, still.groups]).not.toContainEqual([]), 5_000);
      expect([changes, groups]).toEqual([[], []]);
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

    test('see at once what waits since the other’s commits', async () => {
      const [one, other] = await open();
      const first = await create(one, { id: 'a' }, { waitsFor: ['x'] });
      const a = { id: 'a', priority: 0, readyAt: 1_000 };
      expect(await other.listWaiting({ key: 'x', limit: 5 })).toEqual([a]);
      await other.commit(write(next(first), { index: { waitsFor: ['y'] } }));
      expect(await one.listWaiting({ key: 'x', limit: 5 })).toEqual([]);
      expect(await one.listWaiting({ key: 'y', limit: 5 })).toEqual([a]);
    });

    describeSharedRecords(open, follow);

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

/** What a follower was told so far. */
interface Told {
  readonly changes: ForeignChange[];
  readonly groups: string[];
  missed: number;
}

function describeSharedRecords(
  open: () => Promise<readonly [Store, Store]>,
  follow: (store: Store) => Promise<Told>,
): void {
  test('see each other’s records, and fence each other’s writes', async () => {
    const [one, other] = await open();
    const first = await createRecord(one, { id: 'a', alias: 'name', dueAt: 5 });
    expect(await other.loadRecord({ group: 'group', alias: 'name' })).toEqual(first);
    expect(await other.commitRecord({ record: first })).toBe('conflict');
    expect(await other.commitRecord({ record: record({ id: 'b', alias: 'name' }) })).toBe('conflict');
    const second = nextRecord(first, { body: 'second' });
    expect(await other.commitRecord({ record: second })).toBe('committed');
    expect(await one.commitRecord({ record: nextRecord(first) })).toBe('conflict');
    expect(await one.commitRecord({ remove: first })).toBe('conflict');
    expect(await one.listRecords({ group: 'group', limit: 5 })).toEqual([second]);
    expect(await one.commitRecord({ remove: second })).toBe('committed');
    expect(await other.commitRecord({ record: nextRecord(second) })).toBe('conflict');
    expect(await other.commitRecord({ remove: second })).toBe('conflict');
    expect(await other.loadRecord(first)).toBeUndefined();
    expect(await other.commitRecord({ record: record({ id: 'b', alias: 'name' }) })).toBe('committed');
  });

  test('commit a record against one version, again and again: always exactly one of them wins', async () => {
    const [one, other] = await open();
    let latest = await createRecord(one, { id: 'a' });
    for (let round = 0; round < 20; round++) {
      const rivals = ['one', 'other'].map((body) => nextRecord(latest, { body: `${body} ${round}` }));
      const results = await Promise.all([
        one.commitRecord({ record: rivals[0]! }),
        other.commitRecord({ record: rivals[1]! }),
      ]);
      expect([...results].sort()).toEqual(['committed', 'conflict']);
      latest = rivals[results.indexOf('committed')]!;
    }
    const results = await Promise.all([one, other].map((store) => store.commitRecord({ remove: latest })));
    expect(results.sort()).toEqual(['committed', 'conflict']);
  });

  test('give an alias to one record, whoever is asked', async () => {
    const pair = await open();
    const rivals = Array.from({ length: 20 }, (_, n) => record({ id: `${n}`, alias: 'name' }));
    const results = await Promise.all(
      rivals.map((rival, n) => pair[n % 2 === 0 ? 0 : 1].commitRecord({ record: rival })),
    );
    expect(results.filter((result) => result === 'committed')).toHaveLength(1);
  });

  test('tell each other of the groups in which records were written or removed, of the others’ only', async () => {
    const [one, other] = await open();
    const told = await follow(one);
    const toldOther = await follow(other);
    const own = await createRecord(one, { id: 'own', group: 'own' });
    const first = await createRecord(other, { id: 'a', group: 'created' });
    await vi.waitFor(() => expect(told.groups).toContain('created'), 5_000);
    const second = nextRecord(first);
    await other.commitRecord({ record: second });
    await vi.waitFor(() => expect(told.groups).toEqual(['created', 'created']), 5_000);
    await other.commitRecord({ remove: second });
    await vi.waitFor(() => expect(told.groups).toHaveLength(3), 5_000);
    await other.commitRecord({ record: first });
    await vi.waitFor(() => expect(told.groups).toHaveLength(4), 5_000);
    // Written by one, and removed by the other: news to both, each of the other's half.
    const replaced = nextRecord(own);
    await one.commitRecord({ record: replaced });
    await other.commitRecord({ remove: replaced });
    await vi.waitFor(() => expect(told.groups.slice(4)).toEqual(['own']), 5_000);
    await one.commitRecord({ remove: first });
    expect(await one.commitRecord({ remove: first })).toBe('conflict');
    await createRecord(one, { id: 'last', group: 'last' });
    await vi.waitFor(() => expect(toldOther.groups.at(-1)).toBe('last'), 5_000);
    expect(new Set(toldOther.groups)).toEqual(new Set(['own', 'created', 'last']));
    await createRecord(other, { id: 'last', group: 'end' });
    await vi.waitFor(() => expect(told.groups.at(-1)).toBe('end'), 5_000);
    expect(told.groups).toEqual(['created', 'created', 'created', 'created', 'own', 'end']);
    expect(told.changes).toEqual([]);
  });

  test('know which of them wrote a record last that is due', async () => {
    const [one, other] = await open();
    await createRecord(one, { id: 'mine', dueAt: 10 });
    const first = await createRecord(one, { id: 'taken', dueAt: 10 });
    await other.commitRecord({ record: nextRecord(first) });
    expect(await one.listDueRecords({ until: 10, limit: 10 })).toEqual({
      due: [
        { group: 'group', id: 'mine', dueAt: 10, isOurs: true },
        { group: 'group', id: 'taken', dueAt: 10, isOurs: false },
      ],
    });
  });
}
