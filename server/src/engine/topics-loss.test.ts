import { describe, expect, test } from 'vitest';
import { MemoryDatabase, openMemoryStore } from '../store/memory/memory-store.js';
import { type Store, StoreFault } from '../store/store.js';
import { HandClock, settled } from './hand-clock.mjs';
import { DONE, Harness, PROJECT, SUSPEND } from './harness.mjs';
import { gated, intercepted, jittery } from './slow-store.mjs';
import {
  awaits,
  begun,
  given,
  publish,
  published,
  publishes,
  publishOnce,
  publishTo,
  servers,
} from './topics-stage.mjs';

/** The calls of the store that a run makes, each of which the server dies at in a test of its own. */
const CALLS = 14;

describe('a server that dies', () => {
  /** A store that answers nothing from its nth call on, counted from `begin`, before or after that happened. */
  function dyingAt(inner: Store, stopped: number, when: 'before' | 'after') {
    let calls = Number.NEGATIVE_INFINITY;
    const never = new Promise<never>(() => {});
    const store = intercepted(inner, async (_, call) => {
      calls += 1;
      if (calls > stopped || (calls === stopped && when === 'before')) return never;
      const answer = await call();
      return calls >= stopped ? never : answer;
    });
    return {
      store,
      begin() {
        calls = 0;
      },
      /** Whether it came to that. */
      isDead: () => calls >= stopped,
    };
  }

  const stops = Array.from({ length: CALLS }, (_, index) => index + 1);
  const points = (['before', 'after'] as const).flatMap((when) => stops.map((stop) => [when, stop] as const));

  test.each(points)('%s call %s of a publication: what it acknowledged arrives, once', async (when, stop) => {
    const inner = openMemoryStore();
    const dying = dyingAt(inner, stop, when);
    const harness = await Harness.open(dying.store);
    const { executionId, assignment } = await begun(harness);
    await harness.complete(assignment, awaits('pay'), SUSPEND);
    await settled();
    dying.begin();
    let isAcknowledged = false;
    void publishOnce(harness, 'k', '1').then(() => {
      isAcknowledged = true;
    });
    await settled();
    const next = await Harness.open(inner);
    // A caller that had no answer asks again.
    if (!isAcknowledged) await publishOnce(next, 'k', '1');
    await next.clock.turn(10_000);
    expect(await given(next, executionId, 'pay')).toMatchObject({ sequence: 1 });
    expect(await published(next)).toHaveLength(1);
    expect(await inner.listDueRecords({ until: Number.MAX_SAFE_INTEGER, limit: 9 })).toEqual({ due: [] });
  });

  test.each(points)('%s call %s of a wait for what is there: it is given once', async (when, stop) => {
    const inner = openMemoryStore();
    const dying = dyingAt(inner, stop, when);
    const harness = await Harness.open(dying.store);
    const { executionId, assignment } = await begun(harness);
    await publish(harness, '1', '2');
    await settled();
    dying.begin();
    const completion = harness.completeAs(assignment.lease, 1, [awaits('pay'), SUSPEND]);
    await settled();
    const next = await Harness.open(inner);
    await next.completeAs(assignment.lease, 1, [awaits('pay'), SUSPEND]).catch(() => completion);
    await next.clock.turn(10_000);
    expect(await given(next, executionId, 'pay')).toMatchObject({ sequence: 1 });
    const types = await next.eventTypes(executionId);
    expect(types.filter((type) => type === 'step_finish')).toHaveLength(1);
    expect(await inner.listOutboxes({ until: Number.MAX_SAFE_INTEGER, limit: 9 })).toEqual([]);
  });

  test.each(points)('%s call %s of what a step publishes: it is there once', async (when, stop) => {
    const inner = openMemoryStore();
    const dying = dyingAt(inner, stop, when);
    const harness = await Harness.open(dying.store);
    const waits = await begun(harness);
    await harness.complete(waits.assignment, awaits('pay'), SUSPEND);
    const pays = await begun(harness);
    await settled();
    dying.begin();
    const said = [publishes('a', '1'), publishes('b', '2'), DONE];
    void harness.completeAs(pays.assignment.lease, 1, said);
    await settled();
    const next = await Harness.open(inner);
    await next.completeAs(pays.assignment.lease, 1, said);
    await next.clock.turn(10_000);
    expect((await published(next)).map(({ data }) => data)).toEqual([{ json: '1' }, { json: '2' }]);
    expect(await given(next, waits.executionId, 'pay')).toMatchObject({ sequence: 1 });
  });

  test('is dead at the last of those calls, or has done all before', async () => {
    const dying = dyingAt(openMemoryStore(), CALLS + 1, 'before');
    const harness = await Harness.open(dying.store);
    const waits = await begun(harness);
    await harness.complete(waits.assignment, awaits('pay'), SUSPEND);
    const pays = await begun(harness);
    await settled();
    dying.begin();
    await harness.complete(pays.assignment, publishes('a', '1'), DONE);
    await settled();
    expect(dying.isDead()).toBe(false);
  });
});

