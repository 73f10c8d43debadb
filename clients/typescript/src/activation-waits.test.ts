import { describe, expect, it, vi } from 'vitest';
import { LeaseLostError } from './api-errors.js';
import { DuplicateStepKeyError, InvalidStepError, WorkflowCancelledError } from './errors.js';
import { FakeExecution } from './fake-execution.js';
import { activate, commandsOf, runOn, type TestHandler, until } from './fake-worker.js';
import { ExecutionStatus } from './gen/polos/v1/execution_pb.js';
import { StepStatus } from './gen/polos/v1/step_pb.js';

describe('a handler that waits for a time', () => {
  it('suspends in one commit, and goes on in memory when the time has come', async () => {
    const execution = new FakeExecution();
    let runs = 0;
    const handler: TestHandler = async (ctx) => {
      runs += 1;
      ctx.state.phase = 'waiting';
      const value: unknown = await ctx.step.waitFor('nap', { minutes: 1 });
      ctx.state.phase = 'done';
      return { value };
    };
    const activation = activate(execution, handler);
    expect(await activation.run()).toBe('suspended');
    expect(commandsOf(execution)).toEqual([['timerAwaited', 'stateChanged', 'executionSuspended']]);
    expect(execution.waits).toEqual([{ stepKey: 'nap', delayMs: 60_000 }]);
    expect(execution.status).toBe(ExecutionStatus.WAITING);
    execution.fireTimer('nap');
    const assignment = execution.assign();
    expect(activation.resume(assignment, assignment.steps)).toBe(true);
    expect(await activation.run()).toBe('closed');
    expect(commandsOf(execution).at(-1)).toEqual(['outcomeAccepted', 'stateChanged', 'executionCompleted']);
    expect({ runs, result: execution.resultValue }).toEqual({ runs: 1, result: {} });
  });

  it('waits until a date or a number of milliseconds', async () => {
    const execution = new FakeExecution();
    const time = Date.now() + 3_600_000;
    const end = await runOn(execution, (ctx) =>
      Promise.all([ctx.step.waitUntil('a', new Date(time)), ctx.step.waitUntil('b', time)]),
    );
    expect(end).toBe('suspended');
    expect(execution.waits).toEqual([
      { stepKey: 'a', fireTime: time },
      { stepKey: 'b', fireTime: time },
    ]);
  });

  it('rejects at once for a wait that cannot be, records nothing, and can go on', async () => {
    const execution = new FakeExecution();
    const errors: unknown[] = [];
    await runOn(execution, async (ctx) => {
      const note = (error: unknown) => void errors.push(error);
      await ctx.step.waitFor('w', { seconds: -1 }).catch(note);
      await ctx.step.waitUntil('w', new Date(0)).catch(note);
      await ctx.step.suspend('w', { timeout: 0 }).catch(note);
      return ctx.step.run('w', () => 'the key is free');
    });
    expect(errors).toHaveLength(3);
    for (const error of errors) expect(error).toBeInstanceOf(InvalidStepError);
    expect(execution.steps.map(({ key }) => key)).toEqual(['w']);
    expect(execution.resultValue).toBe('the key is free');
  });

  it('refuses a key twice, and a wait within the function of a step', async () => {
    const execution = new FakeExecution();
    const settled: PromiseSettledResult<unknown>[] = [];
    await runOn(execution, async (ctx) => {
      const first = ctx.step.waitFor('w', { seconds: 1 });
      settled.push(...(await Promise.allSettled([ctx.step.suspend('w')])));
      const inside = ctx.step.run('s', () => ctx.step.waitFor('x', { seconds: 1 }), { maxRetries: 0 });
      settled.push(...(await Promise.allSettled([inside])));
      return first;
    });
    const reasons = settled.map((result) => (result as PromiseRejectedResult).reason);
    expect(reasons[0]).toBeInstanceOf(DuplicateStepKeyError);
    expect(reasons[1].cause).toMatchObject({ type: 'InvalidStepError' });
    expect(execution.waits).toEqual([{ stepKey: 'w', delayMs: 1_000 }]);
  });
});

