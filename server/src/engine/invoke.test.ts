import { describe, expect, test } from 'vitest';
import { openMemoryStore } from '../store/memory/memory-store.js';
import { StoreFault } from '../store/store.js';
import type { InvokeRequest } from './api.js';
import { settled } from './hand-clock.mjs';
import { child, DONE, Harness, PROJECT, SUSPEND } from './harness.mjs';
import { intercepted, jittery } from './slow-store.mjs';

const COUNTER = JSON.stringify({
  type: 'object',
  properties: { count: { type: 'integer', minimum: 0 } },
  required: ['count'],
  additionalProperties: false,
});

describe('one idempotency key', () => {
  test('starts one execution, however many ask at once', async () => {
    const harness = await Harness.open(jittery(openMemoryStore(), 7));
    const asked = Array.from({ length: 100 }, () => harness.invokeFully({ idempotencyKey: 'k' }));
    const invoked = await Promise.all(asked);
    expect(new Set(invoked.map(({ executionId }) => executionId)).size).toBe(1);
    expect(new Set(invoked.map(({ sessionId }) => sessionId)).size).toBe(1);
    expect(invoked.filter(({ created }) => created)).toHaveLength(1);
    expect(await harness.store.list({ projectId: PROJECT, limit: 1_000 })).toHaveLength(1);
  });

  test('answers the same execution after it is final, and after a restart', async () => {
    const harness = await Harness.open();
    const first = await harness.invokeFully({ idempotencyKey: 'k' });
    await harness.complete(await harness.take(await harness.register()), DONE);
    await harness.restart();
    await harness.clock.turn(1_000_000);
    expect(await harness.invokeFully({ idempotencyKey: 'k' })).toEqual({ ...first, created: false });
  });

  test('belongs to its project', async () => {
    const harness = await Harness.open();
    const ids = [await harness.invoke({ idempotencyKey: 'k' })];
    ids.push(await harness.invoke({ idempotencyKey: 'k', projectId: 'p2', requestDigest: 'other' }));
    expect(new Set(ids).size).toBe(2);
  });

  test('that was used while the answer got lost is answered again', async () => {
    let isDown = true;
    const store = intercepted(openMemoryStore(), async (method, call) => {
      const answer = await call();
      if (method === 'commit' && isDown) throw new StoreFault('no answer', { retryable: true });
      return answer;
    });
    const harness = await Harness.open(store);
    await expect(harness.invoke({ idempotencyKey: 'k' })).rejects.toThrow(StoreFault);
    isDown = false;
    expect(await harness.invokeFully({ idempotencyKey: 'k' })).toMatchObject({ created: false });
  });
});

describe('another request is told from a repetition', () => {
  const mismatches: [what: string, first: Partial<InvokeRequest>, second: Partial<InvokeRequest>][] = [
    ['under the same key', { idempotencyKey: 'k' }, { idempotencyKey: 'k', requestDigest: 'other' }],
    ['under the same id', { executionId: 'x' }, { executionId: 'x', requestDigest: 'other' }],
    ['under the same id with a key', { executionId: 'x' }, { executionId: 'x', idempotencyKey: 'k' }],
    ['under the id without its key', { executionId: 'x', idempotencyKey: 'k' }, { executionId: 'x' }],
  ];
  test.each(mismatches)('%s', async (_, first, second) => {
    const harness = await Harness.open();
    const executionId = await harness.invoke(first);
    await expect(harness.invoke(second)).rejects.toMatchObject({
      problem: { type: 'idempotency_mismatch', key: second.idempotencyKey ?? 'x', executionId },
    });
    expect(await harness.store.list({ projectId: PROJECT, limit: 10 })).toHaveLength(1);
  });

  test('and says nothing of an execution of another project', async () => {
    const harness = await Harness.open();
    await harness.invoke({ executionId: 'x', projectId: 'p2' });
    await expect(harness.invoke({ executionId: 'x' })).rejects.toMatchObject({
      problem: { type: 'idempotency_mismatch', key: 'x', executionId: '' },
    });
  });
});

