import { describe, expect, test } from 'vitest';
import { Queue } from './queue.js';
import { toRegistration } from './registration.js';
import { type AnyWorkflow, defineWorkflow, type WorkflowConfig } from './workflow.js';

type QueueArgument = WorkflowConfig<unknown, unknown, unknown>['queue'];

function define(queue: QueueArgument): AnyWorkflow {
  return defineWorkflow({ id: 'order', queue }, () => null, { autoRegister: false });
}

async function declared(queue: QueueArgument) {
  const { workflows } = await toRegistration({
    workflows: [define(queue)],
    ...{ deploymentId: undefined, buildId: undefined, maxConcurrentWorkflows: 1 },
    logger: { debug() {}, info() {}, warn() {}, error() {} },
  });
  return workflows[0];
}

describe('a worker declares', () => {
  test.each<[QueueArgument, string, number]>([
    [undefined, '', 0],
    ['payments', 'payments', 0],
    [{ name: 'payments' }, 'payments', 0],
    [{ name: 'payments', concurrencyLimit: 5 }, 'payments', 5],
    [new Queue('payments', { concurrencyLimit: 10_000 }), 'payments', 10_000],
    [new Queue('payments'), 'payments', 0],
  ])('the queue %j as "%s" with the limit %d', async (queue, name, limit) => {
    expect(await declared(queue)).toMatchObject({ queue: name, queueConcurrencyLimit: limit });
  });
});

describe('a queue', () => {
  test('is its name and limit, as a plain object too', () => {
    expect(new Queue('payments', { concurrencyLimit: 5 }).toConfig()).toEqual({
      name: 'payments',
      concurrencyLimit: 5,
    });
    expect(new Queue('payments').toConfig()).toEqual({ name: 'payments' });
  });

  test.each([0, -1, 1.5, 10_001, Number.NaN, Number.POSITIVE_INFINITY, '5', null])(
    'with the limit %s is refused, also in a workflow',
    (concurrencyLimit) => {
      const queue = { name: 'payments', concurrencyLimit: concurrencyLimit as number };
      const message = /the queue "payments" has a concurrencyLimit of .*: it must be a whole number from 1/;
      expect(() => new Queue(queue.name, queue)).toThrow(message);
      expect(() => define(queue)).toThrow(RangeError);
    },
  );

  test.each(['', 'ü'.repeat(101), 5, undefined])(
    'with the name %j is refused, also in a workflow',
    (name) => {
      expect(() => new Queue(name as string)).toThrow(TypeError);
      expect(() => define({ name: name as string })).toThrow('a queue needs a name of 1 to 200 bytes');
    },
  );
});
