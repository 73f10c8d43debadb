import { describe, expect, test } from 'vitest';
import { MemoryDatabase, openMemoryStore } from '../store/memory/memory-store.js';
import { type Store, StoreFault } from '../store/store.js';
import { settled } from './hand-clock.mjs';
import { RecordLog } from './record-log.js';
import { gated, intercepted, jittery } from './slow-store.mjs';

const GROUP = 'topic["p","t"]';

function logOf(store: Store): RecordLog<string> {
  return new RecordLog(store, GROUP);
}

/** All items with their numbers. */
async function all(store: Store): Promise<readonly (readonly [number, string])[]> {
  const batches = await logOf(store).read(1, 100_000);
  return batches.flatMap(({ first, items }) => items.map((item, index) => [first + index, item] as const));
}

function records(store: Store) {
  return store.listRecords({ group: GROUP, limit: 100_000 });
}

const add = (log: RecordLog<string>, item: string, name?: string) =>
  log.add({ items: [item], at: 1, ...(name !== undefined && { name }) });

test('items are numbered from 1 in the order in which they are added, and read from any number on', async () => {
  const store = openMemoryStore();
  const log = logOf(store);
  expect(await log.newest()).toBe(0);
  expect(await log.read(1, 10)).toEqual([]);
  expect(await log.add({ items: ['a', 'b', 'c'], at: 5 })).toMatchObject({
    first: 1,
    items: ['a', 'b', 'c'],
  });
  expect(await log.add({ items: ['d'], at: 6 })).toMatchObject({ first: 4 });
  expect(await log.newest()).toBe(4);
  expect((await log.read(2, 10)).map(({ first }) => first)).toEqual([1, 4]);
  expect((await log.read(4, 10)).map(({ first }) => first)).toEqual([4]);
  expect((await log.read(1, 1)).map(({ first }) => first)).toEqual([1]);
  expect((await log.read(3, 1)).map(({ first }) => first)).toEqual([1]);
  expect(await log.read(5, 10)).toEqual([]);
  expect([await log.hasAfter(3), await log.hasAfter(4)]).toEqual([true, false]);
});

test('what is added while a write is under way shares the next one, each with its own answer', async () => {
  const store = openMemoryStore();
  const log = logOf(store);
  const names = Array.from({ length: 50 }, (_, index) => String(index));
  const added = await Promise.all(names.map((name) => add(log, name, name)));
  expect(added.map(({ first, items }) => [first, ...items])).toEqual(
    names.map((name) => [Number(name) + 1, name]),
  );
  expect(await records(store)).toHaveLength(2);
});

test('no record gathers more than a quarter of a mebibyte, and what is larger has one to itself', async () => {
  const store = openMemoryStore();
  const log = logOf(store);
  const sizes = [1, 100_000, 100_000, 100_000, 3_000_000, 1, 1];
  await Promise.all(sizes.map((size) => add(log, 'x'.repeat(size))));
  expect((await all(store)).map(([, { length }]) => length)).toEqual(sizes);
  expect((await records(store)).map(({ body }) => body.length)).toEqual([
    expect.any(Number),
    ...[200_000, 100_000, 3_000_000, 0].map((size) => expect.closeTo(size, -3)),
  ]);
});

test('times never go back, whatever the clocks of the servers say', async () => {
  const database = new MemoryDatabase();
  const [fast, slow] = [logOf(openMemoryStore(database)), logOf(openMemoryStore(database))];
  await fast.add({ items: ['a'], at: 1_000 });
  expect(await slow.add({ items: ['b'], at: 900 })).toMatchObject({ at: 1_000 });
  expect(await slow.add({ items: ['c'], at: 1_001 })).toMatchObject({ at: 1_001 });
});

test('what is due is due until it is settled, once', async () => {
  const store = openMemoryStore();
  const log = logOf(store);
  const due = async () => (await store.listDueRecords({ until: 100, limit: 10 })).due.length;
  const { record } = await log.add({ items: ['a', 'b'], at: 1, dueAt: 50 });
  expect(await due()).toBe(1);
  await log.settle(record);
  await log.settle(record);
  expect(await due()).toBe(0);
  expect(await all(store)).toEqual([
    [1, 'a'],
    [2, 'b'],
  ]);
});

