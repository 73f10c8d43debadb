import { expect, onTestFinished, test } from 'vitest';
import { openMemoryStore } from '../store/memory/memory-store.js';
import { type Store, StoreFault } from '../store/store.js';
import type { TopicEvent } from './api.js';
import { Harness, PROJECT, SUSPEND } from './harness.mjs';
import { intercepted } from './slow-store.mjs';
import { awaits, begun, given, publish, published, publishOnce, publishTo, TOPIC } from './topics-stage.mjs';

const KEPT_MS = 2 * 3_600_000;

/** Long enough for a round to come after what it waits for is old enough. */
const LATER_MS = KEPT_MS + 3_000_000;

/** An engine that keeps the events of the project `PROJECT` for two hours, and all others for ever. */
async function openKeeping(store?: Store, keptMs = KEPT_MS): Promise<Harness> {
  const topicsKeptFor = (projectId: string) => (projectId === PROJECT ? keptMs : undefined);
  const harness = await Harness.open(store, { topicsKeptFor });
  onTestFinished(() => harness.engine.stop());
  return harness;
}

function sequences(events: readonly TopicEvent[]): readonly number[] {
  return events.map(({ sequence }) => sequence);
}

test('events go when their time is over, and not before; the numbers go on', async () => {
  const harness = await openKeeping();
  await publish(harness, '1', '2', '3');
  await harness.clock.turn(KEPT_MS - 60_000);
  await publish(harness, '4');
  expect(sequences(await published(harness))).toEqual([1, 2, 3, 4]);
  await harness.clock.turn(3_000_000);
  expect(sequences(await published(harness))).toEqual([4]);
  expect(await publish(harness, '5')).toEqual([5]);
  expect(sequences(await published(harness, { afterEvent: 4 }))).toEqual([5]);
  await harness.clock.turn(LATER_MS);
  expect(await published(harness)).toEqual([]);
  await harness.restart();
  expect(await published(harness)).toEqual([]);
  expect(await publish(harness, '6')).toEqual([6]);
  expect(harness.faults).toEqual([]);
});

test('events of a project that is to keep them stay', async () => {
  const harness = await openKeeping();
  const events = [{ type: 'paid', data: { json: '1' } }];
  await harness.engine.publish('other', { topic: TOPIC, events, digest: '' });
  await publishTo(harness, 'another', '1');
  await harness.clock.turn(10 * KEPT_MS);
  const groups = await harness.store.listGroups({ prefix: 'topic[', limit: 10 });
  const bodies = groups.map(async (group) =>
    (await harness.store.listRecords({ group, limit: 9 })).map(({ body }) => body),
  );
  const [other, mine] = await Promise.all(bodies);
  expect(groups).toEqual([`topic["other","${TOPIC}"]`, `topic["${PROJECT}","another"]`]);
  expect([other!.join().includes('paid'), mine!.join().includes('paid')]).toEqual([true, false]);
});

test('a reader whose cursor lies before the oldest event is told which that is', async () => {
  const harness = await openKeeping();
  await publish(harness, '1', '2', '3');
  await harness.clock.turn(KEPT_MS - 60_000);
  await publish(harness, '4', '5');
  await harness.clock.turn(3_000_000);
  const problem = { type: 'events_deleted', topic: TOPIC, cursor: 2, oldest: 4 };
  await expect(published(harness, { afterEvent: 2 })).rejects.toMatchObject({ problem });
  await expect(published(harness, { afterEvent: 2, follow: true })).rejects.toMatchObject({ problem });
  expect(sequences(await published(harness, { afterEvent: 3 }))).toEqual([4, 5]);
  expect(sequences(await published(harness))).toEqual([4, 5]);
  await harness.clock.turn(LATER_MS);
  await expect(published(harness, { afterEvent: 4 })).rejects.toMatchObject({
    problem: { cursor: 4, oldest: 6 },
  });
  expect(await published(harness, { afterEvent: 5 })).toEqual([]);
  await expect(published(harness, { afterEvent: 6 })).rejects.toMatchObject({
    problem: { type: 'cursor_unknown' },
  });
});

test('a slow reader from whom events are deleted is told so, and misses none without a word', async () => {
  const harness = await openKeeping();
  for (let n = 0; n < 4; n++) await publish(harness, JSON.stringify('x'.repeat(200_000)));
  const signal = new AbortController().signal;
  const events = harness.engine.topicEvents(PROJECT, TOPIC, { afterEvent: 0, follow: true, signal });
  const pages = events[Symbol.asyncIterator]();
  expect(sequences((await pages.next()).value)).toEqual([1]);
  await harness.clock.turn(LATER_MS);
  const problem = { type: 'events_deleted', cursor: 1, oldest: 5 };
  await expect(pages.next()).rejects.toMatchObject({ problem });
});

test('a reader that has had all goes on with what comes', async () => {
  const harness = await openKeeping();
  await publish(harness, '1', '2');
  const ended = new AbortController();
  const from = { afterEvent: 0, follow: true, signal: ended.signal };
  const pages = harness.engine.topicEvents(PROJECT, TOPIC, from)[Symbol.asyncIterator]();
  expect(sequences((await pages.next()).value)).toEqual([1, 2]);
  const next = pages.next();
  await harness.clock.turn(LATER_MS);
  await publish(harness, '3');
  expect(sequences((await next).value)).toEqual([3]);
  ended.abort();
});

