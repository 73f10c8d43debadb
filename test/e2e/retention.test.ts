import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createLogger,
  defineWorkflow,
  EventsDeletedError,
  type ExecutionHandle,
  type ExecutionStatusReason,
  NotFoundError,
  type PolosClient,
  Worker,
} from '@polos/sdk';
import Database from 'libsql';
import { MongoClient } from 'mongodb';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { freshDirectory, ServerProgram } from '../fault/processes.js';
import { uniqueDatabase, withMongodb } from '../mongodb/shared.js';
import { LeapingClock } from './leaping-clock.js';
import { connect } from './stage.js';

// Other tests keep the machine busy meanwhile.
vi.setConfig({ testTimeout: 180_000 });

/** Leases outlast a leap of the clock. */
const LEASE_MS = 3_600_000;
/** What is kept for a day is gone after this, also events of topics, which are looked at every half hour. */
const LONG_HOURS = 28;
/** Days under load. */
const DAYS = 3;
const POLL = { timeout: 60_000, interval: 20 };

type Ending = 'well' | 'badly' | 'suspended' | 'event';

interface Order {
  readonly ends: Ending;
  readonly after?: number;
}

interface OrderState {
  status: string;
  notes: string[];
}

const line = defineWorkflow<number, OrderState, number>(
  { id: 'line', stateIndex: ['status'] },
  async (ctx, number) => {
    ctx.state.status = 'counted';
    return ctx.step.run('count', () => number * 2);
  },
);

/** Leaves something of each kind, and ends, or does not. */
const order = defineWorkflow<Order, OrderState, unknown>(
  { id: 'order', stateIndex: ['status'] },
  async (ctx, { ends, after }) => {
    ctx.state.status = 'open';
    ctx.state.notes = [];
    for (const key of ['first', 'second']) {
      ctx.state.notes.push(await ctx.step.run(key, () => key));
    }
    const counted = await ctx.step.invokeAndWait('line', line, 21);
    await ctx.step.publishWorkflowEvent('said', { data: { counted } });
    await ctx.step.publishEvent('told', { topic: 'orders', data: { counted } });
    await ctx.step.waitFor('pause', { seconds: 0.01 });
    // So long a history is kept in pieces.
    if (ends === 'badly') await Promise.all(Array.from({ length: 150 }, (_, n) => ctx.step.uuid(`${n}`)));
    if (ends === 'badly') throw new Error('it ends badly');
    if (ends === 'suspended') return [counted, await ctx.step.suspend('approval')];
    if (ends === 'well') return [counted];
    const { data, sequence } = await ctx.step.waitForEvent('decision', {
      topic: 'decisions',
      ...(after !== undefined && { after }),
    });
    return [counted, data, sequence];
  },
  { autoRegister: false },
);

/** A server that keeps everything for a day, and a worker. */
interface Site {
  readonly clock: LeapingClock;
  readonly client: PolosClient;
  /** How much its store holds, by the name of a table or collection. */
  readonly records: () => Promise<Records>;
}

type Records = Readonly<Record<string, number>>;

async function start(storage: {
  readonly options: { readonly dataDir: string } | { readonly mongodbUrl: string };
  readonly records: Site['records'];
}): Promise<Site> {
  const clock = await LeapingClock.create();
  const env = { ...clock.env, POLOS_RETENTION_DAYS: '1', POLOS_TOPIC_RETENTION_DAYS: '1' };
  const server = await ServerProgram.start({ ...storage.options, leaseMs: LEASE_MS, env });
  const client = connect(server.url);
  // It is cut off at each leap.
  const logger = createLogger('silent');
  const worker = new Worker({ client, workflows: [order, line], handleSignals: false, logger });
  const running = worker.run();
  onTestFinished(async () => {
    await worker.shutdown();
    await running;
    await server.kill();
  });
  await worker.whenRunning();
  return { clock, client, records: storage.records };
}

