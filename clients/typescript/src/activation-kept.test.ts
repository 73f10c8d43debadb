import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { FakeExecution } from './fake-execution.js';
import { activate, runOn, type TestHandler } from './fake-worker.js';
import type { Command } from './gen/polos/v1/command_pb.js';
import { StepRecordSchema, StepStatus } from './gen/polos/v1/step_pb.js';

/** Steps, a wait, steps, a wait. */
const stages: TestHandler = async (ctx) => {
  const seen: unknown[] = [];
  for (const stage of [1, 2]) {
    for (const name of ['a', 'b']) seen.push(await ctx.step.run(`${name}${stage}`, () => `${name}${stage}`));
    seen.push(await ctx.step.suspend(`s${stage}`));
    ctx.state.stage = stage;
  }
  return seen;
};

/** What the last suspension said. */
function saysKept(execution: FakeExecution): boolean | undefined {
  const suspensions = execution.commits.flatMap(({ commands }) =>
    commands.flatMap(({ command }: Command) =>
      command.case === 'executionSuspended' ? [command.value] : [],
    ),
  );
  return suspensions.at(-1)?.kept;
}

describe('an activation that is kept while it waits', () => {
  it('goes on with what it has not seen, and ends as one that saw everything', async () => {
    const execution = new FakeExecution();
    const activation = activate(execution, stages);
    expect(await activation.run()).toBe('suspended');
    expect(saysKept(execution)).toBe(true);
    for (const [stage, omitted, end] of [
      [1, 2n, 'suspended'],
      [2, 5n, 'closed'],
    ] as const) {
      execution.resume(`s${stage}`, `r${stage}`);
      const assignment = execution.assign({ toKeeper: true });
      expect(assignment.omittedSteps).toBe(omitted);
      expect(assignment.steps.map(({ key }) => key)).toEqual([`s${stage}`]);
      expect(activation.resume(assignment, assignment.steps)).toBe(true);
      expect(await activation.run()).toBe(end);
    }
    expect(execution.resultValue).toEqual(['a1', 'b1', 'r1', 'a2', 'b2', 'r2']);
    expect(execution.state).toEqual({ stage: 2 });
  });

  it('goes on as well where nothing is left out', async () => {
    const execution = new FakeExecution();
    const activation = activate(execution, stages);
    await activation.run();
    execution.resume('s1', 1);
    const assignment = execution.assign();
    expect(assignment.omittedSteps).toBe(0n);
    expect(activation.resume(assignment, assignment.steps)).toBe(true);
  });

  it('says that it is not kept when whoever runs it will not', async () => {
    const execution = new FakeExecution();
    let isKept = false;
    const activation = activate(execution, stages, {}, { isKept: () => isKept });
    await activation.run();
    expect(saysKept(execution)).toBe(false);
    isKept = true;
    execution.resume('s1');
    const assignment = execution.assign();
    activation.resume(assignment, assignment.steps);
    await activation.run();
    expect(saysKept(execution)).toBe(true);
  });

  it.each<[what: string, omitted: bigint]>([
    ['fewer', 1n],
    ['more', 3n],
  ])('does not go on where %s steps are left out than its code has seen', async (_, omitted) => {
    const execution = new FakeExecution();
    const activation = activate(execution, stages);
    await activation.run();
    execution.resume('s1');
    const assignment = execution.assign({ toKeeper: true });
    assignment.omittedSteps = omitted;
    expect(activation.resume(assignment, assignment.steps)).toBe(false);
  });

  it('does not go on where another worker has got further', async () => {
    const execution = new FakeExecution();
    const activation = activate(execution, stages);
    await activation.run();
    execution.resume('s1');
    const assignment = execution.assign({ toKeeper: true });
    const foreign = create(StepRecordSchema, { key: 'a2', sequence: 3n, status: StepStatus.COMPLETED });
    expect(activation.resume(assignment, [foreign, ...assignment.steps])).toBe(false);
  });

  it('does not go on where the state is another one', async () => {
    const execution = new FakeExecution();
    const activation = activate(execution, stages);
    await activation.run();
    execution.resume('s1');
    execution.revisions.push('{"stage":"repaired"}');
    const assignment = execution.assign({ toKeeper: true });
    expect(activation.resume(assignment, assignment.steps)).toBe(false);
  });
});

describe('an execution whose kept code is gone', () => {
  it('is replayed by another worker that gets all of its steps, and that one keeps it from then on', async () => {
    const execution = new FakeExecution();
    await runOn(execution, stages);
    execution.resume('s1', 1);
    const activation = activate(execution, stages);
    expect(await activation.run()).toBe('suspended');
    execution.resume('s2', 2);
    const assignment = execution.assign({ toKeeper: true });
    expect(assignment.omittedSteps).toBe(5n);
    expect(activation.resume(assignment, assignment.steps)).toBe(true);
    expect(await activation.run()).toBe('closed');
    expect(execution.resultValue).toEqual(['a1', 'b1', 1, 'a2', 'b2', 2]);
  });
});

describe('a key that was used', () => {
  it('is refused once its step is over, live and after a replay', async () => {
    const execution = new FakeExecution();
    const caught: unknown[] = [];
    const handler: TestHandler = async (ctx) => {
      await ctx.step.run('a', () => 1);
      caught.push(await ctx.step.run('a', () => 2).catch((error: Error) => error.name));
      await ctx.step.suspend('s');
      caught.push(await ctx.step.run('a', () => 3).catch((error: Error) => error.name));
    };
    await runOn(execution, handler);
    execution.resume('s');
    expect(await runOn(execution, handler)).toBe('closed');
    expect(caught).toEqual(Array(3).fill('DuplicateStepKeyError'));
  });
});
