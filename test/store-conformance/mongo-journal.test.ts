import fc from 'fast-check';
import type { Collection } from 'mongodb';
import { expect, onTestFinished, test } from 'vitest';
import type { Execution } from '../../server/src/core/execution.js';
import type { JournalEntry } from '../../server/src/core/journal.js';
import { Connection } from '../../server/src/store/mongo/connection.js';
import type { ExecutionDocument } from '../../server/src/store/mongo/execution-document.js';
import { type ChunkDocument, Journal } from '../../server/src/store/mongo/journal.js';
import type { Store } from '../../server/src/store/store.js';
import { withMongodb } from '../mongodb/shared.js';
import { MongoDatabases } from './mongo-databases.js';
import { create, entry } from './samples.js';

const ALL = { afterEvent: 0, entries: 10_000, bytes: 1e9 };
const LARGE = { json: JSON.stringify('x'.repeat(10_000)) };

withMongodb(() => {
  const databases = new MongoDatabases();

  /** Stores on one database, and what is in it. */
  async function open(count = 1) {
    const { database, ...opened } = await databases.openApart(count);
    const executions: Collection<ExecutionDocument> = database.collection('executions');
    const journal: Collection<ChunkDocument> = database.collection('journal');
    return { ...opened, executions, journal };
  }

  async function add(
    store: Store,
    before: Execution,
    given: Parameters<typeof entry>[1] = {},
  ): Promise<Execution> {
    const added = entry(before.eventCount + 1, given);
    const eventCount = before.eventCount + added.events.length;
    const execution = { ...before, version: before.version + 1, eventCount };
    const index = { ready: false };
    expect(await store.commit({ before, execution, entry: added, index })).toBe('committed');
    return execution;
  }

  function eventsOf(entries: readonly JournalEntry[]): number[] {
    return entries.flatMap(({ firstEvent, events }) => events.map((_, index) => firstEvent + index));
  }

  function upTo(count: number): number[] {
    return Array.from({ length: count }, (_, index) => index + 1);
  }

  test('a journal is whole from any event on, wherever its entries are kept', async () => {
    const { stores, executions, journal } = await open();
    const added = fc.record({
      count: fc.constantFrom(1, 1, 1, 2, 3, 40),
      isLarge: fc.nat({ max: 9 }).map((n) => n === 0),
    });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(added, { minLength: 1, maxLength: 60 }),
        fc.infiniteStream(fc.nat()),
        async (given, numbers) => {
          run += 1;
          const id = `e${run}`;
          let latest = await create(stores[0]!, { id });
          for (const { count, isLarge } of given) {
            latest = await add(stores[0]!, latest, { count, ...(isLarge && { result: LARGE }) });
          }
          const whole = await stores[0]!.journal(id, ALL);
          expect(eventsOf(whole)).toEqual(upTo(latest.eventCount));
          expect(whole.map(({ events }) => events.length)).toEqual(given.map(({ count }) => count));
          for (let page = 0; page < 4; page++) {
            const [number] = [...numbers.take(1)];
            const afterEvent = number! % (latest.eventCount + 1);
            const rest = whole.filter(
              ({ firstEvent, events }) => firstEvent + events.length - 1 > afterEvent,
            );
            expect(await stores[0]!.journal(id, { ...ALL, afterEvent })).toEqual(rest);
            expect(await stores[0]!.journal(id, { ...ALL, afterEvent, entries: 5 })).toEqual(
              rest.slice(0, 5),
            );
          }
          const tail = (await executions.findOne({ _id: id }))!.tail;
          const chunks = await journal.find({ execution: id }).toArray();
          expect(tail.length + chunks.flatMap(({ entries }) => entries).length).toBe(whole.length);
          expect(tail.filter(({ result }) => result !== undefined).length).toBeLessThanOrEqual(1);
        },
      ),
      { numRuns: 15 },
    );
  }, 60_000);

  test('a tail that was moved for a commit that never came is moved again, with what came after', async () => {
    const { address, stores, journal } = await open();
    const [store] = stores;
    let latest = await create(store!, { id: 'a' });
    for (let event = 0; event < 10; event++) latest = await add(store!, latest);
    const connection = new Connection(address);
    onTestFinished(() => connection.close());
    // As a process does that ends right after it.
    expect(await new Journal(connection).moveTail('a', latest.version)).toBe(true);
    expect(await new Journal(connection).moveTail('a', latest.version)).toBe(true);
    expect(await new Journal(connection).moveTail('a', latest.version - 1)).toBe(false);
    expect(eventsOf(await store!.journal('a', ALL))).toEqual(upTo(10));
    for (let event = 0; event < 40; event++) latest = await add(store!, latest);
    expect(eventsOf(await store!.journal('a', ALL))).toEqual(upTo(50));
    expect(eventsOf(await store!.journal('a', { ...ALL, afterEvent: 8, entries: 4 }))).toEqual([
      9, 10, 11, 12,
    ]);
    const ends = (await journal.find({ execution: 'a' }).toArray()).map(({ lastEvent }) => lastEvent);
    expect(ends.sort((a, b) => a - b)).toEqual([10, 31]);
  });

  test('what is read beside writers that race for it has no gap, and never goes back', async () => {
    const { stores } = await open(3);
    const [one, other, reader] = stores as [Store, Store, Store];
    await create(one, { id: 'a' });
    let isOver = false;
    const race = async (store: Store) => {
      for (;;) {
        const { execution: before } = (await store.load('a'))!;
        if (before.eventCount >= 150) break;
        const added = entry(before.eventCount + 1, before.eventCount % 20 === 0 ? { result: LARGE } : {});
        const execution = { ...before, version: before.version + 1, eventCount: before.eventCount + 1 };
        await store.commit({ before, execution, entry: added, index: { ready: false } });
      }
    };
    const follow = async () => {
      let seen = 0;
      while (!isOver) {
        const { execution } = (await reader.load('a'))!;
        const events = eventsOf(await reader.journal('a', ALL));
        expect(events).toEqual(upTo(events.length));
        expect(events.length).toBeGreaterThanOrEqual(Math.max(seen, execution.eventCount));
        seen = events.length;
      }
    };
    const following = follow();
    await Promise.all([race(one), race(one), race(other)]);
    isOver = true;
    await following;
    expect(eventsOf(await reader.journal('a', ALL)).length).toBeGreaterThanOrEqual(150);
  }, 60_000);
});
