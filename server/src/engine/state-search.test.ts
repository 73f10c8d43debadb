import { describe, expect, test } from 'vitest';
import type { SearchValue } from '../core/search-term.js';
import { openMemoryStore } from '../store/memory/memory-store.js';
import { StoreFault } from '../store/store.js';
import type { SearchCondition } from './api.js';
import { DONE, Harness, PROJECT, state, step } from './harness.mjs';
import { gated, intercepted } from './slow-store.mjs';

const INDEXED = { id: 'order', stateIndex: ['customer', '/order/total'] };

function equal(path: string, value: SearchValue): SearchCondition {
  return { field: { type: 'state', path: path.split('.') }, comparison: '=', value };
}

async function found(
  { engine }: Harness,
  conditions: readonly SearchCondition[],
  query: { readonly workflowId?: string; readonly status?: 'completed' | 'running' } = {
    workflowId: 'order',
  },
): Promise<readonly string[]> {
  const page = await engine.listExecutions({ projectId: PROJECT, limit: 1_000, conditions, ...query });
  return page.executions.map(({ execution }) => execution.id).sort();
}

function refused(message: string) {
  return { problem: { type: 'invalid', field: 'filter', message: expect.stringContaining(message) } };
}

const start = (value: object) => ({ initialState: JSON.stringify(value) });

describe('a declared field', () => {
  test('finds an execution by its value at the last commit, until and after its end', async () => {
    const harness = await Harness.open();
    const worker = await harness.register([INDEXED]);
    const ann = await harness.invoke(start({ customer: 'ann', order: { total: 7 } }));
    const assignment = await harness.take(worker);
    await harness.invoke(start({ customer: 'bob' }));
    expect(await found(harness, [equal('customer', 'ann')])).toEqual([ann]);
    await harness.complete(assignment, step('a'), state(1, { customer: 'eve', order: { total: 7 } }));
    expect(await found(harness, [equal('customer', 'ann')])).toEqual([]);
    expect(await found(harness, [equal('customer', 'eve'), equal('order.total', 7)])).toEqual([ann]);
    await harness.complete(assignment, state(2, { order: { total: 8 } }), DONE);
    expect(await found(harness, [equal('customer', 'eve')])).toEqual([]);
    expect(await found(harness, [equal('order.total', 8)])).toEqual([ann]);
    const completed = { workflowId: 'order', status: 'completed' } as const;
    expect(await found(harness, [equal('order.total', 8)], completed)).toEqual([ann]);
    const running = { workflowId: 'order', status: 'running' } as const;
    expect(await found(harness, [equal('order.total', 8)], running)).toEqual([]);
  });

  test('finds what was there before it from the next commit on', async () => {
    const harness = await Harness.open();
    const early = await harness.invoke(start({ customer: 'ann' }));
    const worker = await harness.register([INDEXED]);
    expect(await found(harness, [equal('customer', 'ann')])).toEqual([]);
    await harness.complete(await harness.take(worker), step('a'));
    expect(await found(harness, [equal('customer', 'ann')])).toEqual([early]);
  });

  test('stays beside those of a newer version, as long as there is room', async () => {
    const harness = await Harness.open();
    await harness.register([INDEXED]);
    const worker = await harness.register([{ id: 'order', stateIndex: ['newer'] }]);
    const id = await harness.invoke(start({ customer: 'ann', newer: 1 }));
    expect(await found(harness, [equal('customer', 'ann'), equal('newer', 1)])).toEqual([id]);
    // One that says nothing about it changes nothing.
    await harness.register(['order']);
    expect(await found(harness, [equal('newer', 1)])).toEqual([id]);
    const sixteen = Array.from({ length: 16 }, (_, n) => `field${n}`);
    await harness.register([{ id: 'order', stateIndex: sixteen }]);
    await expect(found(harness, [equal('customer', 'ann')])).rejects.toMatchObject(
      refused('declares no such field in its state index, which has field0, field1,'),
    );
    await harness.complete(await harness.take(worker), state(1, { customer: 'ann', field3: true }));
    expect(await found(harness, [equal('field3', true)])).toEqual([id]);
    expect((await harness.store.load(id))?.terms).toHaveLength(1);
  });

  test('survives the server, and what it finds is not written again', async () => {
    const harness = await Harness.open();
    await harness.register([INDEXED]);
    const id = await harness.invoke(start({ customer: 'ann' }));
    await harness.restart();
    expect(await found(harness, [equal('customer', 'ann')])).toEqual([id]);
    const worker = await harness.register([INDEXED]);
    await harness.complete(await harness.take(worker), state(1, { customer: 'eve' }));
    expect(await found(harness, [equal('customer', 'ann')])).toEqual([]);
    expect(await found(harness, [equal('customer', 'eve')])).toEqual([id]);
  });

  test('is known to every server', async () => {
    const [here, there] = (await Harness.openBeside(2)) as [Harness, Harness];
    const worker = await here.register([INDEXED]);
    const id = await here.invoke(start({ customer: 'ann' }));
    // At once for whoever asks, before the other server has heard of it.
    expect(await found(there, [equal('customer', 'ann')])).toEqual([id]);
    await here.clock.turn(1_000);
    const later = await there.invoke(start({ customer: 'ann' }));
    expect(await found(here, [equal('customer', 'ann')])).toEqual([id, later].sort());
    await here.complete(await here.take(worker), state(1, { customer: 'eve' }));
    await there.engine.cancel(PROJECT, id);
    await there.engine.pause(PROJECT, later);
    expect(await found(there, [equal('customer', 'eve')])).toHaveLength(1);
    expect(await found(there, [equal('customer', 'ann')])).toHaveLength(1);
  });
});

