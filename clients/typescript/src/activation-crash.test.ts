import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Activation } from './activation.js';
import { LeaseLostError } from './api-errors.js';
import type { WorkflowContext } from './context.js';
import { FakeExecution } from './fake-execution.js';
import { ExecutionStatus } from './gen/polos/v1/execution_pb.js';
import { FailureSchema } from './gen/polos/v1/failure_pb.js';
import { StepKind, type StepRecord, StepStatus } from './gen/polos/v1/step_pb.js';
import { createLogger } from './logger.js';
import { defineWorkflow } from './workflow.js';

/** A piece of a random program. Its effects commute, so that the order in which parallel pieces finish is free. */
type Piece =
  | { readonly type: 'step'; readonly turns: number; readonly fails: number }
  | { readonly type: 'stateStep'; readonly turns: number }
  | { readonly type: 'value' }
  | { readonly type: 'child'; readonly fails: boolean }
  | { readonly type: 'batch'; readonly size: number }
  | { readonly type: 'fire' }
  | { readonly type: 'fireBatch'; readonly size: number }
  | { readonly type: 'resume'; readonly fails: boolean }
  | { readonly type: 'wait' }
  | { readonly type: 'suspend'; readonly expires: boolean }
  | { readonly type: 'race'; readonly turns: number }
  | { readonly type: 'add'; readonly amount: number }
  | { readonly type: 'replaceState' }
  | { readonly type: 'parallel'; readonly branches: readonly Piece[][] };

// biome-ignore lint/suspicious/noExplicitAny: the programs write whatever they like.
type State = Record<string, any>;

const turns = fc.integer({ min: 0, max: 3 });
const { program } = fc.letrec<{ program: Piece[]; piece: Piece }>((tie) => ({
  program: fc.array(tie('piece'), { maxLength: 5 }),
  piece: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({ type: fc.constant('step' as const), turns, fails: fc.integer({ min: 0, max: 2 }) }),
    fc.record({ type: fc.constant('stateStep' as const), turns }),
    fc.record({ type: fc.constant('value' as const) }),
    fc.record({ type: fc.constant('child' as const), fails: fc.boolean() }),
    fc.record({ type: fc.constant('batch' as const), size: fc.integer({ min: 0, max: 3 }) }),
    fc.record({ type: fc.constant('fire' as const) }),
    fc.record({ type: fc.constant('fireBatch' as const), size: fc.integer({ min: 0, max: 3 }) }),
    fc.record({ type: fc.constant('resume' as const), fails: fc.boolean() }),
    fc.record({ type: fc.constant('wait' as const) }),
    fc.record({ type: fc.constant('suspend' as const), expires: fc.boolean() }),
    fc.record({ type: fc.constant('race' as const), turns }),
    fc.record({ type: fc.constant('add' as const), amount: fc.integer({ min: -9, max: 9 }) }),
    fc.record({ type: fc.constant('replaceState' as const) }),
    fc.record({
      type: fc.constant('parallel' as const),
      branches: fc.array(tie('program'), { minLength: 1, maxLength: 3 }),
    }),
  ),
}));

