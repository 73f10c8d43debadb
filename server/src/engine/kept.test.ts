import { describe, expect, test } from 'vitest';
import { openMemoryStore } from '../store/memory/memory-store.js';
import type { Assignment, WorkerAction } from './api.js';
import { settled } from './hand-clock.mjs';
import { accept, DONE, Harness, LEASE_MS, PROJECT, step } from './harness.mjs';
import { gated } from './slow-store.mjs';

/** More steps than are sent although the worker has seen them. */
const MANY = 50;

const KEEP: WorkerAction = { type: 'suspend_execution', isKept: true };

function approval(key: string): WorkerAction {
  return { type: 'await_resume', key };
}

function steps(count: number): WorkerAction[] {
  return Array.from({ length: count }, (_, index) => step(`s${index}`));
}

/** An execution that a worker has suspended after many steps. */
async function suspended(harness: Harness, worker: string, end: WorkerAction = KEEP, count = MANY) {
  const id = await harness.invoke();
  const assignment = await harness.take(worker);
  await harness.complete(assignment, ...steps(count), approval('a'), end);
  return id;
}

function resume(harness: Harness, id: string, stepKey = 'a'): Promise<void> {
  return harness.engine.resume(PROJECT, id, { stepKey });
}

const keysOf = ({ steps }: Assignment) => steps.steps.map(({ key }) => key);

const allKeys = Array.from({ length: MANY }, (_, index) => `s${index}`);

describe('a worker that keeps the code of an execution that waits', () => {
  test('is sent only what the code has not seen', async () => {
    const harness = await Harness.open();
    const worker = await harness.register();
    const id = await suspended(harness, worker);
    await resume(harness, id);
    const again = await harness.take(worker);
    expect(again).toMatchObject({ omittedSteps: MANY, steps: { steps: [{ key: 'a', sequence: 0 }] } });
    expect(again.steps.next).toBeUndefined();
    await harness.complete(again, accept('a'), approval('b'), KEEP);
    await resume(harness, id, 'b');
    const third = await harness.take(worker);
    expect(third).toMatchObject({ omittedSteps: MANY + 1, lease: { epoch: 3 } });
    expect(keysOf(third)).toEqual(['b']);
    await harness.complete(third, accept('b'), DONE);
    expect(await harness.status(id)).toBe('completed');
  });

  test('can fetch all steps all the same', async () => {
    const harness = await Harness.open();
    const worker = await harness.register();
    const id = await suspended(harness, worker);
    await resume(harness, id);
    await harness.take(worker);
    const page = await harness.engine.listSteps(PROJECT, id, 0);
    expect(page.steps.map(({ key }) => key)).toEqual([...allKeys, 'a']);
    expect(page.next).toBeUndefined();
  });

  test('is preferred to a worker that has waited longer, whose turn it is after that', async () => {
    const harness = await Harness.open();
    const [keeper, other] = [await harness.register(), await harness.register()];
    const id = await suspended(harness, keeper);
    const [others, own] = [await harness.openWork(other), await harness.openWork(keeper)];
    others.session.grant(5);
    own.session.grant(5);
    await resume(harness, id);
    await settled();
    expect(own.assignments).toMatchObject([{ execution: { id }, omittedSteps: MANY }]);
    await harness.invoke();
    await settled();
    expect(others.assignments).toHaveLength(1);
  });

  test('is preferred also for what waited until workers had room', async () => {
    const { store, hold, release } = gated(openMemoryStore(), 'listReady');
    const harness = await Harness.open(store);
    const [keeper, other] = [await harness.register(), await harness.register()];
    const ids = [await suspended(harness, keeper), await suspended(harness, keeper)];
    for (const id of ids) {
      await resume(harness, id);
      await harness.clock.turn(1);
    }
    hold();
    const busy = await harness.openWork(other);
    busy.session.grant(1);
    const own = harness.poll(keeper);
    release();
    expect(await own).toMatchObject([{ execution: { id: ids[0] }, omittedSteps: MANY }]);
    await settled();
    expect(busy.assignments).toMatchObject([{ execution: { id: ids[1] }, omittedSteps: 0 }]);
  });

  test('does not keep others from it while it has no room', async () => {
    const harness = await Harness.open();
    const [keeper, other] = [await harness.register(), await harness.register()];
    const id = await suspended(harness, keeper);
    const full = await harness.openWork(keeper);
    const idle = await harness.openWork(other);
    full.session.grant(1);
    await harness.invoke();
    await settled();
    expect(full.assignments).toHaveLength(1);
    idle.session.grant(1);
    await resume(harness, id);
    await settled();
    expect(idle.assignments).toMatchObject([{ execution: { id }, omittedSteps: 0 }]);
    expect(keysOf(idle.assignments[0] as Assignment)).toEqual([...allKeys, 'a']);
  });

  test('is not served out of a queue that it does not take from', async () => {
    const harness = await Harness.open();
    const keeper = await harness.register();
    const id = await harness.invoke({ queue: 'slow' });
    await harness.complete(await harness.take(keeper), ...steps(MANY), approval('a'), KEEP);
    const fussy = await harness.openWork(await harness.register(['order'], { queues: ['fast'] }));
    fussy.session.grant(1);
    await resume(harness, id);
    expect(fussy.assignments).toEqual([]);
    expect(await harness.take(keeper)).toMatchObject({ omittedSteps: MANY });
  });
});

