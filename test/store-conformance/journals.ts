import { describe, expect, test } from 'vitest';
import type { JournalEntry } from '../../server/src/core/journal.js';
import type { Store } from '../../server/src/store/store.js';
import type { OpenStore } from './describe-store.js';
import { create, createWithJournal, entry, next, write } from './samples.js';

const ALL = { entries: 1_000, bytes: 1_000_000 };

/** What `journal` promises. */
export function describeJournals(open: OpenStore): void {
  describe('the journal', () => {
    test('holds the entries in the order of their events, without gaps', async () => {
      const store = await open();
      const entries = [entry(1, { count: 2 }), entry(3), entry(4, { count: 3 }), entry(7)];
      await createWithJournal(store, 'a', entries);
      expect(await store.journal('a', { afterEvent: 0, ...ALL })).toEqual(entries);
    });

    test('of an execution that is not there, or wrote nothing, is empty', async () => {
      const store = await open();
      await create(store, { id: 'a' });
      expect(await store.journal('a', { afterEvent: 0, ...ALL })).toEqual([]);
      expect(await store.journal('b', { afterEvent: 0, ...ALL })).toEqual([]);
    });

    test.each([
      { afterEvent: 0, first: 1 },
      { afterEvent: 1, first: 1 },
      { afterEvent: 2, first: 3 },
      { afterEvent: 3, first: 4 },
      { afterEvent: 5, first: 4 },
      { afterEvent: 6, first: 7 },
      { afterEvent: 7, first: undefined },
      { afterEvent: 99, first: undefined },
    ])(
      'read after event $afterEvent begins with the whole entry that begins with event $first',
      async (given) => {
        const store = await open();
        await createWithJournal(store, 'a', [
          entry(1, { count: 2 }),
          entry(3),
          entry(4, { count: 3 }),
          entry(7),
        ]);
        const [found] = await store.journal('a', { afterEvent: given.afterEvent, ...ALL });
        expect(found?.firstEvent).toBe(given.first);
      },
    );

    test('comes in pages of so many entries', async () => {
      const store = await open();
      const entries = Array.from({ length: 7 }, (_, index) => entry(index + 1));
      await createWithJournal(store, 'a', entries);
      expect(await pages(store, { entries: 3, bytes: 1_000_000 })).toEqual([
        entries.slice(0, 3),
        entries.slice(3, 6),
        entries.slice(6),
      ]);
    });

    test('comes in pages of about so many bytes, with one entry at least', async () => {
      const store = await open();
      const entries = Array.from({ length: 6 }, (_, index) =>
        entry(index + 1, { result: { json: JSON.stringify('x'.repeat(10_000)) } }),
      );
      await createWithJournal(store, 'a', entries);
      const sizes = async (bytes: number) =>
        (await pages(store, { entries: 100, bytes })).map((page) => page.length);
      expect(await sizes(25_000)).toEqual([2, 2, 2]);
      expect(await sizes(1)).toEqual([1, 1, 1, 1, 1, 1]);
      expect(await sizes(1_000_000)).toEqual([6]);
    });

    test('of each execution is its own', async () => {
      const store = await open();
      const a = await create(store, { id: 'a' });
      const b = await create(store, { id: 'b' });
      await Promise.all([
        store.commit(write(next(a, { eventCount: 1 }), { entry: entry(1, { at: 1 }) })),
        store.commit(write(next(b, { eventCount: 2 }), { entry: entry(1, { at: 2, count: 2 }) })),
        store.commit(
          write(next(next(a, { eventCount: 1 }), { eventCount: 2 }), { entry: entry(2, { at: 3 }) }),
        ),
        store.commit(
          write(next(next(b, { eventCount: 2 }), { eventCount: 3 }), { entry: entry(3, { at: 4 }) }),
        ),
      ]);
      expect((await store.journal('a', { afterEvent: 0, ...ALL })).map(({ at }) => at)).toEqual([1, 3]);
      expect((await store.journal('b', { afterEvent: 0, ...ALL })).map(({ at }) => at)).toEqual([2, 4]);
    });
  });
}

/** Reads the whole journal of "a" in pages, as a reader does: each after the last event of the one before. */
async function pages(
  store: Store,
  size: { readonly entries: number; readonly bytes: number },
): Promise<(readonly JournalEntry[])[]> {
  const found: (readonly JournalEntry[])[] = [];
  for (let afterEvent = 0; ; ) {
    const page = await store.journal('a', { afterEvent, ...size });
    const last = page.at(-1);
    if (!last) return found;
    found.push(page);
    afterEvent = last.firstEvent + last.events.length - 1;
  }
}
