import { describe, expect, onTestFinished, test } from 'vitest';
import { openMemoryStore } from '../store/memory/memory-store.js';
import type * as api from './api.js';
import { settled } from './hand-clock.mjs';
import { DONE, Harness, LEASE_MS, PROJECT, SUSPEND, step } from './harness.mjs';

const LIMITED = { id: 'order', queueConcurrencyLimit: 2 } as const;

/** A server whose worker declares a limit of two for the queue of `order`. */
async function limited(definition: Partial<api.WorkflowDefinition> = LIMITED) {
  const harness = await Harness.open();
  onTestFinished(() => {
    expect(harness.faults).toEqual([]);
  });
  return { harness, worker: await harness.register([definition]) };
}

/** As many executions as asked for, one after the other. */
async function invoked(harness: Harness, count: number, asked: Partial<api.InvokeRequest> = {}) {
  const ids: string[] = [];
  for (let index = 0; index < count; index++) {
    ids.push(await harness.invoke(asked));
    await harness.clock.turn(1);
  }
  return ids;
}

function idsOf(assignments: readonly api.Assignment[]): string[] {
  return assignments.map(({ lease }) => lease.executionId);
}

/** How many holders the records of slots name, by group. */
async function holders(harness: Harness, group: string): Promise<number> {
  const records = await harness.store.listRecords({ group, limit: 100 });
  return records.reduce((sum, { body }) => sum + JSON.parse(body).holders.length, 0);
}

const GROUP = 'slots["p1","order"]';
const FAILED = { type: 'Error', message: 'no', retryable: true };

describe('a queue with a concurrency limit', () => {
  test('runs as many executions at once as its limit, and the next as one ends', async () => {
    const { harness, worker } = await limited();
    const ids = await invoked(harness, 5);
    const running = await harness.takeAll(worker);
    expect(idsOf(running)).toEqual(ids.slice(0, 2));
    expect(await harness.takeAll(worker)).toEqual([]);
    for (const [index, assignment] of running.entries()) {
      await harness.complete(assignment, DONE);
      expect(idsOf(await harness.takeAll(worker))).toEqual([ids[index + 2]]);
    }
  });

  test('says of those that wait what they wait for', async () => {
    const { harness, worker } = await limited();
    const ids = await invoked(harness, 3);
    await harness.takeAll(worker);
    const view = await harness.engine.getExecution(PROJECT, ids[2]!);
    expect(view).toMatchObject({ execution: { status: 'queued' }, reason: 'concurrency_limit' });
    expect(await harness.eventTypes(ids[2]!)).toEqual(['workflow_queued', 'workflow_limit']);
  });

  test('is left in the order of priorities, then of age', async () => {
    const { harness, worker } = await limited({ id: 'order', queueConcurrencyLimit: 1 });
    const [first] = await invoked(harness, 1);
    const low = await invoked(harness, 2, { priority: -1 });
    const middle = await invoked(harness, 2);
    const high = await invoked(harness, 2, { priority: 7 });
    const order: string[] = [];
    for (;;) {
      const [assignment] = await harness.takeAll(worker);
      if (!assignment) break;
      order.push(assignment.lease.executionId);
      await harness.complete(assignment, DONE);
      await settled();
    }
    expect(order).toEqual([first, ...high, ...middle, ...low]);
  });

  test('leases an execution to a worker that waits in the commit that gives it its slot', async () => {
    const { harness, worker } = await limited();
    const polled = harness.poll(worker);
    await settled();
    const id = await harness.invoke();
    expect(idsOf(await polled)).toEqual([id]);
    // Created, and then given slot and lease.
    expect((await harness.execution(id)).version).toBe(2);
  });

  test('keeps no slot for an execution before its start delay is over', async () => {
    const { harness, worker } = await limited({ id: 'order', queueConcurrencyLimit: 1 });
    const delayed = await harness.invoke({ startDelayMs: 1_000 });
    const [now] = await harness.takeAll(worker);
    expect(now).toBeUndefined();
    const other = await harness.invoke();
    const [assignment] = await harness.takeAll(worker);
    expect(assignment?.lease.executionId).toBe(other);
    await harness.clock.turn(1_000);
    expect((await harness.engine.getExecution(PROJECT, delayed)).reason).toBe('concurrency_limit');
    await harness.complete(assignment!, DONE);
    expect(idsOf(await harness.takeAll(worker))).toEqual([delayed]);
  });
});

