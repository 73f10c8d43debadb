import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { InvalidStepError, StepTimeoutError, WorkflowCancelledError } from './errors.js';
import { FakeExecution } from './fake-execution.js';
import { activate, runOn, until } from './fake-worker.js';
import { ExecutionStatus } from './gen/polos/v1/execution_pb.js';
import type { StepAttempt } from './step.js';
import { makeAttempt } from './step-attempt.js';

const base = { key: 's', attempt: 1, timeout: undefined, heartbeatTimeout: undefined };
const never = new AbortController().signal;

/** Ends when its signal aborts, as a well-behaved function does. */
function untilAborted({ signal }: StepAttempt): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
}

describe('the limits of an attempt', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('leave it alone while each heartbeat comes in time', async () => {
    const options = { ...base, signal: never, heartbeatTimeout: 100 };
    let attempt: StepAttempt | undefined;
    let finish: (value: unknown) => void = () => {};
    const running = makeAttempt(options, (given) => {
      attempt = given;
      return new Promise((resolve) => {
        finish = resolve;
      });
    });
    for (let beat = 0; beat < 50; beat++) {
      vi.advanceTimersByTime(99);
      attempt?.heartbeat();
    }
    finish('done');
    expect(await running).toBe('done');
    expect(vi.getTimerCount()).toBe(0);
    expect(attempt?.signal.aborted).toBe(false);
  });

  it('end it once a heartbeat is missing: the error says so, the signal aborts, and heartbeat throws', async () => {
    let attempt: StepAttempt | undefined;
    const running = makeAttempt({ ...base, signal: never, heartbeatTimeout: 100 }, (given) => {
      attempt = given;
      return new Promise(() => {});
    });
    const error = running.catch((reason: unknown) => reason);
    vi.advanceTimersByTime(90);
    attempt?.heartbeat();
    vi.advanceTimersByTime(99);
    expect(attempt?.signal.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    const thrown = await error;
    expect(thrown).toBeInstanceOf(StepTimeoutError);
    expect(thrown).toMatchObject({
      message: 'an attempt of step "s" gave no heartbeat for 100 ms',
      retryable: true,
    });
    expect(attempt?.signal.reason).toBe(thrown);
    expect(attempt?.heartbeat).toThrow(thrown as Error);
    vi.advanceTimersByTime(1_000);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('are two: heartbeats do not put off the timeout, and its error is another', async () => {
    const options = { ...base, signal: never, timeout: 250, heartbeatTimeout: 100 };
    const running = makeAttempt(options, async ({ heartbeat }) => {
      for (;;) {
        await vi.advanceTimersByTimeAsync(50);
        heartbeat();
      }
    });
    await expect(running).rejects.toThrow('an attempt of step "s" took longer than 250 ms');
  });

  it('count from the attempt on, not from its first heartbeat', async () => {
    const running = makeAttempt({ ...base, signal: never, heartbeatTimeout: 0 }, untilAborted);
    const error = expect(running).rejects.toThrow('gave no heartbeat for 0 ms');
    vi.advanceTimersByTime(1);
    await error;
  });

  it('do not count for a function that has ended, whose late heartbeat is refused', async () => {
    let attempt: StepAttempt | undefined;
    const options = { ...base, signal: never, heartbeatTimeout: 100, timeout: 100 };
    await makeAttempt(options, async (given) => {
      attempt = given;
    });
    expect(vi.getTimerCount()).toBe(0);
    expect(attempt?.heartbeat).toThrow(InvalidStepError);
    vi.advanceTimersByTime(1_000);
    expect(attempt?.signal.aborted).toBe(false);
  });

  it.each([[undefined], [100]])(
    '(%s) let heartbeat say that the execution is cancelled',
    async (heartbeatTimeout) => {
      const outer = new AbortController();
      const cancelled = new WorkflowCancelledError('e');
      const running = makeAttempt(
        { ...base, signal: outer.signal, heartbeatTimeout },
        async ({ heartbeat }) => {
          heartbeat();
          outer.abort(cancelled);
          heartbeat();
        },
      );
      await expect(running).rejects.toBe(cancelled);
    },
  );
});

describe('a step with a heartbeat timeout', () => {
  it('is tried again after a silent attempt, of which nothing is left', async () => {
    const execution = new FakeExecution();
    const signals: AbortSignal[] = [];
    const late: Promise<unknown>[] = [];
    await runOn(execution, (ctx) =>
      ctx.step.run(
        'export',
        async ({ attempt, signal, heartbeat }) => {
          signals.push(signal);
          ctx.state.by = attempt;
          heartbeat();
          if (attempt > 1) return `attempt ${attempt}`;
          // Ignores its signal, and goes on beside the next attempt.
          const rest = new Promise((resolve) => setTimeout(resolve, 60)).then(() => {
            ctx.state.by = 'too late';
            heartbeat();
          });
          late.push(rest.catch((error: Error) => error.message));
          await rest;
          return 'too late';
        },
        { heartbeatTimeout: 20, baseDelay: 0 },
      ),
    );
    expect(execution.resultValue).toBe('attempt 2');
    expect(execution.state).toEqual({ by: 2 });
    const message = 'an attempt of step "export" gave no heartbeat for 20 ms';
    const [first, second] = execution.steps[0]!.attempts;
    expect(first?.failure).toMatchObject({ type: 'StepTimeoutError', message });
    expect(second?.failure).toBeUndefined();
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
    expect(await late[0]).toBe(message);
  });

  it('fails for good after its last attempt, with the same error on replay', async () => {
    const execution = new FakeExecution();
    const said: string[] = [];
    let calls = 0;
    for (let run = 1; run <= 2; run++) {
      await runOn(execution, async (ctx) => {
        const options = { heartbeatTimeout: 1, maxRetries: 1, baseDelay: 0 };
        const silent = () => {
          calls += 1;
          return new Promise(() => {});
        };
        await ctx.step.run('hangs', silent, options).catch(({ message, cause }) => {
          said.push(`${message} (${cause.type})`);
        });
        if (run === 1) throw new Error('again');
      });
    }
    const message = 'an attempt of step "hangs" gave no heartbeat for 1 ms (StepTimeoutError)';
    expect(said).toEqual(Array(2).fill(`step "hangs" failed after 2 attempts: ${message}`));
    expect(calls).toBe(2);
  });

  it('is not tried again where a timeout is non-retryable', async () => {
    const execution = new FakeExecution();
    const options = { heartbeatTimeout: 1, nonRetryable: [StepTimeoutError] };
    await runOn(execution, (ctx) => ctx.step.run('hangs', untilAborted, options));
    expect(execution.steps[0]!.attempts).toHaveLength(1);
    expect(execution.status).toBe(ExecutionStatus.FAILED);
  });

  it('ends with the execution when that is cancelled, although it only gives heartbeats', async () => {
    const execution = new FakeExecution();
    let beats = 0;
    const activation = activate(execution, (ctx) =>
      ctx.step.run(
        'loop',
        async ({ heartbeat }) => {
          for (;;) {
            heartbeat();
            beats += 1;
            await new Promise((resolve) => setImmediate(resolve));
          }
        },
        { heartbeatTimeout: 1_000 },
      ),
    );
    const end = activation.run();
    await until(() => beats > 3);
    execution.cancelRequested = true;
    activation.cancel();
    await end;
    expect(execution.status).toBe(ExecutionStatus.CANCELLED);
    expect(execution.steps[0]?.attempts).toHaveLength(1);
  });

  it.each([[-1], [Number.NaN], [2 ** 31], ['10' as never], [null as never]])(
    'cannot have one of %s',
    async (heartbeatTimeout) => {
      const execution = new FakeExecution();
      await runOn(execution, (ctx) => ctx.step.run('s', () => 1, { heartbeatTimeout }));
      expect(execution.failure).toMatchObject({ type: 'InvalidStepError', retryable: false });
      expect(execution.failure?.message).toContain('heartbeatTimeout must be milliseconds');
      expect(execution.steps).toEqual([]);
    },
  );
});
