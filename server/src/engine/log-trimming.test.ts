import { expect, test } from 'vitest';
import { MemoryDatabase, openMemoryStore } from '../store/memory/memory-store.js';
import type { Store } from '../store/store.js';
import { settled } from './hand-clock.mjs';
import { claimBody } from './log-record.js';
import { type Trimming, trimLog } from './log-trimming.js';
import { RecordLog } from './record-log.js';
import { idOfNumber } from './records.js';
import type { Round } from './rounds.js';
import { intercepted, jittery } from './slow-store.mjs';

const GROUP = 'topic["p","t"]';
const NAMES = `names:${GROUP}`;
const ROUND: Round = { isStopped: false, rest: async () => {} };

function logOf(store: Store): RecordLog<string> {
  return new RecordLog(store, GROUP);
}

function trim(store: Store, trimming: Partial<Trimming>, round = ROUND): Promise<number> {
  const all = { until: 0, neededFrom: Number.POSITIVE_INFINITY, neededSince: Number.NEGATIVE_INFINITY };
  return trimLog(store, GROUP, { ...all, ...trimming }, round);
}

/** The numbers that are there, as a reader from the beginning finds them, some records at a time. */
async function numbers(store: Store, limit = 2): Promise<readonly number[]> {
  const found: number[] = [];
  for (;;) {
    const batches = await logOf(store).read((found.at(-1) ?? 0) + 1, limit);
    if (batches.length === 0) return found;
    found.push(...batches.flatMap(({ first, items }) => items.map((_, index) => first + index)));
  }
}

/** Adds one record at each of the times, of two items, the first of them under a name. */
async function fill(store: Store, ...times: readonly number[]): Promise<void> {
  const log = logOf(store);
  for (const at of times) {
    await Promise.all([log.add({ items: ['a'], at, name: `name ${at}` }), log.add({ items: ['b'], at })]);
  }
}

async function groups(store: Store): Promise<Record<string, number>> {
  const names = await store.listGroups({ prefix: '', limit: 100 });
  const counts = names.map(
    async (group) => [group, (await store.listRecords({ group, limit: 1_000 })).length] as const,
  );
  return Object.fromEntries(await Promise.all(counts));
}

test('what is old enough goes with the claims for it, whatever comes after stays', async () => {
  const store = openMemoryStore();
  await fill(store, 1, 2, 3, 4);
  expect(await trim(store, { until: 0 })).toBe(0);
  expect(await trim(store, { until: 2 })).toBe(4);
  expect(await numbers(store)).toEqual([5, 6, 7, 8]);
  expect(await groups(store)).toEqual({ [GROUP]: 2, [NAMES]: 2 });
  expect(await trim(store, { until: 2 })).toBe(0);
});

test('a log of which all is deleted goes on counting, for whoever adds', async () => {
  const store = openMemoryStore();
  const before = logOf(store);
  await fill(store, 1, 2, 3);
  await before.add({ items: ['c'], at: 3 });
  expect(await trim(store, { until: 3 })).toBe(7);
  expect(await numbers(store)).toEqual([]);
  expect(await groups(store)).toEqual({ [GROUP]: 1 });
  const [record] = await store.listRecords({ group: GROUP, limit: 1 });
  expect(record?.body.length).toBeLessThan(60);
  expect(await logOf(store).last()).toMatchObject({ newest: 7, at: 3, batches: [] });
  expect(await trim(store, { until: 3 })).toBe(0);
  expect(await before.add({ items: ['d'], at: 4 })).toMatchObject({ first: 8 });
  expect(await logOf(store).add({ items: ['e'], at: 4 })).toMatchObject({ first: 9 });
  expect(await numbers(store, 1)).toEqual([8, 9]);
  // What was emptied is of no use any more.
  await trim(store, { until: 3 });
  expect(await groups(store)).toEqual({ [GROUP]: 2 });
  expect(await numbers(store, 1)).toEqual([8, 9]);
});

test('times do not go back beyond what is deleted', async () => {
  const store = openMemoryStore();
  await fill(store, 50);
  await trim(store, { until: 50 });
  expect(await logOf(store).add({ items: ['c'], at: 7 })).toMatchObject({ first: 3, at: 50 });
});

test('what is needed stays, until it was needed for too long', async () => {
  const store = openMemoryStore();
  await fill(store, 1, 2, 3, 4);
  expect(await trim(store, { until: 3, neededFrom: 4 })).toBe(2);
  expect(await numbers(store)).toEqual([3, 4, 5, 6, 7, 8]);
  expect(await trim(store, { until: 3, neededFrom: 4, neededSince: 2 })).toBe(4);
  expect(await numbers(store)).toEqual([5, 6, 7, 8]);
});

test('what not everybody has heard of stays, and all that comes after it', async () => {
  const store = openMemoryStore();
  await fill(store, 1);
  await logOf(store).add({ items: ['due'], at: 2, dueAt: 9 });
  await fill(store, 3);
  expect(await trim(store, { until: 3 })).toBe(2);
  expect(await trim(store, { until: 3, neededSince: 1 })).toBe(0);
  await logOf(store).settle(3);
  expect(await trim(store, { until: 3 })).toBe(5);
});

