import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { StepExecutionError } from './errors.js';
import { FakeExecution } from './fake-execution.js';
import { failing, listener, throwing } from './fake-hook.js';
import { activate, commandsOf, runOn, type TestConfig, type TestHandler, until } from './fake-worker.js';
import { ExecutionStatus } from './gen/polos/v1/execution_pb.js';
import { type Hook, type HookContext, type HookHandler, HookResult } from './hook.js';

describe('hooks', () => {
  it('are steps before and after the handler, the last of them committed with the end', async () => {
    const execution = new FakeExecution({ a: 1 });
    const told: HookContext[] = [];
    await runOn(execution, (ctx) => ctx.step.run('work', () => 'done'), {
      onStart: [listener(told), listener(told, () => HookResult.continue())],
      onEnd: listener(told),
    });
    expect(execution.steps.map(({ key }) => key)).toEqual([
      'on_start.listener.0',
      'on_start.listener.1',
      'work',
      'on_end.listener.0',
    ]);
    expect(commandsOf(execution)).toEqual([
      ['stepCompleted'],
      ['stepCompleted'],
      ['stepCompleted'],
      ['stepCompleted', 'executionCompleted'],
    ]);
    const place = { workflowId: 'fake', sessionId: 'session', userId: undefined, currentPayload: { a: 1 } };
    const start = { ...place, phase: 'onStart', currentOutput: undefined, currentError: undefined };
    expect(told).toEqual([start, start, { ...start, phase: 'onEnd', currentOutput: 'done' }]);
    expect(execution.resultValue).toBe('done');
  });

  it('change payload and output for whatever comes after them', async () => {
    const execution = new FakeExecution({ n: 1 });
    const told: HookContext[] = [];
    const add = listener(told, (_, hookCtx) => {
      const { currentPayload, currentOutput } = hookCtx as HookContext<{ n: number }>;
      const n = currentPayload.n + 1;
      return HookResult.continueWith({ modifiedPayload: { n }, modifiedOutput: [currentOutput] });
    });
    await runOn(execution, (_, { n, unit }) => `${n} ${unit}`, {
      payloadSchema: z.object({ n: z.number(), unit: z.string().default('m') }),
      onStart: [add, add],
      onEnd: [add, listener(told, () => HookResult.continueWith({ modifiedOutput: undefined })), add],
    });
    expect(told.map(({ currentPayload }) => currentPayload)).toEqual([
      { n: 1, unit: 'm' },
      { n: 2, unit: 'm' },
      ...Array(3).fill({ n: 3, unit: 'm' }),
    ]);
    expect(told.slice(2).map(({ currentOutput }) => currentOutput)).toEqual(['3 m', ['3 m'], ['3 m']]);
    expect(execution.resultValue).toEqual([['3 m']]);
  });

  it.each([0, false, '', null])('can change payload and output to %j', async (value) => {
    const execution = new FakeExecution('payload');
    const change = () => HookResult.continueWith({ modifiedPayload: value, modifiedOutput: value });
    let got: unknown;
    await runOn(
      execution,
      (_, payload) => {
        got = payload;
        return 'result';
      },
      { onStart: change, onEnd: change },
    );
    expect([got, execution.resultValue]).toEqual([value, value]);
  });

  it('get copies: what they do to them is not seen', async () => {
    const execution = new FakeExecution({ list: [1] });
    const told: HookContext[] = [];
    const spoil = (_: unknown, hookCtx: HookContext) => {
      (hookCtx.currentPayload as { list: number[] }).list.push(2);
      if (hookCtx.phase === 'onEnd') (hookCtx.currentOutput as { list: number[] }).list.push(3);
    };
    await runOn(execution, (_, payload) => payload, {
      onStart: [spoil, spoil],
      onEnd: [spoil, listener(told)],
    });
    expect(told[0]).toMatchObject({ currentPayload: { list: [1] }, currentOutput: { list: [1] } });
    expect(execution.resultValue).toEqual({ list: [1] });
  });

  it('change the state as the function of a step does', async () => {
    const execution = new FakeExecution(undefined, { log: ['initial'] });
    let calls = 0;
    const push = (what: string) => (ctx: { state: { log: string[] } }) => void ctx.state.log.push(what);
    const flaky = {
      name: 'flaky',
      baseDelay: 0,
      handler: (ctx: { state: unknown }) => {
        calls += 1;
        ctx.state = { log: [`attempt ${calls}`] };
        if (calls === 1) throw new Error('once');
      },
    };
    const seen: unknown[] = [];
    await runOn(
      execution,
      async (ctx) => {
        seen.push(structuredClone(ctx.state));
        ctx.state.log.push('handler');
      },
      { onStart: [push('first') as HookHandler, flaky], onEnd: push('end') as HookHandler },
    );
    expect(seen).toEqual([{ log: ['attempt 2'] }]);
    expect(execution.state).toEqual({ log: ['attempt 2', 'handler', 'end'] });
    expect(execution.steps.map(({ attempts }) => attempts.length)).toEqual([1, 2, 1]);
  });

  it('must not use steps, and are not tried again for it', async () => {
    const execution = new FakeExecution();
    await runOn(execution, () => 1, { onStart: (ctx) => ctx.step.run('inner', () => {}) });
    expect(execution.failure).toMatchObject({ type: 'HookExecutionError', retryable: false });
    expect(execution.failure?.cause?.cause?.type).toBe('InvalidStepError');
    expect(execution.steps[0]?.attempts).toHaveLength(1);
  });

  it.each([['yes'], [{ n: 1 }], [null], [true]])('must not return %j', async (answer) => {
    const execution = new FakeExecution();
    await runOn(execution, () => 1, { onStart: () => answer as never });
    expect(execution.failure?.message).toContain('a hook must return nothing, or what');
    expect(execution.steps[0]?.attempts).toHaveLength(1);
  });

  it('report a key that a step of the handler has taken', async () => {
    const execution = new FakeExecution();
    await runOn(execution, (ctx) => ctx.step.run('on_end.listener.0', () => 1), { onEnd: listener([]) });
    const cause = { type: 'DuplicateStepKeyError' };
    expect(execution.failure).toMatchObject({ type: 'HookExecutionError', cause });
  });
});

