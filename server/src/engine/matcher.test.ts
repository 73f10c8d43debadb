import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openMemoryStore } from '../store/memory/memory-store.js';
import { StoreFault } from '../store/store.js';
import { settled } from './hand-clock.mjs';
import { DONE, Harness, PROJECT, soFar } from './harness.mjs';
import { gated, jittery } from './slow-store.mjs';

test('an execution that is created while a worker waits is leased to it in the same commit', async () => {
  const harness = await Harness.open();
  const worker = await harness.register();
  const polled = harness.poll(worker);
  const executionId = await harness.invoke({ payload: { json: '7' } });
  expect(await polled).toMatchObject([{ execution: { id: executionId, version: 1, status: 'running' } }]);
  expect(await polled).toMatchObject([
    { lease: { epoch: 1 }, input: { payload: { json: '7' } }, state: '{}' },
  ]);
  expect(await harness.eventTypes(executionId)).toEqual(['workflow_queued', 'workflow_start']);
});

test('work that waits is taken by priority, then by age', async () => {
  const harness = await Harness.open();
  for (const executionId of ['old', 'urgent', 'young', 'idle', 'urgent too']) {
    const priority = executionId.startsWith('urgent') ? 9 : executionId === 'idle' ? -9 : 0;
    await harness.invoke({ executionId, priority });
    await harness.clock.turn(1);
  }
  const taken = await harness.takeAll(await harness.register());
  expect(taken.map(({ execution }) => execution.id)).toEqual([
    'urgent',
    'urgent too',
    'old',
    'young',
    'idle',
  ]);
});

test('a worker takes as much as it asked for and the rest waits for the next', async () => {
  const harness = await Harness.open();
  for (let count = 0; count < 250; count++) await harness.invoke();
  const [first, second] = [await harness.register(), await harness.register()];
  expect(await harness.takeAll(first, 120)).toHaveLength(120);
  expect(await harness.takeAll(second, 1_000)).toHaveLength(130);
});

test('several workers take turns', async () => {
  const harness = await Harness.open();
  const streams = [];
  for (let count = 0; count < 3; count++) streams.push(await harness.openWork(await harness.register()));
  for (const { session } of streams) session.grant(10);
  for (let count = 0; count < 9; count++) await harness.invoke();
  await settled();
  expect(streams.map(({ assignments }) => assignments.length)).toEqual([3, 3, 3]);
});

test.each<[queues: string[], taken: string[]]>([
  [[], ['a', 'b', 'order']],
  [['a'], ['a']],
  [
    ['b', 'order'],
    ['b', 'order'],
  ],
  [['other'], []],
])('a worker for the queues %j takes from %j, of what waits and of what comes', async (queues, taken) => {
  const harness = await Harness.open();
  const invokeInEach = async () => {
    for (const queue of [undefined, 'a', 'b']) await harness.invoke(queue === undefined ? {} : { queue });
  };
  await invokeInEach();
  const stream = await harness.openWork(await harness.register(['order'], { queues }));
  stream.session.grant(10);
  await settled();
  expect(stream.assignments.map(({ execution }) => execution.queue).sort()).toEqual(taken);
  await invokeInEach();
  await settled();
  expect(stream.assignments.map(({ execution }) => execution.queue).sort()).toEqual(
    [...taken, ...taken].sort(),
  );
});

test('a worker that wants only one queue does not keep others from the rest', async () => {
  const harness = await Harness.open();
  await harness.invoke({ executionId: 'x', queue: 'slow' });
  const fussy = harness.poll(await harness.register(['order'], { queues: ['fast'] }));
  expect(await soFar(fussy)).toBe('pending');
  expect(await harness.takeAll(await harness.register())).toMatchObject([{ execution: { id: 'x' } }]);
  await harness.invoke({ executionId: 'y', queue: 'fast' });
  expect(await fussy).toMatchObject([{ execution: { id: 'y' } }]);
});

test('however much waits in other queues, and however many queues workers want, each gets its own', async () => {
  const harness = await Harness.open();
  for (let count = 0; count < 150; count++) await harness.invoke({ queue: 'busy', priority: 9 });
  await harness.invoke({ executionId: 'x', queue: 'q249' });
  for (const from of [0, 100]) {
    const queues = Array.from({ length: 100 }, (_, index) => `q${from + index}`);
    (await harness.openWork(await harness.register(['order'], { queues }))).session.grant(1);
  }
  const queues = Array.from({ length: 50 }, (_, index) => `q${200 + index}`);
  const stream = await harness.openWork(await harness.register(['order'], { queues }));
  stream.session.grant(1);
  await settled();
  expect(stream.assignments).toMatchObject([{ execution: { id: 'x' } }]);
});

test('what somebody else put into the store is found within half a minute', async () => {
  const harness = await Harness.open();
  const polled = harness.poll(await harness.register(), { waitMs: 60_000 });
  await settled();
  const other = new Harness(harness.store);
  await other.invoke({ executionId: 'x' });
  await harness.clock.turn(30_000);
  expect(await soFar(polled)).toMatchObject([{ execution: { id: 'x' } }]);
});

test.each<[what: string, invoked: object]>([
  ['another workflow', { workflowId: 'other' }],
  ['another project', { projectId: 'p2' }],
])('a worker gets nothing of %s', async (_, invoked) => {
  const harness = await Harness.open();
  await harness.invoke(invoked);
  const polled = harness.poll(await harness.register());
  await harness.invoke(invoked);
  expect(await soFar(polled)).toBe('pending');
});

