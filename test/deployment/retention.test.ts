import { setTimeout as delay } from 'node:timers/promises';
import type { Db } from 'mongodb';
import { expect, onTestFinished, test } from 'vitest';
import { applyLayout } from '../../server/src/store/mongo/layout.js';
import { deleteExpired, Retention } from '../../server/src/store/mongo/retention.js';
import type { StoreFault } from '../../server/src/store/store.js';
import { withMongodb } from '../mongodb/shared.js';
import { until } from '../mongodb/until.js';
import { openDatabase } from './database.js';

const NOW = Date.UTC(2026, 10, 23);

withMongodb(() => {
  test('only what is due goes, with all chunks of its journal', async () => {
    const db = await openDatabase();
    await keep(db, { id: 'open' });
    await keep(db, { id: 'past', expiresAt: NOW - 1, chunks: 3 });
    await keep(db, { id: 'now', expiresAt: NOW });
    await keep(db, { id: 'later', expiresAt: NOW + 1, chunks: 2 });
    await keep(db, { id: 'running', expiresAt: NOW - 1, isOpen: true });
    await keep(db, { id: 'talking', expiresAt: NOW - 1, outboxSince: NOW - 2, chunks: 1 });
    expect(await deleteExpired(db, { now: NOW })).toBe(2);
    expect(await idsOf(db)).toEqual(['later', 'open', 'running', 'talking']);
    expect(await chunksOf(db)).toEqual({ later: 2, talking: 1 });
    expect(await deleteExpired(db, { now: NOW })).toBe(0);
  });

  test('what is kept beside an execution goes with it, and no other record does', async () => {
    const db = await openDatabase();
    await keep(db, { id: 'past', expiresAt: NOW - 1 });
    await keep(db, { id: 'later', expiresAt: NOW + 1 });
    await keep(db, { id: 'child', rootExecutionId: 'later', expiresAt: NOW - 1 });
    const trees = ['tree["later"]', 'tree["past"]', 'tree["past0"]'];
    const groups = [...trees, 'state["past"]', 'state["child"]', 'state["later"]', 'topic["p","past"]'];
    for (const group of groups) await insertRecords(db, group, 3);
    expect(await deleteExpired(db, { now: NOW })).toBe(2);
    expect(await idsOf(db)).toEqual(['later']);
    expect(await recordsOf(db)).toEqual({
      'tree["later"]': 3,
      'tree["past0"]': 3,
      'state["later"]': 3,
      'topic["p","past"]': 3,
    });
  });

  test('what is added to the order of a tree while its root is being deleted goes, too', async () => {
    const db = await openDatabase();
    await keep(db, { id: 'past', expiresAt: NOW - 1 });
    await insertRecords(db, 'tree["past"]', 1);
    expect(await deleteExpired(withAddition(db, 'tree["past"]'), { now: NOW })).toBe(1);
    expect(await recordsOf(db)).toEqual({});
  });

  test('two at once delete each execution, and disturb nothing else', async () => {
    const db = await openDatabase();
    await keepMany(db, 1_200);
    await keep(db, { id: 'later', expiresAt: NOW + 1, chunks: 1 });
    const faults: StoreFault[] = [];
    const both = [1, 2].map(() => start(db, faults));
    await until('the deletion', async () => (await idsOf(db)).length === 1 || undefined);
    await Promise.all(both.map((retention) => retention.close()));
    expect(await idsOf(db)).toEqual(['later']);
    expect(await chunksOf(db)).toEqual({ later: 1 });
    expect(faults).toEqual([]);
  });

  test('a deletion that broke off between journal and execution is finished by the next', async () => {
    const db = await openDatabase();
    await keep(db, { id: 'past', expiresAt: NOW - 1, chunks: 3 });
    await db.collection('journal').deleteMany({});
    expect(await deleteExpired(db, { now: NOW })).toBe(1);
    expect(await idsOf(db)).toEqual([]);
  });

  test('what goes wrong is told, and tried again', async () => {
    const db = await openDatabase();
    const faults: StoreFault[] = [];
    // There is no index yet to go by.
    await db.createCollection('executions');
    const retention = start(db, faults);
    await until('two faults', async () => faults.length > 1 || undefined);
    await keep(db, { id: 'past', expiresAt: NOW - 1 });
    await until('the deletion', async () => (await idsOf(db)).length === 0 || undefined);
    await retention.close();
    expect(faults[0]).toMatchObject({ name: 'StoreFault', retryable: true });
    expect(faults[0]!.message).toBe(
      `deleting expired executions of the database "${db.databaseName}" failed`,
    );
  });

  test('after it was closed it deletes nothing more', async () => {
    const db = await openDatabase();
    const retention = start(db, []);
    await retention.close();
    await retention.close();
    await keep(db, { id: 'past', expiresAt: NOW - 1 });
    await delay(50);
    expect(await idsOf(db)).toEqual(['past']);
  });
});