async function settleTurns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Runs a program: every piece leaves its mark in the state and in the result. */
async function perform(
  ctx: WorkflowContext<State>,
  pieces: readonly Piece[],
  prefix: string,
  onBody: (key: string) => void,
): Promise<number> {
  let sum = 0;
  for (const [index, piece] of pieces.entries()) {
    const key = `${prefix}.${index}`;
    switch (piece.type) {
      case 'step': {
        let calls = 0;
        const body = async () => {
          onBody(key);
          await settleTurns(piece.turns);
          calls += 1;
          if (calls <= piece.fails) throw new Error(`failure of ${key}`);
          return { key, sum };
        };
        try {
          const result = await ctx.step.run(key, body, { maxRetries: 1, baseDelay: 0 });
          sum += result.sum + 1;
        } catch (error) {
          ctx.state[`error${key}`] = (error as Error).message;
        }
        break;
      }
      case 'stateStep':
        await ctx.step.run(key, async () => {
          onBody(key);
          ctx.state.log.push(key);
          await settleTurns(piece.turns);
          ctx.state.own[key] = { deep: [key] };
        });
        break;
      case 'value': {
        const [uuid, now, random] = await Promise.all([
          ctx.step.uuid(`${key}u`),
          ctx.step.now(`${key}n`),
          ctx.step.random(`${key}r`),
        ]);
        ctx.state.kinds[key] = [typeof uuid, typeof now, typeof random];
        break;
      }
      case 'child':
        try {
          sum += await ctx.step.invokeAndWait<number>(key, 'child', piece.fails);
        } catch (error) {
          ctx.state[`error${key}`] = (error as Error).message;
        }
        break;
      case 'batch': {
        const items = Array.from({ length: piece.size }, (_, n) => ({ workflow: 'child', payload: n }));
        const results = await ctx.step.batchInvokeAndWait(key, items);
        for (const { success, result } of results) sum += success ? Number(result) : 100;
        break;
      }
      case 'fireBatch': {
        const items = Array.from({ length: piece.size }, (_, n) => ({ workflow: `child${n}`, payload: n }));
        const handles = await ctx.step.batchInvoke(key, items);
        ctx.state.kinds[key] = handles.map(({ id, workflowId }) => [typeof id, workflowId]);
        break;
      }
      case 'resume':
        try {
          const target = { suspendExecutionId: 'other', suspendStepKey: piece.fails ? 'lost' : 'there' };
          await ctx.step.resume(key, { ...target, data: key });
          sum += 7;
        } catch (error) {
          ctx.state[`error${key}`] = (error as Error).message;
        }
        break;
      case 'fire':
        ctx.state.kinds[key] = typeof (await ctx.step.invoke(key, 'child', 1)).executionId;
        break;
      case 'wait':
        await ctx.step.waitFor(key, { seconds: 1 });
        break;
      case 'suspend':
        try {
          sum += await ctx.step.suspend<number>(key, { timeout: piece.expires ? 1 : undefined });
        } catch (error) {
          ctx.state[`error${key}`] = (error as Error).message;
        }
        break;
      case 'race': {
        const winner = await Promise.race([
          ctx.step.waitFor(`${key}w`, { seconds: 1 }).then(() => 'wait'),
          ctx.step.run(`${key}s`, () => settleTurns(piece.turns)).then(() => 'step'),
        ]);
        // Another winner on replay would ask for another step than the record holds.
        await ctx.step.run(`${key}${winner}`, () => onBody(`${key}${winner}`));
        break;
      }
      case 'add':
        ctx.state.total += piece.amount;
        ctx.state.marks.push(key);
        break;
      case 'replaceState':
        ctx.state = { ...ctx.state, total: ctx.state.total + 1 };
        break;
      case 'parallel': {
        const sums = await Promise.all(
          piece.branches.map((branch, at) => perform(ctx, branch, `${key}/${at}`, onBody)),
        );
        sum += sums.reduce((a, b) => a + b, 0);
        break;
      }
    }
  }
  return sum;
}

/** Ends what a step waits for at the server. */
function bring(execution: FakeExecution, { key, kind }: StepRecord): void {
  if (kind === StepKind.WAIT_FOR) {
    execution.fireTimer(key);
  } else if (kind === StepKind.BATCH_INVOKE_AND_WAIT) {
    bringBatch(execution, key);
  } else if (kind === StepKind.RESUME) {
    const sent = execution.resumes.find(({ stepKey }) => stepKey === key);
    const failure = create(FailureSchema, { type: 'NotFoundError', message: 'lost' });
    execution.answer(key, sent?.suspendedStepKey === 'lost' ? { failure } : { result: undefined });
  } else if (kind === StepKind.SUSPEND) {
    const isExpiring = execution.waits.find(({ stepKey }) => stepKey === key)?.timeoutMs !== undefined;
    if (isExpiring) execution.expire(key);
    else execution.resume(key, 5);
  } else if (execution.children.find(({ stepKey }) => stepKey === key)?.payload === true) {
    const failure = create(FailureSchema, { type: 'ChildError', message: 'child' });
    execution.finishChild(key, { failure });
  } else {
    execution.finishChild(key, { result: 3 });
  }
}

/** Ends the next child of a batch; every second one fails. */
function bringBatch(execution: FakeExecution, key: string): void {
  const batch = execution.batches.find(({ stepKey }) => stepKey === key)!;
  const index = batch.results.size;
  const failure = create(FailureSchema, { type: 'ChildError', message: 'child' });
  execution.finishBatchChild(key, index, index % 2 === 1 ? { failure } : { result: index });
}