describe('a name', () => {
  test('is kept to one addition, however it is repeated', async () => {
    const store = openMemoryStore();
    const log = logOf(store);
    const first = await log.add({ items: ['a'], at: 1, name: 'n', mark: 'digest' });
    const together = await Promise.all([add(log, 'b', 'n'), add(log, 'b', 'n'), add(log, 'c', 'other')]);
    expect(together[0]).toMatchObject({ first: first.first, items: ['a'], mark: 'digest' });
    expect(together[1]).toBe(together[0]);
    expect((await all(store)).map(([, item]) => item)).toEqual(['a', 'c']);
  });

  test('may be of any length, and belongs to its log alone', async () => {
    const store = openMemoryStore();
    const other = new RecordLog<string>(store, 'topic["p","u"]');
    const name = 'ñ'.repeat(5_000);
    await add(logOf(store), 'a', name);
    expect(await add(other, 'b', name)).toMatchObject({ items: ['b'] });
    expect(await add(logOf(store), 'c', name)).toMatchObject({ items: ['a'] });
  });

  test('whose addition was given up before it was written goes to the next that asks for it', async () => {
    const { store, fail } = gated(openMemoryStore(), 'listRecords');
    const log = logOf(store);
    fail(new StoreFault('out of order', { retryable: true }));
    await expect(add(log, 'a', 'n')).rejects.toThrow('out of order');
    expect(await add(log, 'a', 'n')).toMatchObject({ first: 1 });
    expect(await all(store)).toEqual([[1, 'a']]);
  });
});

// A write that another server's death or a slow network delays may happen at any later time; its record's number fences it.
describe.each(['before', 'after'] as const)('a writer that is stopped %s each of its calls', (when) => {
  test.each([1, 2, 3, 4, 5, 6])('its %sth', async (stopped) => {
    const database = new MemoryDatabase();
    let calls = 0;
    let resume = () => {};
    const paused = new Promise<void>((resolve) => {
      resume = resolve;
    });
    const stopping = intercepted(openMemoryStore(database), async (_, call) => {
      calls += 1;
      const stopsHere = calls === stopped;
      if (stopsHere && when === 'before') await paused;
      const answer = await call();
      if (stopsHere && when === 'after') await paused;
      return answer;
    });
    const there = openMemoryStore(database);
    const first = add(logOf(stopping), 'a', 'n');
    await settled();
    // Others go on meanwhile, and one repeats what the stopped one does.
    const log = logOf(there);
    await add(log, 'x');
    const again = await add(log, 'a', 'n');
    await add(log, 'y');
    resume();
    expect(await first).toEqual(again);
    const items = (await all(there)).map(([, item]) => item);
    expect([...items].sort()).toEqual(['a', 'x', 'y']);
    expect((await all(there)).map(([number]) => number)).toEqual([1, 2, 3]);
  });
});

describe('servers that add at once', () => {
  test.each(Array.from({ length: 40 }, (_, seed) => seed))('seed %s: no gap, nothing twice', async (seed) => {
    const database = new MemoryDatabase();
    const logs = [1, 2, 3].map((server) => logOf(jittery(openMemoryStore(database), seed * 7 + server)));
    const names = Array.from({ length: 12 }, (_, index) => `n${index}`);
    // Each name is asked of two servers, in other orders, and each server adds something nameless.
    const asked = logs.flatMap((log, server) => [
      ...names
        .filter((_, index) => (index + server) % 3 !== 0)
        .sort((a, b) => ((a.length * seed + server) % 2 ? a.localeCompare(b) : b.localeCompare(a)))
        .map((name) => add(log, name, name)),
      add(log, `from ${server}`),
    ]);
    const answers = await Promise.all(asked);
    const stored = await all(openMemoryStore(database));
    expect(stored.map(([number]) => number)).toEqual(stored.map((_, index) => index + 1));
    const expected = [...names, 'from 0', 'from 1', 'from 2'];
    expect(stored.map(([, item]) => item).sort()).toEqual(expected.sort());
    const numbers = new Map(stored.map(([number, item]) => [item, number]));
    for (const { first, items } of answers) expect(numbers.get(items[0] ?? '')).toBe(first);
  });

  test('and are cut off from the store now and then add everything once all the same', async () => {
    const database = new MemoryDatabase();
    let calls = 0;
    const flaky = () =>
      intercepted(openMemoryStore(database), async (_, call) => {
        calls += 1;
        if (calls % 7 === 0) throw new StoreFault('cut off before', { retryable: true });
        const answer = await call();
        if (calls % 5 === 0) throw new StoreFault('cut off after', { retryable: true });
        return answer;
      });
    const logs = [logOf(flaky()), logOf(flaky())];
    const names = Array.from({ length: 30 }, (_, index) => `n${index}`);
    const persist = async (log: RecordLog<string>, name: string): Promise<void> => {
      await add(log, name, name).catch(() => settled().then(() => persist(log, name)));
    };
    await Promise.all(logs.flatMap((log) => names.map((name) => persist(log, name))));
    const stored = await all(openMemoryStore(database));
    expect(stored.map(([number]) => number)).toEqual(stored.map((_, index) => index + 1));
    expect(stored.map(([, item]) => item).sort()).toEqual(names.sort());
  });
});
