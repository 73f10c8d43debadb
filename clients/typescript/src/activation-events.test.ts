import { toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { StepExecutionError, WaitTimeoutError } from './errors.js';
import { FakeExecution } from './fake-execution.js';
import { activate, commandsOf, runOn, type TestHandler, until } from './fake-worker.js';
import { ExecutionStatus } from './gen/polos/v1/execution_pb.js';
import { CompleteStepRequestSchema } from './gen/polos/v1/worker_service_pb.js';
import type { EventPayload } from './topic-event.js';

/** An event as the server words it. */
function event(sequence: number, data?: unknown, more: object = {}) {
  const base = { topic: 'payments', sequence, type: 'paid', createTime: '2026-01-01T00:00:00.000Z' };
  return { ...base, ...(data !== undefined && { data }), ...more };
}

const order: TestHandler = async (ctx) => {
  const payment = await ctx.step.waitForEvent<{ amount: number }>('payment', {
    topic: 'payments',
    timeout: 60,
  });
  ctx.state.payment = payment;
  return payment.data.amount;
};

describe('a handler that waits for an event', () => {
  it('suspends, and gets the event as plain data that it may keep in the state', async () => {
    const execution = new FakeExecution();
    const activation = activate(execution, order);
    expect(await activation.run()).toBe('suspended');
    expect(commandsOf(execution)).toEqual([['eventAwaited', 'executionSuspended']]);
    expect(execution.waits).toEqual([{ stepKey: 'payment', topic: 'payments', timeoutMs: 60_000 }]);
    execution.deliverEvent('payment', event(7, { amount: 5 }, { executionId: 'other' }));
    const assignment = execution.assign();
    expect(activation.resume(assignment, assignment.steps)).toBe(true);
    expect(await activation.run()).toBe('closed');
    expect(execution.resultValue).toBe(5);
    expect(execution.state.payment).toEqual({
      ...{ topic: 'payments', sequence: 7, type: 'paid', data: { amount: 5 } },
      ...{ createdAt: '2026-01-01T00:00:00.000Z', executionId: 'other' },
    });
  });

  it.each([[0], [false], [''], [null], [undefined], [[]], [{ createTime: 'mine', bytes: 'mine' }]])(
    'gets data that is %j as it was published, live and on replay',
    async (data) => {
      const execution = new FakeExecution();
      const seen: EventPayload[] = [];
      const handler: TestHandler = async (ctx) => {
        seen.push(await ctx.step.waitForEvent('e', { topic: 't' }));
        await ctx.step.run('a', () => 1);
        if (seen.length === 1) throw new Error('again');
      };
      const activation = activate(execution, handler);
      await activation.run();
      execution.deliverEvent('e', event(1, data));
      const assignment = execution.assign();
      activation.resume(assignment, assignment.steps);
      await activation.run();
      await runOn(execution, handler);
      expect(seen.map((each) => each.data)).toEqual([data, data]);
      expect(seen[1]).toEqual(seen[0]);
      expect(seen[0]).not.toHaveProperty('executionId');
    },
  );

  it('gets bytes as they were published', async () => {
    const execution = new FakeExecution();
    let seen: EventPayload | undefined;
    const handler: TestHandler = async (ctx) => {
      seen = await ctx.step.waitForEvent('e', { topic: 't' });
    };
    await runOn(execution, handler);
    execution.deliverEvent('e', event(1, undefined, { bytes: 'AQL9', encoding: 'aes' }));
    await runOn(execution, handler);
    expect(seen).toMatchObject({ data: new Uint8Array([1, 2, 253]), encoding: 'aes' });
  });

  it('gets events in a loop, each under a key of its own', async () => {
    const execution = new FakeExecution();
    const handler: TestHandler = async (ctx) => {
      let sum = 0;
      for (let index = 0; index < 3; index++) {
        sum += (await ctx.step.waitForEvent<number>(`e${index}`, { topic: 't', after: index })).data;
      }
      return sum;
    };
    for (let index = 0; index < 3; index++) {
      expect(await runOn(execution, handler)).toBe('suspended');
      execution.deliverEvent(`e${index}`, event(index + 1, 10 ** index));
    }
    expect(await runOn(execution, handler)).toBe('closed');
    expect(execution.resultValue).toBe(111);
    expect(execution.waits.map(({ cursor }) => cursor)).toEqual(['0', '1', '2']);
  });

  it('waits for several at once, in whatever order they come', async () => {
    const execution = new FakeExecution();
    const handler: TestHandler = async (ctx) => {
      const events = await Promise.all(
        ['a', 'b', 'c'].map((topic) => ctx.step.waitForEvent<string>(topic, { topic })),
      );
      return events.map(({ data }) => data);
    };
    const activation = activate(execution, handler);
    expect(await activation.run()).toBe('suspended');
    for (const key of ['c', 'a', 'b']) {
      execution.deliverEvent(key, event(1, key));
      const assignment = execution.assign();
      expect(activation.resume(assignment, assignment.steps)).toBe(true);
      await activation.run();
    }
    expect(execution.resultValue).toEqual(['a', 'b', 'c']);
  });

  it('repeats on replay who won a race against a timer', async () => {
    const execution = new FakeExecution();
    const winners: unknown[] = [];
    const handler: TestHandler = async (ctx) => {
      winners.push(
        await Promise.race([
          ctx.step.waitForEvent('e', { topic: 't' }).then(() => 'event'),
          ctx.step.waitFor('w', { hours: 1 }).then(() => 'timer'),
        ]),
      );
      await ctx.step.run('a', () => 1);
      if (winners.length === 1) throw new Error('again');
    };
    await runOn(execution, handler);
    execution.deliverEvent('e', event(1));
    await runOn(execution, handler);
    execution.fireTimer('w');
    await runOn(execution, handler);
    expect(winners).toEqual(['event', 'event']);
    expect(execution.status).toBe(ExecutionStatus.COMPLETED);
  });

  it('gets its event while another step runs', async () => {
    const execution = new FakeExecution();
    let release: (() => void) | undefined;
    const activation = activate(execution, (ctx) =>
      Promise.all([
        ctx.step.waitForEvent<string>('e', { topic: 't' }).then(({ data }) => {
          release?.();
          return data;
        }),
        ctx.step.run('slow', () => new Promise((resolve) => (release = () => resolve('done')))),
      ]),
    );
    const running = activation.run();
    await until(() => release !== undefined);
    const record = execution.deliverEvent('e', event(1, 'go'));
    activation.bring([record]);
    activation.bring([record]);
    expect(await running).toBe('closed');
    expect(execution.resultValue).toEqual(['go', 'done']);
  });

  it('catches a WaitTimeoutError with the step where none comes in time, live and on replay', async () => {
    const execution = new FakeExecution();
    const caught: unknown[] = [];
    const handler: TestHandler = async (ctx) => {
      caught.push(await ctx.step.waitForEvent('e', { topic: 't', timeout: 1 }).catch((reason) => reason));
      await ctx.step.run('a', () => 1);
      if (caught.length === 1) throw new Error('again');
    };
    await runOn(execution, handler);
    execution.expire('e');
    await runOn(execution, handler);
    await runOn(execution, handler);
    expect(caught).toHaveLength(2);
    for (const error of caught) {
      expect(error).toBeInstanceOf(WaitTimeoutError);
      expect(error).toBeInstanceOf(StepExecutionError);
      expect(error).toMatchObject({ stepKey: 'e', attempts: 0, retryable: false });
    }
  });
});

describe('a handler that publishes to a topic', () => {
  it('does so in the commits of its other steps, and not again on replay', async () => {
    const execution = new FakeExecution();
    let runs = 0;
    const handler: TestHandler = async (ctx) => {
      await ctx.step.publishEvent('a', { topic: 'payments', type: 'paid', data: { amount: 5 } });
      await Promise.all([ctx.step.publishEvent('b', { topic: 'other' }), ctx.step.run('c', () => 1)]);
      await ctx.step.publishWorkflowEvent('own', { data: 1 });
      runs += 1;
      if (runs === 1) throw new Error('again');
    };
    await runOn(execution, handler);
    expect(await runOn(execution, handler)).toBe('closed');
    expect(execution.published).toEqual([
      { stepKey: 'a', topic: 'payments', type: 'paid', data: { amount: 5 } },
      { stepKey: 'b', topic: 'other', type: 'event', data: undefined },
      { stepKey: 'own', type: 'event', data: 1 },
    ]);
  });

  it('splits what is too much for one message', async () => {
    const execution = new FakeExecution();
    const data = 'x'.repeat(1_500_000);
    await runOn(execution, async (ctx) => {
      await Promise.all([1, 2, 3, 4].map((n) => ctx.step.publishEvent(`p${n}`, { topic: 't', data })));
    });
    expect(execution.published).toHaveLength(4);
    const sizes = execution.commits.map((commit) => toBinary(CompleteStepRequestSchema, commit).byteLength);
    expect(Math.max(...sizes)).toBeLessThan(4_194_304);
  });
});
