import { type Document, MongoClient } from 'mongodb';

const ANSWER_MS = 10_000;

/** Runs one administrative command on one mongod of this machine, over a connection of its own. */
export async function command(port: number, document: Document): Promise<Document> {
  const client = new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`, {
    serverSelectionTimeoutMS: 1_000,
    connectTimeoutMS: 1_000,
    socketTimeoutMS: ANSWER_MS,
  });
  try {
    return await client.db('admin').command(document);
  } finally {
    await client.close();
  }
}