describe('what a commit writes', () => {
  test('is terms only where they change', async () => {
    const written: (readonly string[] | undefined)[] = [];
    const store = intercepted(openMemoryStore(), async (method, call, [write]) => {
      if (method === 'commit') written.push((write as { readonly terms?: readonly string[] }).terms);
      return call();
    });
    const harness = await Harness.open(store);
    const worker = await harness.register([INDEXED]);
    await harness.invoke(start({ customer: 'ann', count: 0 }));
    const assignment = await harness.take(worker);
    expect(written.filter((terms) => terms !== undefined)).toEqual([[expect.stringContaining('ann')]]);
    written.length = 0;
    await harness.complete(assignment, step('a'));
    await harness.complete(assignment, step('b'), state(1, { customer: 'ann', count: 1 }));
    await harness.complete(assignment, step('c'), state(2, { count: 1, customer: ['ann'] }));
    await harness.complete(assignment, step('d'), state(3, { count: 2 }));
    await harness.complete(assignment, DONE);
    expect(written).toEqual([undefined, undefined, [], undefined, undefined]);
  });

  test('is nothing of the index for a workflow without one', async () => {
    const written: boolean[] = [];
    const store = intercepted(openMemoryStore(), async (method, call, [write]) => {
      if (method === 'commit') written.push(Object.hasOwn(write as object, 'terms'));
      return call();
    });
    const harness = await Harness.open(store);
    const worker = await harness.register([INDEXED, 'plain']);
    await harness.invoke({ workflowId: 'plain', ...start({ customer: 'ann' }) });
    await harness.complete(await harness.take(worker), state(1, { customer: 'eve' }), DONE);
    expect(written.length).toBeGreaterThan(1);
    expect(written).not.toContain(true);
  });

  test('counts after a commit of which nobody knew whether it happened', async () => {
    const gate = gated(openMemoryStore(), 'commit');
    const harness = await Harness.open(gate.store);
    const worker = await harness.register([INDEXED]);
    const id = await harness.invoke(start({ customer: 'ann' }));
    const assignment = await harness.take(worker);
    gate.fail(new StoreFault('the store is away', { retryable: true }));
    const change = [step('a'), state(1, { customer: 'eve' })];
    await expect(harness.completeAs(assignment.lease, 1, change)).rejects.toThrow('away');
    expect(await found(harness, [equal('customer', 'ann')])).toEqual([id]);
    await harness.completeAs(assignment.lease, 1, change);
    expect(await found(harness, [equal('customer', 'ann')])).toEqual([]);
    expect(await found(harness, [equal('customer', 'eve')])).toEqual([id]);
  });
});

describe('what cannot be asked for is refused with a reason', () => {
  test.each<[SearchCondition, object, string]>([
    [
      equal('customer', 'ann'),
      {},
      'state.customer: states are searched within one workflow; add workflow_id',
    ],
    [
      equal('name', 'ann'),
      { workflowId: 'order' },
      'state.name: the workflow "order" declares no such field in its state index, which has customer, order.total',
    ],
    [equal('customer', 'ann'), { workflowId: 'other' }, 'which has none'],
    [{ ...equal('customer', null), comparison: '<' }, { workflowId: 'order' }, 'null is compared with ='],
    [equal('customer', 'x'.repeat(257)), { workflowId: 'order' }, 'at most 256 bytes'],
  ])('%j within %j', async (condition, query, message) => {
    const harness = await Harness.open();
    await harness.register([INDEXED]);
    await expect(found(harness, [condition], query)).rejects.toMatchObject(refused(message));
  });

  test.each<[readonly string[], string, string]>([
    [['a..b'], 'workflows[0].state_index[0]', '"a..b" is no path'],
    [['a', 'b', '/a'], 'workflows[0].state_index[2]', 'a is there twice'],
    [Array.from({ length: 17 }, (_, n) => `f${n}`), 'workflows[0].state_index', 'at most 16 fields'],
  ])('the declaration %j', async (stateIndex, field, message) => {
    const harness = await Harness.open();
    const registered = harness.register([{ id: 'order', stateIndex }]);
    const problem = { type: 'invalid', field, message: expect.stringContaining(message) };
    await expect(registered).rejects.toMatchObject({ problem });
  });
});

test('search attributes find executions of all workflows', async () => {
  const harness = await Harness.open();
  const searchAttributes = { tenant: 'acme', 'cost center': '7' };
  const id = await harness.invoke({ searchAttributes });
  const other = await harness.invoke({ searchAttributes: { tenant: 'acme' }, workflowId: 'other' });
  const tenant = (value: string): SearchCondition => {
    return { field: { type: 'attribute', name: 'tenant' }, comparison: '=', value };
  };
  expect(await found(harness, [tenant('acme')], {})).toEqual([id, other].sort());
  expect(await found(harness, [tenant('acme')], { workflowId: 'other' })).toEqual([other]);
  expect(await found(harness, [tenant('acm')], {})).toEqual([]);
});
