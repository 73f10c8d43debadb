import { describe, expect, test } from 'vitest';
import { openMemoryStore } from '../store/memory/memory-store.js';
import { StoreFault } from '../store/store.js';
import { settled } from './hand-clock.mjs';
import { accept, child, DONE, done, Harness, PROJECT, SUSPEND, step } from './harness.mjs';
import { gated, intercepted } from './slow-store.mjs';

const FIVE = done('5');
const OUT_OF_ORDER = new StoreFault('out of order', { retryable: true });

describe('a parent', () => {
  test('is woken by its child, once, with its result', async () => {
    const harness = await Harness.open();
    const worker = await harness.register(['order', 'child']);
    const executionId = await harness.invoke({ sessionId: 's', userId: 'u' });
    await harness.complete(
      await harness.take(worker),
      child('pay', 'child', { payload: { json: '2' } }),
      SUSPEND,
    );
    const pay = await harness.take(worker);
    expect(pay).toMatchObject({
      input: { payload: { json: '2' } },
      execution: { parent: { executionId, stepKey: 'pay', waits: true }, sessionId: 's', userId: 'u' },
    });
    expect(await harness.engine.getExecution(PROJECT, executionId)).toMatchObject({ reason: 'child' });
    await harness.complete(pay, FIVE);
    const resumed = await harness.take(worker);
    expect(resumed.steps.steps).toMatchObject([
      { key: 'pay', sequence: 0, outcome: { result: { json: '5' } } },
    ]);
    await harness.complete(resumed, accept('pay'), DONE);
    expect(await harness.eventTypes(executionId)).toEqual(
      ['workflow_queued', 'workflow_start', 'child_start', 'workflow_wait', 'step_finish'].concat([
        'workflow_ready',
        'workflow_resume',
        'workflow_finish',
      ]),
    );
    await harness.clock.turn(60_000);
    expect(await harness.store.listOutboxes({ until: Number.MAX_SAFE_INTEGER, limit: 10 })).toEqual([]);
  });

  test.each([
    ['fails', { type: 'CardError', message: 'declined' }],
    ['is cancelled', { type: 'WorkflowCancelledError' }],
    ['times out', { type: 'WorkflowTimeoutError' }],
  ])('is told when its child %s', async (how, failure) => {
    const harness = await Harness.open();
    const worker = await harness.register(['order', 'child']);
    await harness.invoke();
    await harness.complete(
      await harness.take(worker),
      child('pay', 'child', { runTimeoutMs: 1_000 }),
      SUSPEND,
    );
    const pay = await harness.take(worker);
    if (how === 'fails') {
      const declined = { type: 'CardError', message: 'declined', retryable: false };
      await harness.complete(pay, { type: 'fail_execution', failure: declined });
    }
    if (how === 'is cancelled') {
      await harness.engine.cancel(PROJECT, pay.execution.id);
      await harness.complete(pay, { type: 'cancel_execution' });
    }
    if (how === 'times out') await harness.clock.turn(1_000);
    expect((await harness.take(worker)).steps.steps).toMatchObject([
      { outcome: { type: 'failed', failure } },
    ]);
  });

  test('that still runs is told of its child by its next completion', async () => {
    const harness = await Harness.open();
    const worker = await harness.register(['order', 'child']);
    await harness.invoke();
    const parent = await harness.take(worker);
    const started = await harness.complete(parent, child('pay'), child('ship', 'nobody serves this'));
    expect(started.outcomes).toMatchObject([
      { key: 'pay', childExecutionId: expect.any(String) },
      { key: 'ship', childExecutionId: expect.any(String) },
    ]);
    await harness.complete(await harness.take(worker), FIVE);
    await settled();
    const { execution, outcomes } = await harness.complete(parent, step('a'), SUSPEND);
    expect(execution.status).toBe('running');
    expect(outcomes).toMatchObject([{ key: 'pay', sequence: 0, outcome: { result: { json: '5' } } }]);
  });

  test('starts children one after the other without a pause', async () => {
    const harness = await Harness.open();
    const worker = await harness.register(['order', 'child']);
    await harness.invoke();
    const parent = await harness.take(worker);
    await Promise.all(['a', 'b', 'c', 'd'].map((key) => harness.complete(parent, child(key))));
    expect(await harness.takeAll(worker)).toHaveLength(4);
  });

  test('does not hear of a child that it does not wait for', async () => {
    const harness = await Harness.open();
    const worker = await harness.register(['order', 'child']);
    const executionId = await harness.invoke();
    const parent = await harness.take(worker);
    const { outcomes } = await harness.complete(parent, { ...child('mail'), waits: false } as never);
    expect(outcomes).toMatchObject([{ key: 'mail', kind: 'invoke', sequence: 1 }]);
    await harness.complete(await harness.take(worker), FIVE);
    await settled();
    expect(await harness.eventTypes(executionId)).toEqual([
      'workflow_queued',
      'workflow_start',
      'child_start',
    ]);
  });
});