test('an id that the caller chose can be asked for again', async () => {
  const harness = await Harness.open();
  expect(await harness.invokeFully({ executionId: 'x' })).toMatchObject({ executionId: 'x', created: true });
  expect(await harness.invokeFully({ executionId: 'x' })).toMatchObject({ executionId: 'x', created: false });
});

describe.each(['nothing', 'foreign'])('an execution that is not there for the caller (%s)', (executionId) => {
  type Call = (harness: Harness, executionId: string) => Promise<unknown>;
  const signal = new AbortController().signal;
  const lease = { executionId, epoch: 1, token: 'x' };
  const calls: [name: string, call: Call][] = [
    ['getExecution', ({ engine }) => engine.getExecution(PROJECT, executionId)],
    ['awaitResult', ({ engine }) => engine.awaitResult(PROJECT, executionId, { waitMs: 1_000, signal })],
    ['listSteps', ({ engine }) => engine.listSteps(PROJECT, executionId, 0)],
    ['cancel', ({ engine }) => engine.cancel(PROJECT, executionId)],
    ['state', ({ engine }) => engine.state(PROJECT, executionId)],
    [
      'events',
      ({ engine }) => first(engine.events(PROJECT, executionId, { afterEvent: 0, follow: true, signal })),
    ],
    ['complete', (harness) => harness.completeAs(lease, 1, [DONE])],
  ];
  test.each(calls)('%s does not find it and changes nothing', async (_, call) => {
    const harness = await Harness.open();
    await harness.invoke({ executionId: 'foreign', projectId: 'p2' });
    await expect(call(harness, executionId)).rejects.toMatchObject({
      problem: { type: 'not_found', resource: 'execution', id: executionId },
    });
    expect((await harness.store.load('foreign'))?.execution.version).toBe(1);
  });
});

describe('what breaks a registered schema is refused with its place, and nothing is created', () => {
  const cases: [asked: Partial<InvokeRequest>, problem: object][] = [
    [
      { initialState: '{"count":-1}' },
      { field: 'initial_state', issues: [{ path: '/count', keyword: 'minimum' }] },
    ],
    [{ initialState: '{"count":1,"x":2}' }, { issues: [{ path: '', keyword: 'additionalProperties' }] }],
    [{}, { field: 'initial_state', issues: [{ path: '', keyword: 'required' }] }],
    [
      { initialState: '{"count":1}', payload: { json: '"text"' } },
      { value: 'payload', field: 'payload.json', issues: [{ path: '', keyword: 'type' }] },
    ],
  ];
  test.each(cases)('%j', async (asked, problem) => {
    const harness = await Harness.open();
    await harness.register([{ schemas: { state: COUNTER, payload: '{"type":"number"}' } }]);
    await expect(harness.invoke(asked)).rejects.toMatchObject({
      problem: { type: 'schema_violation', ...problem },
    });
    expect(await harness.store.list({ projectId: PROJECT, limit: 10 })).toEqual([]);
  });

  test('after a restart, too', async () => {
    const harness = await Harness.open();
    await harness.register([{ schemas: { state: COUNTER } }]);
    await harness.restart();
    await expect(harness.invoke({ initialState: '{"count":"one"}' })).rejects.toThrow('schema_violation');
    await harness.invoke({ initialState: '{"count":1}' });
  });

  test('when a parent starts a child: nothing of its completion happens', async () => {
    const harness = await Harness.open();
    const worker = await harness.register(['order', { id: 'child', schemas: { state: COUNTER } }]);
    const executionId = await harness.invoke();
    const parent = await harness.take(worker);
    await expect(
      harness.complete(parent, child('pay', 'child', { initialState: '{}' }), SUSPEND),
    ).rejects.toMatchObject({
      problem: { type: 'schema_violation', field: 'commands[0].child_started.initial_state' },
    });
    expect((await harness.execution(executionId)).version).toBe(2);
  });

  test('but not when a completion that passed is sent again', async () => {
    const harness = await Harness.open();
    const worker = await harness.register(['order', 'child']);
    await harness.invoke();
    const { lease } = await harness.take(worker);
    const actions = [child('pay', 'child', { initialState: '{}' }), SUSPEND];
    const first = await harness.completeAs(lease, 1, actions);
    await harness.register([{ id: 'child', schemas: { state: COUNTER } }]);
    expect(await harness.completeAs(lease, 1, actions)).toMatchObject({ outcomes: first.outcomes });
  });

  test('and what fits, bytes, and other workflows and projects pass', async () => {
    const harness = await Harness.open();
    await harness.register([{ schemas: { state: COUNTER, payload: '{"type":"number"}' } }]);
    await harness.invoke({ initialState: '{"count":1}', payload: { json: '1' } });
    await harness.invoke({
      initialState: '{"count":1}',
      payload: { data: new Uint8Array(3), encoding: 'x' },
    });
    await harness.invoke({ workflowId: 'other', payload: { json: '"text"' } });
    await harness.invoke({ projectId: 'p2', payload: { json: '"text"' } });
  });
});

