import { expect, onTestFinished, test } from 'vitest';
import { isFinal } from '../core/execution.js';
import { openMemoryStore } from '../store/memory/memory-store.js';
import { type Store, StoreFault } from '../store/store.js';
import type { NumberedEvent } from './api.js';
import { accept, child, DONE, Harness, PROJECT, SUSPEND, state, step } from './harness.mjs';
import { gated, intercepted } from './slow-store.mjs';

const KEPT_MS = 600_000;

/** Long enough for a round to come after what it waits for has expired. */
const LATER_MS = KEPT_MS + 120_000;

/** An engine that keeps what the project `PROJECT` closed for ten minutes, and all else for ever. */
async function openKeeping(store?: Store): Promise<Harness> {
  const executionsKeptFor = (projectId: string) => (projectId === PROJECT ? KEPT_MS : undefined);
  const harness = await Harness.open(store, { executionsKeptFor });
  onTestFinished(() => harness.engine.stop());
  return harness;
}

async function finish(harness: Harness, worker: string): Promise<void> {
  await harness.complete(await harness.take(worker), DONE);
}

const GONE = { problem: { type: 'not_found', resource: 'execution' } };

test('what closed goes when its time is over, and not before; what is open stays', async () => {
  const harness = await openKeeping();
  const worker = await harness.register();
  const closed = await harness.invoke();
  await finish(harness, worker);
  const cancelled = await harness.invoke();
  await harness.engine.cancel(PROJECT, cancelled);
  const open = await harness.invoke();
  const elsewhere = await harness.invoke({ projectId: 'other' });
  await harness.engine.cancel('other', elsewhere);
  await harness.clock.turn(KEPT_MS - 1_000);
  expect(isFinal((await harness.execution(closed)).status)).toBe(true);
  await harness.clock.turn(LATER_MS - KEPT_MS);
  await expect(harness.execution(closed)).rejects.toMatchObject(GONE);
  await expect(harness.execution(cancelled)).rejects.toMatchObject(GONE);
  expect(await harness.status(open)).toBe('queued');
  expect(await harness.engine.getExecution('other', elsewhere)).toMatchObject({
    execution: { id: elsewhere },
  });
  expect(harness.faults).toEqual([]);
});

test('the time counts from the close, not from the creation', async () => {
  const harness = await openKeeping();
  const worker = await harness.register();
  const id = await harness.invoke();
  await harness.clock.turn(10 * KEPT_MS);
  await finish(harness, worker);
  await harness.clock.turn(KEPT_MS - 1_000);
  expect(await harness.status(id)).toBe('completed');
});

test('what closed before anybody gave a rule goes, too', async () => {
  const store = openMemoryStore();
  const before = await Harness.open(store);
  const id = await before.invoke();
  await before.engine.cancel(PROJECT, id);
  await before.engine.stop();
  const executionsKeptFor = () => KEPT_MS;
  const harness = new Harness(store, before.clock, { executionsKeptFor });
  await harness.engine.start();
  await harness.clock.turn(LATER_MS);
  expect(await store.load(id)).toBeUndefined();
  await harness.engine.stop();
});

test('more than are removed at once all go', async () => {
  const harness = await openKeeping();
  const ids = await Promise.all(Array.from({ length: 250 }, () => harness.invoke()));
  await Promise.all(ids.map((id) => harness.engine.cancel(PROJECT, id)));
  await harness.clock.turn(LATER_MS);
  expect(await harness.store.list({ projectId: PROJECT, limit: 10 })).toEqual([]);
});

test('with an execution go its states as they were and the order of its tree, and no other record', async () => {
  const harness = await openKeeping();
  const worker = await harness.register();
  const id = await harness.invoke();
  const assignment = await harness.take(worker);
  for (let revision = 1; revision <= 600; revision++) {
    await harness.complete(assignment, step(`s${revision}`), state(revision, { revision: revision + 1 }));
  }
  await harness.complete(assignment, DONE);
  const signal = new AbortController().signal;
  for await (const _ of harness.engine.treeEvents(PROJECT, id, { afterEvent: 0, follow: false, signal }));
  const groups = () => harness.store.listGroups({ prefix: '', limit: 10 });
  expect(await groups()).toEqual([`state["${id}"]`, `tree["${id}"]`]);
  await harness.store.commitRecord({ record: { group: 'other', id: 'a', version: 1, body: '{}' } });
  await harness.clock.turn(LATER_MS);
  expect(await groups()).toEqual(['other']);
});

test('an idempotency key is free again, and starts another execution', async () => {
  const harness = await openKeeping();
  const first = await harness.invokeFully({ idempotencyKey: 'k' });
  await harness.engine.cancel(PROJECT, first.executionId);
  await harness.clock.turn(60_000);
  expect((await harness.invokeFully({ idempotencyKey: 'k' })).created).toBe(false);
  await harness.clock.turn(LATER_MS);
  const again = await harness.invokeFully({ idempotencyKey: 'k' });
  expect(again).toMatchObject({ executionId: first.executionId, created: true });
  expect(await harness.status(first.executionId)).toBe('queued');
});