test('what nobody could be told of for too long goes, too', async () => {
  const store = openMemoryStore();
  await logOf(store).add({ items: ['due'], at: 2, dueAt: 9 });
  await fill(store, 3);
  expect(await trim(store, { until: 3, neededSince: 2 })).toBe(3);
});

test('more than a page goes, with claims by the hundred', async () => {
  const store = openMemoryStore();
  const log = logOf(store);
  for (let at = 1; at <= 100; at++) await log.add({ items: ['x'], at });
  await Promise.all(Array.from({ length: 500 }, (_, n) => log.add({ items: ['x'], at: 101, name: `${n}` })));
  await log.add({ items: ['x'], at: 200 });
  expect(await trim(store, { until: 101 })).toBe(600);
  expect(await groups(store)).toEqual({ [GROUP]: 1 });
});

test('a name may be used anew once what was added under it is deleted, and counts until then', async () => {
  const store = openMemoryStore();
  const add = (at: number) => logOf(store).add({ items: ['x'], at, name: 'key' });
  expect(await add(1)).toMatchObject({ first: 1 });
  expect(await add(5)).toMatchObject({ first: 1 });
  await trim(store, { until: 1 });
  expect(await add(6)).toMatchObject({ first: 2 });
  expect(await add(7)).toMatchObject({ first: 2 });
  await fill(store, 8);
  await trim(store, { until: 6 });
  expect(await add(9)).toMatchObject({ first: 5 });
});

test('a claim that outlived its record, by a death in between, moves on', async () => {
  const store = openMemoryStore();
  const add = (at: number) => logOf(store).add({ items: ['x'], at, name: 'key' });
  await add(1);
  await fill(store, 2);
  await store.commitRecord({ remove: { group: GROUP, id: idOfNumber(1), version: 1 } });
  expect(await add(3)).toMatchObject({ first: 4 });
  expect(await add(4)).toMatchObject({ first: 4 });
});

test('claims for what was never written go, too', async () => {
  const store = openMemoryStore();
  await fill(store, 1, 2, 3);
  for (const [id, number] of [
    ['lost', 1],
    ['late', 5],
    ['also lost', 3],
  ] as const) {
    const claim = { group: NAMES, id, version: 1, body: claimBody(idOfNumber(number)) };
    await store.commitRecord({ record: claim });
  }
  await trim(store, { until: 2 });
  const left = await store.listRecords({ group: NAMES, limit: 10 });
  expect(left.map(({ id }) => id)).toEqual(expect.arrayContaining(['late']));
  expect(left).toHaveLength(2);
});

test('wherever it breaks off, no number is missing among those that are left, and the next one ends it', async () => {
  for (let calls = 1; ; calls++) {
    const store = openMemoryStore();
    await fill(store, 1, 2, 3, 4);
    let left = calls;
    const mortal = intercepted(store, async (_, call) => {
      left -= 1;
      return left > 0 ? call() : new Promise(() => {});
    });
    let hasEnded = false;
    void trim(mortal, { until: 3 }).then(() => {
      hasEnded = true;
    });
    await settled();
    await settled();
    const there = await numbers(store, 1);
    expect(there).toEqual([1, 2, 3, 4, 5, 6, 7, 8].slice(-there.length));
    await trim(store, { until: 3 });
    expect(await numbers(store, 1)).toEqual([7, 8]);
    expect(await groups(store)).toEqual({ [GROUP]: 1, [NAMES]: 1 });
    if (hasEnded) {
      expect(calls).toBeGreaterThan(10);
      return;
    }
  }
});

test('whoever adds, repeats, reads and deletes at once, numbers are given once and none is missing', async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const database = new MemoryDatabase();
    const stores = [1, 2, 3].map((n) => jittery(openMemoryStore(database), seed * 10 + n));
    const given = new Map<string, number>();
    let time = 0;
    let isOver = false;
    const adding = stores.map(async (store, place) => {
      const log = logOf(store);
      for (let n = 0; n < 25; n++) {
        const name = `${place} ${n}`;
        time += 1;
        const { first } = await log.add({ items: [name], at: time, name });
        // Young enough for its key to count.
        expect(await logOf(stores[(place + 1) % 3]!).add({ items: [name], at: time, name })).toMatchObject({
          first,
        });
        given.set(name, first);
      }
    });
    const trimming = stores.map(async (store) => {
      while (!isOver) await trim(store, { until: time - 30 });
    });
    const reading = (async () => {
      let last = 0;
      while (!isOver) {
        const found = (await logOf(stores[0]!).read(last + 1, 3)).flatMap(({ first, items }) =>
          items.map((item, index) => ({ item, number: first + index })),
        );
        const [first] = found;
        if (first)
          expect(found.map(({ number }) => number)).toEqual(found.map((_, index) => first.number + index));
        last = found.at(-1)?.number ?? last;
      }
    })();
    await Promise.all(adding);
    isOver = true;
    await Promise.all([...trimming, reading]);
    expect([...given.values()].sort((a, b) => a - b)).toEqual(Array.from({ length: 75 }, (_, n) => n + 1));
    const store = openMemoryStore(database);
    await trim(store, { until: time });
    expect(await groups(store)).toEqual({ [GROUP]: 1 });
    expect(await logOf(store).newest()).toBe(75);
  }
});
