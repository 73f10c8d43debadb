import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Activation, type ActivationEnd } from './activation.js';
import { StateConflictError, StepExecutionError } from './errors.js';
import { FakeExecution } from './fake-execution.js';
import { ExecutionStatus } from './gen/polos/v1/execution_pb.js';
import { FailureSchema } from './gen/polos/v1/failure_pb.js';
import { createLogger } from './logger.js';
import { defineWorkflow, type WorkflowConfig, type WorkflowHandler } from './workflow.js';

type AnyState = Record<string, any>;
type Handler = WorkflowHandler<any, AnyState, unknown>;

function activate(
  execution: FakeExecution,
  handler: Handler,
  config: Partial<WorkflowConfig<any, any, any>> = {},
): Activation {
  const workflow = defineWorkflow({ id: 'fake', ...config }, handler, { autoRegister: false });
  const assignment = execution.assign();
  return new Activation({
    workflow,
    assignment,
    steps: assignment.steps,
    port: execution,
    logger: createLogger('silent'),
    leaseMs: 1_000,
    graceMs: 50,
  });
}

function run(execution: FakeExecution, handler: Handler, config = {}): Promise<ActivationEnd> {
  return activate(execution, handler, config).run();
}

const commandsOf = (execution: FakeExecution) =>
  execution.commits.map(({ commands }) => commands.map(({ command }) => command.case));

