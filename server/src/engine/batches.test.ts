import { describe, expect, test } from 'vitest';
import type { Execution } from '../core/execution.js';
import { openMemoryStore } from '../store/memory/memory-store.js';
import type { Store } from '../store/store.js';
import type * as api from './api.js';
import { atEachCall, type Moment } from './deaths.mjs';
import { HandClock, settled } from './hand-clock.mjs';
import { accept, children, DONE, done, Harness, LEASE_MS, PROJECT, SUSPEND, step } from './harness.mjs';
import { intercepted, jittery } from './slow-store.mjs';

const DECLINED = { type: 'CardError', message: 'declined', stack: 'x'.repeat(60_000), retryable: false };

/** What the code of these tests does with an execution: the parent starts a batch, every third child fails. */
async function work(harness: Harness, assignment: api.Assignment, count: number): Promise<unknown> {
  const { execution, input, steps } = assignment;
  if (execution.workflowId === 'child') {
    const n = Number(input.payload && 'json' in input.payload ? input.payload.json : Number.NaN);
    if (n % 3 === 2) return harness.complete(assignment, { type: 'fail_execution', failure: DECLINED });
    return harness.complete(assignment, done(String(n)));
  }
  const [recorded] = steps.steps;
  const { outcome } = recorded ?? {};
  if (outcome?.type === 'completed' && outcome.result && 'json' in outcome.result) {
    return harness.complete(assignment, accept('all'), done(outcome.result.json));
  }
  const start = recorded ? [] : [children('all', count)];
  return harness.complete(assignment, ...start, SUSPEND);
}

/** Works until nothing is left to do; on so many executions at once. */
async function workAll(harness: Harness, workerId: string, count: number, atOnce = 1_000): Promise<void> {
  for (;;) {
    const assignments = await harness.takeAll(workerId, atOnce);
    if (assignments.length === 0) return;
    await Promise.all(assignments.map((assignment) => work(harness, assignment, count)));
    await settled();
  }
}

async function childrenOf(store: Store, parentExecutionId: string): Promise<readonly Execution[]> {
  return store.list({ projectId: PROJECT, parentExecutionId, limit: 20_000 });
}

/** What must be true of a batch of `count` children, whatever went wrong on the way. */
async function expectDone(harness: Harness, executionId: string, count: number): Promise<void> {
  const all = await childrenOf(harness.store, executionId);
  const byIndex = new Map(all.map((child) => [child.parent?.index, child]));
  expect({ children: all.length, places: byIndex.size }).toEqual({ children: count, places: count });
  const { execution, result } = await harness.engine.getExecution(PROJECT, executionId);
  expect(execution.status).toBe('completed');
  const results = JSON.parse(result && 'json' in result ? result.json : '');
  const expected = Array.from({ length: count }, (_, n) => {
    const child = { workflowId: 'child', executionId: byIndex.get(n)?.id };
    if (n % 3 !== 2) return { ...child, success: true, result: n };
    return { ...child, success: false, error: { type: 'CardError', message: 'declined' } };
  });
  expect(results).toEqual(expected);
  const types = await harness.eventTypes(executionId);
  const once = ['children_start', 'workflow_ready', 'step_finish'];
  for (const type of once) expect([type, types.filter((each) => each === type).length]).toEqual([type, 1]);
  await harness.clock.turn(20_000);
  expect(await harness.store.listOutboxes({ until: Number.MAX_SAFE_INTEGER, limit: 10 })).toEqual([]);
}