describe('a message is delivered although the server dies', () => {
  test('between the commit that sends it and its delivery', async () => {
    const living = { store: openMemoryStore(), isDown: false };
    // What a server that died asked of the store and did not get.
    const dying = intercepted(living.store, (method, call, [write]) => {
      const delivers =
        method === 'commit' &&
        (write as { execution: { workflowId: string } }).execution.workflowId === 'child';
      return living.isDown && delivers ? new Promise(() => {}) : call();
    });
    const harness = await Harness.open(dying);
    await harness.invoke();
    const parent = await harness.take(await harness.register());
    living.isDown = true;
    await harness.complete(parent, child('pay'), SUSPEND);
    await settled();
    const next = await Harness.open(living.store);
    const pay = await next.take(await next.register(['child']));
    await next.complete(pay, FIVE);
    expect((await next.take(await next.register())).steps.steps).toMatchObject([
      { outcome: { result: { json: '5' } } },
    ]);
  });

  test.each(['child', 'order'])(
    'after its delivery to %s and before it left the outbox: it is understood once',
    async (to) => {
      const inner = openMemoryStore();
      let isDown = false;
      const dying = intercepted(inner, (method, call, [write]) => {
        const { execution } = (write ?? {}) as { execution?: { workflowId: string; outbox: unknown[] } };
        const clears = method === 'commit' && execution?.outbox.length === 0 && execution.workflowId !== to;
        return isDown && clears ? new Promise(() => {}) : call();
      });
      const harness = await Harness.open(dying);
      const executionId = await harness.invoke();
      const parent = await harness.take(await harness.register());
      isDown = to === 'child';
      await harness.complete(parent, child('pay'), SUSPEND);
      const pay = await harness.take(await harness.register(['child']));
      isDown = true;
      await harness.complete(pay, FIVE);
      await settled();
      const next = await Harness.open(inner);
      await next.clock.turn(10_000);
      expect(await inner.listOutboxes({ until: Number.MAX_SAFE_INTEGER, limit: 10 })).toEqual([]);
      expect(
        await inner.list({ projectId: PROJECT, parentExecutionId: executionId, limit: 10 }),
      ).toHaveLength(1);
      const types = await next.eventTypes(executionId);
      expect(types.filter((type) => type === 'step_finish' || type === 'workflow_ready')).toHaveLength(2);
    },
  );

  test('with thousands of others, within a minute', async () => {
    const inner = openMemoryStore();
    let isDown = false;
    const dying = intercepted(inner, (method, call, [write]) => {
      const delivers =
        method === 'commit' &&
        (write as { execution: { workflowId: string } }).execution.workflowId === 'child';
      return isDown && delivers ? new Promise(() => {}) : call();
    });
    const harness = await Harness.open(dying);
    isDown = true;
    for (let count = 0; count < 3_000; count++) await harness.invoke();
    for (const parent of await harness.takeAll(await harness.register(), 3_000)) {
      await harness.complete(parent, child('pay'), SUSPEND);
    }
    const next = await Harness.open(inner);
    await next.clock.turn(20_000);
    expect(await inner.listOutboxes({ until: Number.MAX_SAFE_INTEGER, limit: 10 })).toEqual([]);
  });
});

test('a suspension that is sent again after another worker took over does not say that the lease is still held', async () => {
  const harness = await Harness.open();
  const worker = await harness.register(['order', 'child']);
  await harness.invoke();
  const { lease } = await harness.take(worker);
  await harness.completeAs(lease, 1, [child('pay'), SUSPEND]);
  await harness.complete(await harness.take(worker), FIVE);
  await harness.take(worker);
  const again = await harness.completeAs(lease, 1, [child('pay'), SUSPEND]);
  expect(again).toMatchObject({ execution: { status: 'queued', lease: undefined }, outcomes: [] });
});

