import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { LeaseLostError } from './api-errors.js';
import { FakeExecution } from './fake-execution.js';
import { activate, type TestConfig, type TestHandler } from './fake-worker.js';
import { ExecutionStatus } from './gen/polos/v1/execution_pb.js';
import { StepStatus } from './gen/polos/v1/step_pb.js';
import { type HookContext, HookResult } from './hook.js';

interface State {
  log: string[];
  total: number;
}

const stateSchema = z.object({ log: z.array(z.string()).default([]), total: z.number().default(0) });
const payloadSchema = z.object({ n: z.number(), by: z.string().default('nobody') });

/** How a program ends: with this result or failure, of which its onEnd hooks noted this. */
interface Ending {
  readonly name: string;
  readonly result?: unknown;
  readonly failure?: readonly [type: string, message: string];
  readonly ends: readonly string[];
}

const FINE = { result: ['string'], ends: ['e0 "string"', 'e1 ["string"]', 'e2 ["string"]', 'e3 ["string"]'] };
const BAD = 'step "bad" failed: bad';
const ENDINGS: readonly Ending[] = [
  { name: 'returns', ...FINE },
  { name: 'throws once', ...FINE },
  {
    name: 'throws',
    failure: ['StepExecutionError', BAD],
    ends: [`e0 ${BAD}`, `e1 ${BAD}`, `e2 ${BAD}`, `e3 ${BAD}`],
  },
  {
    name: 'throws, as onEnd does',
    failure: ['StepExecutionError', BAD],
    // The changes of the one that throws do not count.
    ends: [`e0 ${BAD}`, `e1 ${BAD}`, `e3 ${BAD}`],
  },
  {
    name: 'is failed by onStart',
    failure: ['HookExecutionError', 'closed'],
    ends: ['e0 closed', 'e1 closed', 'e2 closed', 'e3 closed'],
  },
  {
    name: 'is failed by onEnd',
    failure: ['HookExecutionError', 'poor'],
    ends: ['e0 "string"', 'e1 ["string"]', 'e2 poor', 'e3 poor'],
  },
];

/** A workflow with everything that hooks can do; `note` is told each body that runs. */
function programOf(
  { name: ending }: Ending,
  note: (body: string) => void,
): { handler: TestHandler; config: TestConfig } {
  const hook = (name: string, answer: (hookCtx: HookContext) => unknown = () => undefined) => ({
    name,
    maxRetries: 0,
    handler: (ctx: { state: unknown }, hookCtx: HookContext) => {
      note(name);
      const state = ctx.state as State;
      const { phase, currentOutput, currentError } = hookCtx;
      state.log.push(
        phase === 'onStart' ? name : `${name} ${currentError?.message ?? JSON.stringify(currentOutput)}`,
      );
      state.total += 1;
      return answer(hookCtx) as never;
    },
  });
  const grow = ({ currentPayload }: HookContext) => {
    const { n } = currentPayload as { n: number };
    return HookResult.continueWith({ modifiedPayload: { n: n + 1 } });
  };
  const wrap = ({ currentOutput }: HookContext) =>
    HookResult.continueWith({ modifiedOutput: [currentOutput] });
  const handler: TestHandler = async (ctx, { n, by }) => {
    ctx.state.log.push(`handler ${n} ${by}`);
    const [, , id] = await Promise.all([
      ctx.step.run('left', () => {
        note('left');
        ctx.state.log.push('left');
      }),
      ctx.step.waitFor('pause', { seconds: 1 }),
      ctx.step.uuid('id'),
    ]);
    ctx.state.total += n;
    if (ending === 'throws once' && ctx.retryCount === 0) throw new Error('once');
    if (ending.startsWith('throws,') || ending === 'throws') {
      await ctx.step.run('bad', () => Promise.reject(new RangeError('bad')), { maxRetries: 0 });
    }
    return typeof id;
  };
  const onStart = [
    hook('s0', grow),
    hook('s1', ending === 'is failed by onStart' ? () => HookResult.fail('closed') : grow),
  ];
  const onEnd = [
    hook('e0', wrap),
    hook('e1', ending === 'is failed by onEnd' ? () => HookResult.fail('poor') : undefined),
    hook('e2', ending === 'throws, as onEnd does' ? () => Promise.reject(new Error('too')) : undefined),
    hook('e3'),
  ];
  return { handler, config: { payloadSchema, stateSchema, onStart, onEnd } };
}

type Fate = 'before' | 'after' | undefined;

/** Runs a program to its end; `fateOf` says whether its worker dies before or after a commit (counted from 0). */
async function drive(ending: Ending, fateOf: (commit: number) => Fate) {
  const execution = new FakeExecution({ n: 1 });
  const bodies: string[] = [];
  const note = (body: string) => {
    const isRecorded = execution.steps.some(({ key }) => key.includes(body));
    if (isRecorded) throw new Error(`the body of ${body} ran although it is recorded`);
    bodies.push(body);
  };
  const { handler, config } = programOf(ending, note);
  let commits = 0;
  for (let life = 0; life < 100 && !isFinal(execution); life++) {
    const pause = execution.steps.find(({ key }) => key === 'pause');
    if (pause?.status === StepStatus.PENDING) execution.fireTimer('pause');
    const activation = activate(execution, handler, config);
    const die = () => {
      activation.drop();
      throw new LeaseLostError('killed');
    };
    let fate: Fate;
    execution.beforeCommit = () => {
      fate = fateOf(commits);
      commits += 1;
      if (fate === 'before') die();
    };
    execution.afterCommit = () => {
      if (fate === 'after') die();
    };
    await activation.run();
  }
  const { resultValue: result, status, state, steps } = execution;
  const failure = status === ExecutionStatus.FAILED ? execution.failure : undefined;
  return {
    result,
    failure,
    state,
    keys: steps.map(({ key }) => key).sort(),
    bodies: new Set(bodies),
    commits,
  };
}

function isFinal({ status }: FakeExecution): boolean {
  return status === ExecutionStatus.COMPLETED || status === ExecutionStatus.FAILED;
}

describe.each(ENDINGS)('a workflow with hooks that $name', (ending) => {
  /** What must be so however often a worker died. */
  async function driveAsExpected(fateOf: (commit: number) => Fate) {
    const { result, failure, state, keys, bodies, commits } = await drive(ending, fateOf);
    expect(result).toEqual(ending.result);
    expect(failure && [failure.type, failure.message, failure.retryable]).toEqual(
      ending.failure && [...ending.failure, false],
    );
    const ran = ending.name === 'is failed by onStart' ? [] : ['handler 3 nobody', 'left'];
    expect(state.log).toEqual(['s0', 's1', ...ran, ...ending.ends]);
    expect(state.total).toBe(2 + (ran.length === 0 ? 0 : 3) + ending.ends.length);
    return { keys, bodies, commits };
  }

  it('ends the same when its worker dies before or after any commit', async () => {
    const { commits, ...whole } = await driveAsExpected(() => undefined);
    expect(commits).toBeGreaterThan(5);
    for (let commit = 0; commit < commits; commit++) {
      for (const fate of ['before', 'after'] as const) {
        const killed = await driveAsExpected((at) => (at === commit ? fate : undefined));
        expect(killed).toMatchObject(whole);
      }
    }
  });

  it('ends the same when its worker dies around every commit', async () => {
    const { commits, ...whole } = await driveAsExpected(() => undefined);
    const killed = await driveAsExpected((at) => (at % 2 === 0 ? 'before' : 'after'));
    expect(killed).toMatchObject(whole);
    expect(killed.commits).toBeGreaterThan(commits);
  });
});