describe('a batch of children', () => {
  test('wakes its parent once, with what became of each, in order', async () => {
    const harness = await Harness.open();
    const worker = await harness.register(['order', 'child']);
    const executionId = await harness.invoke({ sessionId: 's', userId: 'u' });
    await workAll(harness, worker, 7);
    await expectDone(harness, executionId, 7);
    const [child] = await childrenOf(harness.store, executionId);
    expect(child).toMatchObject({ sessionId: 's', userId: 'u', parent: { stepKey: 'all', waits: true } });
  });

  test('is told together of children that end together', async () => {
    const harness = await Harness.open();
    const worker = await harness.register(['order', 'child']);
    const executionId = await harness.invoke();
    await workAll(harness, worker, 900);
    await expectDone(harness, executionId, 900);
    const types = await harness.eventTypes(executionId);
    expect(types.filter((type) => type === 'children_close').length).toBeLessThan(20);
  });

  test('reports to a parent that still runs with its next completion', async () => {
    const harness = await Harness.open();
    const worker = await harness.register(['order', 'child']);
    await harness.invoke();
    const parent = await harness.take(worker);
    const { outcomes } = await harness.complete(parent, children('all', 2));
    expect(outcomes).toMatchObject([{ key: 'all', kind: 'batch_invoke_and_wait', sequence: 0 }]);
    for (const child of await harness.takeAll(worker)) await work(harness, child, 2);
    await settled();
    const next = await harness.complete(parent, step('a'), SUSPEND);
    expect(next.execution.status).toBe('running');
    expect(next.outcomes).toMatchObject([{ key: 'all', outcome: { type: 'completed' } }]);
  });

  test('that nobody waits for comes to the ids at once, and does not disturb its parent', async () => {
    const harness = await Harness.open();
    const worker = await harness.register(['order', 'child']);
    const executionId = await harness.invoke();
    const { outcomes } = await harness.complete(
      await harness.take(worker),
      children('fire', 3, { waits: false }),
      DONE,
    );
    const [fired] = outcomes;
    const ids = fired?.outcome?.type === 'completed' && fired.outcome.result;
    const running = await harness.takeAll(worker);
    expect(JSON.parse(ids && 'json' in ids ? ids.json : '')).toEqual(
      (await childrenOf(harness.store, executionId))
        .toSorted((a, b) => (a.parent?.index ?? 0) - (b.parent?.index ?? 0))
        .map(({ id }) => id),
    );
    // The parent is final: its children go on.
    expect(running).toHaveLength(3);
    for (const child of running) await harness.complete(child, DONE);
    expect(await harness.eventTypes(executionId)).not.toContain('children_close');
  });

  test('whose parent ends without it goes on, and tells nobody', async () => {
    const harness = await Harness.open();
    const worker = await harness.register(['order', 'child']);
    const executionId = await harness.invoke();
    const parent = await harness.take(worker);
    await harness.complete(parent, children('all', 3));
    await harness.complete(parent, DONE);
    await workAll(harness, worker, 3);
    const all = await childrenOf(harness.store, executionId);
    expect(all.map(({ status }) => status).sort()).toEqual(['completed', 'completed', 'failed']);
    await harness.clock.turn(20_000);
    expect(await harness.store.listOutboxes({ until: Number.MAX_SAFE_INTEGER, limit: 10 })).toEqual([]);
  });

  test('is refused as a whole where one item does not fit its schema, which is named', async () => {
    const harness = await Harness.open();
    const schemas = { payload: '{"type":"number","maximum":3}' };
    const worker = await harness.register(['order', { id: 'child', schemas }]);
    const executionId = await harness.invoke();
    const refused = harness.complete(await harness.take(worker), children('all', 6));
    await expect(refused).rejects.toMatchObject({
      problem: {
        type: 'schema_violation',
        field: 'commands[0].children_started.children[4].payload.json',
      },
    });
    expect(await childrenOf(harness.store, executionId)).toEqual([]);
  });

  test('keeps of failures what leaves room for all, and of large results none once they are too large', async () => {
    const harness = await Harness.open();
    const worker = await harness.register(['order', 'child']);
    const executionId = await harness.invoke();
    await harness.complete(await harness.take(worker), children('all', 4), SUSPEND);
    const [first, ...others] = await harness.takeAll(worker);
    if (!first) throw new Error('there is one');
    await harness.complete(first, { type: 'fail_execution', failure: DECLINED });
    const large = JSON.stringify('ü'.repeat(700_000));
    for (const child of others) await harness.complete(child, done(large));
    const { steps } = (await harness.take(worker)).steps;
    expect(steps).toMatchObject([
      {
        key: 'all',
        outcome: {
          type: 'failed',
          failure: { type: 'BatchSizeError', message: expect.stringContaining('4200006 bytes') },
        },
      },
    ]);
    const journal = await harness.store.journal(executionId, { afterEvent: 0, entries: 100, bytes: 1e9 });
    const text = JSON.stringify(journal);
    expect(text).not.toContain('xxxx');
    expect(text.length).toBeLessThan(1_000_000);
  });
});

