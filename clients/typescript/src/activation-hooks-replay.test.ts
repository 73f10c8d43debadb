import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { LeaseLostError } from './api-errors.js';
import { FakeExecution } from './fake-execution.js';
import { throwing } from './fake-hook.js';
import { activate, runOn, type TestConfig, type TestHandler } from './fake-worker.js';
import { ExecutionStatus } from './gen/polos/v1/execution_pb.js';
import { defineHook, type HookContext, HookResult } from './hook.js';

/** Runs a handler until its worker dies, after the commit with this number (from 1). */
async function runAndDie(
  execution: FakeExecution,
  commit: number,
  handler: TestHandler,
  config: TestConfig,
): Promise<void> {
  const activation = activate(execution, handler, config);
  execution.afterCommit = () => {
    if (execution.commits.length < commit) return;
    activation.drop();
    throw new LeaseLostError('killed');
  };
  expect(await activation.run()).toBe('dropped');
  execution.afterCommit = () => {};
}

const nothing = () => {};
const named = (name: string) => defineHook(nothing, { name });

describe('a replay of hooks', () => {
  it('answers from the record, in every run of the handler', async () => {
    const execution = new FakeExecution({ n: 1 });
    const ran: string[] = [];
    const payloads: unknown[] = [];
    const config = {
      payloadSchema: z.object({ n: z.number(), unit: z.string().default('m') }),
      onStart: (ctx: { state: Record<string, unknown> }) => {
        ran.push('onStart');
        ctx.state.started = ran.length;
        return HookResult.continueWith({ modifiedPayload: { n: ran.length + 1 } });
      },
      onEnd: () => void ran.push('onEnd'),
    };
    const handler: TestHandler = async (ctx, payload) => {
      payloads.push(payload);
      await ctx.step.suspend('wait');
      if (payloads.length < 3) throw new Error('again');
      return ctx.state.started;
    };
    await runOn(execution, handler, config);
    execution.resume('wait');
    for (let run = 2; run <= 3; run++) await runOn(execution, handler, config);
    expect(execution.resultValue).toBe(1);
    expect(ran).toEqual(['onStart', 'onEnd']);
    expect(payloads).toEqual(Array(3).fill({ n: 2, unit: 'm' }));
  });

  it('fails for good where a recorded payload does not fit a schema that is new', async () => {
    const execution = new FakeExecution({ n: 1 });
    const onStart = () => HookResult.continueWith({ modifiedPayload: { n: 2 } });
    const handler: TestHandler = (ctx) => ctx.step.suspend('wait');
    await runOn(execution, handler, { payloadSchema: z.object({ n: z.number() }), onStart });
    execution.resume('wait');
    await runOn(execution, handler, { payloadSchema: z.object({ n: z.number().max(1) }), onStart });
    expect(execution.failure).toMatchObject({ type: 'HookExecutionError', retryable: false });
  });

  it.each<[string, TestConfig, TestConfig, string]>([
    ['is added in front', {}, { onStart: named('new') }, 'work'],
    ['is taken away', { onStart: named('old') }, {}, 'on_start.old.0'],
    ['has another name', { onStart: named('old') }, { onStart: named('new') }, 'on_start.old.0'],
    [
      'has another place',
      { onStart: [named('a'), named('b')] },
      { onStart: [named('b'), named('a')] },
      'on_start.a.0',
    ],
  ])('names the first difference when a hook %s', async (_, before, after, step) => {
    const execution = new FakeExecution();
    const handler: TestHandler = async (ctx) => {
      await ctx.step.run('work', nothing);
      await ctx.step.suspend('wait');
    };
    await runOn(execution, handler, before);
    execution.resume('wait');
    await runOn(execution, handler, after);
    expect(execution.failure).toMatchObject({ type: 'NonDeterminismError', retryable: false });
    expect(execution.failure?.message).toContain(`the record holds step "${step}" next`);
  });

  it('takes an onEnd hook that is added before the end is reached', async () => {
    const execution = new FakeExecution();
    const handler: TestHandler = async (ctx) => ctx.step.suspend('wait');
    await runOn(execution, handler, { onStart: named('a') });
    execution.resume('wait', 'resumed');
    await runOn(execution, handler, { onStart: named('a'), onEnd: named('new') });
    expect(execution.resultValue).toBe('resumed');
    expect(execution.steps.map(({ key }) => key)).toEqual(['on_start.a.0', 'wait', 'on_end.new.0']);
  });
});

describe('the outcome that onEnd hooks were told of', () => {
  /** Two hooks; the worker dies between them, and the handler does something else in the next run. */
  async function changeItsMind(first: () => unknown, second: () => unknown, execution = new FakeExecution()) {
    const told: HookContext[] = [];
    const tell = (_: unknown, hookCtx: HookContext) => void told.push(hookCtx);
    const config = { onEnd: [defineHook(tell, { name: 'one' }), defineHook(tell, { name: 'two' })] };
    await runAndDie(execution, 1, first as TestHandler, config);
    expect(execution.steps.map(({ key }) => key)).toEqual(['on_end.one.0']);
    await runOn(execution, second as TestHandler, config);
    return { execution, told };
  }

  const last = () => Object.assign(new FakeExecution(), { maxRetries: 0 });

  it.each([
    ['throws something else', throwing(new TypeError('later'))],
    ['returns', () => 'fine'],
  ])('stays a failure although the handler %s', async (_, second) => {
    const error = new RangeError('first', { cause: new Error('inner') });
    const { execution, told } = await changeItsMind(throwing(error), second, last());
    const seen = { type: 'RangeError', message: 'first', cause: { type: 'Error', message: 'inner' } };
    expect(told).toMatchObject([{ currentError: seen }, { currentError: seen }]);
    expect(execution.status).toBe(ExecutionStatus.FAILED);
    expect(execution.failure).toMatchObject({ ...seen, retryable: false, stack: error.stack });
  });

  it('stays a failure although more retries are allowed by now', async () => {
    const execution = last();
    const error = new Error('first');
    const { told } = await changeItsMind(
      () => {
        execution.maxRetries = 5;
        throw error;
      },
      throwing(error),
      execution,
    );
    expect(told).toHaveLength(2);
    expect(execution.status).toBe(ExecutionStatus.FAILED);
  });

  it('is non-deterministic if the handler had returned and throws now', async () => {
    const second = throwing(new Error('later'));
    const { execution, told } = await changeItsMind(() => 'fine', second, last());
    expect(told).toHaveLength(1);
    expect(execution.failure).toMatchObject({ type: 'NonDeterminismError', retryable: false });
    expect(execution.failure?.message).toBe(
      'the record of step "on_end.one.0" says that the handler returned, but now it threw Error: later',
    );
    expect(execution.status).toBe(ExecutionStatus.FAILED);
  });
});