test('a delivery that fails is tried again by the next sweep', async () => {
  const { store, fail } = gated(openMemoryStore(), 'journal');
  const harness = await Harness.open(store);
  const worker = await harness.register(['order', 'child']);
  await harness.invoke();
  await harness.complete(await harness.take(worker), child('pay'), SUSPEND);
  const pay = await harness.take(worker);
  fail(OUT_OF_ORDER);
  await harness.complete(pay, FIVE);
  await settled();
  expect(harness.faults).toEqual([OUT_OF_ORDER]);
  await harness.clock.turn(5_000);
  expect(await harness.take(worker)).toMatchObject({ execution: { workflowId: 'order' } });
});

test('a stopped engine has delivered all that it began to deliver', async () => {
  const inner = openMemoryStore();
  const { store, hold, release } = gated(inner, 'commit');
  const harness = await Harness.open(store);
  await harness.invoke();
  const parent = await harness.take(await harness.register());
  await harness.complete(parent, child('pay'));
  await settled();
  hold();
  harness.complete(parent, child('ship')).catch(() => {});
  await settled();
  const stopped = harness.engine.stop();
  release();
  await settled();
  await stopped;
  await settled();
  await inner.close();
  await harness.clock.turn(60_000);
  expect(harness.faults).toEqual([]);
});

describe('cancelling', () => {
  test('reaches all descendants and no ancestor', async () => {
    const harness = await Harness.open();
    const worker = await harness.register(['order', 'child', 'grandchild']);
    const root = await harness.invoke();
    await harness.complete(await harness.take(worker), child('a'), child('b', 'nobody serves this'), SUSPEND);
    const middle = await harness.take(worker);
    await harness.complete(middle, child('c', 'grandchild'), child('d', 'nobody serves this'), SUSPEND);
    const leaf = await harness.take(worker);
    await harness.engine.cancel(PROJECT, middle.execution.id);
    await settled();
    const all = await harness.store.list({ projectId: PROJECT, rootExecutionId: root, limit: 10 });
    const statuses = Object.fromEntries(
      all.map(({ id, parent, status }) => [parent?.stepKey ?? (id && 'root'), status]),
    );
    expect(statuses).toEqual({ root: 'queued', a: 'cancelled', b: 'queued', c: 'running', d: 'cancelled' });
    expect(await harness.execution(leaf.execution.id)).toMatchObject({
      cancelRequestedAt: harness.clock.now(),
    });
    await harness.complete(leaf, { type: 'cancel_execution' });
    expect(await harness.status(leaf.execution.id)).toBe('cancelled');
  });

  test('reaches more children than one look at the store brings', async () => {
    const harness = await Harness.open();
    const executionId = await harness.invoke();
    const worker = await harness.register();
    const parent = await harness.take(worker);
    for (let some = 0; some < 12; some++) {
      const keys = Array.from({ length: 100 }, (_, index) => `${some}-${index}`);
      await harness.complete(parent, ...keys.map((key) => child(key)));
      await harness.clock.turn(1);
    }
    await harness.complete(parent, SUSPEND);
    await harness.engine.cancel(PROJECT, executionId);
    await settled();
    const children = await harness.store.list({
      projectId: PROJECT,
      parentExecutionId: executionId,
      limit: 2_000,
    });
    expect(new Set(children.map(({ status }) => status))).toEqual(new Set(['cancelled']));
    expect(children).toHaveLength(1_200);
  });

  test('reaches a child that was started after the request', async () => {
    const harness = await Harness.open();
    const executionId = await harness.invoke();
    const parent = await harness.take(await harness.register());
    await harness.complete(parent, child('a'));
    expect(await harness.engine.cancel(PROJECT, executionId)).toBe('running');
    await settled();
    const { execution } = await harness.complete(parent, child('b'), SUSPEND);
    expect(execution.status).toBe('cancelled');
    await settled();
    const children = await harness.store.list({
      projectId: PROJECT,
      parentExecutionId: executionId,
      limit: 10,
    });
    expect(children.map(({ status }) => status)).toEqual(['cancelled', 'cancelled']);
  });

  test('a child that its parent waits for wakes the parent', async () => {
    const harness = await Harness.open();
    const worker = await harness.register();
    const executionId = await harness.invoke();
    const { outcomes } = await harness.complete(await harness.take(worker), child('a'), SUSPEND);
    await settled();
    await harness.engine.cancel(PROJECT, outcomes[0]?.childExecutionId ?? '');
    expect(await harness.take(worker)).toMatchObject({ execution: { id: executionId } });
  });
});