describe('cancelling a parent', () => {
  test('reaches the children of a batch of which not one existed yet', async () => {
    const inner = openMemoryStore();
    let isHeld = true;
    const waiting: (() => void)[] = [];
    const store = intercepted(inner, async (method, call, [write]) => {
      const creates = method === 'commit' && (write as { execution: Execution }).execution.parent;
      if (creates && isHeld) await new Promise<void>((resolve) => waiting.push(resolve));
      return call();
    });
    const harness = await Harness.open(store);
    const executionId = await harness.invoke();
    await harness.complete(await harness.take(await harness.register()), children('all', 1_200), SUSPEND);
    await settled();
    expect(await harness.engine.cancel(PROJECT, executionId)).toBe('cancelled');
    expect(await childrenOf(inner, executionId)).toEqual([]);
    isHeld = false;
    for (const go of waiting) go();
    await harness.clock.turn(10_000);
    const statuses = (await childrenOf(inner, executionId)).map(({ status }) => status);
    expect(statuses).toHaveLength(1_200);
    expect(new Set(statuses)).toEqual(new Set(['cancelled']));
  });

  test('reaches them after the server that started them died in between', async () => {
    const inner = openMemoryStore();
    const clock = new HandClock();
    let left = Number.POSITIVE_INFINITY;
    const dying = intercepted(inner, (method, call, [write]) => {
      const creates = method === 'commit' && (write as { execution: Execution }).execution.parent;
      if (creates) left -= 1;
      return left < 0 ? new Promise(() => {}) : call();
    });
    const first = new Harness(dying, clock);
    await first.engine.start();
    const executionId = await first.invoke();
    const parent = await first.take(await first.register());
    left = 700;
    await first.complete(parent, children('all', 1_200), SUSPEND);
    await settled();
    const next = new Harness(inner, clock);
    await next.engine.cancel(PROJECT, executionId);
    await next.engine.start();
    await clock.turn(20_000);
    const statuses = (await childrenOf(inner, executionId)).map(({ status }) => status);
    expect(statuses).toHaveLength(1_200);
    expect(new Set(statuses)).toEqual(new Set(['cancelled']));
  });
});

describe('a server that dies', () => {
  const COUNT = 5;

  const play = async (harness: Harness) => {
    const worker = await harness.register(['order', 'child']);
    await harness.invoke({ idempotencyKey: 'k' });
    await workAll(harness, worker, COUNT, 1);
    await settled();
  };

  test.each<Moment>(['before', 'after'])(
    '%s any one of its calls to the store leaves every child there once, and its parent woken once',
    async (moment) => {
      const takeOver = async (harness: Harness) => {
        const worker = await harness.register(['order', 'child']);
        const executionId = await harness.invoke({ idempotencyKey: 'k' });
        for (let round = 0; round < 4; round++) {
          await workAll(harness, worker, COUNT, 1);
          await harness.clock.turn(2 * LEASE_MS);
        }
        await expectDone(harness, executionId, COUNT);
      };
      expect(await atEachCall(moment, { play, takeOver })).toBeGreaterThan(40);
    },
  );
});

test.each([1, 2, 3])('three servers carry one batch together (seed %i)', async (seed) => {
  const harnesses = await Harness.openBeside(3, (store, place) => jittery(store, seed * 10 + place));
  const workers = await Promise.all(harnesses.map((each) => each.register(['order', 'child'])));
  const [one] = harnesses as [Harness];
  const executionId = await one.invoke();
  for (let round = 0; round < 200 && (await one.status(executionId)) !== 'completed'; round++) {
    for (const [place, harness] of harnesses.entries()) {
      const assignments = await harness.takeAll(workers[place] ?? '', 7);
      // Whoever is asked next may be another server.
      await Promise.all(
        assignments.map((each, index) => work(harnesses[(place + index) % 3] as Harness, each, 60)),
      );
    }
    await one.clock.turn(1_000);
  }
  await expectDone(one, executionId, 60);
  expect(harnesses.flatMap(({ faults }) => faults)).toEqual([]);
});
