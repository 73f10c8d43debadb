import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { BatchStepResult } from './batch.js';
import {
  BatchSizeError,
  DuplicateStepKeyError,
  InvalidStepError,
  PayloadSizeError,
  PayloadValidationError,
  SerializationError,
  StateValidationError,
} from './errors.js';
import { FakeExecution } from './fake-execution.js';
import { activate, commandsOf, runOn, type TestHandler } from './fake-worker.js';
import { type Failure, FailureSchema } from './gen/polos/v1/failure_pb.js';
import { defineWorkflow } from './workflow.js';

const greet = defineWorkflow(
  {
    id: 'greet',
    payloadSchema: z.object({ name: z.string() }),
    stateSchema: z.object({ mode: z.string().default('slow') }),
  },
  async (_, { name }) => `Hello, ${name}!`,
  { autoRegister: false },
);

function failure(type: string, message: string): { readonly failure: Failure } {
  return { failure: create(FailureSchema, { type, message }) };
}

/** What a promise was rejected with. */
async function refusalOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'it was not refused',
    (error: unknown) => error,
  );
}

describe('a batch that is waited for', () => {
  const handler: TestHandler = (ctx) =>
    ctx.step.batchInvokeAndWait('all', [
      { workflow: greet, payload: { name: 'Ada' }, initialState: { mode: 'fast' }, priority: 3 },
      { workflow: 'other', payload: null },
      { workflow: 'third' },
    ]);

  it('is one step, and comes to what became of each child, in the order of the items', async () => {
    const execution = new FakeExecution();
    const activation = activate(execution, handler);
    expect(await activation.run()).toBe('suspended');
    expect(commandsOf(execution)).toEqual([['childrenStarted', 'executionSuspended']]);
    expect(execution.children).toEqual([
      {
        stepKey: 'all',
        workflowId: 'greet',
        wait: true,
        payload: { name: 'Ada' },
        initialState: { mode: 'fast' },
      },
      { stepKey: 'all', workflowId: 'other', wait: true, payload: null, initialState: undefined },
      { stepKey: 'all', workflowId: 'third', wait: true, payload: undefined, initialState: undefined },
    ]);
    execution.finishBatchChild('all', 2, { result: undefined });
    execution.finishBatchChild('all', 0, { result: 'Hello, Ada!' });
    execution.finishBatchChild('all', 1, failure('OopsError', 'no'));
    const assignment = execution.assign();
    expect(activation.resume(assignment, assignment.steps)).toBe(true);
    expect(await activation.run()).toBe('closed');
    const results = execution.resultValue as BatchStepResult[];
    expect(results).toEqual([
      { workflowId: 'greet', executionId: 'child-1', success: true, result: 'Hello, Ada!' },
      {
        workflowId: 'other',
        executionId: 'child-2',
        success: false,
        error: { type: 'OopsError', message: 'no' },
      },
      { workflowId: 'third', executionId: 'child-3', success: true },
    ]);
  });

  it('is the same on replay, and starts nothing a second time', async () => {
    const execution = new FakeExecution();
    await runOn(execution, handler);
    for (const index of [0, 1, 2]) execution.finishBatchChild('all', index, { result: index });
    expect(await runOn(execution, handler)).toBe('closed');
    expect(
      commandsOf(execution)
        .flat()
        .filter((name) => name === 'childrenStarted'),
    ).toHaveLength(1);
    expect((execution.resultValue as BatchStepResult[]).map(({ result }) => result)).toEqual([0, 1, 2]);
  });

  it('fails with a BatchSizeError where the results are too large together, live and on replay', async () => {
    const execution = new FakeExecution();
    const errors: unknown[] = [];
    const catching: TestHandler = async (ctx) => {
      const error = await refusalOf(ctx.step.batchInvokeAndWait('all', [{ workflow: 'other' }]));
      errors.push(error);
      await ctx.step.waitFor('nap', { seconds: 1 });
      return (error as Error).name;
    };
    const activation = activate(execution, catching);
    await activation.run();
    execution.answer('all', failure('BatchSizeError', 'too much'));
    const assignment = execution.assign();
    activation.resume(assignment, assignment.steps);
    await activation.run();
    execution.fireTimer('nap');
    await runOn(execution, catching);
    expect(execution.resultValue).toBe('BatchSizeError');
    expect(errors).toHaveLength(2);
    for (const error of errors) {
      expect(error).toBeInstanceOf(BatchSizeError);
      expect(error).toMatchObject({ stepKey: 'all', attempts: 0, cause: { message: 'too much' } });
    }
  });

  it('goes beside other steps in one commit', async () => {
    const execution = new FakeExecution();
    const beside: TestHandler = async (ctx) => {
      const [batch, nap, own] = await Promise.all([
        ctx.step.batchInvokeAndWait('all', [{ workflow: 'other' }]),
        ctx.step.waitFor('nap', { seconds: 1 }).then(() => 'slept'),
        ctx.step.run('own', () => 'ran'),
      ]);
      return [batch.length, nap, own];
    };
    await runOn(execution, beside);
    expect(commandsOf(execution)).toEqual([
      ['childrenStarted', 'timerAwaited'],
      ['stepCompleted', 'executionSuspended'],
    ]);
    execution.fireTimer('nap');
    execution.finishBatchChild('all', 0, { result: 1 });
    await runOn(execution, beside);
    expect(execution.resultValue).toEqual([1, 'slept', 'ran']);
  });
});

