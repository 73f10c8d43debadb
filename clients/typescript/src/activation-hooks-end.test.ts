import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { FakeExecution } from './fake-execution.js';
import { failing, listener, throwing } from './fake-hook.js';
import { activate, runOn, type TestConfig, type TestHandler, until } from './fake-worker.js';
import { ExecutionStatus } from './gen/polos/v1/execution_pb.js';
import { type HookContext, HookResult } from './hook.js';
import { createLogger } from './logger.js';

describe('the onEnd hooks of a handler that failed', () => {
  const broken = throwing(new TypeError('of the handler'));

  it('run once, after the last attempt; those of onStart ran once, before the first', async () => {
    const execution = new FakeExecution();
    const told: HookContext[] = [];
    const ends: (string | undefined)[] = [];
    const config = { onStart: listener(told), onEnd: listener(told) };
    for (let attempt = 1; attempt <= 3; attempt++) {
      ends.push(await runOn(execution, broken, config));
      expect(execution.failedAttempts).toBe(attempt);
      expect(told.map(({ phase }) => phase)).toEqual(attempt < 3 ? ['onStart'] : ['onStart', 'onEnd']);
    }
    expect(told[1]).toMatchObject({ currentError: { type: 'TypeError', message: 'of the handler' } });
    expect(told[1]?.currentOutput).toBeUndefined();
    // What the record of the hooks says must not be run after.
    expect(execution.failure).toMatchObject({ type: 'TypeError', retryable: false });
    expect(execution.status).toBe(ExecutionStatus.FAILED);
  });

  it.each([
    [0, 0, true],
    [1, 0, false],
    [1, 1, true],
    [5, 2, false],
    [undefined, 1, false],
    [undefined, 2, true],
  ])(
    'keep to the retry policy: maxRetries %s, %s failed before',
    async (maxRetries, failedAttempts, runs) => {
      const execution = new FakeExecution();
      Object.assign(execution, { maxRetries, failedAttempts });
      const told: HookContext[] = [];
      await runOn(execution, broken, { onEnd: listener(told) });
      expect(told).toHaveLength(runs ? 1 : 0);
      expect(execution.failure?.retryable).toBe(!runs);
    },
  );

  it('run at once when no retry can help, and see the error as the caller will', async () => {
    const execution = new FakeExecution();
    const told: HookContext[] = [];
    const bad = (ctx: Parameters<TestHandler>[0]) =>
      ctx.step.run('bad', throwing(new RangeError('inner')), { maxRetries: 0 });
    await runOn(execution, bad, { onEnd: listener(told) });
    const cause = { type: 'RangeError', message: 'inner' };
    const error = { type: 'StepExecutionError', message: 'step "bad" failed: inner', cause };
    expect(told).toMatchObject([{ currentError: error }]);
    expect(execution.failure).toMatchObject({ ...error, stepKey: 'bad' });
    expect(execution.failure?.stack).toContain('StepExecutionError');
  });

  it('cannot make a success of it, nor hide it, and all run', async () => {
    const execution = new FakeExecution();
    const told: HookContext[] = [];
    execution.maxRetries = 0;
    const onEnd = [
      listener(told, () => HookResult.continueWith({ modifiedOutput: 'fine' })),
      listener(told, failing('one')),
      listener(told, throwing(new Error('two'))),
      listener(told),
    ];
    const warnings: string[] = [];
    const logger = { ...createLogger('silent'), warn: (message: string) => void warnings.push(message) };
    await activate(execution, broken, { onEnd }, { logger }).run();
    expect(warnings).toEqual([
      expect.stringMatching(/ has failed; then this happened too: one$/),
      expect.stringMatching(/ has failed; then this happened too: the onEnd hook "listener" failed: two$/),
    ]);
    expect(told.map(({ currentError }) => currentError?.message)).toEqual(Array(4).fill('of the handler'));
    expect(execution.failure).toMatchObject({ type: 'TypeError', message: 'of the handler' });
    expect(execution.result).toBeUndefined();
  });

  it('do not hide it when the state cannot be saved', async () => {
    for (const makeInvalid of [
      (state: Record<string, unknown>) => Object.assign(state, { n: new Date() }),
      (state: Record<string, unknown>) => Object.assign(state, { n: 'no number' }),
    ]) {
      const execution = new FakeExecution(undefined, { n: 1 });
      const handler: TestHandler = async (ctx) => {
        await ctx.step.run('a', () => 1);
        makeInvalid(ctx.state);
        throw new TypeError('of the handler');
      };
      execution.maxRetries = 0;
      const stateSchema = z.object({ n: z.number() });
      await runOn(execution, handler, { stateSchema, onEnd: listener([]) });
      expect(execution.failure).toMatchObject({ type: 'TypeError', message: 'of the handler' });
      expect(execution.state).toEqual({ n: 1 });
      expect(execution.steps.map(({ key }) => key)).toEqual(['a']);
    }
  });

  it('do not hide it when they break the state', async () => {
    const execution = new FakeExecution(undefined, { n: 1 });
    execution.maxRetries = 0;
    const breaking = (ctx: { state: unknown }) => {
      ctx.state = { n: 'x' };
    };
    const stateSchema = z.object({ n: z.number() });
    await runOn(execution, broken, { stateSchema, onEnd: [breaking, listener([])] });
    expect(execution.failure).toMatchObject({ type: 'TypeError', message: 'of the handler' });
    expect(execution.state).toEqual({ n: 1 });
  });

  it('run beside branches of it that go on, and their changes of the state do not get lost', async () => {
    const execution = new FakeExecution(undefined, { log: [], n: 0 });
    execution.maxRetries = 0;
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const handler: TestHandler = async (ctx) => {
      const goesOn = async () => {
        await ctx.step.run('slow', async () => {
          await held;
          ctx.state.log.push('slow');
          ctx.state.n = 1;
        });
        ctx.state.log.push('after slow');
      };
      await Promise.all([goesOn(), ctx.step.run('bad', throwing(new Error('bad')), { maxRetries: 0 })]);
    };
    const told: HookContext[] = [];
    await runOn(execution, handler, {
      onEnd: [
        {
          name: 'beside',
          handler: async (ctx) => {
            const state = ctx.state as { log: string[]; n: number };
            state.log.push('hook');
            state.n = 2;
            release();
            await until(() => execution.steps.length > 1);
          },
        },
        listener(told, (ctx) => void (ctx.state as { log: string[] }).log.push('next hook')),
      ],
    });
    // Both changed /n: the hook's change is refused as a step's would be, and the handler's failure stays.
    const refused = execution.steps.find(({ key }) => key === 'on_end.beside.0');
    expect(refused?.failure).toMatchObject({ type: 'StateConflictError' });
    expect(execution.failure?.message).toBe('step "bad" failed: bad');
    expect(execution.state).toEqual({ log: ['slow', 'after slow', 'next hook'], n: 1 });
  });
});