describe('an onStart hook that fails', () => {
  const cases: [string, HookHandler, string][] = [
    ['decides so', failing('closed today'), 'closed today'],
    ['throws', throwing(new RangeError('boom')), 'the onStart hook "listener" failed: boom'],
    [
      'gives a payload that does not fit',
      () => HookResult.continueWith({ modifiedPayload: { n: 'x' } }),
      'the onStart hook "listener" failed: the payload is not valid: /n',
    ],
    [
      'gives a payload that is no JSON',
      () => HookResult.continueWith({ modifiedPayload: new Date() }),
      'cannot be written as JSON',
    ],
  ];
  it.each(cases)(
    'because it %s ends the execution for good, before the handler',
    async (_, answer, message) => {
      const execution = new FakeExecution({ n: 1 });
      const told: HookContext[] = [];
      let ran = false;
      const handler = () => {
        ran = true;
      };
      await runOn(execution, handler, {
        payloadSchema: z.object({ n: z.number() }),
        onStart: [listener([], answer), listener(told, undefined, 'next')],
        onEnd: listener(told),
      });
      expect(ran).toBe(false);
      expect(execution.status).toBe(ExecutionStatus.FAILED);
      expect(execution.failure).toMatchObject({ type: 'HookExecutionError', retryable: false });
      expect(execution.failure?.message).toContain(message);
      // The hook after it did not run; that of the end was told.
      const details = { hookName: 'listener', phase: 'onStart' };
      expect(told).toMatchObject([{ phase: 'onEnd', currentError: { type: 'HookExecutionError', details } }]);
    },
  );

  it('keeps its changes of the state if it decided so, and none if it threw', async () => {
    for (const [answer, state] of [
      [failing('no'), { by: 'hook' }],
      [throwing(new Error('no')), {}],
    ] as const) {
      const execution = new FakeExecution();
      const hook = listener([], (ctx, ...rest) => {
        ctx.state = { by: 'hook' };
        return (answer as HookHandler)(ctx, ...rest);
      });
      await runOn(execution, () => 1, { onStart: hook });
      expect(execution.state).toEqual(state);
    }
  });
});

describe('a cancel', () => {
  type Program = (block: HookHandler, next: Hook) => { handler: TestHandler; config: TestConfig };
  const returning = () => 1;
  const broken = throwing(new Error('of the handler'));
  const blocked = (block: HookHandler, isCaught: boolean): TestHandler => {
    return (ctx) => {
      const wait = ctx.step.run('wait', (attempt) => block(ctx, {} as HookContext, attempt));
      return isCaught ? wait.catch(() => 'caught') : wait;
    };
  };

  it.each<[string, Program]>([
    ['onStart', (block, next) => ({ handler: broken, config: { onStart: [block, next], onEnd: next } })],
    ['the handler', (block, next) => ({ handler: blocked(block, false), config: { onEnd: next } })],
    [
      'a handler that catches it',
      (block, next) => ({ handler: blocked(block, true), config: { onEnd: next } }),
    ],
    ['onEnd', (block, next) => ({ handler: returning, config: { onEnd: [block, next] } })],
    ['onEnd after a failure', (block, next) => ({ handler: broken, config: { onEnd: [block, next] } })],
  ])('during %s lets no hook run after it, and is no failure of one', async (_, program) => {
    const execution = Object.assign(new FakeExecution(), { maxRetries: 0 });
    let isBlocked = false;
    const block: HookHandler = async (ctx, _hookCtx, { signal }) => {
      isBlocked = true;
      ctx.state = { changed: 'for nothing' };
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    };
    const told: HookContext[] = [];
    const { handler, config } = program(block, listener(told));
    const said: string[] = [];
    const note = (message: string) => void said.push(message);
    const logger = { debug: note, info: note, warn: note, error: note };
    const activation = activate(execution, handler, config, { logger });
    const end = activation.run();
    await until(() => isBlocked);
    execution.cancelRequested = true;
    activation.cancel();
    expect(await end).toBe('closed');
    const { status, state } = execution;
    expect({ status, state, told, said }).toEqual({
      status: ExecutionStatus.CANCELLED,
      state: {},
      told: [],
      said: [],
    });
  });
});

it('a hook error keeps its cause', async () => {
  const execution = new FakeExecution();
  const hook = { name: 'h', maxRetries: 1, baseDelay: 0, handler: throwing(new RangeError('boom')) };
  await runOn(execution, () => 1, { onEnd: hook });
  const message = 'step "on_end.h.0" failed after 2 attempts: boom';
  expect(execution.failure?.cause).toMatchObject({
    type: StepExecutionError.name,
    message,
    stepKey: 'on_end.h.0',
  });
});
