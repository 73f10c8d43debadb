import { create } from '@bufbuild/protobuf';
import { expect, it } from 'vitest';
import { InvalidStepError, SerializationError, StepExecutionError } from './errors.js';
import { FakeExecution } from './fake-execution.js';
import { commandsOf, runOn, type TestHandler } from './fake-worker.js';
import { FailureSchema } from './gen/polos/v1/failure_pb.js';

const target = { suspendExecutionId: 'other', suspendStepKey: 'approval' };

it('a step that resumes another execution waits until that has the data', async () => {
  const execution = new FakeExecution();
  const handler: TestHandler = async (ctx) => {
    const value: unknown = await ctx.step.resume('tell', {
      ...target,
      suspendWorkflowId: 'order',
      data: { approved: true },
    });
    return { value };
  };
  expect(await runOn(execution, handler)).toBe('suspended');
  expect(commandsOf(execution)).toEqual([['resumeSent', 'executionSuspended']]);
  expect(execution.resumes).toEqual([
    { stepKey: 'tell', executionId: 'other', suspendedStepKey: 'approval', data: { approved: true } },
  ]);
  execution.answer('tell', { result: undefined });
  expect(await runOn(execution, handler)).toBe('closed');
  expect(execution.resultValue).toEqual({});
  expect(execution.resumes).toHaveLength(1);
});

it('what cannot be resumed fails the step, the same live and on replay', async () => {
  const execution = new FakeExecution();
  const errors: unknown[] = [];
  const handler: TestHandler = async (ctx) => {
    await ctx.step.resume('tell', target).catch((error: unknown) => errors.push(error));
    await ctx.step.waitFor('nap', { seconds: 1 });
  };
  await runOn(execution, handler);
  const failure = create(FailureSchema, { type: 'ExecutionClosedError', message: 'it is final' });
  execution.answer('tell', { failure });
  await runOn(execution, handler);
  execution.fireTimer('nap');
  expect(await runOn(execution, handler)).toBe('closed');
  expect(errors).toHaveLength(2);
  for (const error of errors) {
    expect(error).toBeInstanceOf(StepExecutionError);
    expect(error).toMatchObject({ stepKey: 'tell', cause: { type: 'ExecutionClosedError' } });
  }
});

it.each([
  ['nothing', undefined, InvalidStepError],
  ['no execution', { suspendStepKey: 'approval' }, InvalidStepError],
  ['no step', { suspendExecutionId: 'other', suspendStepKey: '' }, InvalidStepError],
  ['data that JSON cannot hold', { ...target, data: 1n }, SerializationError],
])('is refused at once, and nothing is recorded: %s', async (_, options, type) => {
  const execution = new FakeExecution();
  let refusal: unknown;
  await runOn(execution, async (ctx) => {
    refusal = await ctx.step.resume('tell', options as never).catch((error: unknown) => error);
    return ctx.step.run('tell', () => 'the key is free');
  });
  expect(refusal).toBeInstanceOf(type);
  expect(execution.resultValue).toBe('the key is free');
});
