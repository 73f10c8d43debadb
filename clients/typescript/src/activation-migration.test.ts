import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { LeaseLostError } from './api-errors.js';
import { StateValidationError } from './errors.js';
import { FakeExecution } from './fake-execution.js';
import { activate, commandsOf, runOn, type TestConfig, type TestHandler } from './fake-worker.js';
import { ExecutionStatus } from './gen/polos/v1/execution_pb.js';
import { defineWorkflow } from './workflow.js';

function add(state: Record<string, number>, name: string, count: number): void {
  state[name] = (state[name] ?? 0) + count;
}

/** The same steps and waits in each version; what they count in is called otherwise. */
function countingIn(name: string): TestHandler {
  return async (ctx) => {
    for (const part of ['one', 'two', 'three']) {
      ctx.state[name] = (ctx.state[name] ?? 0) + 1;
      await ctx.step.run(part, () => add(ctx.state, name, 10));
      ctx.state.log = [...(ctx.state.log ?? []), `${part} ${ctx.state[name]}`];
      await ctx.step.suspend(`after ${part}`);
    }
    return ctx.state[name];
  };
}

const rename = (from: string, to: string) => (old: Record<string, unknown>) => {
  const { [from]: value, ...rest } = old;
  if (value === undefined) throw new Error(`no ${from}`);
  return { ...rest, [to]: value };
};

const v1 = countingIn('a');
const v2 = countingIn('b');
const v4 = countingIn('d');
const toV2: TestConfig = { stateVersion: 2, migrate: { 2: rename('a', 'b') } };
const toV4: TestConfig = {
  stateVersion: 4,
  migrate: { ...toV2.migrate, 3: rename('b', 'c'), 4: rename('c', 'd') },
};

/** An execution that the first version left waiting after its first step. */
async function waiting(): Promise<FakeExecution> {
  const execution = new FakeExecution(undefined, { a: 0 });
  await runOn(execution, v1);
  expect(execution.state).toEqual({ a: 11, log: ['one 11'] });
  return execution;
}

describe('a state of an earlier version', () => {
  it('is migrated before the code goes on, which finds it so on every replay', async () => {
    const execution = await waiting();
    execution.resume('after one');
    expect(await runOn(execution, v2, toV2)).toBe('suspended');
    expect(execution.history.version).toBe(2);
    expect(commandsOf(execution)).toContainEqual(['stateMigrated']);
    expect(execution.revisions).toContain('{"log":["one 11"],"b":11}');
    expect(execution.state).toEqual({ b: 22, log: ['one 11', 'two 22'] });
    execution.resume('after two');
    await runOn(execution, v2, toV2);
    execution.resume('after three');
    expect(await runOn(execution, v2, toV2)).toBe('closed');
    expect(execution.resultValue).toBe(33);
    expect(execution.state).toEqual({ b: 33, log: ['one 11', 'two 22', 'three 33'] });
  });

  it('is migrated several times over the life of an execution, with repairs in between', async () => {
    const execution = await waiting();
    execution.repair([{ op: 'replace', path: '/a', value: 100 }]);
    execution.resume('after one');
    await runOn(execution, v2, toV2);
    execution.repair([{ op: 'replace', path: '/b', value: 500 }]);
    execution.resume('after two');
    await runOn(execution, v4, toV4);
    expect(execution.history.version).toBe(4);
    execution.repair([{ op: 'replace', path: '/d', value: 1_000 }]);
    execution.resume('after three');
    expect(await runOn(execution, v4, toV4)).toBe('closed');
    expect(execution.state).toEqual({ d: 1_000, log: ['one 11', 'two 111', 'three 511'] });
  });

  it('is migrated before the handler begins if that had not begun', async () => {
    const execution = new FakeExecution(undefined, { a: 5 });
    await runOn(execution, v2, toV2);
    expect(commandsOf(execution)[0]).toEqual(['stateMigrated']);
    expect(execution.state).toEqual({ b: 16, log: ['one 16'] });
    execution.resume('after one');
    await runOn(execution, v2, toV2);
    expect(execution.state).toEqual({ b: 27, log: ['one 16', 'two 27'] });
  });

  it('is migrated between attempts', async () => {
    const execution = new FakeExecution(undefined, { a: 1 });
    await runOn(execution, async (ctx) => {
      await ctx.step.run('one', () => add(ctx.state, 'a', 1));
      throw new Error('a bug of the first version');
    });
    const mended: TestHandler = async (ctx) => {
      await ctx.step.run('one', () => add(ctx.state, 'b', 1));
      ctx.state.b *= 10;
      await ctx.step.suspend('s');
    };
    expect(await runOn(execution, mended, toV2)).toBe('suspended');
    expect(execution.state).toEqual({ b: 20 });
    execution.resume('s');
    expect(await runOn(execution, mended, toV2)).toBe('closed');
    expect(execution.state).toEqual({ b: 20 });
  });

  it('is migrated once, though its worker dies before or after the commit of that', async () => {
    for (const hook of ['beforeCommit', 'afterCommit'] as const) {
      const execution = await waiting();
      execution.resume('after one');
      execution[hook] = () => {
        throw new LeaseLostError('killed');
      };
      expect(await runOn(execution, v2, toV2)).toBe('dropped');
      execution[hook] = () => {};
      await runOn(execution, v2, toV2);
      expect(execution.state).toEqual({ b: 22, log: ['one 11', 'two 22'] });
      const migrations = commandsOf(execution).filter(([name]) => name === 'stateMigrated');
      expect(migrations).toHaveLength(1);
    }
  });

  it('is kept by the code that goes on with it, which is not migrated again', async () => {
    const execution = await waiting();
    execution.resume('after one');
    const activation = activate(execution, v2, toV2);
    await activation.run();
    execution.resume('after two');
    const assignment = execution.assign({ toKeeper: true });
    expect(assignment.omittedSteps).toBe(4n);
    expect(activation.resume(assignment, assignment.steps)).toBe(true);
    expect(await activation.run()).toBe('suspended');
    expect(execution.state.b).toBe(33);
  });

  it('has the defaults of the schema filled, and its initial state may lack them', async () => {
    const execution = new FakeExecution();
    const first: TestConfig = { stateSchema: z.object({ a: z.number().default(3) }) };
    const count: (name: string) => TestHandler = (name) => async (ctx) => {
      ctx.state[name] += 1;
      await ctx.step.suspend('s');
      return ctx.state;
    };
    await runOn(execution, count('a'), first);
    const stateSchema = z.object({ b: z.number(), unit: z.string().default('kg') });
    execution.resume('s');
    expect(await runOn(execution, count('b'), { ...toV2, stateSchema })).toBe('closed');
    expect(execution.resultValue).toEqual({ b: 4, unit: 'kg' });
  });
});