/** Drives an execution to its end; `isKilled` says at each commit whether the worker dies before or after it. */
async function drive(
  pieces: readonly Piece[],
  isKilled: () => 'before' | 'after' | undefined,
  isForgotten: () => boolean,
): Promise<{ state: State; result: unknown; failure: string | undefined }> {
  const execution = new FakeExecution(undefined, { total: 0, marks: [], log: [], own: {}, kinds: {} });
  const onBody = (key: string) => {
    if (execution.steps.some((step) => step.key === key)) throw new Error(`the body of ${key} ran again`);
  };
  const workflow = defineWorkflow<undefined, State, number>(
    { id: 'random' },
    (ctx) => perform(ctx, pieces, 'k', onBody),
    { autoRegister: false },
  );
  let activation: Activation | undefined;
  for (let life = 0; life < 200; life++) {
    for (const step of execution.steps) {
      if (step.status !== StepStatus.PENDING) continue;
      bring(execution, step);
      if (isForgotten()) break;
    }
    const assignment = execution.assign();
    const kept = isForgotten() ? undefined : activation;
    if (kept?.resume(assignment, assignment.steps) !== true) {
      activation = new Activation({
        workflow,
        assignment,
        steps: assignment.steps,
        port: execution,
        logger: createLogger('silent'),
        leaseMs: 1_000,
      });
    }
    const current = activation!;
    const die = () => {
      current.drop();
      throw new LeaseLostError('killed');
    };
    let fate: ReturnType<typeof isKilled>;
    execution.beforeCommit = () => {
      fate = isKilled();
      if (fate === 'before') die();
    };
    execution.afterCommit = () => {
      if (fate === 'after') die();
      // Waits end at any time, also while the worker holds the execution.
      const pending = execution.steps.find(({ status }) => status === StepStatus.PENDING);
      if (pending !== undefined && execution.status === ExecutionStatus.RUNNING && isForgotten()) {
        bring(execution, pending);
      }
    };
    const end = await current.run();
    if (end !== 'suspended') activation = undefined;
    if (execution.status === ExecutionStatus.COMPLETED || execution.status === ExecutionStatus.FAILED) {
      const { state, resultValue, failure } = execution;
      for (const member of [state.log, state.marks] as string[][]) member.sort();
      return { state, result: resultValue, failure: failure?.message };
    }
  }
  throw new Error('it did not come to an end');
}

/** What a program must leave in the state, counted without running it. */
function expectedOf(
  pieces: readonly Piece[],
  prefix = 'k',
): { log: string[]; marks: string[]; total: number } {
  const expected = { log: [] as string[], marks: [] as string[], total: 0 };
  for (const [index, piece] of pieces.entries()) {
    const key = `${prefix}.${index}`;
    if (piece.type === 'stateStep') expected.log.push(key);
    if (piece.type === 'replaceState') expected.total += 1;
    if (piece.type === 'add') {
      expected.marks.push(key);
      expected.total += piece.amount;
    }
    if (piece.type !== 'parallel') continue;
    for (const [at, branch] of piece.branches.entries()) {
      const inner = expectedOf(branch, `${key}/${at}`);
      expected.log.push(...inner.log);
      expected.marks.push(...inner.marks);
      expected.total += inner.total;
    }
  }
  return { ...expected, log: expected.log.sort(), marks: expected.marks.sort() };
}

describe('a random program', () => {
  it('ends with the same state and result when it is killed at random points', async () => {
    const fate = fc.constantFrom(undefined, undefined, 'before' as const, 'after' as const);
    await fc.assert(
      fc.asyncProperty(
        program,
        fc.infiniteStream(fate),
        fc.infiniteStream(fc.boolean()),
        async (pieces, fates, memory) => {
          const unkilled = await drive(
            pieces,
            () => undefined,
            () => false,
          );
          expect(unkilled.failure).toBeUndefined();
          expect(unkilled.state).toMatchObject(expectedOf(pieces));
          let kills = 0;
          const isKilled = () => {
            const next = fates.next().value;
            kills += next === undefined ? 0 : 1;
            return kills > 50 ? undefined : next;
          };
          const killed = await drive(pieces, isKilled, () => memory.next().value === true);
          expect(killed).toEqual(unkilled);
        },
      ),
      { numRuns: 200 },
    );
  });
});
