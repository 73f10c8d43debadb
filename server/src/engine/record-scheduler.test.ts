import { expect, test } from 'vitest';
import { MemoryDatabase, openMemoryStore } from '../store/memory/memory-store.js';
import type { Store } from '../store/store.js';
import { HandClock } from './hand-clock.mjs';
import { RecordScheduler } from './record-scheduler.js';

/** A scheduler over a store, and what it had whom look after, each time settling it unless told not to. */
function scheduled(
  store: Store,
  clock: HandClock,
  options: { readonly refuses?: (id: string) => boolean } = {},
) {
  const woken: string[] = [];
  const faults: unknown[] = [];
  const keeper = (kind: string) => ({
    async wake(group: string, id: string) {
      woken.push(`${kind} ${group} ${id} after ${clock.now() - START} ms`);
      if (options.refuses?.(id)) throw new Error(`cannot do ${id}`);
      const record = await store.loadRecord({ group, id });
      if (record?.dueAt === undefined) return false;
      await store.commitRecord({ record: { group, id, version: record.version + 1, body: '0' } });
      return true;
    },
  });
  const keepers = {
    ...{ topic: keeper('topic'), schedule: keeper('schedule'), trigger: keeper('trigger') },
    slots: keeper('slots'),
  };
  const scheduler = new RecordScheduler({ store, clock, keepers, fault: (error) => faults.push(error) });
  return { scheduler, woken, faults };
}

const START = new HandClock().now();

function due(store: Store, group: string, id: string, inMs: number) {
  const record = { group, id, version: 1, dueAt: START + inMs, body: '0' };
  return store.commitRecord({ record });
}

test('a record is woken when its time has come, by whoever looks after its kind', async () => {
  const clock = new HandClock();
  const store = openMemoryStore();
  await due(store, 'topic["p","a[b"]', '1', 300);
  await due(store, 'trigger["p"]', '2', 200);
  const { scheduler, woken } = scheduled(store, clock);
  scheduler.start();
  await clock.turn(250);
  await due(store, 'schedule["p"]', '3', 275);
  scheduler.note(START + 275);
  await clock.turn(1_000_000);
  expect(woken).toEqual([
    'trigger trigger["p"] 2 after 200 ms',
    'schedule schedule["p"] 3 after 275 ms',
    'topic topic["p","a[b"] 1 after 300 ms',
  ]);
});

test('one that cannot be done is told of and tried each second, and keeps no other from being done', async () => {
  const clock = new HandClock();
  const store = openMemoryStore();
  await due(store, 'topic["p"]', 'bad', 0);
  await due(store, 'unheard["p"]', 'odd', 0);
  await due(store, 'topic["p"]', 'good', 1);
  const { scheduler, woken, faults } = scheduled(store, clock, { refuses: (id) => id === 'bad' });
  scheduler.start();
  await clock.turn(2_000);
  expect(woken.filter((each) => each.includes('good'))).toEqual(['topic topic["p"] good after 1 ms']);
  expect(woken.filter((each) => each.includes('bad')).length).toBeGreaterThan(1);
  expect(woken.length).toBeLessThan(10);
  expect(String(faults)).toContain('cannot do bad');
  expect(String(faults)).toContain('"unheard["p"]" has a record that is due');
});

test('a record of another server is left to it for 200 ms, and found without being told of', async () => {
  const clock = new HandClock();
  const database = new MemoryDatabase();
  const [ours, others] = [openMemoryStore(database), openMemoryStore(database)];
  const { scheduler, woken } = scheduled(ours, clock);
  scheduler.start();
  await clock.turn(500);
  await due(others, 'topic["p"]', '1', 900);
  await clock.turn(5_000);
  expect(woken).toEqual(['topic topic["p"] 1 after 1100 ms']);
});