describe('the limit holds', () => {
  test('for each concurrency key on its own, and for all without a key together', async () => {
    const { harness, worker } = await limited();
    const expected: string[] = [];
    for (const concurrencyKey of ['a', 'null', undefined, '\u0000'.repeat(1_024)]) {
      const ids = await invoked(harness, 3, concurrencyKey === undefined ? {} : { concurrencyKey });
      expected.push(...ids.slice(0, 2));
    }
    expect(idsOf(await harness.takeAll(worker)).sort()).toEqual(expected.sort());
  });

  test('for all workflows that share the queue', async () => {
    const harness = await Harness.open();
    const worker = await harness.register([
      { id: 'order', queue: 'shared', queueConcurrencyLimit: 2 },
      { id: 'refund', queue: 'shared' },
    ]);
    await invoked(harness, 1);
    await invoked(harness, 3, { workflowId: 'refund' });
    expect(await harness.takeAll(worker)).toHaveLength(2);
  });

  test('for a queue that the caller names', async () => {
    const { harness, worker } = await limited();
    await invoked(harness, 3, { queue: 'other' });
    await invoked(harness, 3);
    expect(await harness.takeAll(worker)).toHaveLength(5);
  });

  test('for children', async () => {
    const harness = await Harness.open();
    const worker = await harness.register(['parent', { id: 'child', queueConcurrencyLimit: 1 }]);
    await harness.invoke({ workflowId: 'parent' });
    const parent = await harness.take(worker);
    const start = (key: string) =>
      ({
        type: 'start_child',
        key,
        waits: true,
        child: { workflowId: 'child', priority: 0, concurrencyKey: key.slice(0, 1) },
      }) as const;
    await harness.complete(parent, start('a1'), start('a2'), start('b1'));
    await settled();
    expect(await harness.takeAll(worker)).toHaveLength(2);
  });

  test('in its project only', async () => {
    const { harness } = await limited({ id: 'order', queueConcurrencyLimit: 1 });
    const elsewhere = await harness.register(['order'], { projectId: 'p2' });
    await invoked(harness, 3, { projectId: 'p2' });
    await invoked(harness, 3);
    const wait = { max: 10, waitMs: 1, signal: new AbortController().signal };
    const polled = harness.engine.poll('p2', elsewhere, wait);
    await harness.clock.turn(1);
    expect(await polled).toHaveLength(3);
  });
});

describe('a slot is free again', () => {
  const endings: Record<string, (harness: Harness, running: api.Assignment) => Promise<unknown>> = {
    'when its execution has completed': (harness, running) => harness.complete(running, DONE),
    'when its execution has failed for good': (harness, running) =>
      harness.complete(running, { type: 'fail_execution', failure: { ...FAILED, retryable: false } }),
    'while its execution waits for its next attempt': (harness, running) =>
      harness.complete(running, { type: 'fail_execution', failure: FAILED }),
    'while its execution waits for somebody': (harness, running) =>
      harness.complete(running, { type: 'await_resume', key: 'approval' }, SUSPEND),
    'while its execution is paused': (harness, { lease }) => harness.engine.pause(PROJECT, lease.executionId),
    'when its execution was cancelled and its worker did not answer': async (harness, { lease }) => {
      await harness.engine.cancel(PROJECT, lease.executionId);
      await harness.clock.turn(LEASE_MS + 60_000);
    },
  };
  test.each(Object.keys(endings))('%s', async (name) => {
    const { harness, worker } = await limited({ id: 'order', queueConcurrencyLimit: 1 });
    const ids = await invoked(harness, 2);
    const running = await harness.take(worker);
    expect(await harness.takeAll(worker)).toEqual([]);
    await endings[name]?.(harness, running);
    await settled();
    expect(idsOf(await harness.takeAll(worker))).toEqual([ids[1]]);
  });

  test('but not while a lost execution waits for its next worker, which comes first', async () => {
    const { harness, worker } = await limited({ id: 'order', queueConcurrencyLimit: 1 });
    const ids = await invoked(harness, 2);
    await harness.take(worker);
    await harness.clock.turn(LEASE_MS);
    expect(await harness.status(ids[0]!)).toBe('queued');
    expect(idsOf(await harness.takeAll(worker))).toEqual([ids[0]]);
    expect(await harness.takeAll(worker)).toEqual([]);
  });

  test('when somebody cancels those that wait for one, too', async () => {
    const { harness, worker } = await limited({ id: 'order', queueConcurrencyLimit: 1 });
    const ids = await invoked(harness, 4);
    const running = await harness.take(worker);
    await harness.engine.cancel(PROJECT, ids[1]!);
    await harness.engine.pause(PROJECT, ids[2]!);
    await harness.complete(running, DONE);
    expect(idsOf(await harness.takeAll(worker))).toEqual([ids[3]]);
    await harness.engine.unpause(PROJECT, ids[2]!);
    await settled();
    expect((await harness.engine.getExecution(PROJECT, ids[2]!)).reason).toBe('concurrency_limit');
  });

  test('and its execution asks for another when it goes on', async () => {
    const { harness, worker } = await limited({ id: 'order', queueConcurrencyLimit: 1 });
    const ids = await invoked(harness, 2);
    const first = await harness.take(worker);
    await harness.complete(first, step('a'), { type: 'await_timer', key: 'nap', delayMs: 1_000 }, SUSPEND);
    await settled();
    const second = await harness.take(worker);
    await harness.clock.turn(1_000);
    expect((await harness.engine.getExecution(PROJECT, ids[0]!)).reason).toBe('concurrency_limit');
    expect(await harness.takeAll(worker)).toEqual([]);
    await harness.complete(second, DONE);
    expect(idsOf(await harness.takeAll(worker))).toEqual([ids[0]]);
  });

  test('for good: at the end nobody is named as holder', async () => {
    const { harness, worker } = await limited();
    await invoked(harness, 7);
    for (;;) {
      const running = await harness.takeAll(worker);
      if (running.length === 0) break;
      expect(await holders(harness, GROUP)).toBe(running.length);
      for (const assignment of running) await harness.complete(assignment, DONE);
      await settled();
    }
    expect(await holders(harness, GROUP)).toBe(0);
  });
});