describe('a wait beside steps', () => {
  it('begins before the functions run, and holds the worker only as long as they do', async () => {
    const execution = new FakeExecution();
    const seen: number[] = [];
    const end = await runOn(execution, (ctx) =>
      Promise.all([
        ctx.step.run('a', () => void seen.push(execution.waits.length)),
        ctx.step.waitFor('w', { days: 1 }),
        ctx.step.run('b', () => void seen.push(execution.waits.length)),
      ]),
    );
    expect(end).toBe('suspended');
    expect(seen).toEqual([1, 1]);
    expect(commandsOf(execution)).toEqual([
      ['timerAwaited'],
      ['stepCompleted', 'stepCompleted', 'executionSuspended'],
    ]);
  });

  it('ends while a step is still running, when the server says so', async () => {
    const execution = new FakeExecution();
    let release = () => {};
    const log: string[] = [];
    const activation = activate(execution, async (ctx) => {
      const slow = ctx.step.run('slow', () => new Promise<void>((resolve) => (release = resolve)));
      await ctx.step.waitFor('w', { seconds: 1 });
      log.push('woken');
      await ctx.step.run('next', () => log.push('next'));
      await slow;
    });
    const running = activation.run();
    await until(() => execution.waits.length === 1);
    activation.bring([execution.fireTimer('w')]);
    await until(() => execution.commits.length === 3);
    release();
    expect(await running).toBe('closed');
    expect(commandsOf(execution)).toEqual([
      ['timerAwaited'],
      ['outcomeAccepted'],
      ['stepCompleted'],
      ['stepCompleted', 'executionCompleted'],
    ]);
  });

  it('keeps the lease when its time comes before the suspension is committed', async () => {
    const execution = new FakeExecution();
    execution.beforeCommit = ({ commands }) => {
      const suspends = commands.some(({ command }) => command.case === 'executionSuspended');
      if (suspends && execution.waits.length === 1) execution.fireTimer('w');
    };
    const end = await runOn(execution, async (ctx) => {
      const wait = ctx.step.waitFor('w', { seconds: 1 });
      await ctx.step.run('a', () => 1);
      await wait;
      return 'on time';
    });
    expect({ end, result: execution.resultValue }).toEqual({ end: 'closed', result: 'on time' });
  });

  it('suspends together with children, and is never seen by a catch or a finally', async () => {
    const execution = new FakeExecution();
    const log: string[] = [];
    const end = await runOn(execution, async (ctx) => {
      try {
        await Promise.allSettled([
          ctx.step.waitFor('w', { seconds: 1 }),
          ctx.step.suspend('s').catch(() => log.push('catch')),
          ctx.step.invokeAndWait('child', 'other').finally(() => log.push('finally')),
        ]);
        log.push('went on');
      } finally {
        log.push('finally');
      }
    });
    expect({ end, log }).toEqual({ end: 'suspended', log: [] });
    expect(commandsOf(execution)).toEqual([
      ['timerAwaited', 'resumeAwaited', 'childStarted', 'executionSuspended'],
    ]);
  });
});

describe('a race of a wait and a step', () => {
  /** Notes each run's winner in a step of its own, so that another winner on replay would be another step. */
  const racing =
    (winners: string[], work: () => Promise<unknown>): TestHandler =>
    async (ctx) => {
      const winner = await Promise.race([
        ctx.step.run('work', work).then(() => 'work'),
        ctx.step.waitFor('limit', { seconds: 1 }).then(() => 'limit'),
      ]);
      winners.push(winner);
      await ctx.step.run(`won by ${winner}`, () => true);
      if (winners.length === 1) throw new Error('again');
      return winner;
    };

  it('is won by the wait again on replay, although the step is done by then', async () => {
    const execution = new FakeExecution();
    const winners: string[] = [];
    let release = () => {};
    const handler = racing(winners, () => new Promise<void>((resolve) => (release = resolve)));
    const activation = activate(execution, handler);
    const running = activation.run();
    await until(() => execution.waits.length === 1);
    activation.bring([execution.fireTimer('limit')]);
    await until(() => winners.length === 1);
    release();
    await running;
    await runOn(execution, handler);
    expect(winners).toEqual(['limit', 'limit']);
    expect(execution.resultValue).toBe('limit');
  });

  it('is won by the step again on replay, although the time has come by then', async () => {
    const execution = new FakeExecution();
    const winners: string[] = [];
    const handler = racing(winners, async () => 1);
    await runOn(execution, handler);
    execution.fireTimer('limit');
    await runOn(execution, handler);
    expect(winners).toEqual(['work', 'work']);
    expect(execution.resultValue).toBe('work');
  });
});

