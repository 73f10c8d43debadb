import { describe, expect, it } from 'vitest';
import { PolosClient } from './client.js';
import { StepExecutionError } from './errors.js';
import { FakeExecution } from './fake-execution.js';
import { activate, commandsOf, runOn, type TestHandler, until } from './fake-worker.js';
import { ExecutionStatus } from './gen/polos/v1/execution_pb.js';
import { defineWorkflow } from './workflow.js';

describe('an activation', () => {
  it('commits each step, and the last one together with the end', async () => {
    const execution = new FakeExecution({ a: 1 }, { n: 1 });
    const end = await runOn(execution, async (ctx, input) => {
      ctx.state.started = true;
      const first = await ctx.step.run('one', () => input.a + 1);
      ctx.state.n += first;
      const second = await ctx.step.run('two', async () => ({ deep: [first] }));
      return second;
    });
    expect(end).toBe('closed');
    expect(execution.resultValue).toEqual({ deep: [2] });
    expect(execution.state).toEqual({ n: 3, started: true });
    expect(commandsOf(execution)).toEqual([
      ['stepCompleted', 'stateChanged'],
      ['stepCompleted', 'executionCompleted'],
    ]);
    expect(execution.revisions).toHaveLength(2);
  });

  it('completes a handler without steps in one commit', async () => {
    const execution = new FakeExecution();
    await runOn(execution, (ctx) => {
      ctx.state = { a: { b: null } };
    });
    expect(commandsOf(execution)).toEqual([['stateChanged', 'executionCompleted']]);
    expect(execution.result).toBeUndefined();
    expect(execution.state).toEqual({ a: { b: null } });
  });

  it('never starts a function before the commit before it is acknowledged', async () => {
    const execution = new FakeExecution();
    const log: string[] = [];
    execution.beforeCommit = async () => {
      log.push('commit');
      await new Promise((resolve) => setTimeout(resolve, 5));
    };
    execution.afterCommit = () => void log.push('done');
    await runOn(execution, async (ctx) => {
      await ctx.step.run('a', () => void log.push('a'));
      await Promise.all([
        ctx.step.run('b', () => void log.push('b')),
        ctx.step.run('c', () => void log.push('c')),
      ]);
    });
    expect(log).toEqual(['a', 'commit', 'done', 'b', 'c', 'commit', 'done']);
  });

  it('keeps what a failed step threw, live and on replay alike', async () => {
    const execution = new FakeExecution();
    const seen: unknown[] = [];
    let calls = 0;
    const handler: TestHandler = async (ctx) => {
      try {
        await ctx.step.run(
          'bad',
          () => {
            calls += 1;
            throw new RangeError('too far');
          },
          { maxRetries: 1, baseDelay: 1 },
        );
      } catch (error) {
        seen.push(error);
      }
      if (seen.length === 1) throw new Error('again');
      return 'done';
    };
    await runOn(execution, handler);
    expect(execution.status).toBe(ExecutionStatus.QUEUED);
    await runOn(execution, handler);
    expect(execution.resultValue).toBe('done');
    expect(calls).toBe(2);
    const [live, replayed] = seen as StepExecutionError[];
    expect(live).toBeInstanceOf(StepExecutionError);
    expect(replayed).toBeInstanceOf(StepExecutionError);
    for (const error of [live!, replayed!]) {
      expect(error.message).toBe('step "bad" failed after 2 attempts: too far');
      expect(error.attempts).toBe(2);
      expect(error.cause.type).toBe('RangeError');
      expect(error.cause.message).toBe('too far');
    }
  });

  it('replays results exactly', async () => {
    const values = [0, false, '', null, undefined, [], {}, { a: [null] }, -1.5, 'ü'];
    const execution = new FakeExecution();
    const rounds: unknown[][] = [];
    const handler: TestHandler = async (ctx) => {
      const round: unknown[] = [];
      rounds.push(round);
      for (const [index, value] of values.entries()) round.push(await ctx.step.run(`s${index}`, () => value));
      if (rounds.length === 1) throw new Error('again');
    };
    await runOn(execution, handler);
    await runOn(execution, handler);
    expect(rounds).toEqual([values, values]);
    expect(execution.steps).toHaveLength(values.length);
  });

  it('ends for good when a key is used twice', async () => {
    const execution = new FakeExecution();
    await runOn(execution, async (ctx) => {
      await ctx.step.run('same', () => 1);
      await ctx.step.run('same', () => 2);
    });
    expect(execution.status).toBe(ExecutionStatus.FAILED);
    expect(execution.failure?.type).toBe('DuplicateStepKeyError');
    expect(execution.failure?.message).toContain('"same"');
  });

  it('cancels what the code waits for and saves the state', async () => {
    const execution = new FakeExecution();
    let aborted = false;
    const activation = activate(execution, async (ctx) => {
      ctx.state.begun = true;
      await ctx.step.run('a', () => 1);
      try {
        await ctx.step.run(
          'long',
          ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve)),
        );
      } catch (error) {
        aborted = ctx.signal.aborted;
        ctx.state.ended = (error as Error).name;
        throw error;
      }
    });
    execution.afterCommit = () => {
      execution.cancelRequested = true;
      setTimeout(() => activation.cancel(), 5);
    };
    expect(await activation.run()).toBe('closed');
    expect(aborted).toBe(true);
    expect(execution.status).toBe(ExecutionStatus.CANCELLED);
    expect(execution.state).toEqual({ begun: true, ended: 'WorkflowCancelledError' });
  });

  it('refuses to start executions past the record, and says what to use instead', async () => {
    const execution = new FakeExecution();
    const client = new PolosClient();
    const other = defineWorkflow({ id: 'other' }, () => 1, { autoRegister: false });
    const said: string[] = [];
    await runOn(execution, async (ctx) => {
      const note = (error: Error) => void said.push(error.message);
      await client.invoke(other).catch(note);
      await other.run(client).catch(note);
      await ctx.step.run('a', () => other.start(client).then(() => 1, note));
    });
    expect(said).toHaveLength(3);
    for (const message of said) expect(message).toContain('ctx.step.invoke');
  });

  it('refuses steps within the function of a step', async () => {
    const execution = new FakeExecution();
    await runOn(execution, (ctx) => ctx.step.run('outer', () => ctx.step.run('inner', () => 1)));
    expect(execution.failure?.cause).toMatchObject({ type: 'InvalidStepError' });
    expect(execution.steps.map(({ attempts }) => attempts.length)).toEqual([1]);
  });

  it('tries a step again only while its lease is surely held', async () => {
    const execution = new FakeExecution();
    let calls = 0;
    const fail = () => {
      calls += 1;
      throw new Error('not yet');
    };
    // The delay, 750 ms at least, is longer than the two thirds of a lease of a second for which it is surely held.
    const policy = { maxRetries: 9, baseDelay: 1_000, maxDelay: 1_000 };
    const activation = activate(execution, (ctx) => ctx.step.run('a', fail, policy));
    const end = activation.run();
    await new Promise((resolve) => setTimeout(resolve, 1_600));
    expect(calls).toBe(1);
    activation.confirm(performance.now());
    await until(() => calls === 2);
    await new Promise((resolve) => setTimeout(resolve, 1_600));
    activation.drop();
    expect(await end).toBe('dropped');
    await activation.whenStill();
    expect(calls).toBe(2);
  });

  it('commits nothing more once the lease is lost', async () => {
    const execution = new FakeExecution();
    const activation = activate(execution, async (ctx) => {
      await ctx.step.run('a', () => activation.drop());
    });
    expect(await activation.run()).toBe('dropped');
    expect(execution.commits).toHaveLength(0);
  });
});
