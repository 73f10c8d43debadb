import { describe, expect, test } from 'vitest';
import { topicName } from '../core/execution.js';
import { MemoryDatabase, openMemoryStore } from '../store/memory/memory-store.js';
import type { TriggerDeclaration, WorkerRegistration } from './api.js';
import { HandClock } from './hand-clock.mjs';
import { Harness, PROJECT } from './harness.mjs';
import { MortalEngine } from './mortal-engine.mjs';
import { RecordLog } from './record-log.js';
import { type StoredEvent, toStoredEvent } from './topic-event.js';
import { triggerTopics } from './trigger-topics.js';
import { Triggers } from './triggers.js';

const MINUTE = 60_000;

/** What an execution received: an event, or several. */
type Received = { readonly sequence: number } | { readonly events: readonly { readonly sequence: number }[] };

function registration(trigger?: Partial<TriggerDeclaration>): WorkerRegistration {
  const declared = trigger && {
    trigger: { topic: 'orders', batchSize: 1, batchTimeoutMs: 1_000, ...trigger },
  };
  return {
    ...{ projectId: PROJECT, queues: [], deploymentId: '', buildId: '', sdkName: 'test', sdkVersion: '1' },
    ...{ identity: 'test', maxConcurrentExecutions: 100 },
    workflows: [{ id: 'ship', description: '', schemas: {}, ...declared }],
  };
}

/** What the executions of the workflow received, by the first event in each. */
async function received(database: MemoryDatabase): Promise<Received[]> {
  const store = openMemoryStore(database);
  const executions = await store.list({ projectId: PROJECT, workflowId: 'ship', limit: 100_000 });
  const all = executions.map(async ({ id }) => {
    const [entry] = await store.journal(id, { afterEvent: 0, entries: 1, bytes: 1 });
    const payload = entry?.input?.payload;
    return JSON.parse(payload && 'json' in payload ? payload.json : 'null') as Received;
  });
  return (await Promise.all(all)).sort((a, b) => (sequences(a)[0] ?? 0) - (sequences(b)[0] ?? 0));
}

function sequences(received: Received): number[] {
  return ('events' in received ? received.events : [received]).map(({ sequence }) => sequence);
}

async function batches(database: MemoryDatabase): Promise<number[][]> {
  return (await received(database)).map(sequences);
}

/** A server with a worker that declares a trigger. */
async function stage(trigger: Partial<TriggerDeclaration> = {}) {
  const database = new MemoryDatabase();
  const time = new HandClock();
  const server = await MortalEngine.start(database, time);
  await server.engine.registerWorker(registration(trigger));
  return { database, time, server, engine: server.engine };
}

function publish({ engine }: Pick<MortalEngine, 'engine'>, count = 1, topic = 'orders'): Promise<unknown> {
  const events = Array.from({ length: count }, (_, index) => ({
    type: 'placed',
    data: { json: `${index}` },
  }));
  return engine.publish(PROJECT, { topic, events, digest: 'd' });
}

test('each event that is published starts one execution with it, whoever publishes', async () => {
  const { database, time, server } = await stage();
  const other = await MortalEngine.start(database, time);
  await time.turn(MINUTE);
  await publish(server, 2);
  await publish(other, 1);
  await publish(server, 1, 'others');
  await time.turn(100);
  expect(await received(database)).toEqual(
    [1, 2, 3].map((sequence) => ({
      ...{ topic: 'orders', sequence, type: 'placed', data: sequence === 2 ? 1 : 0 },
      createTime: expect.stringMatching(/^2023-11-14T.*Z$/),
    })),
  );
});

test('events from before the first registration start nothing, also where another server has just published', async () => {
  const database = new MemoryDatabase();
  const time = new HandClock();
  const [one, other] = [await MortalEngine.start(database, time), await MortalEngine.start(database, time)];
  await publish(one, 3);
  await publish(other, 1);
  await time.turn(100);
  await one.engine.registerWorker(registration({}));
  // It may not know of the trigger yet.
  await publish(other, 1);
  await time.turn(20_000);
  expect(await batches(database)).toEqual([[5]]);
});