describe('a batch that is not waited for', () => {
  it('comes to handles, the same on replay', async () => {
    const execution = new FakeExecution();
    const handles: unknown[] = [];
    const handler: TestHandler = async (ctx) => {
      handles.push(await ctx.step.batchInvoke('fire', [{ workflow: 'a' }, { workflow: 'b', payload: 2 }]));
      await ctx.step.waitFor('nap', { seconds: 1 });
    };
    await runOn(execution, handler);
    execution.fireTimer('nap');
    expect(await runOn(execution, handler)).toBe('closed');
    const expected = [
      { id: 'child-1', executionId: 'child-1', workflowId: 'a' },
      { id: 'child-2', executionId: 'child-2', workflowId: 'b' },
    ];
    expect(handles).toEqual([expected, expected]);
    expect(execution.children).toHaveLength(2);
  });

  it('is started although the handler ends without waiting, also if it needs a commit of its own', async () => {
    const execution = new FakeExecution();
    const large = 'x'.repeat(600_000);
    const end = await runOn(execution, (ctx) => {
      void ctx.step.batchInvoke('first', [{ workflow: 'a', payload: large }]);
      void ctx.step.batchInvoke('second', [{ workflow: 'b', payload: large }]);
      return 'done';
    });
    expect(end).toBe('closed');
    expect(execution.children.map(({ workflowId }) => workflowId)).toEqual(['a', 'b']);
    expect(commandsOf(execution)).toEqual([['childrenStarted'], ['childrenStarted', 'executionCompleted']]);
  });
});

describe('what cannot be started', () => {
  it.each([
    ['no array', 5, InvalidStepError, 'an array of items'],
    ['an item that is none', [undefined], InvalidStepError, 'a workflow, or the id of one'],
    ['an item without a workflow', [{ payload: 1 }], InvalidStepError, 'a workflow, or the id of one'],
    [
      'too many items',
      Array.from({ length: 10_001 }, () => ({ workflow: 'a' })),
      InvalidStepError,
      '10001 items, more than the 10000 that are allowed; start them in several steps',
    ],
    [
      'more than a message holds',
      Array.from({ length: 4 }, () => ({ workflow: 'a', payload: 'x'.repeat(1_000_000) })),
      PayloadSizeError,
      'start them in several steps',
    ],
    [
      'a payload that does not fit its schema',
      [
        { workflow: greet, payload: { name: 'Ada' } },
        { workflow: greet, payload: { name: 5 } },
      ],
      PayloadValidationError,
      'item 1 of step "all"',
    ],
    [
      'a state that does not fit its schema',
      [{ workflow: greet, payload: { name: 'Ada' }, initialState: { mode: 5 } }],
      StateValidationError,
      'item 0 of step "all"',
    ],
    [
      'what JSON cannot hold',
      [{ workflow: 'a' }, { workflow: 'a', payload: { at: new Date(0) } }],
      SerializationError,
      'item 1 of step "all"',
    ],
  ])('is refused at once, nothing is recorded, and the key is free: %s', async (_, items, type, message) => {
    const execution = new FakeExecution();
    let refusal: unknown;
    await runOn(execution, async (ctx) => {
      refusal = await refusalOf(ctx.step.batchInvokeAndWait('all', items as never));
      return ctx.step.run('all', () => 'the key is free');
    });
    expect(refusal).toBeInstanceOf(type);
    expect((refusal as Error).message).toContain(message);
    expect(execution.resultValue).toBe('the key is free');
    expect(execution.children).toEqual([]);
  });

  it('is a key that another step has', async () => {
    const execution = new FakeExecution();
    let refusal: unknown;
    await runOn(execution, async (ctx) => {
      await ctx.step.run('all', () => 1);
      refusal = await refusalOf(ctx.step.batchInvoke('all', [{ workflow: 'a' }]));
    });
    expect(refusal).toBeInstanceOf(DuplicateStepKeyError);
  });
});

it('no items are no step', async () => {
  const execution = new FakeExecution();
  await runOn(execution, async (ctx) => [
    await ctx.step.batchInvokeAndWait('a', []),
    await ctx.step.batchInvoke('b', []),
  ]);
  expect(execution.resultValue).toEqual([[], []]);
  expect(execution.steps).toEqual([]);
});

it('a replay with another number of items is non-determinism, which the code cannot catch', async () => {
  const execution = new FakeExecution();
  await runOn(execution, (ctx) => ctx.step.batchInvokeAndWait('all', [{ workflow: 'a' }]));
  execution.finishBatchChild('all', 0, { result: 1 });
  await runOn(execution, (ctx) =>
    ctx.step.batchInvokeAndWait('all', [{ workflow: 'a' }, { workflow: 'a' }]).catch(() => 'caught'),
  );
  expect(execution.failure).toMatchObject({ type: 'NonDeterminismError', retryable: false });
  expect(execution.failure?.message).toContain('is of 1 children, but the code asked for 2');
});

it('ten thousand children fit one message and one step', async () => {
  const execution = new FakeExecution();
  const items = Array.from({ length: 10_000 }, (_, n) => ({ workflow: 'child', payload: { n } }));
  const handler: TestHandler = async (ctx) => {
    const results = await ctx.step.batchInvokeAndWait<string[]>('all', items);
    return results.reduce((sum, { result }) => sum + Number(result), 0);
  };
  await runOn(execution, handler);
  for (let n = 0; n < 10_000; n++) execution.finishBatchChild('all', n, { result: n });
  await runOn(execution, handler);
  expect(execution.resultValue).toBe(49_995_000);
});