describe('a state that cannot be migrated', () => {
  const typed = z.object({ b: z.string() });

  it.each<[why: string, config: TestConfig, message: string]>([
    ['the migration throws', { stateVersion: 2, migrate: { 2: rename('x', 'b') } }, 'no x'],
    ['it returns nothing', { stateVersion: 2, migrate: { 2: () => undefined } }, 'no object'],
    ['it returns a promise', { stateVersion: 2, migrate: { 2: async () => ({}) } }, 'a promise'],
    ['its result breaks the schema', { ...toV2, stateSchema: typed }, '/b'],
    ['it holds a Date', { stateVersion: 2, migrate: { 2: () => ({ at: new Date(0) }) } }, '/at'],
    [
      'it is too large',
      { stateVersion: 2, migrate: { 2: () => ({ x: 'x'.repeat(1_100_000) }) } },
      '1,048,576',
    ],
  ])(
    'because %s holds the execution back, as it was, until other code goes on',
    async (_, config, message) => {
      const execution = await waiting();
      const before = execution.state;
      execution.resume('after one');
      expect(await runOn(execution, v2, config)).toBe('closed');
      expect(execution.status).toBe(ExecutionStatus.PAUSED);
      expect(execution.failure).toMatchObject({ type: 'StateMigrationError' });
      expect(execution.failure?.message.replaceAll('1048576', '1,048,576')).toContain(message);
      expect([execution.state, execution.history.version]).toEqual([before, 1]);
      await runOn(execution, v2, toV2);
      expect(execution.state).toEqual({ b: 22, log: ['one 11', 'two 22'] });
    },
  );

  it('because the server refuses it holds the execution back as well', async () => {
    const execution = await waiting();
    execution.resume('after one');
    execution.beforeCommit = ({ commands }) => {
      if (commands[0]?.command.case === 'stateMigrated') throw new StateValidationError('no', []);
    };
    await runOn(execution, v2, toV2);
    expect(execution.status).toBe(ExecutionStatus.PAUSED);
    expect(execution.failure?.type).toBe('StateMigrationError');
  });

  it('is not given to code of an earlier version', async () => {
    const execution = await waiting();
    execution.resume('after one');
    await runOn(execution, v2, toV2);
    execution.resume('after two');
    await runOn(execution, v1);
    expect(execution.status).toBe(ExecutionStatus.PAUSED);
    expect(execution.failure?.message).toContain('of version 2');
    await runOn(execution, v2, toV2);
    expect(execution.state.b).toBe(33);
  });
});

describe('the declaration of versions', () => {
  const define = (config: TestConfig) =>
    defineWorkflow({ id: 'w', ...config }, () => {}, { autoRegister: false });

  it.each<[config: TestConfig, message: string]>([
    [{ stateVersion: 0 }, 'an integer from 1'],
    [{ stateVersion: 1.5 }, 'an integer from 1'],
    [{ stateVersion: 2 }, 'no function in migrate for 2'],
    [{ stateVersion: 3, migrate: { 3: (old) => old } }, 'no function in migrate for 2'],
    [{ stateVersion: 2, migrate: { 2: (old) => old, 3: (old) => old } }, 'a migration to "3"'],
    [{ migrate: { 1: (old) => old } }, 'a migration to "1"'],
  ])('%j is refused', (config, message) => {
    expect(() => define(config)).toThrow(message);
  });

  it('may be left out, and be complete', () => {
    define({});
    define({ stateVersion: 1, migrate: {} });
    define(toV4);
  });
});