interface Kept {
  readonly id: string;
  readonly expiresAt?: number;
  readonly outboxSince?: number;
  /** Default: it is one. */
  readonly rootExecutionId?: string;
  readonly chunks?: number;
  readonly isOpen?: boolean;
}

async function keep(db: Db, kept: Kept): Promise<void> {
  await applyLayout(db);
  await insert(db, [kept]);
}

async function keepMany(db: Db, count: number): Promise<void> {
  await applyLayout(db);
  await insert(
    db,
    Array.from({ length: count }, (_, number) => ({ id: `past-${number}`, expiresAt: NOW - 1, chunks: 1 })),
  );
}

/** As the validators want them; the rest does not matter here. */
async function insert(db: Db, kept: readonly Kept[]): Promise<void> {
  const at = new Date(NOW - 1_000);
  const executions = kept.map(({ id, rootExecutionId = id, expiresAt, outboxSince, isOpen = false }) => ({
    ...{ _id: id, version: 1, projectId: 'p', workflowId: 'w', queue: 'q', status: 'completed' },
    ...{ createdAt: at, updatedAt: at, rootExecutionId, sessionId: 's', priority: 0, readyAt: at },
    ...{ eventCount: 1, commit: { by: 'b', number: 1 }, state: {}, tail: [] },
    ...(!isOpen && { closedAt: at }),
    ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt) }),
    index: { ready: false, ...(outboxSince !== undefined && { outboxSince: new Date(outboxSince) }) },
  }));
  const chunks = kept.flatMap(({ id, chunks = 0 }) =>
    Array.from({ length: chunks }, (_, number) => ({
      ...{
        _id: { execution: id, number },
        execution: id,
        firstEvent: number,
        lastEvent: number,
        entries: [{}],
      },
    })),
  );
  await db.collection<{ _id: string }>('executions').insertMany(executions);
  if (chunks.length > 0) await db.collection<{ _id: object }>('journal').insertMany(chunks);
}

function start(db: Db, faults: StoreFault[]): Retention {
  const retention = new Retention({
    db,
    intervalMs: 5,
    now: () => NOW,
    fault: (fault) => faults.push(fault),
  });
  onTestFinished(() => retention.close());
  return retention;
}

async function idsOf(db: Db): Promise<string[]> {
  const found = await db.collection<{ _id: string }>('executions').find().toArray();
  return found.map(({ _id }) => _id).sort();
}

async function insertRecords(db: Db, group: string, count: number): Promise<void> {
  const records = Array.from({ length: count }, (_, number) => ({
    _id: { group, id: `${number}` },
    ...{ group, version: 1, by: 'b', body: '{}' },
  }));
  await db.collection<{ _id: object }>('records').insertMany(records);
}

/** The database, where somebody adds a record to a group the moment before executions are deleted. */
function withAddition(db: Db, group: string): Db {
  const collection: Db['collection'] = (name: string) => {
    const inner = db.collection(name);
    if (name !== 'executions') return inner as never;
    const deleteMany: typeof inner.deleteMany = async (filter) => {
      await insertRecords(db, group, 1);
      return inner.deleteMany(filter);
    };
    return { find: inner.find.bind(inner), deleteMany } as never;
  };
  return { collection } as Db;
}

/** How many records there are of each group. */
async function recordsOf(db: Db): Promise<Record<string, number>> {
  const counts = await db
    .collection('records')
    .aggregate<{ _id: string; count: number }>([{ $group: { _id: '$group', count: { $sum: 1 } } }])
    .toArray();
  return Object.fromEntries(counts.map(({ _id, count }) => [_id, count]));
}

async function chunksOf(db: Db): Promise<Record<string, number>> {
  const counts = await db
    .collection('journal')
    .aggregate<{ _id: string; count: number }>([{ $group: { _id: '$execution', count: { $sum: 1 } } }])
    .toArray();
  return Object.fromEntries(counts.map(({ _id, count }) => [_id, count]));
}
