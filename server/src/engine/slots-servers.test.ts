import { describe, expect, test } from 'vitest';
import type { Execution } from '../core/execution.js';
import { MemoryDatabase, openMemoryStore } from '../store/memory/memory-store.js';
import { type ExecutionWrite, type Store, StoreFault } from '../store/store.js';
import { HandClock, settled } from './hand-clock.mjs';
import { DONE, Harness, PROJECT } from './harness.mjs';
import { breakable, gated, type StoreCall } from './slow-store.mjs';

// What must not happen between two calls of the store, on one server or on several.

const GROUP = 'slots["p1","order"]';

/** A server and a worker of it. */
class Site {
  readonly harness: Harness;
  readonly connection: ReturnType<typeof breakable>;
  worker = '';

  constructor(database: MemoryDatabase, clock: HandClock) {
    this.connection = breakable(openMemoryStore(database));
    this.harness = new Harness(this.connection.store, clock);
  }

  invoke(): Promise<string> {
    return this.harness.invoke();
  }

  /** From then on the record says that all slots are held and somebody waits, so that others who do change nothing in it. */
  async waitInVain(): Promise<void> {
    const executionId = await this.invoke();
    await settled();
    await this.harness.engine.cancel(PROJECT, executionId);
  }

  async take() {
    return this.harness.take(this.worker);
  }

  /** The ids of what its worker is assigned. */
  async taken(): Promise<string[]> {
    return (await this.harness.takeAll(this.worker)).map(({ lease }) => lease.executionId);
  }
}

/** Servers on one database, and a limit of one that all of them know. */
async function sites(count: number) {
  const database = new MemoryDatabase();
  const clock = new HandClock();
  const all = Array.from({ length: count }, () => new Site(database, clock));
  for (const site of all) {
    await site.harness.engine.start();
    site.worker = await site.harness.register([{ id: 'order', queueConcurrencyLimit: 1 }]);
  }
  await clock.turn(1_000);
  const [here, there] = all as [Site, Site];
  return { all, here, there, clock, store: openMemoryStore(database) };
}

/** The executions that run, by what the store holds. */
async function running(store: Store): Promise<string[]> {
  const executions = await store.list({ projectId: PROJECT, status: 'running', limit: 100 });
  return executions.map(({ id }) => id);
}

function written({ method, args: [write] }: StoreCall): Execution | undefined {
  return method === 'commit' ? (write as ExecutionWrite).execution : undefined;
}

const isRecordRead = ({ method }: StoreCall) => method === 'loadRecord';
const isRecordWrite = ({ method }: StoreCall) => method === 'commitRecord';
/** An execution is told that it holds a slot. */
const isGrant = (call: StoreCall) => {
  const execution = written(call);
  return execution?.slot?.isHeld === true && (execution.epoch === 0 || execution.lease?.completions === 0);
};

describe('several servers', () => {
  test('never let more run at once than the limit, however they race', async () => {
    const { all, store } = await sites(3);
    const polls = all.map(({ harness, worker }) => harness.poll(worker));
    const ids = await Promise.all(Array.from({ length: 12 }, (_, index) => all[index % 3]?.invoke()));
    const finished: string[] = [];
    while (finished.length < ids.length) {
      await settled();
      expect(await running(store)).toHaveLength(1);
      const place = await Promise.race(polls.map((poll, index) => poll.then(() => index)));
      const [assignment] = (await polls[place]) ?? [];
      if (!assignment) throw new Error('a poll brought nothing');
      finished.push(assignment.lease.executionId);
      await all[finished.length % 3]?.harness.complete(assignment, DONE);
      const { harness, worker } = all[place] as Site;
      polls[place] = harness.poll(worker);
    }
    expect(finished.sort()).toEqual(ids.sort());
  });

  test('give a slot that one of them released to an execution that waits at another', async () => {
    const { here, there } = await sites(2);
    await here.invoke();
    const assignment = await here.take();
    const other = await there.invoke();
    const polled = there.harness.poll(there.worker);
    await here.harness.complete(assignment, DONE);
    expect(await polled).toMatchObject([{ lease: { executionId: other } }]);
  });

  test('miss nobody who began to wait after the list, and looked before the record was written', async () => {
    const { here, there } = await sites(2);
    await here.invoke();
    const assignment = await here.take();
    await there.waitInVain();
    const listed = here.connection.stopAt(isRecordWrite);
    await here.harness.complete(assignment, DONE);
    await listed;
    const late = await there.invoke();
    await settled();
    expect(await there.taken()).toEqual([]);
    await here.connection.goOn();
    await settled();
    expect(await there.taken()).toEqual([late]);
  });

  test('miss nobody whose own look brought what was outdated by then', async () => {
    const { here, there } = await sites(2);
    await here.invoke();
    const assignment = await here.take();
    // The record is read before the slot is released, and seen after that.
    const hasRead = there.connection.stopAfter(isRecordRead);
    const late = await there.invoke();
    await hasRead;
    await here.harness.complete(assignment, DONE);
    await settled();
    await there.connection.goOn();
    await settled();
    expect(await there.taken()).toEqual([late]);
  });

  test('write nothing against a record that they read long ago: it may be a new one', async () => {
    const { here, there, clock, store } = await sites(2);
    const finishNext = async () => {
      there.worker = await there.harness.register();
      await there.harness.complete(await there.take(), DONE);
      await settled();
    };
    await there.invoke();
    await finishNext();
    // The record has no holders when it is read; then this server stands still for more than an hour.
    const isStale = here.connection.stopAt(({ method }) => method === 'listWaiting');
    await here.invoke();
    await isStale;
    await clock.turn(15_000);
    await finishNext();
    await clock.turn(3_700_000);
    expect(await store.listRecords({ group: GROUP, limit: 1 })).toEqual([]);
    // A new record comes to the version that it read.
    there.worker = await there.harness.register();
    for (let count = 0; count < 2; count++) await there.invoke();
    const { lease } = await there.take();
    expect(await store.listRecords({ group: GROUP, limit: 1 })).toMatchObject([{ version: 2 }]);
    await here.connection.goOn();
    await settled();
    here.worker = await here.harness.register();
    expect(await here.taken()).toEqual([]);
    expect(await running(store)).toEqual([lease.executionId]);
  });
});

