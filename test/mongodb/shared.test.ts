import { MongoClient } from 'mongodb';
import { expect, onTestFinished, test } from 'vitest';
import { type Database, uniqueDatabase, withMongodb } from './shared.js';

withMongodb(() => {
  let earlier: Database;

  test('a database is empty, takes writes and is the one that its URL names', async () => {
    earlier = await uniqueDatabase();
    const { client, database } = open(earlier);
    expect(await database.listCollections().toArray()).toEqual([]);
    await database.collection('notes').insertOne({ text: 'a' }, { writeConcern: { w: 'majority', j: true } });
    expect(await client.db(earlier.name).collection('notes').countDocuments()).toBe(1);
  });

  test('the next test has another one, and the earlier one is gone', async () => {
    const { url, name } = await uniqueDatabase();
    expect(name).not.toBe(earlier.name);
    expect(new URL(url.split('?')[0]!.split(',').at(-1)!, 'mongodb://127.0.0.1').pathname).toContain(name);
    const { database } = open(earlier);
    expect(await database.listCollections().toArray()).toEqual([]);
  });
});

function open({ url }: Database) {
  const client = new MongoClient(url);
  onTestFinished(() => client.close());
  return { client, database: client.db() };
}