describe('the onEnd hooks of a handler that returned', () => {
  it('that fail make a failure of it, of which the hooks after them are told', async () => {
    for (const [answer, message] of [
      [failing('not good enough'), 'not good enough'],
      [throwing(new Error('boom')), 'the onEnd hook "listener" failed: boom'],
      [
        () => HookResult.continueWith({ modifiedOutput: 'no number' }),
        'the onEnd hook "listener" failed: the result is not valid',
      ],
    ] as const) {
      const execution = new FakeExecution();
      const told: HookContext[] = [];
      const outputSchema = z.number();
      await runOn(execution, () => 1, { outputSchema, onEnd: [listener(told, answer), listener(told)] });
      expect(execution.failure).toMatchObject({ type: 'HookExecutionError', retryable: false });
      expect(execution.failure?.message).toContain(message);
      expect(execution.status).toBe(ExecutionStatus.FAILED);
      expect(told.map(({ currentOutput }) => currentOutput)).toEqual([1, undefined]);
      const details = { hookName: 'listener', phase: 'onEnd' };
      expect(told[1]?.currentError).toMatchObject({ type: 'HookExecutionError', details });
    }
  });

  it.each<[string, unknown, TestConfig]>([
    ['ResultValidationError', 'x', { outputSchema: z.number() }],
    ['SerializationError', { at: new Date() }, {}],
    ['PayloadSizeError', 'x'.repeat(3_000_000), {}],
  ])('are told of a %s instead of a result that nobody will get', async (type, result, config) => {
    const execution = new FakeExecution();
    const told: HookContext[] = [];
    await runOn(execution, () => result, { ...config, onEnd: listener(told) });
    expect(told).toMatchObject([{ currentOutput: undefined, currentError: { type } }]);
    expect(execution.failure?.type).toBe(type);
  });
});
