import { describe, expect, test } from 'vitest';
import { openMemoryStore } from '../store/memory/memory-store.js';
import { StoreFault } from '../store/store.js';
import { HandClock } from './hand-clock.mjs';
import { child, DONE, Harness, LEASE_MS, PROJECT, SUSPEND, soFar, step } from './harness.mjs';
import { Scheduler } from './scheduler.js';
import { gated } from './slow-store.mjs';

const AGAIN = { type: 'fail_execution', failure: { type: 'Error', message: 'no', retryable: true } } as const;

describe('a lease', () => {
  test('that runs out gives the execution to another worker, with the steps so far', async () => {
    const harness = await Harness.open();
    const executionId = await harness.invoke();
    const lost = await harness.take(await harness.register());
    await harness.complete(lost, step('a', '"first"'));
    const polled = harness.poll(await harness.register(), { waitMs: 2 * LEASE_MS });
    await harness.clock.turn(LEASE_MS - 1);
    expect(await soFar(polled)).toBe('pending');
    await harness.clock.turn(1);
    const [next] = await polled;
    expect(next).toMatchObject({ lease: { executionId, epoch: 2 }, execution: { lostLeases: 1 } });
    expect(next?.steps.steps).toMatchObject([
      { key: 'a', sequence: 1, outcome: { result: { json: '"first"' } } },
    ]);
    await expect(harness.complete(lost, step('b'))).rejects.toMatchObject({
      problem: {
        type: 'rejected',
        executionId,
        rejection: { type: 'lease_lost', epoch: 1, currentEpoch: 2 },
      },
    });
  });

  test('that is extended lasts a full lease from then on', async () => {
    const harness = await Harness.open();
    const executionId = await harness.invoke();
    const worker = await harness.register();
    const { lease } = await harness.take(worker);
    for (let count = 0; count < 5; count++) {
      await harness.clock.turn(LEASE_MS - 1);
      const [report] = await harness.engine.extendLeases(PROJECT, worker, [lease]);
      expect(report).toEqual({
        ...{ executionId, epoch: 1, held: true, expiresAt: harness.clock.now() + LEASE_MS },
        ...{ cancelRequested: false, outcomes: [] },
      });
    }
    await harness.clock.turn(LEASE_MS);
    expect(await harness.status(executionId)).toBe('queued');
  });

  test('that is lost, forged or of an unknown execution is not held, and the others are', async () => {
    const harness = await Harness.open();
    const worker = await harness.register();
    await harness.invoke({ executionId: 'lost' });
    const lost = await harness.take(worker);
    await harness.complete(lost, DONE);
    await harness.invoke({ executionId: 'held' });
    const held = await harness.take(worker);
    await harness.invoke({ executionId: 'foreign', projectId: 'p2' });
    const leases = [lost.lease, held.lease, { ...held.lease, token: 'x' }].concat([
      { executionId: 'nothing', epoch: 1, token: 'x' },
      { executionId: 'foreign', epoch: 1, token: 'x' },
    ]);
    const reports = await harness.engine.extendLeases(PROJECT, worker, leases);
    expect(reports.map((report) => report.held)).toEqual([false, true, false, false, false]);
  });

  test('brings the outcomes that its worker has not delivered, and word of a cancel request', async () => {
    const harness = await Harness.open();
    const worker = await harness.register(['order', 'child']);
    const executionId = await harness.invoke();
    const parent = await harness.take(worker);
    await harness.complete(parent, child('pay'));
    await harness.complete(await harness.take(worker), DONE);
    await harness.clock.turn(0);
    await harness.engine.cancel(PROJECT, executionId);
    const [report] = await harness.engine.extendLeases(PROJECT, worker, [parent.lease]);
    expect(report).toMatchObject({
      held: true,
      cancelRequested: true,
      outcomes: [{ key: 'pay', sequence: 0 }],
    });
  });

  test('lasts a full term after the server was started again', async () => {
    const harness = await Harness.open();
    const executionId = await harness.invoke();
    await harness.take(await harness.register());
    await harness.engine.stop();
    await harness.clock.turn(100 * LEASE_MS);
    await harness.restart();
    await harness.clock.turn(LEASE_MS - 1);
    expect(await harness.status(executionId)).toBe('running');
    await harness.clock.turn(1);
    expect(await harness.status(executionId)).toBe('queued');
  });

  test('of each of many executions lasts a full term after the server was started again', async () => {
    const harness = await Harness.open();
    for (let count = 0; count < 1_200; count++) await harness.invoke();
    await harness.takeAll(await harness.register(), 2_000);
    await harness.engine.stop();
    await harness.clock.turn(2 * LEASE_MS);
    await harness.restart();
    await harness.clock.turn(LEASE_MS - 1);
    const running = await harness.store.list({ projectId: PROJECT, status: 'running', limit: 2_000 });
    expect(running).toHaveLength(1_200);
  });
});

