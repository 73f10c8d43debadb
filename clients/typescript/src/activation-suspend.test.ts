import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { StepExecutionError, WaitTimeoutError } from './errors.js';
import { FakeExecution } from './fake-execution.js';
import { activate, commandsOf, runOn, type TestHandler, until } from './fake-worker.js';
import { ExecutionStatus } from './gen/polos/v1/execution_pb.js';
import { FailureSchema } from './gen/polos/v1/failure_pb.js';

const approval: TestHandler = async (ctx) => {
  const decision = await ctx.step.suspend<{ ok: boolean }>('approval', { data: { total: 5 }, timeout: 60 });
  ctx.state.decision = decision;
  return decision;
};

describe('a handler that waits to be resumed', () => {
  it('suspends, and gets what it was resumed with', async () => {
    const execution = new FakeExecution();
    const activation = activate(execution, approval);
    expect(await activation.run()).toBe('suspended');
    expect(commandsOf(execution)).toEqual([['resumeAwaited', 'executionSuspended']]);
    expect(execution.waits).toEqual([{ stepKey: 'approval', data: { total: 5 }, timeoutMs: 60_000 }]);
    execution.resume('approval', { ok: true });
    const assignment = execution.assign();
    expect(activation.resume(assignment, assignment.steps)).toBe(true);
    expect(await activation.run()).toBe('closed');
    expect(execution.resultValue).toEqual({ ok: true });
    expect(commandsOf(execution).at(-1)).toEqual(['outcomeAccepted', 'stateChanged', 'executionCompleted']);
  });

  it('goes on without a pause when it was resumed before it waited', async () => {
    const execution = new FakeExecution();
    execution.resume('approval', { ok: false });
    expect(await runOn(execution, approval)).toBe('closed');
    expect(execution.resultValue).toEqual({ ok: false });
    expect(commandsOf(execution)).toEqual([
      ['resumeAwaited', 'executionSuspended'],
      ['outcomeAccepted', 'stateChanged', 'executionCompleted'],
    ]);
  });

  it.each([[0], [false], [''], [null], [undefined], [[]]])(
    'gets %j exactly as it was given, live and on replay',
    async (data) => {
      const execution = new FakeExecution();
      const seen: unknown[] = [];
      const handler: TestHandler = async (ctx) => {
        seen.push(await ctx.step.suspend('s'));
        await ctx.step.run('a', () => 1);
        if (seen.length === 1) throw new Error('again');
      };
      execution.resume('s', data);
      await runOn(execution, handler);
      await runOn(execution, handler);
      expect(seen).toEqual([data, data]);
    },
  );

  it('is resumed while another step runs', async () => {
    const execution = new FakeExecution();
    let release: (() => void) | undefined;
    const activation = activate(execution, (ctx) =>
      Promise.all([
        ctx.step.suspend('s').then((value) => {
          release?.();
          return value;
        }),
        ctx.step.run('slow', () => new Promise((resolve) => (release = () => resolve('done')))),
      ]),
    );
    const running = activation.run();
    await until(() => release !== undefined);
    const record = execution.resume('s', 'go');
    // Notices are repeated until the worker has accepted the outcome.
    activation.bring([record!]);
    activation.bring([record!]);
    expect(await running).toBe('closed');
    expect(execution.resultValue).toEqual(['go', 'done']);
    expect(commandsOf(execution).flat()).toEqual([
      'resumeAwaited',
      'outcomeAccepted',
      'stepCompleted',
      'executionCompleted',
    ]);
  });
});

describe('a handler that nobody resumes in time', () => {
  /** Ends with what it caught, after a replay of it. */
  const patient =
    (caught: unknown[]): TestHandler =>
    async (ctx) => {
      const error = await ctx.step.suspend('s', { timeout: 1 }).catch((reason) => reason);
      caught.push(error);
      await ctx.step.run('a', () => 1);
      if (caught.length === 1) throw new Error('again');
    };

  it('catches a WaitTimeoutError with the step, live and on replay', async () => {
    const execution = new FakeExecution();
    const caught: unknown[] = [];
    const activation = activate(execution, patient(caught));
    await activation.run();
    execution.expire('s');
    const assignment = execution.assign();
    expect(activation.resume(assignment, assignment.steps)).toBe(true);
    await activation.run();
    await runOn(execution, patient(caught));
    expect(execution.status).toBe(ExecutionStatus.COMPLETED);
    expect(caught).toHaveLength(2);
    for (const error of caught) {
      expect(error).toBeInstanceOf(WaitTimeoutError);
      expect(error).toBeInstanceOf(StepExecutionError);
      expect(error).toMatchObject({ name: 'WaitTimeoutError', stepKey: 's', attempts: 0, retryable: false });
    }
    expect(String(caught[0])).toBe(String(caught[1]));
  });

  it('fails for good if it does not catch it', async () => {
    const execution = new FakeExecution();
    await runOn(execution, approval);
    execution.expire('approval');
    await runOn(execution, approval);
    expect(execution.status).toBe(ExecutionStatus.FAILED);
    expect(execution.failure).toMatchObject({
      type: 'WaitTimeoutError',
      stepKey: 'approval',
      retryable: false,
    });
  });

  it('does not take the timeout of a child for its own', async () => {
    const execution = new FakeExecution();
    let caught: unknown;
    const handler: TestHandler = async (ctx) => {
      caught = await ctx.step.invokeAndWait('child', 'other').catch((error) => error);
    };
    await runOn(execution, handler);
    const failure = create(FailureSchema, { type: 'WaitTimeoutError', message: 'in the child' });
    execution.finishChild('child', { failure });
    await runOn(execution, handler);
    expect(caught).toBeInstanceOf(StepExecutionError);
    expect(caught).not.toBeInstanceOf(WaitTimeoutError);
    expect(caught).toMatchObject({ stepKey: 'child', cause: { type: 'WaitTimeoutError' } });
  });

  it('lets a race of an approval and a wait be decided by whichever came first, on replay too', async () => {
    const execution = new FakeExecution();
    const winners: unknown[] = [];
    const handler: TestHandler = async (ctx) => {
      const winner = await Promise.race([
        ctx.step.suspend('s'),
        ctx.step.waitFor('w', { seconds: 1 }).then(() => 'late'),
      ]);
      winners.push(winner);
      await ctx.step.run(`after ${winner}`, () => 1);
      if (winners.length === 1) throw new Error('again');
    };
    await runOn(execution, handler);
    execution.fireTimer('w');
    execution.afterCommit = () => {
      execution.afterCommit = () => {};
      execution.resume('s', 'approved');
    };
    await runOn(execution, handler);
    await runOn(execution, handler);
    expect(winners).toEqual(['late', 'late']);
    expect(execution.status).toBe(ExecutionStatus.COMPLETED);
  });
});
