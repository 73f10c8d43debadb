import { describe, expect, test } from 'vitest';
import type { Execution } from '../../server/src/core/execution.js';
import type { Store, WaitingExecution } from '../../server/src/store/store.js';
import type { OpenStore } from './describe-store.js';
import { AWKWARD_TEXTS, create, execution, next, write } from './samples.js';

const HUNDRED = Array.from({ length: 100 }, (_, n) => `event/${n}`);

/** What `listWaiting` promises. */
export function describeWaiting(open: OpenStore, reopen: (store: Store) => Promise<Store>): void {
  async function waiting(store: Store, key: string): Promise<readonly string[]> {
    return (await store.listWaiting({ key, limit: 1_000 })).map(({ id }) => id);
  }

  /** Commits the next version, which waits for this. */
  async function wait(
    store: Store,
    before: Execution,
    waitsFor: readonly string[] | undefined,
    changes: Partial<Execution> = {},
  ): Promise<Execution> {
    const after = next(before, changes);
    const index = { ready: false, ...(waitsFor && { waitsFor }) };
    expect(await store.commit(write(after, { index }))).toBe('committed');
    return after;
  }

  /** In the order of the list. */
  async function createInOrder(store: Store): Promise<readonly WaitingExecution[]> {
    const places = [9, 0, -9].flatMap((priority) =>
      [5, 6].flatMap((readyAt) =>
        ['a', '\uff5e', '\u{1f600}'].map((id) => ({ id: `${id}${priority}${readyAt}`, priority, readyAt })),
      ),
    );
    for (const place of places.toReversed()) await create(store, place, { waitsFor: ['key'] });
    return places;
  }

  describe('executions that wait', () => {
    test('come by priority, then by how long they were ready, then by id', async () => {
      const store = await open();
      const places = await createInOrder(store);
      await create(store, { id: 'other' }, { waitsFor: ['key/other'] });
      await create(store, { id: 'none' });
      expect(await store.listWaiting({ key: 'key', limit: 1_000 })).toEqual(places);
      expect(await store.listWaiting({ key: 'key', limit: 4 })).toEqual(places.slice(0, 4));
      expect(await store.listWaiting({ key: 'ke', limit: 4 })).toEqual([]);
    });

    test('are listed after any of them, and after one that is gone', async () => {
      const store = await open();
      const places = await createInOrder(store);
      for (const [index, after] of places.entries()) {
        const expected = places.slice(index + 1, index + 4);
        expect(await store.listWaiting({ key: 'key', after, limit: 3 })).toEqual(expected);
      }
      const gone = { id: 'b', priority: 0, readyAt: 5 };
      expect(await store.listWaiting({ key: 'key', after: gone, limit: 1 })).toEqual([places[7]]);
      const last = { id: 'a', priority: -10, readyAt: 0 };
      expect(await store.listWaiting({ key: 'key', after: last, limit: 1 })).toEqual([]);
    });

    test('wait for what their last version says, until it says nothing', async () => {
      const store = await open();
      let latest = await create(store, { id: 'a' });
      latest = await wait(store, latest, ['x', 'y']);
      expect([await waiting(store, 'x'), await waiting(store, 'y')]).toEqual([['a'], ['a']]);
      latest = await wait(store, latest, ['y', 'z']);
      expect(await waiting(store, 'x')).toEqual([]);
      expect([await waiting(store, 'y'), await waiting(store, 'z')]).toEqual([['a'], ['a']]);
      latest = await wait(store, latest, ['z', 'y']);
      expect([await waiting(store, 'y'), await waiting(store, 'z')]).toEqual([['a'], ['a']]);
      latest = await wait(store, latest, ['w']);
      expect([await waiting(store, 'w'), await waiting(store, 'y')]).toEqual([['a'], []]);
      latest = await wait(store, latest, []);
      expect(await waiting(store, 'w')).toEqual([]);
      latest = await wait(store, latest, ['w']);
      expect(await waiting(store, 'w')).toEqual(['a']);
      await wait(store, latest, undefined, { status: 'completed', closedAt: 5 });
      expect(await waiting(store, 'w')).toEqual([]);
    });

    test('move when their priority or their time changes, for all that they wait for', async () => {
      const store = await open();
      await create(store, { id: 'b', priority: 5, readyAt: 5 }, { waitsFor: ['x', 'y'] });
      let latest = await create(store, { id: 'a', priority: 1, readyAt: 9 }, { waitsFor: ['x', 'y'] });
      latest = await wait(store, latest, ['x', 'y', 'z'], { priority: 5 });
      expect([await waiting(store, 'x'), await waiting(store, 'z')]).toEqual([['b', 'a'], ['a']]);
      latest = await wait(store, latest, ['x', 'y'], { readyAt: 4 });
      expect([await waiting(store, 'x'), await waiting(store, 'y')]).toEqual([
        ['a', 'b'],
        ['a', 'b'],
      ]);
      expect(await waiting(store, 'z')).toEqual([]);
      await wait(store, latest, undefined, { priority: 6 });
      expect(await waiting(store, 'x')).toEqual(['b']);
    });

    test('stay where they are while other things of them change', async () => {
      const store = await open();
      let latest = await create(store, { id: 'a' }, { waitsFor: ['x'] });
      latest = await wait(store, latest, ['x'], { queue: 'other', status: 'waiting' });
      latest = await wait(store, latest, ['x']);
      expect(await waiting(store, 'x')).toEqual(['a']);
    });

    test('wait for a hundred things at once, and for no more', async () => {
      const store = await open();
      const first = await create(store, { id: 'a' }, { waitsFor: HUNDRED });
      for (const key of ['event/0', 'event/50', 'event/99']) expect(await waiting(store, key)).toEqual(['a']);
      const others = HUNDRED.map((key) => `other ${key}`);
      const second = await wait(store, first, others);
      expect([await waiting(store, 'event/50'), await waiting(store, 'other event/50')]).toEqual([[], ['a']]);
      for (const waitsFor of [
        [...HUNDRED, 'more'],
        ['x', 'y', 'x'],
      ]) {
        const refused = write(execution({ id: 'b' }), { index: { waitsFor } });
        await expect(store.commit(refused)).rejects.toThrow('waits for');
      }
      await wait(store, second, undefined);
      expect(await waiting(store, 'other event/50')).toEqual([]);
    });

    test('are not listed after a write that was a conflict', async () => {
      const store = await open();
      const first = await create(store, { id: 'a' }, { waitsFor: ['x'] });
      await wait(store, first, ['x']);
      expect(await store.commit(write(next(first), { index: { waitsFor: ['y'] } }))).toBe('conflict');
      expect(await store.commit(write(execution({ id: 'a' }), { index: { waitsFor: ['y'] } }))).toBe(
        'conflict',
      );
      expect([await waiting(store, 'x'), await waiting(store, 'y')]).toEqual([['a'], []]);
    });

    test('for things of awkward names are found by them, also after the store was opened again', async () => {
      const store = await open();
      await create(store, { id: 'all' }, { waitsFor: AWKWARD_TEXTS });
      for (const text of AWKWARD_TEXTS) await create(store, { id: `id ${text}` }, { waitsFor: [text] });
      const again = await reopen(store);
      for (const text of AWKWARD_TEXTS) expect(await waiting(again, text)).toEqual(['all', `id ${text}`]);
      const loaded = (await again.load('all'))?.execution;
      await wait(again, loaded!, ['\0']);
      expect(await waiting(again, 'a\0b')).toEqual(['id a\0b']);
      expect(await waiting(await reopen(again), '\0')).toEqual(['all', 'id \0']);
    });
  });
}