describe('the replay of a wait', () => {
  const nap: TestHandler = async (ctx) => {
    ctx.state.log = ['before'];
    await ctx.step.waitFor('nap', { seconds: 5 });
    ctx.state.log.push('after');
    await ctx.step.run('a', () => 1);
    return ctx.state.log;
  };

  it.each([1, 2, 3].flatMap((crashAt) => (['before', 'after'] as const).map((when) => ({ when, crashAt }))))(
    'comes to the same end after a crash $when commit $crashAt',
    async ({ when, crashAt }) => {
      const execution = new FakeExecution();
      let commits = 0;
      const crash = (moment: 'before' | 'after') => {
        commits += moment === 'before' ? 1 : 0;
        if (moment === when && commits === crashAt) throw new LeaseLostError('crash');
      };
      execution.beforeCommit = () => crash('before');
      execution.afterCommit = () => crash('after');
      for (let life = 0; life < 5 && execution.status !== ExecutionStatus.COMPLETED; life++) {
        if (execution.steps[0]?.status === StepStatus.PENDING) execution.fireTimer('nap');
        await runOn(execution, nap);
      }
      expect(execution.resultValue).toEqual(['before', 'after']);
      expect(execution.waits).toHaveLength(1);
      const places = execution.steps.map(({ key, sequence }) => [key, sequence]);
      expect(places).toEqual([
        ['nap', 1n],
        ['a', 2n],
      ]);
    },
  );

  it('asks for no second timer while the first still runs', async () => {
    const execution = new FakeExecution();
    await runOn(execution, nap);
    // The worker is gone with its memory; the execution is given out before the time has come.
    expect(await runOn(execution, nap)).toBe('suspended');
    expect(execution.waits).toHaveLength(1);
    expect(commandsOf(execution).at(-1)).toEqual(['executionSuspended']);
  });

  it('does not look at the duration or the date of a recorded wait again', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 });
    try {
      const execution = new FakeExecution();
      const handler: TestHandler = async (ctx) => {
        await ctx.step.waitUntil('until', 1_005_000);
        await ctx.step.waitFor('rest', { seconds: (1_010_000 - Date.now()) / 1_000 });
        return 'done';
      };
      await runOn(execution, handler);
      execution.fireTimer('until');
      vi.setSystemTime(1_006_000);
      await runOn(execution, handler);
      execution.fireTimer('rest');
      vi.setSystemTime(9_000_000);
      await runOn(execution, handler);
      expect(execution.resultValue).toBe('done');
      expect(execution.waits).toEqual([
        { stepKey: 'until', fireTime: 1_005_000 },
        { stepKey: 'rest', delayMs: 4_000 },
      ]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('takes waitFor and waitUntil for the same, and reports any other kind at once', async () => {
    const execution = new FakeExecution();
    await runOn(execution, (ctx) => ctx.step.waitFor('w', { seconds: 1 }));
    expect(await runOn(execution, (ctx) => ctx.step.waitUntil('w', new Date(0)))).toBe('suspended');
    await runOn(execution, async (ctx) => {
      await ctx.step.suspend('w').catch(() => {});
      return 'went on';
    });
    expect(execution.failure).toMatchObject({ type: 'NonDeterminismError', retryable: false });
    expect(execution.failure?.message).toBe(
      'the record of step "w" is a step.waitFor or step.waitUntil, but the code asked for a step.suspend',
    );
  });

  it('reports a wait whose time came but that nobody asks for any more', async () => {
    const execution = new FakeExecution();
    await runOn(execution, (ctx) => ctx.step.waitFor('old', { seconds: 1 }));
    execution.fireTimer('old');
    await runOn(execution, (ctx) => ctx.step.waitFor('new', { seconds: 1 }));
    expect(execution.failure?.type).toBe('NonDeterminismError');
    expect(execution.failure?.message).toContain('"old"');
  });
});

describe('a cancelled execution', () => {
  it('rejects what it waits for beside a running step', async () => {
    const execution = new FakeExecution();
    let reason: unknown;
    const activation = activate(execution, async (ctx) => {
      const slow = ctx.step.run(
        'slow',
        ({ signal }) => new Promise((_, reject) => (signal.onabort = () => reject(signal.reason))),
      );
      await Promise.all([slow, ctx.step.waitFor('w', { days: 1 }), ctx.step.suspend('s')]).catch((error) => {
        reason = error;
        throw error;
      });
    });
    const running = activation.run();
    await until(() => execution.waits.length === 2);
    execution.cancelRequested = true;
    activation.cancel();
    expect(await running).toBe('closed');
    expect(reason).toBeInstanceOf(WorkflowCancelledError);
    expect(execution.status).toBe(ExecutionStatus.CANCELLED);
  });

  it('begins no wait any more', async () => {
    const execution = new FakeExecution();
    const activation = activate(execution, async (ctx) => {
      activation.cancel();
      await ctx.step.waitFor('w', { seconds: 1 });
    });
    execution.cancelRequested = true;
    expect(await activation.run()).toBe('closed');
    expect(execution.waits).toEqual([]);
    expect(execution.status).toBe(ExecutionStatus.CANCELLED);
  });
});
