import { type Db, type Document, MongoClient } from 'mongodb';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { EXECUTION_STATUSES } from '../../server/src/core/execution.js';
import { openMongoStore } from '../../server/src/store/mongo/mongo-store.js';
import type { ExecutionQuery, ExecutionSearch, Store } from '../../server/src/store/store.js';
import { withMongodb } from '../mongodb/shared.js';
import { MongoDatabases } from './mongo-databases.js';
import { createRecord, entry, execution, next, record, schema, write } from './samples.js';

const COUNT = 400;

const PROJECT = { projectId: 'p1' };

/** How MongoDB carried out a command, by its profiler. */
interface Plan {
  readonly command: string;
  readonly stages: readonly string[];
  readonly indexes: readonly string[];
  readonly keysExamined: number;
  readonly docsExamined: number;
}

withMongodb(() => {
  const databases = new MongoDatabases();
  let store: Store;
  let client: MongoClient;
  let database: Db;

  // Not beforeAll: an address is given to tests only.
  beforeEach(async () => {
    if (store) return;
    const { url, name } = await databases.address();
    store = await openMongoStore({ url, database: name });
    client = new MongoClient(url);
    database = client.db(name);
    await fill(store);
  });
  afterAll(async () => {
    await store?.close();
    await database?.dropDatabase();
    await client?.close();
  });

  /** What MongoDB did meanwhile, in its order. */
  async function plansOf(doing: () => Promise<unknown>): Promise<readonly Plan[]> {
    await database.command({ profile: 0 });
    await database.dropCollection('system.profile');
    await database.command({ profile: 2 });
    await doing();
    await database.command({ profile: 0 });
    const asked = { op: { $in: ['query', 'getmore', 'update', 'remove'] }, ns: { $not: /system/ } };
    return (await database.collection('system.profile').find(asked).sort({ ts: 1 }).toArray()).map(toPlan);
  }

  describe('MongoDB answers from an index alone', () => {
    test.each<[what: string, index: string, ask: () => Promise<unknown>]>([
      ['what is ready', READY, () => store.listReady({ ...PROJECT, workflowId: 'w0', limit: 5 })],
      [
        'what is ready in some queues',
        READY_IN_QUEUE,
        () => store.listReady({ ...PROJECT, workflowId: 'w0', queues: ['q0', 'q2'], limit: 5 }),
      ],
      ['what is due next', DUE, () => store.listDue({ until: -1, limit: 5 })],
      ['which outboxes wait', OUTBOX, () => store.listOutboxes({ until: 1_000, limit: 5 })],
      ['what waits', WAITING, () => store.listWaiting({ key: 'event', limit: 5 })],
      [
        'what waits after the middle',
        WAITING,
        () => store.listWaiting({ key: 'event', after: MIDDLE, limit: 5 }),
      ],
      ['which records are due next', DUE, () => store.listDueRecords({ until: -1, limit: 5 })],
    ])('%s', async (_, index, ask) => {
      const [plan, ...more] = await plansOf(ask);
      expect(more).toEqual([]);
      expect(plan).toMatchObject({ docsExamined: 0, indexes: expect.arrayContaining([index]) });
      expect(plan?.keysExamined).toBeLessThanOrEqual(12);
      expect(costly(plan!)).toEqual([]);
    });
  });

  describe('MongoDB reads no more documents than it is asked for', () => {
    test.each<[what: string, documents: number, ask: () => Promise<unknown>]>([
      ['to load some, in one question', 3, () => Promise.all(['e1', 'e2', 'e3'].map((id) => store.load(id)))],
      ['to say whose is what is due', 5, () => store.listDue({ until: 1_000, limit: 5 })],
      [
        'to read a journal that is short',
        1,
        () => store.journal('e1', { afterEvent: 0, entries: 9, bytes: 9e3 }),
      ],
      [
        'to read a page of a long one',
        3,
        () => store.journal('long', { afterEvent: 40, entries: 40, bytes: 9e3 }),
      ],
      ['to list schemas', 4, () => store.listSchemas({ projectId: 'p0' })],
      ['to list schemas of a workflow', 2, () => store.listSchemas({ projectId: 'p0', workflowId: 'w0' })],
      ['to list new schemas', 1, () => store.listSchemas({ projectId: 'p0', registeredSince: 1_003 })],
      ['to load a worker', 1, () => store.loadWorker({ id: 'worker1', now: 0 })],
      ['to list workers', 10, () => store.listWorkers({ ...PROJECT, now: 0 })],
      ['to commit', 1, async () => store.commit(write(next((await store.load('e1'))!.execution)))],
      ['to load a record', 1, () => store.loadRecord({ group: 'g1', id: 'r11' })],
      ['to load a record by its alias', 1, () => store.loadRecord({ group: 'g1', alias: 'alias of r11' })],
      ['to list records', 5, () => store.listRecords({ group: 'g1', limit: 5 })],
      ['to list records from one on', 5, () => store.listRecords({ group: 'g1', from: 'r3', limit: 5 })],
      [
        'to list records back from one',
        5,
        () => store.listRecords({ group: 'g1', from: 'r3', descending: true, limit: 5 }),
      ],
      ['to list records back', 5, () => store.listRecords({ group: 'g1', descending: true, limit: 5 })],
      ['to say whose records are due', 5, () => store.listDueRecords({ until: 1_000, limit: 5 })],
      [
        'to replace a record',
        1,
        () => store.commitRecord({ record: record({ group: 'g1', id: 'r1', version: 2 }) }),
      ],
      ['to remove a record', 1, () => store.commitRecord({ remove: record({ group: 'g1', id: 'r21' }) })],
      [
        'to be refused a record',
        1,
        () => store.commitRecord({ remove: record({ group: 'g1', id: 'none' }) }),
      ],
    ])('%s', async (_, documents, ask) => {
      const plans = await plansOf(ask);
      expect(plans).not.toEqual([]);
      expect(plans.flatMap(costly)).toEqual([]);
      for (const { docsExamined } of plans) expect(docsExamined).toBeLessThanOrEqual(documents);
    });
  });

  test('a list with any combination of filters is read along an index', async () => {
    for (const query of queries()) {
      const plans = await plansOf(() => store.list(query));
      expect(plans).toHaveLength(1);
      expect({ query, costly: costly(plans[0]!) }).toEqual({ query, costly: [] });
    }
  }, 120_000);

  test('a search with any combination of filters is read along an index', async () => {
    for (const search of searches()) {
      const plans = await plansOf(() => store.search(search));
      expect({ search, costly: plans.flatMap(costly) }).toEqual({ search, costly: [] });
      for (const { docsExamined } of plans) expect(docsExamined).toBeLessThanOrEqual(LOOKED_AT + 2);
    }
  }, 120_000);

  test('where a search stops is found in the index of a term alone, and a page reads no more than it has', async () => {
    const [end, page, ...more] = await plansOf(() =>
      store.search({ ...PROJECT, terms: [{ is: 'odd' }], status: 'queued', limit: 3, lookedAt: 20 }),
    );
    expect(more).toEqual([]);
    expect(end).toMatchObject({ docsExamined: 0, indexes: [TERMS] });
    expect(end?.keysExamined).toBeLessThanOrEqual(22);
    expect(page?.indexes).toEqual([TERMS]);
    const [only, ...others] = await plansOf(() =>
      store.search({ ...PROJECT, terms: [{ is: 'odd' }], limit: 3, lookedAt: 20 }),
    );
    expect(others).toEqual([]);
    expect(only).toMatchObject({ docsExamined: 3, keysExamined: 3, indexes: [TERMS] });
  });

  test('a search by a range of terms reads and sorts what that holds, if that is not much', async () => {
    const terms = [{ from: 'rare 11', before: 'rare 12' }];
    const plans = await plansOf(() => store.search({ ...PROJECT, terms, limit: 10, lookedAt: LOOKED_AT }));
    expect(plans.map(({ indexes }) => indexes)).toEqual([[TERMS], [TERMS]]);
    expect(plans.map(costly)).toEqual([[], ['SORT']]);
    for (const { docsExamined } of plans) expect(docsExamined).toBeLessThanOrEqual(10);
  });

  test('a page in the middle of a list reads that page only', async () => {
    const query = { ...PROJECT, limit: 5, after: { createdAt: 1_100, id: 'e101' } };
    const [plan] = await plansOf(() => store.list(query));
    expect(plan?.docsExamined).toBeLessThanOrEqual(6);
  });

  test('the check of plans would see a scan and a sort', async () => {
    const [scan] = await plansOf(() => database.collection('executions').find({ queue: 'q' }).toArray());
    expect(costly(scan!)).toEqual(['COLLSCAN']);
    const sorted = () => database.collection('executions').find(PROJECT).sort({ queue: 1 }).toArray();
    expect((await plansOf(sorted)).flatMap(costly)).toContain('SORT');
  });
});

