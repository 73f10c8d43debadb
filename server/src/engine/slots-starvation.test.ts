import { expect, test } from 'vitest';
import type * as api from './api.js';
import { settled } from './hand-clock.mjs';
import { DONE, Harness, PROJECT } from './harness.mjs';

// Two workflows share a queue, and no worker serves one of them: what nobody can run keeps nobody from running.

const DEFINITIONS = [
  { id: 'order', queue: 'shared', queueConcurrencyLimit: 2 },
  { id: 'refund', queue: 'shared' },
] as const satisfies readonly Partial<api.WorkflowDefinition>[];

/** How long it takes at most until a slot is taken back. */
const TAKEN_BACK_MS = 45_000;

/** A server whose workers have declared the queue's limit and gone since. */
async function opened(): Promise<Harness> {
  const harness = await Harness.open();
  await harness.register(DEFINITIONS);
  await harness.clock.turn(200_000);
  return harness;
}

function invoke(harness: Harness, workflowId: string, priority = 0): Promise<string> {
  return harness.invoke({ workflowId, queue: 'shared', priority });
}

async function reasonOf(harness: Harness, executionId: string): Promise<string | undefined> {
  return (await harness.engine.getExecution(PROJECT, executionId)).reason;
}

/** Runs what there is until there is nothing more. */
async function runAll(harness: Harness, worker: string): Promise<string[]> {
  const done: string[] = [];
  for (;;) {
    const [assignment] = await harness.takeAll(worker, 1);
    if (!assignment) return done;
    done.push(assignment.lease.executionId);
    await harness.complete(assignment, DONE);
    await settled();
  }
}

test('executions that a worker is there for pass those that none is there for', async () => {
  const harness = await opened();
  const worker = await harness.register([DEFINITIONS[1]]);
  const blocker = [await invoke(harness, 'refund'), await invoke(harness, 'refund')];
  const running = await harness.takeAll(worker);
  await Promise.all(Array.from({ length: 30 }, () => invoke(harness, 'order', 5)));
  const waiting = await Promise.all(Array.from({ length: 5 }, () => invoke(harness, 'refund')));
  await settled();
  for (const assignment of running) await harness.complete(assignment, DONE);
  await settled();
  expect(running.map(({ lease }) => lease.executionId).sort()).toEqual(blocker.sort());
  expect((await runAll(harness, worker)).sort()).toEqual(waiting.sort());
});

test('slots are taken back from executions that no worker is there for', async () => {
  const harness = await opened();
  const stuck = [
    await invoke(harness, 'order'),
    await invoke(harness, 'order'),
    await invoke(harness, 'order'),
  ];
  await settled();
  expect(await reasonOf(harness, stuck[0]!)).toBe('no_worker');
  const refunds = await Promise.all(Array.from({ length: 5 }, () => invoke(harness, 'refund')));
  const worker = await harness.register([DEFINITIONS[1]]);
  expect(await runAll(harness, worker)).toEqual([]);
  const polled = harness.poll(worker, { max: 1, waitMs: TAKEN_BACK_MS });
  await harness.clock.turn(TAKEN_BACK_MS);
  const [first] = await polled;
  await harness.complete(first!, DONE);
  await settled();
  expect([first!.lease.executionId, ...(await runAll(harness, worker))].sort()).toEqual(refunds.sort());
  // And given to them again when nobody else wants them.
  const served = await harness.register([DEFINITIONS[0]]);
  expect((await runAll(harness, served)).sort()).toEqual(stuck.sort());
});

test('an execution keeps its slot while the workers for it are only busy, or were gone for a moment', async () => {
  const harness = await Harness.open();
  const worker = await harness.register(DEFINITIONS);
  const first = [await invoke(harness, 'order'), await invoke(harness, 'order')];
  const other = await invoke(harness, 'refund');
  for (let minute = 0; minute < 3; minute++) {
    await harness.clock.turn(50_000);
    // A sign of life of a worker that takes nothing.
    await harness.poll(worker, { max: 1, waitMs: 0, signal: AbortSignal.abort() });
  }
  expect(await reasonOf(harness, first[1]!)).toBe('workers_busy');
  expect(await reasonOf(harness, other)).toBe('concurrency_limit');
});

test('slots that nobody else wants are given also to those that no worker is there for yet', async () => {
  const harness = await opened();
  const ids = [await invoke(harness, 'order'), await invoke(harness, 'refund')];
  await settled();
  expect(await Promise.all(ids.map((id) => reasonOf(harness, id)))).toEqual(['no_worker', 'no_worker']);
  expect((await runAll(harness, await harness.register(DEFINITIONS))).sort()).toEqual(ids.sort());
});