describe('servers beside each other', () => {
  test('a publication at one wakes an execution whose worker is at another', async () => {
    const [here, there] = await servers(2);
    const stream = await (there as Harness).openWork(await (there as Harness).register());
    stream.session.grant(1);
    const executionId = await here.invoke();
    await settled();
    const [assignment] = stream.assignments;
    if (!assignment) throw new Error('no assignment');
    await (there as Harness).complete(assignment, awaits('pay'));
    await publish(here, '1');
    await settled();
    expect(stream.notices).toMatchObject([{ executionId, outcomes: [{ key: 'pay' }] }]);
  });

  test('one that dies after a publication leaves it to the others, which have it within four seconds', async () => {
    const database = new MemoryDatabase();
    const clock = new HandClock();
    const dying = intercepted(openMemoryStore(database), (method, call) =>
      method === 'listWaiting' ? new Promise(() => {}) : call(),
    );
    const [dead, alive] = [new Harness(dying, clock), new Harness(openMemoryStore(database), clock)];
    await dead.engine.start();
    await alive.engine.start();
    const { executionId, assignment } = await begun(alive);
    await alive.complete(assignment, awaits('pay'), SUSPEND);
    await settled();
    await publish(dead, '1');
    await settled();
    expect(await alive.status(executionId)).toBe('waiting');
    await clock.turn(4_000);
    expect(await given(alive, executionId, 'pay')).toMatchObject({ sequence: 1 });
  });

  test.each(Array.from({ length: 30 }, (_, seed) => seed))(
    'seed %s: waits and publications at once, in any order: each wait has the first event that it may have',
    async (seed) => {
      const database = new MemoryDatabase();
      const clock = new HandClock();
      const all = [1, 2, 3].map((n) => new Harness(jittery(openMemoryStore(database), seed * 3 + n), clock));
      for (const { engine } of all) await engine.start();
      const at = (index: number) => all[index % 3] as Harness;
      const worker = await at(seed).register();
      const ids = await Promise.all([0, 1, 2, 3].map(() => at(seed).invoke()));
      const assignments = await at(seed).takeAll(worker);
      await clock.turn(1);
      await Promise.all([
        ...assignments.map((assignment, index) =>
          at(index).completeAs(assignment.lease, 1, [awaits('a'), awaits('b', { topic: 'other' }), SUSPEND]),
        ),
        ...[0, 1, 2].map((index) => publish(at(index), `${index}`)),
        ...[0, 1].map((index) => publishOnce(at(index + seed), 'k', '"once"')),
        publishTo(at(seed + 1), 'other', '1'),
      ]);
      await settled();
      await clock.turn(1);
      for (const id of ids) {
        expect(await given(at(0), id, 'a')).toMatchObject({ sequence: 1 });
        expect(await given(at(1), id, 'b')).toMatchObject({ sequence: 1, topic: 'other' });
      }
      expect((await published(at(2))).map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4]);
      expect(all.flatMap(({ faults }) => faults)).toEqual([]);
    },
  );
});