test.each([
  ['[]', 'not_an_object'],
  ['{', 'invalid'],
  ['{"a":1,"a":2}', 'invalid'],
  [`{"a":${'['.repeat(64)}${']'.repeat(64)}}`, 'too_deep'],
  [`{"a":"${'x'.repeat(1_048_576)}"}`, 'too_large'],
])('an initial state that is no state is refused: %.20s', async (initialState, kind) => {
  const harness = await Harness.open();
  await expect(harness.invoke({ initialState })).rejects.toMatchObject({
    problem: { type: 'initial_state_refused', problem: { kind }, field: 'initial_state' },
  });
  expect(await harness.store.list({ projectId: PROJECT, limit: 10 })).toEqual([]);
});

test.each<[said: string | undefined, declared: string | undefined, queue: string]>([
  ['mine', 'declared', 'mine'],
  [undefined, 'declared', 'declared'],
  [undefined, undefined, 'order'],
])(
  'asked for the queue %s of a workflow with the queue %s, it waits in %s',
  async (said, declared, queue) => {
    const harness = await Harness.open();
    await harness.register([declared === undefined ? {} : { queue: declared }]);
    const executionId = await harness.invoke(said === undefined ? {} : { queue: said });
    expect((await harness.execution(executionId)).queue).toBe(queue);
  },
);

test('an execution says why it does not run', async () => {
  const harness = await Harness.open();
  const executionId = await harness.invoke();
  const reason = async () => (await harness.engine.getExecution(PROJECT, executionId)).reason;
  expect(await reason()).toBe('no_worker');
  const worker = await harness.register(['order']);
  expect(await reason()).toBe('workers_busy');
  await harness.clock.turn(70_001);
  expect(await reason()).toBe('no_worker');
  const stream = await harness.openWork(worker);
  expect(await reason()).toBe('workers_busy');
  stream.session.close();
  expect(await reason()).toBe('no_worker');
});

test('a creation that is acknowledged late does not undo what happened meanwhile', async () => {
  let answer = () => {};
  const late = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const store = intercepted(openMemoryStore(), async (method, call, [write]) => {
    const result = await call();
    if (method === 'commit' && (write as { expectedVersion: number }).expectedVersion === 0) await late;
    return result;
  });
  const harness = await Harness.open(store);
  const invoked = harness.invoke({ executionId: 'x' });
  await settled();
  const cancelled = harness.engine.cancel(PROJECT, 'x');
  await settled();
  answer();
  await invoked;
  expect(await cancelled).toBe('cancelled');
  expect(await harness.status('x')).toBe('cancelled');
});

async function first<T>(values: AsyncIterable<T>): Promise<T | undefined> {
  for await (const value of values) return value;
  return undefined;
}
