import { readFileSync } from 'node:fs';
import type { Db } from 'mongodb';
import { expect, test } from 'vitest';
import { COLLECTIONS } from '../../server/src/store/mongo/collections.js';
import { prepareDeployment } from '../../server/src/store/mongo/deployment.js';
import { shardCommands } from '../../server/src/store/mongo/deployment-check.js';
import {
  applyLayout,
  LAYOUT_NAMES,
  LAYOUT_REVISION,
  LAYOUT_VERSION,
  type LayoutRecord,
} from '../../server/src/store/mongo/layout.js';
import { planLayout } from '../../server/src/store/mongo/layout-plan.js';
import { withMongodb } from '../mongodb/shared.js';
import { openDatabase } from './database.js';

withMongodb(() => {
  test('an empty database gets every part, and is whole afterwards', async () => {
    const db = await openDatabase();
    expect(await statesOf(db)).toEqual(new Set(['missing']));
    await prepareDeployment(db);
    expect(await statesOf(db)).toEqual(new Set(['present']));
    expect(await namesOf(db)).toEqual([...LAYOUT_NAMES].sort());
    const record = await recordsOf(db).findOne();
    expect(record).toMatchObject({ _id: 'layout', version: LAYOUT_VERSION, revision: LAYOUT_REVISION });
    expect(record?.createdAt).toBeInstanceOf(Date);
  });

  test('planning writes nothing', async () => {
    const db = await openDatabase();
    await planLayout(db);
    expect(await namesOf(db)).toEqual([]);
  });

  test('many who apply it at once all succeed, from any beginning', async () => {
    for (let round = 0; round < 5; round += 1) {
      const db = await openDatabase();
      if (round > 0) await applyLayout(db);
      for (const { name, indexes } of COLLECTIONS.slice(0, round)) {
        if (round % 2 === 0) await db.dropCollection(name);
        else await db.collection(name).dropIndex(indexes[0]!.name);
        if (round === 3) await db.command({ collMod: name, validator: { $jsonSchema: {} } });
      }
      await Promise.all(Array.from({ length: 8 }, () => applyLayout(db)));
      expect(await statesOf(db)).toEqual(new Set(['present']));
    }
  });

  test('a validator that is different is replaced, unless a later revision made it', async () => {
    const db = await openDatabase();
    await applyLayout(db);
    const loosen = (validator: object) => db.command({ collMod: 'workers', validator });
    for (const validator of [{ body: 'mine' }, {}]) {
      await loosen(validator);
      expect(await differing(db)).toEqual(['workers']);
      await applyLayout(db);
      expect(await differing(db)).toEqual([]);
    }
    await loosen({ body: 'theirs' });
    await recordsOf(db).updateOne({}, { $inc: { revision: 1 } });
    await applyLayout(db);
    expect(await differing(db)).toEqual(['workers']);
    expect(await recordsOf(db).findOne()).toMatchObject({ revision: LAYOUT_REVISION + 1 });
  });

  test('a database from before there were records gets what it lacks, and keeps what it has', async () => {
    const db = await openDatabase();
    await applyLayout(db);
    await db.dropCollection('records');
    await db.collection('executions').dropIndex('waiting');
    await db.command({ collMod: 'executions', validator: { $jsonSchema: { required: ['_id'] } } });
    await db.dropCollection('states');
    await recordsOf(db).updateOne({}, { $set: { version: 1, revision: 1 } });
    const lacking = [
      'executions',
      'executions.waiting',
      'states',
      'states',
      'states.execution',
      'records',
      'records',
      'records.alias',
      'records.due',
    ];
    expect(await differing(db)).toEqual(lacking);
    await prepareDeployment(db);
    expect(await differing(db)).toEqual([]);
    expect(await recordsOf(db).findOne()).toMatchObject({
      version: LAYOUT_VERSION,
      revision: LAYOUT_REVISION,
    });
  });

  test('a layout of a newer Polos is refused, and stays as it is', async () => {
    const db = await openDatabase();
    const newer = { _id: 'layout', version: 3, revision: 7, createdAt: new Date(0) } as const;
    await recordsOf(db).insertOne(newer);
    await expect(prepareDeployment(db)).rejects.toThrow(
      /was written by a newer Polos \(its layout is version 3, this server knows 2\): start that version or a later one$/,
    );
    expect(await recordsOf(db).findOne()).toEqual(newer);
    expect(await namesOf(db)).toEqual(['layout']);
  });

  test.each<[title: string, make: (db: Db) => Promise<unknown>, index: string]>([
    [
      'under one of our names with another key',
      (db) => db.collection('executions').createIndex({ priority: 1 }, { name: 'list' }),
      'list',
    ],
    [
      'under one of our names with another condition',
      (db) =>
        db.collection('executions').createIndex({ projectId: 1, closedAt: 1, _id: 1 }, { name: 'closed' }),
      'closed',
    ],
    [
      'of our definition under another name',
      (db) => db.collection('journal').createIndex({ execution: 1, lastEvent: 1 }, { name: 'mine' }),
      'mine',
    ],
  ])('an index %s is refused with what to do', async (_, make, index) => {
    const db = await openDatabase();
    await applyLayout(db);
    for (const { name } of COLLECTIONS) await db.collection(name).dropIndexes();
    await make(db);
    const attempt = prepareDeployment(db);
    await expect(attempt).rejects.toMatchObject({ name: 'StoreFault', retryable: false });
    await expect(attempt).rejects.toThrow(
      new RegExp(
        `^the index "${index}" of .* drop it with db\\.\\w+\\.dropIndex\\("${index}"\\), and start again$`,
      ),
    );
  });

  test('the manual shards the collections as a check says', async () => {
    const db = await openDatabase();
    const commands = (await shardCommands(db)).map((command) => command.replace(db.databaseName, 'polos'));
    expect(commands).toHaveLength(COLLECTIONS.length);
    expect(readFileSync('docs/operations.md', 'utf8')).toContain(`\n${commands.join('\n')}\n`);
  });

  test("an operator's own collections and indexes are left alone", async () => {
    const db = await openDatabase();
    await db.collection('notes').insertOne({ text: 'mine' });
    await applyLayout(db);
    await db.collection('executions').createIndex({ 'state.customer': 1 }, { name: 'customer' });
    await applyLayout(db);
    const indexes = await db.collection('executions').listIndexes().toArray();
    expect(indexes.map(({ name }) => name)).toContain('customer');
    expect(await db.collection('notes').countDocuments()).toBe(1);
  });

  test('what no server writes is refused by the validators', async () => {
    const db = await openDatabase();
    await applyLayout(db);
    for (const { name } of COLLECTIONS) {
      await expect(db.collection(name).insertOne({ text: 'mine' })).rejects.toThrow(
        'Document failed validation',
      );
    }
  });
});

async function statesOf(db: Db): Promise<Set<string>> {
  return new Set((await planLayout(db)).map(({ state }) => state));
}

async function differing(db: Db): Promise<string[]> {
  return (await planLayout(db)).filter(({ state }) => state !== 'present').map(({ name }) => name);
}

async function namesOf(db: Db): Promise<string[]> {
  return (await db.listCollections().toArray()).map(({ name }) => name).sort();
}

function recordsOf(db: Db) {
  return db.collection<LayoutRecord>('layout');
}