test('ten thousand executions that wait for one topic are all given its event, which is read a few times', async () => {
  const reads = new Map<string, number>();
  const counted = intercepted(openMemoryStore(), (method, call) => {
    reads.set(method, (reads.get(method) ?? 0) + 1);
    return call();
  });
  const harness = await Harness.open(counted);
  const worker = await harness.register(['order'], { maxConcurrentExecutions: 20_000 });
  for (let count = 0; count < 10_000; count++) await harness.invoke();
  const assignments = await harness.takeAll(worker, 10_000);
  await Promise.all(assignments.map((assignment) => harness.complete(assignment, awaits('pay'), SUSPEND)));
  await harness.clock.turn(0);
  await publish(harness, '1');
  for (let turn = 0; turn < 100 && (await count(harness, 'waiting')) > 0; turn++) await settled();
  expect(await count(harness, 'queued')).toBe(10_000);
  expect(reads.get('listRecords')).toBeLessThan(50);
  expect(reads.get('listWaiting')).toBeLessThan(50);
}, 120_000);

async function count(harness: Harness, status: 'waiting' | 'queued'): Promise<number> {
  return (await harness.store.list({ projectId: PROJECT, status, limit: 20_000 })).length;
}

test('what failed to be published and happens later all the same is given and followed, once', async () => {
  const inner = openMemoryStore();
  let late: (() => Promise<unknown>) | undefined;
  let isBroken = false;
  const breaking = intercepted(inner, (method, call) => {
    if (!isBroken || method !== 'commitRecord') return call();
    late = call;
    throw new StoreFault('out of order', { retryable: true });
  });
  const harness = await Harness.open(breaking);
  const { executionId, assignment } = await begun(harness);
  await harness.complete(assignment, awaits('pay'), SUSPEND);
  await settled();
  isBroken = true;
  await expect(publish(harness, '1')).rejects.toThrow('out of order');
  isBroken = false;
  // Somebody looks in between, and there is nothing yet.
  expect(await published(harness)).toEqual([]);
  await late?.();
  await harness.clock.turn(5_000);
  expect(await given(harness, executionId, 'pay')).toMatchObject({ sequence: 1 });
  expect(await published(harness, { afterEvent: 1 })).toEqual([]);
  expect(await publish(harness, '2')).toEqual([2]);
});

describe('an announcement', () => {
  test('that fails is told of and tried again', async () => {
    const { store, fail } = gated(openMemoryStore(), 'listWaiting');
    const harness = await Harness.open(store);
    const { executionId, assignment } = await begun(harness);
    await harness.complete(assignment, awaits('pay'), SUSPEND);
    await settled();
    const fault = new StoreFault('out of order', { retryable: true });
    fail(fault);
    await publish(harness, '1');
    await settled();
    expect(harness.faults).toEqual([fault]);
    expect(await harness.status(executionId)).toBe('waiting');
    await harness.clock.turn(10_000);
    expect(await given(harness, executionId, 'pay')).toMatchObject({ sequence: 1 });
    expect(harness.faults).toEqual([fault]);
  });

  test('is broken off when the engine stops, and made by the next', async () => {
    const inner = openMemoryStore();
    const { store, hold, release } = gated(inner, 'listWaiting');
    const harness = await Harness.open(store);
    const { executionId, assignment } = await begun(harness);
    await harness.complete(assignment, awaits('pay'), SUSPEND);
    await settled();
    hold();
    await publish(harness, '1');
    await settled();
    const stopped = harness.engine.stop();
    release();
    await stopped;
    expect(harness.faults).toEqual([]);
    const next = await Harness.open(inner);
    await next.clock.turn(5_000);
    expect(await given(next, executionId, 'pay')).toMatchObject({ sequence: 1 });
  });
});