describe('an activation', () => {
  it('commits each step, and the last one together with the end', async () => {
    const execution = new FakeExecution({ a: 1 }, { n: 1 });
    const end = await run(execution, async (ctx, input) => {
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
    await run(execution, (ctx) => {
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
    await run(execution, async (ctx) => {
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
    const handler: Handler = async (ctx) => {
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
    await run(execution, handler);
    expect(execution.status).toBe(ExecutionStatus.QUEUED);
    await run(execution, handler);
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
    const handler: Handler = async (ctx) => {
      const round: unknown[] = [];
      rounds.push(round);
      for (const [index, value] of values.entries()) round.push(await ctx.step.run(`s${index}`, () => value));
      if (rounds.length === 1) throw new Error('again');
    };
    await run(execution, handler);
    await run(execution, handler);
    expect(rounds).toEqual([values, values]);
    expect(execution.steps).toHaveLength(values.length);
  });

  it('ends for good when a key is used twice', async () => {
    const execution = new FakeExecution();
    await run(execution, async (ctx) => {
      await ctx.step.run('same', () => 1);
      await ctx.step.run('same', () => 2);
    });
    expect(execution.status).toBe(ExecutionStatus.FAILED);
    expect(execution.failure?.type).toBe('DuplicateStepKeyError');
    expect(execution.failure?.message).toContain('"same"');
  });

  it('suspends on a child and goes on in memory', async () => {
    const execution = new FakeExecution();
    let runs = 0;
    const handler: Handler = async (ctx) => {
      runs += 1;
      ctx.state.before = true;
      const a = await ctx.step.run('a', () => 1);
      const b = await ctx.step.invokeAndWait<number>('child', 'other', { payload: { a }, initialState: { s: 1 } });
      return a + b;
    };
    const activation = activate(execution, handler);
    expect(await activation.run()).toBe('suspended');
    expect(commandsOf(execution).at(-1)).toEqual([
      'stepCompleted',
      'childStarted',
      'stateChanged',
      'executionSuspended',
    ]);
    expect(execution.children).toEqual([
      { stepKey: 'child', workflowId: 'other', payload: { a: 1 }, initialState: { s: 1 }, wait: true },
    ]);
    execution.finishChild('child', { result: 41 });
    const assignment = execution.assign();
    expect(activation.resume(assignment, assignment.steps)).toBe(true);
    expect(await activation.run()).toBe('closed');
    expect(execution.resultValue).toBe(42);
    expect(runs).toBe(1);
    expect(commandsOf(execution).at(-1)).toEqual(['outcomeAccepted', 'executionCompleted']);
  });

  it('goes on at once when the child is final before the suspension is committed', async () => {
    const execution = new FakeExecution();
    execution.beforeCommit = ({ commands }) => {
      if (commands.some(({ command }) => command.case === 'executionSuspended') && execution.children.length === 1) {
        execution.finishChild('child', { result: 'early' });
      }
    };
    const end = await run(execution, async (ctx) => {
      const first = ctx.step.invokeAndWait('child', 'other', {}, {});
      await ctx.step.run('a', () => 1);
      return first;
    });
    expect(end).toBe('closed');
    expect(execution.resultValue).toBe('early');
  });

  it('throws what a child failed with', async () => {
    const execution = new FakeExecution();
    const handler: Handler = async (ctx) => {
      try {
        await ctx.step.invokeAndWait('child', 'other');
      } catch (error) {
        const { cause, message } = error as StepExecutionError;
        return `${message}/${cause.type}`;
      }
      return 'nothing was thrown';
    };
    await run(execution, handler);
    execution.finishChild('child', { failure: create(FailureSchema, { type: 'OopsError', message: 'no' }) });
    await run(execution, handler);
    expect(execution.resultValue).toBe('step "child" failed: no/OopsError');
  });

  it('starts a child without waiting and knows its id', async () => {
    const execution = new FakeExecution();
    const handler: Handler = async (ctx) => {
      const { executionId } = await ctx.step.invoke('fire', 'other', 5, { queue: 'q' });
      ctx.state.id = executionId;
      return executionId;
    };
    await run(execution, handler);
    expect(execution.resultValue).toBe('child-1');
    expect(commandsOf(execution)).toEqual([['childStarted'], ['stateChanged', 'executionCompleted']]);
  });

  it('makes the changes of a step function part of the step', async () => {
    const execution = new FakeExecution();
    let tries = 0;
    await run(execution, async (ctx) => {
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
    await run(execution, async (ctx) => {
      ctx.state.log = [];
      ctx.state.n = 0;
      await Promise.all([
        ctx.step.run('a', () => void ctx.state.log.push('a')),
        ctx.step.run('b', () => void ctx.state.log.push('b')),
      ]);
      const settled = await Promise.allSettled([
        ctx.step.run('c', () => void (ctx.state.n += 1)),
        ctx.step.run('d', () => void (ctx.state.n += 1)),
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
    await run(
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
    await run(
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
    await run(execution, (ctx) => {
      ctx.state.x = make();
    });
    expect(execution.status).toBe(ExecutionStatus.FAILED);
    expect(execution.failure?.type).toBe('StateValidationError');
    expect(execution.failure?.message).toContain(path);
  });

  it('fails with a StateSizeError when the state grows too large', async () => {
    const execution = new FakeExecution();
    await run(execution, async (ctx) => {
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

  it('reports a step that the code no longer asks for', async () => {
    const execution = new FakeExecution();
    await run(execution, async (ctx) => {
      await ctx.step.run('old', () => 1);
      throw new Error('again');
    });
    await run(execution, async (ctx) => {
      await ctx.step.run('new', () => 1);
    });
    expect(execution.failure?.type).toBe('NonDeterminismError');
    expect(execution.failure?.message).toContain('"old"');
    expect(execution.status).toBe(ExecutionStatus.FAILED);
  });

  it('reports a state that the replay does not come to', async () => {
    const execution = new FakeExecution();
    const handler = (value: number): Handler => async (ctx) => {
      ctx.state.n = value;
      await ctx.step.run('a', () => 1);
      await ctx.step.run('b', () => 1);
    };
    execution.beforeCommit = () => {
      if (execution.commits.length === 1) throw new Error('crash');
    };
    await run(execution, handler(1));
    execution.beforeCommit = () => {};
    await run(execution, handler(2));
    expect(execution.failure?.type).toBe('NonDeterminismError');
    expect(execution.failure?.message).toContain('/n');
  });

  it('does not compare the state after an attempt of the handler failed', async () => {
    const execution = new FakeExecution();
    let attempt = 0;
    const handler: Handler = async (ctx) => {
      attempt += 1;
      await ctx.step.run('a', () => 1);
      ctx.state.attempt = attempt;
      if (attempt === 1) throw new Error('own trouble');
      await ctx.step.run('b', () => 1);
    };
    await run(execution, handler);
    expect(execution.state).toEqual({ attempt: 1 });
    await run(execution, handler);
    expect(execution.status).toBe(ExecutionStatus.COMPLETED);
    expect(execution.state).toEqual({ attempt: 2 });
  });

  it('cancels what the code waits for and saves the state', async () => {
    const execution = new FakeExecution();
    let aborted = false;
    const activation = activate(execution, async (ctx) => {
      ctx.state.begun = true;
      await ctx.step.run('a', () => 1);
      try {
        await ctx.step.run('long', ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve)));
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

  it('commits nothing more once the lease is lost', async () => {
    const execution = new FakeExecution();
    const activation = activate(execution, async (ctx) => {
      await ctx.step.run('a', () => activation.drop());
    });
    expect(await activation.run()).toBe('dropped');
    expect(execution.commits).toHaveLength(0);
  });
});