test('a parent that is open goes on with the result of a child that is gone, also after a replay', async () => {
  const harness = await openKeeping();
  const parents = await harness.register(['order']);
  const children = await harness.register(['child']);
  const parent = await harness.invoke();
  await harness.complete(await harness.take(parents), child('c'), SUSPEND);
  const assignment = await harness.take(children);
  await harness.complete(assignment, DONE);
  await harness.clock.turn(LATER_MS);
  await expect(harness.execution(assignment.lease.executionId)).rejects.toMatchObject(GONE);
  const replay = await harness.take(await harness.register(['order']));
  expect(replay.lease.executionId).toBe(parent);
  await harness.complete(replay, accept('c'), DONE);
  expect(await harness.status(parent)).toBe('completed');
});

test('a child that is open outlives the root of its tree, and its end reaches nobody', async () => {
  const harness = await openKeeping();
  const parents = await harness.register(['order']);
  const root = await harness.invoke();
  const started = { ...child('c'), waits: false } as ReturnType<typeof child>;
  await harness.complete(await harness.take(parents), started, DONE);
  await harness.clock.turn(LATER_MS);
  await expect(harness.execution(root)).rejects.toMatchObject(GONE);
  const assignment = await harness.take(await harness.register(['child']));
  await harness.complete(assignment, DONE);
  expect(await harness.status(assignment.lease.executionId)).toBe('completed');
  expect(harness.faults).toEqual([]);
});

test('a reader of events from whom the rest of them is deleted is told so', async () => {
  const harness = await openKeeping();
  const worker = await harness.register();
  const id = await harness.invoke();
  const assignment = await harness.take(worker);
  for (let n = 0; n < 300; n++) await harness.complete(assignment, step(`s${n}`));
  await harness.complete(assignment, DONE);
  const signal = new AbortController().signal;
  const reader = harness.engine.events(PROJECT, id, { afterEvent: 0, follow: true, signal });
  const pages = reader[Symbol.asyncIterator]();
  const first = (await pages.next()).value as readonly NumberedEvent[];
  expect(first[0]?.sequence).toBe(1);
  await harness.clock.turn(LATER_MS);
  await expect(pages.next()).rejects.toMatchObject(GONE);
});

test('an execution of which a part is deleted already is not shown without that part', async () => {
  let isBroken = false;
  const store = intercepted(openMemoryStore(), async (method, call) => {
    const answer = await call();
    return method === 'journal' && isBroken ? (answer as unknown[]).slice(1) : answer;
  });
  const harness = await Harness.open(store);
  const worker = await harness.register();
  const id = await harness.invoke();
  const assignment = await harness.take(worker);
  await harness.complete(assignment, state(1, { n: 1 }), step('a'));
  await harness.complete(assignment, state(2, { n: 2 }), step('b'));
  await harness.complete(assignment, DONE);
  isBroken = true;
  await expect(harness.engine.getExecution(PROJECT, id)).rejects.toMatchObject(GONE);
  await expect(harness.engine.listSteps(PROJECT, id, 0)).rejects.toMatchObject(GONE);
  await expect(harness.eventTypes(id)).rejects.toMatchObject(GONE);
  await expect(harness.engine.state(PROJECT, id, { revision: 2 })).rejects.toMatchObject(GONE);
  const page = { afterRevision: 0, limit: 10 };
  await expect(harness.engine.stateRevisions(PROJECT, id, page)).rejects.toMatchObject(GONE);
});

test('what fails in one project is told, keeps no other from being done, and is done later', async () => {
  let isBroken = true;
  const store = intercepted(openMemoryStore(), (method, call, args) => {
    const [query] = args as [{ readonly projectId: string }];
    if (method !== 'listClosed' || !isBroken || query.projectId !== 'a') return call();
    throw new StoreFault('no', { retryable: true });
  });
  const harness = await Harness.open(store, { executionsKeptFor: () => KEPT_MS });
  onTestFinished(() => harness.engine.stop());
  for (const projectId of ['a', 'b']) {
    await harness.engine.cancel(projectId, await harness.invoke({ projectId }));
  }
  await harness.clock.turn(LATER_MS);
  expect(await store.listProjects({ limit: 5 })).toEqual(['a']);
  expect(harness.faults.length).toBeGreaterThan(0);
  isBroken = false;
  await harness.clock.turn(120_000);
  expect(await store.listProjects({ limit: 5 })).toEqual([]);
});

test('an engine that stops waits for what it is removing, and removes no more', async () => {
  const { store, hold, release } = gated(openMemoryStore(), 'removeClosed');
  const harness = await openKeeping(store);
  const ids = await Promise.all(Array.from({ length: 150 }, () => harness.invoke()));
  await Promise.all(ids.map((id) => harness.engine.cancel(PROJECT, id)));
  hold();
  await harness.clock.turn(LATER_MS);
  let isStopped = false;
  const stopping = harness.engine.stop().then(() => {
    isStopped = true;
  });
  await harness.clock.turn(1_000);
  expect(isStopped).toBe(false);
  release();
  await stopping;
  expect(await harness.store.list({ projectId: PROJECT, limit: 100 })).toHaveLength(50);
});
