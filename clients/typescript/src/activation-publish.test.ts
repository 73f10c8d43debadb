import { describe, expect, it } from 'vitest';
import { InvalidStepError } from './errors.js';
import { FakeExecution } from './fake-execution.js';
import { commandsOf, runOn, type TestHandler } from './fake-worker.js';

const progress: TestHandler = async (ctx) => {
  await ctx.step.publishWorkflowEvent('started', { data: { percent: 0 }, type: 'progress' });
  ctx.state.isHalfWay = await ctx.step.run('work', () => true);
  await Promise.all([
    ctx.step.publishWorkflowEvent('half', { data: { percent: 50 }, type: 'progress' }),
    ctx.step.run('more', () => 1),
  ]);
  await ctx.step.publishWorkflowEvent('bare', {});
  return 'done';
};

describe('a handler that publishes events', () => {
  it('does so in the commits of its other steps, and goes on with the answer', async () => {
    const execution = new FakeExecution();
    expect(await runOn(execution, progress)).toBe('closed');
    expect(execution.published).toEqual([
      { stepKey: 'started', type: 'progress', data: { percent: 0 } },
      { stepKey: 'half', type: 'progress', data: { percent: 50 } },
      { stepKey: 'bare', type: 'event', data: undefined },
    ]);
    expect(
      commandsOf(execution)
        .flat()
        .filter((name) => name === 'eventPublished'),
    ).toHaveLength(3);
  });

  it('publishes nothing again when it is replayed', async () => {
    const execution = new FakeExecution();
    let runs = 0;
    const failing: TestHandler = async (ctx) => {
      await ctx.step.publishWorkflowEvent('a', { data: 1 });
      await ctx.step.run('b', () => 2);
      runs += 1;
      if (runs === 1) throw new Error('again');
      return runs;
    };
    await runOn(execution, failing);
    expect(await runOn(execution, failing)).toBe('closed');
    expect(execution.published).toHaveLength(1);
    expect(execution.resultValue).toBe(2);
  });

  it('publishes what it does not wait for before its end', async () => {
    const execution = new FakeExecution();
    await runOn(execution, async (ctx) => {
      void ctx.step.publishWorkflowEvent('last', { data: 'bye' });
    });
    expect(execution.published).toEqual([{ stepKey: 'last', type: 'event', data: 'bye' }]);
  });

  it.each([[''], [7], ['x'.repeat(201)]])('is told that %j is no type', async (type) => {
    const execution = new FakeExecution();
    await runOn(execution, async (ctx) => {
      await expect(ctx.step.publishWorkflowEvent('e', { type: type as string })).rejects.toThrow(
        InvalidStepError,
      );
    });
    expect(execution.published).toEqual([]);
  });
});