test('a batch is started when it is full, or when its oldest event has waited long enough', async () => {
  const { database, time, server } = await stage({ batchSize: 3, batchTimeoutMs: 5_000 });
  await time.turn(MINUTE);
  await publish(server, 7);
  await time.turn(100);
  expect(await batches(database)).toEqual([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  await time.turn(4_000);
  await publish(server, 1);
  await time.turn(800);
  expect(await batches(database)).toHaveLength(2);
  await time.turn(200);
  expect(await batches(database)).toEqual([
    [1, 2, 3],
    [4, 5, 6],
    [7, 8],
  ]);
  await publish(server, 1);
  await time.turn(4_000);
  await publish(server, 2);
  await time.turn(100);
  expect(await batches(database)).toEqual([
    [1, 2, 3],
    [4, 5, 6],
    [7, 8],
    [9, 10, 11],
  ]);
});

test('a batch holds 2 MiB at most, and one event that is larger goes alone', async () => {
  const { database, time, engine } = await stage({ batchSize: 100, batchTimeoutMs: 0 });
  await time.turn(MINUTE);
  const sizes = [900_000, 900_000, 900_000, 2_097_000, 10];
  for (const size of sizes) {
    const data = { json: JSON.stringify('x'.repeat(size)) };
    await engine.publish(PROJECT, { topic: 'quiet', events: [{ type: 't', data }], digest: 'd' });
  }
  await engine.registerWorker(registration({ topic: 'quiet', batchSize: 100, batchTimeoutMs: 0 }));
  for (const size of sizes) {
    const data = { json: JSON.stringify('x'.repeat(size)) };
    await engine.publish(PROJECT, { topic: 'quiet', events: [{ type: 't', data }], digest: 'd' });
  }
  await time.turn(1_000);
  const all = await batches(database);
  expect(all.flat()).toEqual([6, 7, 8, 9, 10]);
  const store = openMemoryStore(database);
  for (const { id } of await store.list({ projectId: PROJECT, limit: 100 })) {
    const [entry] = await store.journal(id, { afterEvent: 0, entries: 1, bytes: 1 });
    const payload = entry?.input?.payload;
    expect(payload && 'json' in payload ? payload.json.length : 0).toBeLessThan(2_098_000);
  }
});

describe('wherever a server dies', () => {
  const declarations = [{}, { batchSize: 2, batchTimeoutMs: 3_000 }] as const;
  test.each(declarations)(
    'every event starts one execution, in batches as declared: %j',
    async (declared) => {
      for (const when of ['before', 'after'] as const) {
        for (let write = 1; ; write++) {
          const { database, time, server } = await stage(declared);
          await time.turn(MINUTE);
          server.kill();
          const dying = await MortalEngine.start(database, time, { write, when });
          void publish(dying, 3).catch(() => {});
          await time.turn(MINUTE);
          const isOver = dying.isAlive;
          const other = await MortalEngine.start(database, time);
          await time.turn(MINUTE);
          await publish(other, 1);
          await time.turn(MINUTE);
          const got = (await batches(database)).flat();
          const wasPublished = got.length === 4;
          expect(got, `dying ${when} write ${write}`).toEqual(wasPublished ? [1, 2, 3, 4] : [1]);
          // What is lost is lost as a whole, and only if the publication was never written.
          expect(wasPublished).toBe(write > 1 || when === 'after');
          if (isOver) {
            expect(write).toBeGreaterThan(4);
            break;
          }
        }
      }
    },
  );
});

test('three servers that publish at once and are killed in turn start each event once, in order', async () => {
  const { database, time, server } = await stage({ batchSize: 5, batchTimeoutMs: 2_000 });
  await time.turn(MINUTE);
  const servers = [
    server,
    await MortalEngine.start(database, time),
    await MortalEngine.start(database, time),
  ];
  for (let round = 0; round < 60; round++) {
    for (const each of servers) void publish(each, (round % 4) + 1).catch(() => {});
    await time.turn(round % 5 === 0 ? 0 : 137);
    servers[round % 3]?.kill();
    await time.turn(round % 7 === 0 ? 3_000 : 11);
    servers[round % 3] = await MortalEngine.start(database, time);
  }
  await time.turn(MINUTE);
  const log = new RecordLog<StoredEvent>(openMemoryStore(database), topicName(PROJECT, 'orders'));
  const all = await batches(database);
  expect(all.flat()).toEqual(Array.from({ length: await log.newest() }, (_, index) => index + 1));
  expect(all.length).toBeGreaterThan(60);
  expect(Math.max(...all.map(({ length }) => length))).toBe(5);
  expect(servers.flatMap(({ faults }) => faults)).toEqual([]);
});

test('a trigger that is declared again and again is the same, and another size counts from then on', async () => {
  const { database, time, server, engine } = await stage({ batchSize: 2, batchTimeoutMs: MINUTE });
  await time.turn(MINUTE);
  await publish(server, 3);
  await time.turn(100);
  await engine.registerWorker(registration({ batchSize: 2, batchTimeoutMs: MINUTE }));
  await time.turn(1_000);
  expect(await batches(database)).toEqual([[1, 2]]);
  await engine.registerWorker(registration({ batchSize: 1 }));
  await time.turn(1_000);
  expect(await received(database)).toMatchObject([{ events: [{}, {}] }, { sequence: 3 }]);
});

test('a trigger that is no longer declared starts nothing, and begins anew when it is again', async () => {
  const { database, time, server, engine } = await stage();
  await time.turn(MINUTE);
  await publish(server);
  await time.turn(100);
  await engine.registerWorker(registration());
  await publish(server);
  await time.turn(MINUTE);
  await engine.registerWorker(registration({}));
  await publish(server);
  await time.turn(MINUTE);
  expect(await batches(database)).toEqual([[1], [3]]);
  await engine.registerWorker(registration({ topic: 'others' }));
  await publish(server);
  await publish(server, 1, 'others');
  await time.turn(MINUTE);
  const events = (await received(database)) as unknown as readonly { topic: string; sequence: number }[];
  const names = events.map(({ topic, sequence }) => `${topic} ${sequence}`);
  expect(names.sort()).toEqual(['orders 1', 'orders 3', 'others 1']);
});

test('a publication counts as announced only once its events cannot be missed', async () => {
  const store = openMemoryStore();
  const clock = new HandClock();
  const log = new RecordLog<StoredEvent>(store, topicName(PROJECT, 'orders'));
  const started: string[] = [];
  let isDown = false;
  const triggers = new Triggers({
    ...{ store, clock, topics: triggerTopics(store), noteDue() {} },
    async start({ executionId = '' }) {
      if (isDown) throw new Error('down');
      started.push(executionId);
      return { executionId, created: true, createdAt: 0, sessionId: '' };
    },
  });
  await triggers.register(registration({}));
  await log.add({ items: [toStoredEvent({ type: 'a' })], at: clock.now() });
  isDown = true;
  await expect(triggers.published(PROJECT, 'orders')).rejects.toThrow('down');
  expect(await store.listDueRecords({ until: clock.now(), limit: 9 })).toMatchObject({
    due: [{ id: 'ship' }],
  });
  isDown = false;
  await Promise.all([triggers.published(PROJECT, 'orders'), triggers.published(PROJECT, 'orders')]);
  expect(started).toHaveLength(1);
  expect(await store.listDueRecords({ until: Number.MAX_SAFE_INTEGER, limit: 9 })).toEqual({ due: [] });
});

test('a payload that does not fit the schema of the workflow starts an execution all the same', async () => {
  const harness = await Harness.open();
  const schemas = { payload: '{"type":"string"}' };
  const trigger = { topic: 'orders', batchSize: 1, batchTimeoutMs: 0 };
  const worker = await harness.register([{ id: 'ship', schemas, trigger }]);
  await publish(harness);
  await harness.clock.turn(1_000);
  expect((await harness.take(worker)).execution.workflowId).toBe('ship');
  expect(harness.faults).toEqual([]);
});