const READY = 'ready';
const READY_IN_QUEUE = 'ready_in_queue';
const DUE = 'due';
const OUTBOX = 'outbox';
const WAITING = 'waiting';
const TERMS = 'terms';
const LOOKED_AT = 30;

/** A place among the executions that wait for an event. */
const MIDDLE = { id: 'e200', priority: 1, readyAt: 1_000 };

function toPlan({ command, keysExamined = 0, docsExamined = 0, execStats = {} }: Document): Plan {
  const nodes = nodesOf(execStats);
  return {
    command: JSON.stringify(command),
    stages: nodes.map(({ stage }) => stage),
    indexes: nodes.flatMap(({ indexName }) => indexName ?? []),
    keysExamined,
    docsExamined,
  };
}

function nodesOf(stats: Document): Document[] {
  const inner = [stats.inputStage, ...(stats.inputStages ?? [])].filter((node) => node !== undefined);
  return [stats, ...inner.flatMap(nodesOf)];
}

/** Stages that read all documents, or sort all that they found. */
function costly({ stages }: Plan): readonly string[] {
  return stages.filter((stage) => ['COLLSCAN', 'SORT', 'SORT_KEY_GENERATOR'].includes(stage));
}

/** All combinations of filters. */
function queries(): readonly ExecutionQuery[] {
  const filters: readonly Partial<ExecutionQuery>[] = [
    { workflowId: 'w0' },
    { status: EXECUTION_STATUSES[0] },
    { parentExecutionId: 'e1' },
    { rootExecutionId: 'e1' },
    { sessionId: 's1' },
    { userId: 'u1' },
    { createdFrom: 1_001 },
    { createdBefore: 1_200 },
    { after: { createdAt: 1_150, id: 'e151' } },
  ];
  return Array.from({ length: 2 ** filters.length }, (_, bits) =>
    Object.assign({ ...PROJECT, limit: 10 }, ...filters.filter((_filter, index) => bits & (1 << index))),
  );
}

