import { createLogger, defineWorkflow, type PolosClient, Worker } from '@polos/sdk';
import { expect, test, vi } from 'vitest';
import { scheduleName, scheduleOf, toScheduleRecord } from '../../server/src/engine/schedule-record.js';
import { openEmbeddedStore } from '../../server/src/store/embedded/embedded-store.js';
import { openMongoStore } from '../../server/src/store/mongo/mongo-store.js';
import type { Store } from '../../server/src/store/store.js';
import { connect } from '../e2e/stage.js';
import { uniqueDatabase, withMongodb } from '../mongodb/shared.js';
import { freshDirectory, ServerProgram } from './processes.js';

// Server processes that are killed in the middle of ticks and of events. What is checked is what they left in the store.

vi.setConfig({ testTimeout: 300_000 });

const PROJECT = 'default';
const MINUTE = 60_000;

/** Ticks that nobody was there for. */
const TICKS = 240;

/** Events that are published. */
const EVENTS = 300;

/** Servers that share a store, and the store itself. */
interface Home {
  readonly servers: readonly ServerProgram[];
  open(): Promise<Store>;
}

async function embedded(): Promise<Home> {
  const dataDir = await freshDirectory();
  return {
    servers: [await ServerProgram.start({ dataDir })],
    open: () => openEmbeddedStore({ dataDir }),
  };
}

async function mongodb(): Promise<Home> {
  const { url } = await uniqueDatabase();
  const servers = [
    await ServerProgram.start({ mongodbUrl: url }),
    await ServerProgram.start({ mongodbUrl: url }),
  ];
  return { servers, open: () => openMongoStore({ url }) };
}

describeHome('embedded', embedded);
withMongodb(() => describeHome('mongodb', mongodb));

function describeHome(name: string, settle: () => Promise<Home>): void {
  test(`${name}: ticks that are made up while servers are killed start one execution each`, async () => {
    const home = await settle();
    const clients = home.servers.map(({ url }) => connect(url));
    await clients[0]?.schedules.create('report', '* * * * *');
    for (const server of home.servers) await server.kill();
    const from = await withStore(home, missTicks);
    for (const server of home.servers) await server.restart();
    const deaths = 6;
    for (let death = 1; death <= deaths; death++) {
      const place = death % home.servers.length;
      const [server, client] = [home.servers[place], clients[place]];
      if (!server || !client) throw new Error('no server');
      const enough = from + Math.floor((TICKS * death) / (deaths + 1)) * MINUTE;
      await expect.poll(() => lastTick(client), { timeout: 60_000, interval: 10 }).toBeGreaterThan(enough);
      await server.kill();
      await server.restart();
    }
    const missed = from + (TICKS - 1) * MINUTE;
    const [client] = clients;
    if (!client) throw new Error('no client');
    await expect.poll(() => lastTick(client), { timeout: 60_000 }).toBeGreaterThanOrEqual(missed);
    for (const server of home.servers) await server.kill();
    const ticks = await withStore(home, (store) => payloads<Tick>(store, 'report'));
    ticks.sort((a, b) => a.timestamp.localeCompare(b.timestamp));
    // The last ones came in time, or were being started when their server was killed.
    expect(ticks.length).toBeGreaterThanOrEqual(TICKS);
    const times = ticks.map((_, index) => new Date(from + index * MINUTE).toISOString());
    expect(ticks.map(({ timestamp }) => timestamp)).toEqual(times);
    expect(ticks.map(({ lastTimestamp }) => lastTimestamp)).toEqual([null, ...times.slice(0, -1)]);
  });

  test(`${name}: events that are published while servers are killed start one execution each`, async () => {
    const home = await settle();
    const seen: number[] = [];
    const ship = defineWorkflow<{ events: { sequence: number }[] }, Record<string, unknown>, void>(
      { id: 'ship', triggerOnEvent: 'orders', batchSize: 4, batchTimeoutSeconds: 0.3 },
      (_ctx, { events }) => void seen.push(...events.map(({ sequence }) => sequence)),
      { autoRegister: false },
    );
    const clients = home.servers.map(({ url }) => connect(url));
    const [client] = clients;
    if (!client) throw new Error('no client');
    const worker = new Worker({
      client,
      workflows: [ship],
      handleSignals: false,
      logger: createLogger('silent'),
    });
    const running = worker.run();
    await worker.whenRunning();
    let published = 0;
    const publishers = Array.from({ length: 10 }, async (_, publisher) => {
      for (let index = publisher; index < EVENTS; index += 10) {
        const through = clients[index % clients.length] ?? client;
        await through.events.publish('orders', { data: index }, { idempotencyKey: `${index}` });
        published += 1;
      }
    });
    for (let death = 1; death <= 5; death++) {
      const enough = (EVENTS * death) / 7;
      await expect.poll(() => published, { timeout: 60_000, interval: 5 }).toBeGreaterThan(enough);
      const server = home.servers[death % home.servers.length];
      await server?.kill();
      await server?.restart();
    }
    await Promise.all(publishers);
    await expect.poll(() => new Set(seen).size, { timeout: 60_000 }).toBe(EVENTS);
    await worker.shutdown();
    await running;
    for (const server of home.servers) await server.kill();
    type Batch = { readonly events: readonly { readonly sequence: number; readonly data: number }[] };
    const batches = await withStore(home, (store) => payloads<Batch>(store, 'ship'));
    const events = batches.flatMap((batch) => batch.events);
    const sequences = events.map(({ sequence }) => sequence).sort((a, b) => a - b);
    expect(sequences).toEqual(Array.from({ length: EVENTS }, (_, index) => index + 1));
    expect(new Set(events.map(({ data }) => data)).size).toBe(EVENTS);
    expect(Math.max(...batches.map((batch) => batch.events.length))).toBeLessThanOrEqual(4);
  });
}

/** The part of a tick's payload that is checked. */
interface Tick {
  readonly timestamp: string;
  readonly lastTimestamp: string | null;
}

async function lastTick(client: PolosClient): Promise<number> {
  const [schedule] = await client.schedules.list('report');
  return schedule?.lastAt?.getTime() ?? 0;
}

async function withStore<T>(home: Home, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await home.open();
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** Makes the schedule's record as it would be if no server had been there for long. @returns the first tick missed. */
async function missTicks(store: Store): Promise<number> {
  const name = scheduleName(PROJECT, { workflowId: 'report', key: 'global' });
  const stored = await store.loadRecord(name);
  if (!stored) throw new Error('there is no schedule');
  const nextAt = Math.floor(Date.now() / MINUTE) * MINUTE - (TICKS - 1) * MINUTE;
  const { lastAt: _, ...schedule } = scheduleOf(stored);
  const record = { ...toScheduleRecord({ ...schedule, nextAt }), version: stored.version + 1 };
  expect(await store.commitRecord({ record })).toBe('committed');
  return nextAt;
}

/** What the executions of a workflow were started with. */
async function payloads<T>(store: Store, workflowId: string): Promise<T[]> {
  const executions = await store.list({ projectId: PROJECT, workflowId, limit: 10_000 });
  return Promise.all(
    executions.map(async ({ id }) => {
      const [entry] = await store.journal(id, { afterEvent: 0, entries: 1, bytes: 1 });
      const payload = entry?.input?.payload;
      return JSON.parse(payload && 'json' in payload ? payload.json : 'null') as T;
    }),
  );
}
