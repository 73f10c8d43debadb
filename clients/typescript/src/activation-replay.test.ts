import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { LeaseLostError } from './api-errors.js';
import { FakeExecution } from './fake-execution.js';
import { runOn, type TestHandler } from './fake-worker.js';
import { ExecutionStatus } from './gen/polos/v1/execution_pb.js';

describe('a replay', () => {
  it('reports a step that the code no longer asks for', async () => {
    const execution = new FakeExecution();
    await runOn(execution, async (ctx) => {
      await ctx.step.run('old', () => 1);
      throw new Error('again');
    });
    await runOn(execution, async (ctx) => {
      await ctx.step.run('new', () => 1);
    });
    expect(execution.failure?.type).toBe('NonDeterminismError');
    expect(execution.failure?.message).toContain('"old"');
    expect(execution.status).toBe(ExecutionStatus.FAILED);
  });

  it('reports a step that the code passes over for one that is recorded after it', async () => {
    const execution = new FakeExecution();
    await runOn(execution, async (ctx) => {
      for (const key of ['a', 'b', 'c']) await ctx.step.run(key, () => 1);
      throw new Error('again');
    });
    await runOn(execution, async (ctx) => {
      await ctx.step.run('a', () => 1);
      await ctx.step.run('c', () => 1);
    });
    expect(execution.failure?.type).toBe('NonDeterminismError');
    expect(execution.failure?.message).toContain('"b"');
  });

  it('reports a state that the replay does not come to', async () => {
    const execution = new FakeExecution();
    const handler =
      (value: number): TestHandler =>
      async (ctx) => {
        ctx.state.n = value;
        await ctx.step.run('a', () => 1);
        await ctx.step.run('b', () => 1);
      };
    execution.beforeCommit = () => {
      if (execution.commits.length === 1) throw new Error('crash');
    };
    await runOn(execution, handler(1));
    execution.beforeCommit = () => {};
    await runOn(execution, handler(2));
    expect(execution.failure?.type).toBe('NonDeterminismError');
    expect(execution.failure?.message).toContain('/n');
  });

  it('does not compare the state after an attempt of the handler failed', async () => {
    const execution = new FakeExecution();
    let attempt = 0;
    const handler: TestHandler = async (ctx) => {
      attempt += 1;
      await ctx.step.run('a', () => 1);
      ctx.state.attempt = attempt;
      if (attempt === 1) throw new Error('own trouble');
      await ctx.step.run('b', () => 1);
    };
    await runOn(execution, handler);
    expect(execution.state).toEqual({ attempt: 1 });
    await runOn(execution, handler);
    expect(execution.status).toBe(ExecutionStatus.COMPLETED);
    expect(execution.state).toEqual({ attempt: 2 });
  });

  it('reports a step that is of another kind now, at once', async () => {
    const execution = new FakeExecution();
    await runOn(execution, async (ctx) => {
      await ctx.step.run('x', () => 1);
      throw new Error('again');
    });
    await runOn(execution, async (ctx) => {
      // Code that catches everything must not get past it.
      await ctx.step.uuid('x').catch(() => {});
      return 'went on';
    });
    expect(execution.failure?.type).toBe('NonDeterminismError');
    expect(execution.failure?.message).toContain('step.run');
    expect(execution.failure?.message).toContain('step.uuid');
  });

  it('reports a handler that ends before the record does', async () => {
    const execution = new FakeExecution();
    await runOn(execution, async (ctx) => {
      await ctx.step.run('a', () => 1);
      await ctx.step.run('b', () => 1);
      throw new Error('again');
    });
    await runOn(execution, async (ctx) => ctx.step.run('a', () => 1));
    expect(execution.failure).toMatchObject({ type: 'NonDeterminismError', retryable: false });
    expect(execution.failure?.message).toContain('"b"');
  });

  it('reports a child whose outcome nobody asks for any more', async () => {
    const execution = new FakeExecution();
    await runOn(execution, async (ctx) => ctx.step.invokeAndWait('old', 'child'));
    execution.finishChild('old', { result: 1 });
    await runOn(execution, async (ctx) => ctx.step.invokeAndWait('new', 'child'));
    expect(execution.failure?.type).toBe('NonDeterminismError');
    expect(execution.failure?.message).toContain('"old"');
  });

  it('waits for code that does I/O of its own between steps', async () => {
    const execution = new FakeExecution();
    let runs = 0;
    const handler: TestHandler = async (ctx) => {
      runs += 1;
      for (const key of ['a', 'b']) {
        await new Promise((resolve) => setTimeout(resolve, 80));
        ctx.state[key] = await ctx.step.run(key, () => key);
      }
      if (runs === 1) throw new Error('again');
    };
    await runOn(execution, handler);
    await runOn(execution, handler);
    expect(execution.status).toBe(ExecutionStatus.COMPLETED);
    expect(execution.state).toEqual({ a: 'a', b: 'b' });
  });

  it('delivers outcomes in the recorded order, whichever step is faster this time', async () => {
    const execution = new FakeExecution();
    const winners: string[] = [];
    const handler: TestHandler = async (ctx) => {
      const slow = winners.length === 0 ? 0 : 30;
      const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
      const winner = await Promise.race([
        ctx.step.run('a', () => wait(20).then(() => 'a')),
        ctx.step.run('b', () => wait(slow).then(() => 'b')),
      ]);
      winners.push(winner);
      await ctx.step.run('end', () => winner);
      if (winners.length === 1) throw new Error('again');
      return winner;
    };
    await runOn(execution, handler);
    await runOn(execution, handler);
    expect(winners).toEqual(['b', 'b']);
    expect(execution.resultValue).toBe('b');
  });

  it('accepts a schema that has more defaults than the recorded state', async () => {
    const execution = new FakeExecution();
    const handler: TestHandler = async (ctx) => {
      ctx.state.n = 1;
      await ctx.step.run('a', () => 1);
      await ctx.step.run('b', () => 1);
    };
    execution.beforeCommit = () => {
      if (execution.commits.length === 1) throw new LeaseLostError('crash');
    };
    await runOn(execution, handler, { stateSchema: z.object({ n: z.number().default(0) }) });
    execution.beforeCommit = () => {};
    const stateSchema = z.object({ n: z.number().default(0), added: z.string().default('new') });
    await runOn(execution, handler, { stateSchema });
    expect(execution.status).toBe(ExecutionStatus.COMPLETED);
    expect(execution.state).toEqual({ n: 1, added: 'new' });
  });
});