describe('a server that dies', () => {
  test.each([
    ['before it looked for a slot', isRecordRead],
    ['before it entered the execution in the record', isRecordWrite],
    ['before it told the execution', isGrant],
  ] as const)('%s leaves the execution to the others', async (_, moment) => {
    const { here, there, clock } = await sites(2);
    const reached = here.connection.stopAt(moment);
    const id = await here.invoke();
    await reached;
    here.connection.cut();
    expect(await there.taken()).toEqual([]);
    await clock.turn(15_000);
    expect(await there.taken()).toEqual([id]);
  });

  test.each([
    ['before it took the holder out', isRecordWrite],
    ['before it told the next', isGrant],
  ] as const)('%s leaves the slot to the others', async (_, moment) => {
    const { here, there, clock } = await sites(2);
    await here.invoke();
    const assignment = await here.take();
    const next = await there.invoke();
    const reached = here.connection.stopAt(moment);
    await here.harness.complete(assignment, DONE);
    await reached;
    here.connection.cut();
    await clock.turn(15_000);
    expect(await there.taken()).toEqual([next]);
  });

  test('before it told an execution that was cancelled meanwhile leaves the slot to the others', async () => {
    const { here, there, clock, store } = await sites(2);
    const reached = here.connection.stopAt(isGrant);
    const cancelled = await here.invoke();
    await reached;
    here.connection.cut();
    await there.harness.engine.cancel(PROJECT, cancelled);
    const next = await there.invoke();
    expect(await there.taken()).toEqual([]);
    await clock.turn(15_000);
    expect(await there.taken()).toEqual([next]);
    expect(await running(store)).toEqual([next]);
  });

  test('once it took such an execution out leaves the slot to who looked before that', async () => {
    const { here, there, clock } = await sites(2);
    const granting = here.connection.stopAt(isGrant);
    const cancelled = await here.invoke();
    await granting;
    await there.harness.engine.cancel(PROJECT, cancelled);
    await there.waitInVain();
    // Nobody waits when it lists those that do.
    const listed = here.connection.stopAt(isRecordWrite);
    await here.connection.goOn();
    await listed;
    const next = await there.invoke();
    await settled();
    expect(await there.taken()).toEqual([]);
    here.connection.cut();
    await here.connection.goOn();
    await settled();
    expect(await there.taken()).toEqual([]);
    await clock.turn(15_000);
    expect(await there.taken()).toEqual([next]);
  });

  test('once it raised a limit leaves the rest to the others', async () => {
    const { here, there, clock } = await sites(2);
    await there.invoke();
    await there.take();
    const next = await there.invoke();
    // Nothing is due any more.
    await clock.turn(10_000);
    const raised = here.connection.stopAt(({ method }) => method === 'listRecords');
    void here.harness.register([{ id: 'order', queueConcurrencyLimit: 2 }]);
    await raised;
    here.connection.cut();
    await clock.turn(15_000);
    expect(await there.taken()).toEqual([next]);
  });
});

test.each(['commitRecord', 'loadRecord', 'listWaiting', 'commit'] as const)(
  'a store whose %s fails costs nothing but time',
  async (method) => {
    const store = openMemoryStore();
    const gate = gated(store, method);
    const harness = new Harness(gate.store);
    await harness.engine.start();
    const worker = await harness.register([{ id: 'order', queueConcurrencyLimit: 1 }]);
    const ids = await Promise.all(Array.from({ length: 4 }, () => harness.invoke()));
    const done: string[] = [];
    while (done.length < ids.length) {
      await harness.clock.turn(20_000);
      const assignment = await harness.take(worker);
      gate.fail(new StoreFault('no connection', { retryable: true }));
      const complete = () => harness.completeAs(assignment.lease, 1, [DONE]);
      await complete().catch(complete);
      done.push(assignment.lease.executionId);
    }
    expect(done.sort()).toEqual(ids.sort());
    await harness.clock.turn(20_000);
    const [record] = await store.listRecords({ group: GROUP, limit: 1 });
    expect(JSON.parse(record?.body ?? '{}').holders).toEqual([]);
  },
);