describe('a limit', () => {
  test('that is raised lets more run at once', async () => {
    const { harness, worker } = await limited();
    await invoked(harness, 6);
    expect(await harness.takeAll(worker)).toHaveLength(2);
    await harness.register([{ id: 'order', queueConcurrencyLimit: 5 }]);
    expect(await harness.takeAll(worker)).toHaveLength(3);
  });

  test('may be raised by more than one look gives out', async () => {
    const { harness, worker } = await limited({ id: 'order', queueConcurrencyLimit: 1 });
    await Promise.all(Array.from({ length: 1_300 }, () => harness.invoke()));
    await settled();
    expect(await harness.takeAll(worker, 2_000)).toHaveLength(1);
    await harness.register([{ id: 'order', queueConcurrencyLimit: 1_200 }]);
    await settled();
    expect(await harness.takeAll(worker, 2_000)).toHaveLength(1_199);
    expect(await holders(harness, GROUP)).toBe(1_200);
  });

  test('that is lowered takes nothing from those that run, and lets nobody in until they are few enough', async () => {
    const { harness, worker } = await limited({ id: 'order', queueConcurrencyLimit: 3 });
    await invoked(harness, 6);
    const running = await harness.takeAll(worker);
    await harness.register([{ id: 'order', queueConcurrencyLimit: 1 }]);
    for (const assignment of running.slice(0, 2)) {
      await harness.complete(assignment, DONE);
      expect(await harness.takeAll(worker)).toEqual([]);
    }
    await harness.complete(running[2]!, DONE);
    expect(await harness.takeAll(worker)).toHaveLength(1);
  });

  test('that is declared later holds for those that were created before', async () => {
    const harness = await Harness.open();
    await invoked(harness, 4);
    const worker = await harness.register([LIMITED]);
    expect(await harness.takeAll(worker)).toHaveLength(2);
    expect(await harness.takeAll(worker)).toEqual([]);
  });

  test('is not touched by a worker that says nothing of it', async () => {
    const { harness } = await limited();
    const worker = await harness.register(['order']);
    await invoked(harness, 4);
    expect(await harness.takeAll(worker)).toHaveLength(2);
  });

  test('survives the server', async () => {
    const { harness } = await limited();
    await harness.engine.stop();
    await harness.restart();
    await invoked(harness, 4);
    expect(await harness.takeAll(await harness.register(['order']))).toHaveLength(2);
  });

  test('is one for each queue: a worker that declares two is refused, and nothing of it is kept', async () => {
    const harness = await Harness.open();
    const refused = harness.register([
      { id: 'order', queue: 'shared', queueConcurrencyLimit: 1 },
      { id: 'refund', queue: 'shared', queueConcurrencyLimit: 2, schemas: { payload: '{"type":"string"}' } },
    ]);
    await expect(refused).rejects.toMatchObject({
      problem: { type: 'invalid', field: 'workflows[1].queue_concurrency_limit' },
    });
    expect(await harness.engine.listWorkers(PROJECT)).toEqual([]);
    expect(await harness.engine.listSchemas(PROJECT)).toEqual([]);
    const worker = await harness.register(['order', 'refund']);
    await invoked(harness, 3, { queue: 'shared' });
    expect(await harness.takeAll(worker)).toHaveLength(3);
  });

  test('is known to the other servers within a second, also where nobody told them', async () => {
    const [here, there] = await Harness.openBeside(2);
    if (!here || !there) throw new Error('there are two');
    await there.engine.stop();
    there.store.follow = () => () => {};
    await there.restart();
    await here.register([LIMITED]);
    await here.clock.turn(1_000);
    const worker = await there.register(['order']);
    await invoked(there, 4);
    expect(await there.takeAll(worker)).toHaveLength(2);
  });
});

test('the record of slots that nobody has held for an hour is removed', async () => {
  const store = openMemoryStore();
  const harness = await Harness.open(store);
  const worker = await harness.register([LIMITED]);
  await invoked(harness, 1, { concurrencyKey: 'one time customer' });
  await harness.complete(await harness.take(worker), DONE);
  await harness.clock.turn(3_500_000);
  expect(await store.listRecords({ group: GROUP, limit: 10 })).toHaveLength(1);
  await harness.clock.turn(200_000);
  expect(await store.listRecords({ group: GROUP, limit: 10 })).toEqual([]);
  expect(harness.faults).toEqual([]);
});
