import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { StateConflictError } from './errors.js';
import { FakeExecution } from './fake-execution.js';
import { runOn, type TestHandler } from './fake-worker.js';
import { ExecutionStatus } from './gen/polos/v1/execution_pb.js';

function nested(levels: number): unknown {
  return levels === 0 ? 1 : [nested(levels - 1)];
}

function increment(state: Record<string, number>): void {
  state.n = (state.n ?? 0) + 1;
}

describe('the state of an activation', () => {
  it('makes the changes of a step function part of the step', async () => {
    const execution = new FakeExecution();
    let tries = 0;
    await runOn(execution, async (ctx) => {
      ctx.state.log = ['start'];
      await ctx.step.run(
        'a',
        () => {
          tries += 1;
          ctx.state.log.push(`try ${tries}`);
          if (tries === 1) throw new Error('once');
        },
        { baseDelay: 1 },
      );
    });
    expect(execution.state).toEqual({ log: ['start', 'try 2'] });
  });

  it('merges appends of parallel steps and refuses conflicting changes', async () => {
    const execution = new FakeExecution();
    let conflict: unknown;
    await runOn(execution, async (ctx) => {
      ctx.state.log = [];
      ctx.state.n = 0;
      await Promise.all([
        ctx.step.run('a', () => void ctx.state.log.push('a')),
        ctx.step.run('b', () => void ctx.state.log.push('b')),
      ]);
      const settled = await Promise.allSettled([
        ctx.step.run('c', () => increment(ctx.state)),
        ctx.step.run('d', () => increment(ctx.state)),
      ]);
      conflict = settled.find(({ status }) => status === 'rejected');
    });
    expect(execution.state).toEqual({ log: ['a', 'b'], n: 1 });
    const { reason } = conflict as PromiseRejectedResult;
    expect(reason).toBeInstanceOf(StateConflictError);
    expect(reason.path).toBe('/n');
  });

  it('fails for good with the last valid state when the state breaks its schema', async () => {
    const execution = new FakeExecution();
    const stateSchema = z.object({ n: z.number().default(0) });
    await runOn(
      execution,
      async (ctx) => {
        ctx.state.n = 1;
        await ctx.step.run('a', () => 1);
        await ctx.step.run('b', () => 1);
        ctx.state.n = 'two';
        await ctx.step.run('c', () => 1);
      },
      { stateSchema },
    );
    expect(execution.status).toBe(ExecutionStatus.FAILED);
    expect(execution.failure?.type).toBe('StateValidationError');
    expect(execution.failure?.message).toContain('/n');
    expect(execution.state).toEqual({ n: 1 });
  });

  it('refuses an initial state before the handler runs', async () => {
    const execution = new FakeExecution(undefined, { n: 'x' });
    let ran = false;
    await runOn(
      execution,
      () => {
        ran = true;
      },
      { stateSchema: z.object({ n: z.number() }) },
    );
    expect(ran).toBe(false);
    expect(execution.failure?.type).toBe('StateValidationError');
    expect(execution.failure?.retryable).toBe(false);
  });

  it.each([
    ['a Date', () => new Date(0), '/x'],
    ['NaN', () => Number.NaN, '/x'],
    ['a Map', () => new Map(), '/x'],
  ])('never hangs when the state holds %s', async (_, make, path) => {
    const execution = new FakeExecution();
    await runOn(execution, (ctx) => {
      ctx.state.x = make();
    });
    expect(execution.status).toBe(ExecutionStatus.FAILED);
    expect(execution.failure?.type).toBe('StateValidationError');
    expect(execution.failure?.message).toContain(path);
  });

  it.each([
    ['holds a Date', (state) => (state.x = [new Date(0)]), '/x/0'],
    ['is nested too deep', (state) => (state.x = nested(64)), '/x/'],
    ['is no object', () => 5, ''],
  ] satisfies [string, (state: Record<string, unknown>) => unknown, string][])(
    'fails for good when the state %s after a step function, whatever the handler catches',
    async (_, change, path) => {
      const execution = new FakeExecution();
      let calls = 0;
      await runOn(execution, async (ctx) => {
        ctx.state.n = 1;
        await ctx.step.run('kept', () => 1);
        const broken = ctx.step.run('broken', () => {
          calls += 1;
          const whole = change(ctx.state);
          if (whole === 5) ctx.state = whole as never;
        });
        await broken.catch(() => ctx.step.run('caught', () => 1));
      });
      expect([execution.status, calls]).toEqual([ExecutionStatus.FAILED, 1]);
      expect(execution.failure?.type).toBe('StateValidationError');
      expect(execution.failure?.message).toContain(path);
      expect(execution.steps.map(({ key }) => key)).toEqual(['kept']);
      expect(execution.state).toEqual({ n: 1 });
    },
  );

  it('fails with a StateSizeError when the state grows too large', async () => {
    const execution = new FakeExecution();
    await runOn(execution, async (ctx) => {
      ctx.state.text = 'x'.repeat(1_000_000);
      await ctx.step.run('a', () => 1);
      await ctx.step.run('b', () => 1);
      ctx.state.more = 'ü'.repeat(30_000);
      await ctx.step.run('c', () => 1);
    });
    expect(execution.failure?.type).toBe('StateSizeError');
    expect(execution.steps.map(({ key }) => key)).toEqual(['a', 'b']);
    expect(Object.keys(execution.state)).toEqual(['text']);
  });

  it('records no step without its change of the state, where that cannot be saved', async () => {
    const execution = new FakeExecution();
    await runOn(execution, async (ctx) => {
      ctx.state.text = 'x'.repeat(1_000_000);
      await ctx.step.run('a', () => 1);
      await Promise.all([
        ctx.step.run('b', () => 1),
        ctx.step.run('c', () => {
          ctx.state.more = 'x'.repeat(50_000);
        }),
        ctx.step.run('d', () => 1),
      ]);
    });
    expect(execution.failure?.type).toBe('StateSizeError');
    expect(execution.steps.map(({ key }) => key)).toEqual(['a', 'b']);
    expect(Object.keys(execution.state)).toEqual(['text']);
  });

  it('tries such a step again with the handler, if what fails is the handler', async () => {
    const execution = new FakeExecution();
    let calls = 0;
    const handler: TestHandler = async (ctx) => {
      await ctx.step.run('a', () => {
        calls += 1;
        ctx.state.calls = calls;
      });
      if (calls > 1) return;
      ctx.state.bad = Number.NaN;
      throw new Error('once');
    };
    await runOn(execution, handler);
    expect([execution.steps, execution.state]).toEqual([[], {}]);
    await runOn(execution, handler);
    expect(execution.status).toBe(ExecutionStatus.COMPLETED);
    expect(execution.state).toEqual({ calls: 2 });
  });
});
