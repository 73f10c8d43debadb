import { describe, expect, it } from 'vitest';
import { InvalidArgumentError, ResultConflictError, UnavailableError } from './api-errors.js';
import { StateSizeError } from './errors.js';
import { FakeExecution } from './fake-execution.js';
import { activate, commandsOf, runOn, type TestHandler } from './fake-worker.js';
import { ExecutionStatus } from './gen/polos/v1/execution_pb.js';
import type { CompleteStepRequest } from './gen/polos/v1/worker_service_pb.js';

const oneStep: TestHandler = async (ctx) => {
  ctx.state.n = 1;
  return ctx.step.run('a', () => 1);
};

/** Refuses commits that hold a step, as often as it is told. */
function refuse(
  execution: FakeExecution,
  error: Error,
  times = Number.POSITIVE_INFINITY,
): CompleteStepRequest[] {
  const refused: CompleteStepRequest[] = [];
  execution.beforeCommit = (request) => {
    const holdsStep = request.commands.some(({ command }) => command.case === 'stepCompleted');
    if (!holdsStep || refused.length >= times) return;
    refused.push(request);
    throw error;
  };
  return refused;
}

describe('a refused commit', () => {
  it('is sent again unchanged while the store is down', async () => {
    const execution = new FakeExecution();
    const refused = refuse(execution, new UnavailableError('down', 1), 3);
    expect(await runOn(execution, oneStep)).toBe('closed');
    expect(execution.status).toBe(ExecutionStatus.COMPLETED);
    expect(refused).toHaveLength(3);
    for (const request of refused) expect(request).toEqual(refused[0]);
    expect(execution.commits[0]).toEqual(refused[0]);
  });

  it('is given up once the lease is surely over', async () => {
    const execution = new FakeExecution();
    refuse(execution, new UnavailableError('down', 900));
    expect(await runOn(execution, oneStep)).toBe('dropped');
  });

  it.each([
    ['a limit', new StateSizeError(5, 4), 'StateSizeError', false],
    ['what makes no sense', new InvalidArgumentError('no', []), 'InvalidArgumentError', false],
    ['a conflict', new ResultConflictError('other'), 'ResultConflictError', true],
  ])('for %s fails the execution instead of going round in circles', async (_, error, type, retryable) => {
    const execution = new FakeExecution();
    const refused = refuse(execution, error);
    expect(await runOn(execution, oneStep)).toBe('closed');
    expect(refused).toHaveLength(1);
    expect(execution.failure).toMatchObject({ type, retryable });
    expect(commandsOf(execution)).toEqual([['executionFailed']]);
  });
});

describe('a lost lease', () => {
  it('leaves the code where it waits', async () => {
    const execution = new FakeExecution();
    const log: string[] = [];
    const activation = activate(execution, async (ctx) => {
      try {
        await ctx.step.run('a', () => activation.drop());
        log.push('went on');
      } finally {
        log.push('cleaned up');
      }
    });
    expect(await activation.run()).toBe('dropped');
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(log).toEqual([]);
  });
});