describe('a timer is never early, and on time once it is due', () => {
  test('a start delay', async () => {
    const harness = await Harness.open();
    const executionId = await harness.invoke({ startDelayMs: 90_000 });
    const polled = harness.poll(await harness.register(), { waitMs: 100_000 });
    await harness.clock.turn(89_999);
    expect(await harness.engine.getExecution(PROJECT, executionId)).toMatchObject({ reason: 'start_delay' });
    expect(await soFar(polled)).toBe('pending');
    await harness.clock.turn(1);
    expect(await polled).toMatchObject([{ execution: { id: executionId } }]);
  });

  test('a retry delay', async () => {
    const harness = await Harness.open();
    const retryPolicy = { maxRetries: 5, baseDelayMs: 700, maxDelayMs: 2_000 };
    const executionId = await harness.invoke({ retryPolicy });
    const worker = await harness.register();
    for (const delayMs of [700, 1_400, 2_000, 2_000, 2_000]) {
      await harness.complete(await harness.take(worker), AGAIN);
      expect(await harness.engine.getExecution(PROJECT, executionId)).toMatchObject({
        reason: 'retry_delay',
      });
      await harness.clock.turn(delayMs - 1);
      expect(await harness.execution(executionId)).toMatchObject({ status: 'queued', ready: false });
      await harness.clock.turn(1);
      expect(await harness.execution(executionId)).toMatchObject({ ready: true });
    }
    await harness.complete(await harness.take(worker), AGAIN);
    expect(await harness.status(executionId)).toBe('failed');
  });

  test('a run timeout, over all leases and without the time of waiting', async () => {
    const harness = await Harness.open();
    const executionId = await harness.invoke({ runTimeoutMs: 10_000 });
    const worker = await harness.register(['order']);
    const first = await harness.take(worker);
    await harness.clock.turn(6_000);
    await harness.complete(first, child('pay'), SUSPEND);
    await harness.clock.turn(100_000);
    await harness.complete(await harness.take(await harness.register(['child'])), DONE);
    await harness.take(worker);
    await harness.clock.turn(3_999);
    expect(await harness.status(executionId)).toBe('running');
    await harness.clock.turn(1);
    expect(await harness.status(executionId)).toBe('timed_out');
  });

  test('timers that were set before a restart', async () => {
    const harness = await Harness.open();
    const executionId = await harness.invoke({ startDelayMs: 90_000 });
    await harness.engine.stop();
    await harness.restart();
    await harness.clock.turn(89_999);
    expect((await harness.execution(executionId)).ready).toBe(false);
    await harness.clock.turn(1);
    expect((await harness.execution(executionId)).ready).toBe(true);
  });

  test('a nearer timer that is set while a further one waits, and many at once', async () => {
    const harness = await Harness.open();
    for (const startDelayMs of [20_000, 10_000, 5_000]) await harness.invoke({ startDelayMs });
    for (let count = 0; count < 1_100; count++) await harness.invoke({ startDelayMs: 7_000 });
    const ready = async () =>
      (await harness.store.list({ projectId: PROJECT, limit: 5_000 })).filter((execution) => execution.ready)
        .length;
    const counts = [];
    for (const ms of [4_999, 1, 1_999, 1, 2_999, 1, 9_999, 1]) {
      await harness.clock.turn(ms);
      counts.push(await ready());
    }
    expect(counts).toEqual([0, 1, 1, 1_101, 1_101, 1_102, 1_102, 1_103]);
  });
});

test('a timer that is set while the store is asked for others is not forgotten', async () => {
  const { store, hold, release } = gated(openMemoryStore(), 'listDue', { isLate: true });
  const harness = await Harness.open(store);
  hold();
  await harness.clock.turn(30_000);
  const executionId = await harness.invoke({ startDelayMs: 1_000 });
  release();
  await harness.clock.turn(1_000);
  expect((await harness.execution(executionId)).ready).toBe(true);
});

test('a timer waits neither for another one to be carried out nor for a list of what is due', async () => {
  const commits = gated(openMemoryStore(), 'commit');
  const lists = gated(commits.store, 'listDue');
  const harness = await Harness.open(lists.store);
  const slow = await harness.invoke({ startDelayMs: 1_000 });
  const next = await harness.invoke({ startDelayMs: 1_010 });
  const isReady = async (id: string) => (await harness.store.load(id))?.execution.ready;
  await harness.clock.turn(990);
  commits.hold();
  lists.hold();
  await harness.clock.turn(19);
  expect([await isReady(slow), await isReady(next)]).toEqual([false, false]);
  await harness.clock.turn(1);
  expect([await isReady(slow), await isReady(next)]).toEqual([false, true]);
  commits.release();
  await harness.clock.turn(0);
  expect([await isReady(slow), await isReady(next)]).toEqual([true, true]);
  lists.release();
});

test('a timer that falls due while the store is down is carried out a second after it is back', async () => {
  const { store, fail } = gated(openMemoryStore(), 'commit');
  const harness = await Harness.open(store);
  const executionId = await harness.invoke({ startDelayMs: 1_000 });
  fail(new StoreFault('out of order', { retryable: true }));
  await harness.clock.turn(1_000);
  expect(harness.faults).toHaveLength(1);
  expect((await harness.execution(executionId)).ready).toBe(false);
  await harness.clock.turn(1_000);
  expect((await harness.execution(executionId)).ready).toBe(true);
});

test('more than is woken at once, of which nothing can be done, is tried each second', async () => {
  const clock = new HandClock();
  const due = Array.from({ length: 500 }, (_, name) => ({ name, dueAt: clock.now(), isOurs: true }));
  let lists = 0;
  const scheduler = new Scheduler<(typeof due)[number]>({
    clock,
    isShared: false,
    async listDue() {
      lists += 1;
      return { due, next: clock.now() };
    },
    keyOf: ({ name }) => String(name),
    wake: async () => false,
    fault: () => {},
  });
  scheduler.start();
  await clock.turn(3_000);
  expect(lists).toBe(4);
  await scheduler.stop();
});

test('a stopped engine wakes nothing', async () => {
  const harness = await Harness.open();
  const executionId = await harness.invoke({ startDelayMs: 1_000 });
  await harness.engine.stop();
  await harness.clock.turn(100_000);
  expect((await harness.execution(executionId)).ready).toBe(false);
});
