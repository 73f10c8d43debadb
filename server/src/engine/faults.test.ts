import { describe, expect, test } from 'vitest';
import { openMemoryStore } from '../store/memory/memory-store.js';
import { StoreFault } from '../store/store.js';
import { settled } from './hand-clock.mjs';
import { child, DONE, done, Harness, LEASE_MS, PROJECT, SUSPEND, soFar, step } from './harness.mjs';
import { intercepted } from './slow-store.mjs';

// A commit that fails may have happened all the same: the connection broke after the request had left. Nobody may then
// wait for ever for what only the answer would have brought about.

const signal = new AbortController().signal;

describe('when a commit happens and its answer is lost', () => {
  test('followers of the execution get its events, and its end', async () => {
    const { harness, loseNext } = await losing();
    const executionId = await harness.invoke();
    const assignment = await harness.take(await harness.register());
    const events = harness.engine.events(PROJECT, executionId, { afterEvent: 0, follow: true, signal });
    const types: string[] = [];
    const followed = (async () => {
      for await (const page of events) types.push(...page.map(({ type }) => type));
    })();
    await settled();
    loseNext();
    await expect(harness.completeAs(assignment.lease, 1, [DONE])).rejects.toThrow(StoreFault);
    await harness.completeAs(assignment.lease, 1, [DONE]);
    await harness.clock.turn(1_000);
    await soFar(followed);
    expect(types).toEqual(['workflow_queued', 'workflow_start', 'workflow_finish']);
    expect(await soFar(followed)).not.toBe('pending');
  });

  test('those who await the result get it, with the store down for a while', async () => {
    const { harness, loseNext, goDown } = await losing();
    const executionId = await harness.invoke();
    const assignment = await harness.take(await harness.register());
    const awaited = harness.engine.awaitResult(PROJECT, executionId, { waitMs: 60_000, signal });
    await settled();
    loseNext();
    const up = goDown();
    await expect(harness.complete(assignment, done('7'))).rejects.toThrow(StoreFault);
    await harness.clock.turn(5_000);
    expect(await soFar(awaited)).toBe('pending');
    up();
    await harness.clock.turn(1_000);
    expect(await soFar(awaited)).toMatchObject({ execution: { status: 'completed' }, result: { json: '7' } });
  });

  test('a new execution is taken by a worker that comes later', async () => {
    const { harness, loseNext } = await losing();
    const worker = await harness.register();
    expect(await harness.takeAll(worker)).toEqual([]);
    loseNext();
    await expect(harness.invoke({ executionId: 'x' })).rejects.toThrow(StoreFault);
    expect(await harness.take(worker)).toMatchObject({ execution: { id: 'x' } });
  });

  test('a new execution that was leased to a worker is taken by another one after the lease', async () => {
    const { harness, loseNext } = await losing();
    const worker = await harness.register();
    const stream = await harness.openWork(worker);
    stream.session.grant(1);
    await settled();
    loseNext();
    await expect(harness.invoke({ executionId: 'x' })).rejects.toThrow(StoreFault);
    expect(stream.assignments).toEqual([]);
    await harness.clock.turn(LEASE_MS);
    expect(stream.assignments).toMatchObject([{ lease: { executionId: 'x', epoch: 2 } }]);
  });

  test('a timer that it set still fires in time', async () => {
    const { harness, loseNext } = await losing();
    loseNext();
    await expect(harness.invoke({ executionId: 'x', startDelayMs: 3_000 })).rejects.toThrow(StoreFault);
    await harness.clock.turn(3_000);
    expect((await harness.execution('x')).ready).toBe(true);
  });

  test('a child that it asked for is started', async () => {
    const { harness, loseNext } = await losing();
    await harness.invoke();
    const parent = await harness.take(await harness.register());
    loseNext();
    await expect(harness.complete(parent, child('pay'), SUSPEND)).rejects.toThrow(StoreFault);
    await harness.clock.turn(5_000);
    expect(await harness.take(await harness.register(['child']))).toMatchObject({
      execution: { workflowId: 'child' },
    });
  });

  test('its worker no longer counts as running the execution', async () => {
    const { harness, loseNext } = await losing();
    await harness.invoke();
    const assignment = await harness.take(await harness.register());
    loseNext();
    await expect(harness.complete(assignment, DONE)).rejects.toThrow(StoreFault);
    await harness.clock.turn(1_000);
    expect(await harness.engine.listWorkers(PROJECT)).toMatchObject([{ runningExecutions: 0 }]);
  });

  test('the next command sees what happened', async () => {
    const { harness, loseNext } = await losing();
    const executionId = await harness.invoke();
    const assignment = await harness.take(await harness.register());
    loseNext();
    await expect(harness.completeAs(assignment.lease, 1, [step('a')])).rejects.toThrow(StoreFault);
    const again = await harness.completeAs(assignment.lease, 1, [step('a')]);
    expect(again.execution).toMatchObject({ version: 3, stepCount: 1 });
    await harness.completeAs(assignment.lease, 2, [step('b')]);
    expect((await harness.engine.listSteps(PROJECT, executionId, 0)).steps).toMatchObject([
      { key: 'a' },
      { key: 'b' },
    ]);
  });
});

describe('when a commit fails and did not happen', () => {
  test('nothing of it is seen, and it can be asked for again', async () => {
    const { harness, failNext } = await losing();
    const executionId = await harness.invoke();
    const assignment = await harness.take(await harness.register());
    failNext();
    await expect(harness.completeAs(assignment.lease, 1, [step('a'), DONE])).rejects.toThrow(StoreFault);
    expect(await harness.eventTypes(executionId)).toEqual(['workflow_queued', 'workflow_start']);
    await harness.clock.turn(2_000);
    expect(await harness.execution(executionId)).toMatchObject({ status: 'running', version: 2 });
    await harness.completeAs(assignment.lease, 1, [step('a'), DONE]);
    expect(await harness.status(executionId)).toBe('completed');
  });

  test('an execution that was never created is looked for no further', async () => {
    const { harness, failNext } = await losing();
    failNext();
    await expect(harness.invoke({ executionId: 'x' })).rejects.toThrow(StoreFault);
    await harness.clock.turn(100_000);
    expect(harness.faults).toEqual([]);
    await expect(harness.status('x')).rejects.toMatchObject({ problem: { type: 'not_found' } });
  });
});

test('a commit that meets another one is decided again on what that one left', async () => {
  const store = openMemoryStore();
  const harness = await Harness.open(store);
  const executionId = await harness.invoke();
  const assignment = await harness.take(await harness.register());
  const other = await Harness.open(store);
  await other.engine.cancel(PROJECT, executionId);
  const { execution } = await harness.complete(assignment, done('7'));
  expect(execution).toMatchObject({ status: 'cancelled' });
});

/** A harness whose store loses the answer of a commit, fails one, or fails altogether. */
async function losing() {
  let next: 'answers' | 'loses' | 'fails' = 'answers';
  let isDown = false;
  const fault = () => new StoreFault('the store does not answer', { retryable: true });
  const store = intercepted(openMemoryStore(), async (method, call) => {
    const now = next;
    if (method === 'commit') next = 'answers';
    if (method === 'commit' && now === 'loses') {
      await call();
      throw fault();
    }
    if (isDown || (method === 'commit' && now === 'fails')) throw fault();
    return call();
  });
  return {
    harness: await Harness.open(store),
    loseNext: () => {
      next = 'loses';
    },
    failNext: () => {
      next = 'fails';
    },
    goDown: () => {
      isDown = true;
      return () => {
        isDown = false;
      };
    },
  };
}