test('a worker for several workflows takes from each, however much waits of one', async () => {
  const harness = await Harness.open();
  for (let count = 0; count < 20; count++) await harness.invoke({ workflowId: 'frequent' });
  await harness.invoke({ workflowId: 'rare' });
  const worker = await harness.register(['frequent', 'rare']);
  const workflows = [];
  for (let count = 0; count < 4; count++) workflows.push((await harness.take(worker)).execution.workflowId);
  expect(workflows).toContain('rare');
});

describe('while a worker is being given what waits', () => {
  test('new work queues up behind it', async () => {
    const { store, hold, release } = gated(openMemoryStore(), 'listReady');
    const harness = await Harness.open(store);
    await harness.invoke({ executionId: 'old' });
    hold();
    const polled = harness.poll(await harness.register());
    await harness.clock.turn(1);
    await harness.invoke({ executionId: 'new' });
    release();
    expect(await polled).toMatchObject([{ execution: { id: 'old' } }]);
  });

  test('what becomes ready during the look is seen', async () => {
    const { store, hold, release } = gated(openMemoryStore(), 'listReady');
    const harness = await Harness.open(store);
    const stream = await harness.openWork(await harness.register());
    hold();
    stream.session.grant(5);
    await harness.invoke();
    release();
    await settled();
    expect(stream.assignments).toHaveLength(1);
  });
});

test('room that a failed commit gives back goes to what became ready meanwhile', async () => {
  const { store, hold, release, fail } = gated(openMemoryStore(), 'commit');
  const harness = await Harness.open(store);
  const stream = await harness.openWork(await harness.register());
  stream.session.grant(1);
  await settled();
  hold();
  const lost = harness.invoke({ executionId: 'lost' });
  await settled();
  const kept = harness.invoke({ executionId: 'kept' });
  await settled();
  fail(new StoreFault('out of order', { retryable: true }));
  release();
  await expect(lost).rejects.toThrow(StoreFault);
  await kept;
  await settled();
  expect(stream.assignments).toMatchObject([{ execution: { id: 'kept' } }]);
});

test('a store that fails is asked again', async () => {
  const { store, fail } = gated(openMemoryStore(), 'listReady');
  const harness = await Harness.open(store);
  await harness.invoke();
  fail(new StoreFault('out of order', { retryable: true }));
  const polled = harness.poll(await harness.register());
  expect(await soFar(polled)).toBe('pending');
  expect(harness.faults).toHaveLength(1);
  await harness.clock.turn(1_000);
  expect(await polled).toHaveLength(1);
});

test('an assignment that cannot be read costs neither the other ones nor the room', async () => {
  const { store, fail } = gated(openMemoryStore(), 'journal');
  const harness = await Harness.open(store);
  await harness.invoke({ executionId: 'a' });
  await harness.invoke({ executionId: 'b' });
  await harness.restart();
  fail(new StoreFault('out of order', { retryable: true }));
  const stream = await harness.openWork(await harness.register());
  stream.session.grant(2);
  await settled();
  expect(stream.assignments).toHaveLength(1);
  expect(harness.faults).toHaveLength(1);
  await harness.invoke({ executionId: 'c' });
  await settled();
  expect(stream.assignments).toHaveLength(2);
});

test('no execution waits beside a worker that has room for it, whatever happened before', async () => {
  const happening = fc.record({
    what: fc.constantFrom(
      'invoke',
      'invoke',
      'invoke',
      'grant',
      'grant',
      'complete',
      'leave',
      'turn',
      'settle',
    ),
    who: fc.nat(2),
    workflowId: fc.constantFrom('a', 'b'),
    queue: fc.constantFrom('q1', 'q2'),
    priority: fc.nat(2),
  });
  const workers = [
    { workflows: ['a', 'b'], queues: [] },
    { workflows: ['a', 'b'], queues: ['q1'] },
    { workflows: ['b'], queues: [] },
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.array(happening, { maxLength: 40, size: 'max' }),
      fc.nat(),
      async (happenings, seed) => {
        const harness = await Harness.open(jittery(openMemoryStore(), seed));
        const streams = [];
        for (const { workflows, queues } of workers) {
          const stream = await harness.openWork(await harness.register(workflows, { queues }));
          streams.push({ ...stream, workflows, queues, stream, granted: 0, completed: 0, hasLeft: false });
        }
        const calls: Promise<unknown>[] = [];
        for (const { what, who, ...asked } of happenings) {
          const worker = streams[who]!;
          const next = worker.stream.assignments[worker.completed];
          if (what === 'invoke') calls.push(harness.invoke(asked));
          if (what === 'grant') worker.session.grant(1);
          if (what === 'grant') worker.granted += 1;
          if (what === 'complete' && next) calls.push(harness.complete(next, DONE));
          if (what === 'complete' && next) worker.completed += 1;
          if (what === 'leave') worker.session.drain();
          if (what === 'leave') worker.hasLeft = true;
          if (what === 'turn') await harness.clock.turn(1);
          if (what === 'settle') await settled();
        }
        await Promise.all(calls);
        await settled();
        for (const { ready, workflowId, queue } of await harness.store.list({
          projectId: PROJECT,
          limit: 1_000,
        })) {
          for (const { workflows, queues, stream, granted, hasLeft } of ready ? streams : []) {
            const takes = workflows.includes(workflowId) && (queues.length === 0 || queues.includes(queue));
            if (takes && !hasLeft) expect(stream.assignments.length).toBeGreaterThanOrEqual(granted);
          }
        }
      },
    ),
    { numRuns: 300 },
  );
});
