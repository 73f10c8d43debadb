import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import type { StepExecutionError } from './errors.js';
import { FakeExecution } from './fake-execution.js';
import { activate, commandsOf, runOn, type TestHandler } from './fake-worker.js';
import { FailureSchema } from './gen/polos/v1/failure_pb.js';

describe('a handler with children', () => {
  it('suspends on a child and goes on in memory', async () => {
    const execution = new FakeExecution();
    let runs = 0;
    const handler: TestHandler = async (ctx) => {
      runs += 1;
      ctx.state.before = true;
      const a = await ctx.step.run('a', () => 1);
      const b = await ctx.step.invokeAndWait<number>('child', 'other', {
        payload: { a },
        initialState: { s: 1 },
      });
      return a + b;
    };
    const activation = activate(execution, handler);
    expect(await activation.run()).toBe('suspended');
    expect(commandsOf(execution).at(-1)).toEqual([
      'stepCompleted',
      'childStarted',
      'stateChanged',
      'executionSuspended',
    ]);
    expect(execution.children).toEqual([
      { stepKey: 'child', workflowId: 'other', payload: { a: 1 }, initialState: { s: 1 }, wait: true },
    ]);
    execution.finishChild('child', { result: 41 });
    const assignment = execution.assign();
    expect(activation.resume(assignment, assignment.steps)).toBe(true);
    expect(await activation.run()).toBe('closed');
    expect(execution.resultValue).toBe(42);
    expect(runs).toBe(1);
    expect(commandsOf(execution).at(-1)).toEqual(['outcomeAccepted', 'executionCompleted']);
  });

  it('goes on at once when the child is final before the suspension is committed', async () => {
    const execution = new FakeExecution();
    execution.beforeCommit = ({ commands }) => {
      if (
        commands.some(({ command }) => command.case === 'executionSuspended') &&
        execution.children.length === 1
      ) {
        execution.finishChild('child', { result: 'early' });
      }
    };
    const end = await runOn(execution, async (ctx) => {
      const first = ctx.step.invokeAndWait('child', 'other', {}, {});
      await ctx.step.run('a', () => 1);
      return first;
    });
    expect(end).toBe('closed');
    expect(execution.resultValue).toBe('early');
  });

  it('throws what a child failed with', async () => {
    const execution = new FakeExecution();
    const handler: TestHandler = async (ctx) => {
      try {
        await ctx.step.invokeAndWait('child', 'other');
      } catch (error) {
        const { cause, message } = error as StepExecutionError;
        return `${message}/${cause.type}`;
      }
      return 'nothing was thrown';
    };
    await runOn(execution, handler);
    execution.finishChild('child', { failure: create(FailureSchema, { type: 'OopsError', message: 'no' }) });
    await runOn(execution, handler);
    expect(execution.resultValue).toBe('step "child" failed: no/OopsError');
  });

  it('starts a child without waiting and knows its id', async () => {
    const execution = new FakeExecution();
    const handler: TestHandler = async (ctx) => {
      const { executionId } = await ctx.step.invoke('fire', 'other', 5, { queue: 'q' });
      ctx.state.id = executionId;
      return executionId;
    };
    await runOn(execution, handler);
    expect(execution.resultValue).toBe('child-1');
    expect(commandsOf(execution)).toEqual([['childStarted'], ['stateChanged', 'executionCompleted']]);
  });
});
