import { type Db, MongoClient } from 'mongodb';
import { onTestFinished } from 'vitest';
import { uniqueDatabase } from '../mongodb/shared.js';

/** An empty database for one test, and a connection that is closed when the test is over. */
export async function openDatabase(): Promise<Db> {
  const { url, name } = await uniqueDatabase();
  const client = new MongoClient(url);
  onTestFinished(() => client.close());
  return client.db(name);
}