describe('all steps are sent', () => {
  test('to a worker that said nothing of keeping', async () => {
    const harness = await Harness.open();
    const worker = await harness.register();
    const id = await suspended(harness, worker, { type: 'suspend_execution', isKept: false });
    await resume(harness, id);
    const again = await harness.take(worker);
    expect(again.omittedSteps).toBe(0);
    expect(keysOf(again)).toEqual([...allKeys, 'a']);
  });

  test('to another worker, and from then on to the first one too', async () => {
    const harness = await Harness.open();
    const [keeper, other] = [await harness.register(), await harness.register()];
    const id = await suspended(harness, keeper);
    await resume(harness, id);
    const elsewhere = await harness.take(other);
    expect(elsewhere).toMatchObject({ omittedSteps: 0 });
    expect(keysOf(elsewhere)).toEqual([...allKeys, 'a']);
    await harness.complete(elsewhere, accept('a'), approval('b'), {
      type: 'suspend_execution',
      isKept: false,
    });
    await resume(harness, id, 'b');
    const back = await harness.take(keeper);
    expect(back.omittedSteps).toBe(0);
    expect(keysOf(back)).toEqual([...allKeys, 'a', 'b']);
  });

  test('when they are few', async () => {
    const harness = await Harness.open();
    const worker = await harness.register();
    const id = await suspended(harness, worker, KEEP, 3);
    await resume(harness, id);
    expect(await harness.take(worker)).toMatchObject({
      omittedSteps: 0,
      steps: { steps: [{ key: 's0' }, { key: 's1' }, { key: 's2' }, { key: 'a' }] },
    });
  });

  test('to the same process once it had to register anew', async () => {
    const harness = await Harness.open();
    const id = await suspended(harness, await harness.register());
    await harness.restart();
    await resume(harness, id);
    const again = await harness.take(await harness.register());
    expect(again.omittedSteps).toBe(0);
    expect(keysOf(again)).toEqual([...allKeys, 'a']);
  });

  test('after a commit that did not end in a wait', async () => {
    const harness = await Harness.open();
    const worker = await harness.register();
    const id = await suspended(harness, worker);
    await resume(harness, id);
    await harness.complete(await harness.take(worker), accept('a'), step('more'));
    // The worker is lost without a word.
    await harness.clock.turn(LEASE_MS);
    const again = await harness.take(worker);
    expect(again.omittedSteps).toBe(0);
    expect(keysOf(again)).toEqual([...allKeys, 'a', 'more']);
  });
});

describe('an assignment that leaves steps out', () => {
  test('and gets lost leaves out the same ones when the lease is given to the same worker again', async () => {
    const harness = await Harness.open();
    const worker = await harness.register();
    const id = await suspended(harness, worker);
    await resume(harness, id);
    expect(await harness.take(worker)).toMatchObject({ lease: { epoch: 2 }, omittedSteps: MANY });
    await harness.clock.turn(LEASE_MS);
    expect(await harness.take(worker)).toMatchObject({ lease: { epoch: 3 }, omittedSteps: MANY });
  });

  test('comes from another server as well, if the worker has moved there', async () => {
    const [here, there] = (await Harness.openBeside(2)) as [Harness, Harness];
    const worker = await here.register();
    const id = await suspended(here, worker);
    await resume(there, id);
    const again = await there.take(worker);
    expect(again).toMatchObject({ omittedSteps: MANY });
    expect(keysOf(again)).toEqual(['a']);
  });

  test('goes on page by page where what is new is large', async () => {
    const harness = await Harness.open();
    const worker = await harness.register();
    const id = await harness.invoke();
    const waits = ['a', 'b', 'c'].map(approval);
    await harness.complete(await harness.take(worker), ...steps(MANY), ...waits, KEEP);
    const data = { json: JSON.stringify('x'.repeat(700_000)) };
    for (const stepKey of ['c', 'a', 'b']) {
      await harness.engine.resume(PROJECT, id, { stepKey, data });
      await harness.clock.turn(1);
    }
    const again = await harness.take(worker);
    const fetched = [...again.steps.steps];
    for (let next = again.steps.next; next !== undefined; ) {
      const page = await harness.engine.listSteps(PROJECT, id, next);
      expect(page.steps).toHaveLength(1);
      fetched.push(...page.steps);
      next = page.next;
    }
    expect(fetched.map(({ key }) => key)).toEqual(['c', 'a', 'b']);
  });
});