/** Combinations of filters with terms, none of them rare, and a time that no index holds. */
function searches(): readonly ExecutionSearch[] {
  const often = { from: 'o', before: 'p' };
  const filters: readonly Partial<ExecutionSearch>[] = [
    { workflowId: 'w0' },
    { status: EXECUTION_STATUSES[0] },
    { sessionId: 's1' },
    { createdFrom: 1_001, closedBefore: 9_999 },
    { after: { createdAt: 1_150, id: 'e151' } },
  ];
  const terms: ExecutionSearch['terms'][] = [[{ is: 'odd' }, { is: 'also odd' }, often], [often, often], []];
  return Array.from({ length: 2 ** filters.length }, (_, bits) =>
    filters.filter((_filter, index) => bits & (1 << index)),
  ).flatMap((chosen) =>
    terms.map((given) =>
      Object.assign({ ...PROJECT, limit: 10, lookedAt: LOOKED_AT, terms: given }, ...chosen),
    ),
  );
}

/** Some of each of everything, and a journal of 80 events. */
async function fill(store: Store): Promise<void> {
  await Promise.all(
    Array.from({ length: COUNT }, (_, n) => {
      const given = {
        projectId: `p${n % 2}`,
        workflowId: `w${n % 4 === 1 ? 0 : 1}`,
        queue: `q${n % 3}`,
        status: EXECUTION_STATUSES[n % 7]!,
        createdAt: 1_000 + (n >> 1),
        sessionId: `s${n % 5}`,
        rootExecutionId: `e${n % 10}`,
        ...(n % 2 === 1 && { userId: `u${n % 3}` }),
        ...(n >= 10 && { parent: { executionId: `e${n % 10}`, stepKey: 's', waits: true } }),
      };
      const waits = n % 2 === 0 && { waitsFor: ['event', `event ${n}`] };
      const index = { ready: n % 4 === 1, wakeAt: n, ...(n % 9 === 0 && { outboxSince: n }), ...waits };
      const terms = n % 2 === 1 ? ['odd', 'also odd', `rare ${n}`] : [];
      const created = execution({ id: `e${n}`, priority: n % 3, ...given });
      return store.commit({ ...write(created, { index }), terms });
    }),
  );
  await Promise.all(
    Array.from({ length: COUNT }, (_, n) => {
      const names = { ...(n % 2 === 1 && { alias: `alias of r${n}` }), ...(n % 3 === 0 && { dueAt: n }) };
      return createRecord(store, { group: `g${n % 10}`, id: `r${n}`, ...names });
    }),
  );
  for (let n = 0; n < 4; n++) {
    await store.putSchema(
      schema({ projectId: 'p0', workflowId: `w${n % 2}`, digest: `${n}`, registeredAt: 1_000 + n }),
    );
  }
  for (let n = 0; n < 20; n++) {
    await store.putWorker({
      id: `worker${n}`,
      projectId: `p${n % 2}`,
      expiresAt: Date.now() + 1e6,
      body: '{}',
    });
  }
  let latest = execution({ id: 'long' });
  await store.commit(write(latest));
  for (let event = 1; event <= 80; event++) {
    const before = latest;
    latest = { ...before, version: event + 1, eventCount: event };
    await store.commit({ before, execution: latest, entry: entry(event), index: { ready: false } });
  }
}