async function startEmbedded(): Promise<Site> {
  const dataDir = await freshDirectory();
  const records = async () => {
    // Nobody else may open what a server has.
    const copies = await freshDirectory();
    for (const file of ['polos.db', 'polos.db-wal']) await copyFile(join(dataDir, file), join(copies, file));
    const database = new Database(join(copies, 'polos.db'));
    const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
    const counts = (tables as readonly { readonly name: string }[]).map(({ name }) => {
      const row = database.prepare(`SELECT count(*) AS rows FROM "${name}"`).get();
      return [name, (row as { readonly rows: number }).rows] as const;
    });
    database.close();
    return Object.fromEntries(counts);
  };
  return start({ options: { dataDir }, records });
}

async function startOnMongodb(): Promise<Site> {
  const { url } = await uniqueDatabase();
  const mongo = new MongoClient(url);
  onTestFinished(() => mongo.close());
  const records = async () => {
    const collections = await mongo.db().collections();
    const counts = collections
      // A worker that has not been heard of is forgotten by MongoDB itself, by its own clock.
      .filter(({ collectionName }) => collectionName !== 'workers')
      .map(async (each) => [each.collectionName, await each.countDocuments()] as const);
    return Object.fromEntries(await Promise.all(counts));
  };
  return start({ options: { mongodbUrl: url }, records });
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** Follows an execution with what it starts to its end, so that the order of its tree is kept, too; the ids of all. */
async function follow(execution: ExecutionHandle): Promise<readonly string[]> {
  const ids = new Set<string>();
  for await (const { executionId } of execution.events({ descendants: true })) ids.add(executionId);
  return [...ids];
}

async function untilWaiting(execution: ExecutionHandle, reason: ExecutionStatusReason): Promise<void> {
  await expect.poll(async () => (await execution.get()).statusReason, POLL).toBe(reason);
}

async function expectGone(client: PolosClient, id: string): Promise<void> {
  const execution = client.getHandle(id);
  const calls: Record<string, () => Promise<unknown>> = {
    get: () => execution.get(),
    result: () => execution.getResult(5),
    state: () => execution.state(),
    'state of a revision': () => execution.state({ revision: 1 }),
    revisions: () => execution.state.revisions().next(),
    watch: () => execution.state.watch().next(),
    events: () => execution.events().next(),
    'events of the tree': () => execution.events({ descendants: true }).next(),
    cancel: () => execution.cancel(),
    pause: () => execution.pause(),
    resume: () => execution.resume('approval', 1),
  };
  for (const [name, call] of Object.entries(calls)) {
    await expect(call(), `${name} of ${id}`).rejects.toSatisfy(
      (error) => error instanceof NotFoundError && error.message.includes(id),
    );
  }
}

function describeRetention(startSite: () => Promise<Site>): void {
  test('what closed goes with all that belongs to it, and what is open or waits for a topic stays', async () => {
    const site = await startSite();
    const { clock, client, records } = site;
    const empty = await records();
    const given = { searchAttributes: { customer: 'ada' }, idempotencyKey: 'one' };
    const ended = [
      await client.invoke('order', { ends: 'well' }, given),
      await client.invoke('order', { ends: 'badly' }),
      await client.invoke('order', { ends: 'suspended' }),
    ];
    await untilWaiting(ended[2]!, 'resume');
    await ended[2]!.cancel();
    const gone = (await Promise.all(ended.map(follow))).flat();
    expect(gone).toHaveLength(6);
    await client.events.batchPublish('orders', [{ data: 1 }, { data: 2 }], { idempotencyKey: 'once' });
    await client.events.publish('decisions', { data: 'too early' });
    const suspended = await client.invoke('order', { ends: 'suspended' });
    const waiting = await client.invoke('order', { ends: 'event' });
    const queued = await client.invoke('nobody');
    await untilWaiting(suspended, 'resume');
    await untilWaiting(waiting, 'event');
    const children = await all(client.listExecutions({ workflow: 'line' }));
    const full = await records();

    await clock.pass(LONG_HOURS);
    const open = [queued, waiting, suspended].map(({ id }) => id);
    const listed = async (options = {}) => {
      const found = await all(client.listExecutions(options));
      return found.map(({ id }) => id).sort();
    };
    await expect.poll(() => listed(), POLL).toEqual(open.sort());
    expect(await listed({ workflow: 'line' })).toEqual([]);
    expect(await listed({ workflow: 'order', state: { status: 'open' } })).toEqual(
      [suspended.id, waiting.id].sort(),
    );
    expect(await listed({ searchAttributes: { customer: 'ada' } })).toEqual([]);
    for (const id of [...gone, ...children.map((each) => each.id)]) await expectGone(client, id);
    for (const [name, count] of Object.entries(await records())) {
      expect(count, name).toBeLessThanOrEqual(full[name] ?? 0);
    }

    // What is open is whole, and goes on.
    expect((await suspended.state()).value).toEqual({ status: 'open', notes: ['first', 'second'] });
    const sequences = (await all(suspended.events({ follow: false }))).map(({ sequence }) => sequence);
    expect(sequences).toEqual(sequences.map((_, index) => index + 1));
    await suspended.resume('approval', 'yes');
    expect(await suspended.result()).toEqual([42, 'yes']);
    expect(await client.events.publish('decisions', { data: 'in time' })).toBe(2);
    expect(await waiting.result()).toEqual([42, 'in time', 2]);
    await queued.cancel();

    // An idempotency key and one of a publication count no longer, and a wait and a reader that come too late are told so.
    const again = await client.invoke('order', { ends: 'event', after: 1 }, { idempotencyKey: 'two' });
    expect(await again.result()).toEqual([42, 'in time', 2]);
    const sameKey = await client.invoke('order', { ends: 'well' }, given);
    expect(await sameKey.result()).toEqual([42]);
    const [repeated] = await client.events.batchPublish('orders', [{ data: 1 }, { data: 2 }], {
      idempotencyKey: 'once',
    });
    expect(repeated).toBeGreaterThan(6);
    const late = client.events.streamTopic('orders', { after: 1, follow: false });
    const refused = await late.next().catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(EventsDeletedError);
    const { oldestSequence } = refused as EventsDeletedError;
    const kept = await all(client.events.streamTopic('orders', { after: oldestSequence - 1, follow: false }));
    const fromTheFirst = await all(client.events.streamTopic('orders', { follow: false }));
    expect(kept).toEqual(fromTheFirst);
    expect(kept[0]?.sequence).toBe(oldestSequence);

    await clock.pass(LONG_HOURS);
    await expectRecords(site, total(empty) + 2);
  });

  test('a store under a steady load holds no more after each day than after the first', async () => {
    const site = await startSite();
    const { clock, client, records } = site;
    const empty = await records();
    for (let day = 1; day <= DAYS; day++) {
      const executions = await Promise.all(
        Array.from({ length: 6 }, (_, n) => {
          const ends: Ending = n % 3 === 0 ? 'badly' : 'well';
          return client.invoke('order', { ends }, { idempotencyKey: `${day} ${n}` });
        }),
      );
      await Promise.all(executions.map(follow));
      await client.events.batchPublish('orders', [{ data: day }], { idempotencyKey: `${day}` });
      expect(total(await records())).toBeGreaterThan(total(empty) + 2 * executions.length);
      await clock.pass(LONG_HOURS);
      await expectRecords(site, total(empty) + 1);
    }
    expect(await client.events.publish('orders')).toBe(DAYS * 7 + 1);
  });
}

function total(records: Records): number {
  return Object.values(records).reduce((sum, count) => sum + count, 0);
}

/** Of each topic one record stays, which goes on counting; the last events go with the next looks at the topics. */
async function expectRecords({ clock, records }: Site, expected: number): Promise<void> {
  const left = async () => {
    await clock.pass(1);
    return total(await records());
  };
  await expect.poll(left, POLL).toBe(expected);
}

describe('retention on the embedded store', () => describeRetention(startEmbedded));

withMongodb(() => {
  describe('retention on MongoDB', () => describeRetention(startOnMongodb));
});