test('a wait that begins before the oldest event is given that one', async () => {
  const harness = await openKeeping();
  const { executionId } = await begun(harness);
  for (let n = 1; n <= 40; n++) await publish(harness, `${n}`);
  await harness.clock.turn(KEPT_MS - 60_000);
  for (let n = 41; n <= 45; n++) await publish(harness, `${n}`);
  await harness.clock.turn(3_000_000);
  // Its first lease is over.
  const again = await harness.take(await harness.register());
  await harness.complete(
    again,
    awaits('since created'),
    awaits('after', { afterEvent: 7 }),
    awaits('last', { afterEvent: 45 }),
  );
  await harness.clock.turn(1_000);
  expect(await given(harness, executionId, 'since created')).toMatchObject({ sequence: 41 });
  expect(await given(harness, executionId, 'after')).toMatchObject({ sequence: 41 });
  expect(await given(harness, executionId, 'last')).toBeUndefined();
}, 20_000);

test('a wait on a topic whose events are all deleted is given the next one', async () => {
  const harness = await openKeeping();
  const { executionId } = await begun(harness);
  await publish(harness, '1', '2');
  await harness.clock.turn(LATER_MS);
  const again = await harness.take(await harness.register());
  await harness.complete(again, awaits('a'), awaits('b', { afterEvent: 0 }), SUSPEND);
  await harness.clock.turn(1_000);
  expect(await given(harness, executionId, 'a')).toBeUndefined();
  await publish(harness, '3');
  await harness.clock.turn(1_000);
  expect(await given(harness, executionId, 'a')).toMatchObject({ sequence: 3 });
  expect(await given(harness, executionId, 'b')).toMatchObject({ sequence: 3 });
});

test('a key counts as long as its events are there, and publishes again once they are deleted', async () => {
  const harness = await openKeeping();
  expect(await publishOnce(harness, 'k', '1')).toEqual([1]);
  await harness.clock.turn(KEPT_MS - 1_000);
  expect(await publishOnce(harness, 'k', '1')).toEqual([1]);
  await expect(publishOnce(harness, 'k', 'other')).rejects.toMatchObject({
    problem: { type: 'idempotency_mismatch' },
  });
  await harness.clock.turn(3_000_000);
  expect(await harness.store.listGroups({ prefix: 'names:', limit: 5 })).toEqual([]);
  expect(await publishOnce(harness, 'k', 'other')).toEqual([2]);
  expect(await publishOnce(harness, 'k', 'other')).toEqual([2]);
});

test('events that were not announced stay until they are', async () => {
  let isBroken = true;
  const store = intercepted(openMemoryStore(), (method, call) => {
    if (method === 'listWaiting' && isBroken) throw new StoreFault('no', { retryable: true });
    return call();
  });
  const harness = await openKeeping(store);
  await publish(harness, '1');
  await harness.clock.turn(2 * KEPT_MS - 60_000);
  expect(sequences(await published(harness))).toEqual([1]);
  isBroken = false;
  await harness.clock.turn(3_000_000);
  expect(await published(harness)).toEqual([]);
});

test('events that a trigger puts into a batch later stay for it', async () => {
  const harness = await openKeeping();
  await harness.register([shipping(KEPT_MS + 3_600_000)]);
  await publishTo(harness, 'orders', '1', '2');
  await harness.clock.turn(KEPT_MS + 3_500_000);
  expect(await startedWith(harness)).toEqual([]);
  await harness.clock.turn(600_000);
  expect(await startedWith(harness)).toEqual([[1, 2]]);
  await harness.clock.turn(3_000_000);
  await publishTo(harness, 'orders', '3');
  const events = harness.engine.topicEvents(PROJECT, 'orders', {
    ...{ afterEvent: 0, follow: false, signal: new AbortController().signal },
  });
  for await (const page of events) expect(sequences(page)).toEqual([3]);
}, 20_000);

test('events that a trigger could not start anything for stay twice as long; then it goes on with later ones', async () => {
  let isBroken = true;
  const store = intercepted(openMemoryStore(), (method, call, args) => {
    const [write] = args as [{ readonly execution?: { readonly workflowId: string } }];
    if (method !== 'commit' || !isBroken || write.execution?.workflowId !== 'ship') return call();
    throw new StoreFault('no', { retryable: true });
  });
  // It is tried again each second.
  const keptMs = 1_800_000;
  const harness = await openKeeping(store, keptMs);
  const trigger = { topic: 'orders', batchSize: 1, batchTimeoutMs: 0 };
  await harness.register([{ id: 'ship', trigger }]);
  const log = () => harness.store.listRecords({ group: `topic["${PROJECT}","orders"]`, limit: 9 });
  await publishTo(harness, 'orders', '1', '2');
  await harness.clock.turn(2 * keptMs - 60_000);
  expect((await log()).map(({ body }) => body.includes('paid'))).toEqual([true]);
  await harness.clock.turn(3_000_000);
  expect((await log()).map(({ body }) => body.includes('paid'))).toEqual([false]);
  isBroken = false;
  await publishTo(harness, 'orders', '3');
  await harness.clock.turn(60_000);
  expect(await startedWith(harness)).toEqual([[3]]);
}, 60_000);

/** A workflow that is started for batches of events that nobody fills. */
function shipping(batchTimeoutMs: number) {
  return { id: 'ship', trigger: { topic: 'orders', batchSize: 10, batchTimeoutMs } };
}

/** The sequences of the events that each execution of the workflow was started with. */
async function startedWith({ store }: Harness): Promise<readonly (readonly number[])[]> {
  const executions = await store.list({ projectId: PROJECT, workflowId: 'ship', limit: 100 });
  const payloads = executions.map(async ({ id }) => {
    const [entry] = await store.journal(id, { afterEvent: 0, entries: 1, bytes: 1 });
    const payload = entry?.input?.payload;
    const received = JSON.parse(payload && 'json' in payload ? payload.json : '{"events":[]}');
    return ((received.events ?? [received]) as { readonly sequence: number }[]).map(
      ({ sequence }) => sequence,
    );
  });
  return Promise.all(payloads);
}
