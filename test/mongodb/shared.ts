import { randomBytes } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { afterAll, inject, onTestFinished, test } from 'vitest';
import { mongodPath } from './mongod.js';

/** A database of its own for one test. */
export interface Database {
  /** Names the deployment and, as its path, the database. */
  readonly url: string;
  readonly name: string;
}

/** The deployment that tests use instead of one that they start; it must be a replica set or a sharded cluster. */
const givenUrl = process.env.POLOS_TEST_MONGODB_URL || undefined;

let deployment: Promise<string> | undefined;
let cleaner: MongoClient | undefined;
afterAll(() => cleaner?.close());

/** Declares tests that need any MongoDB; without one, a single skipped test says so (a failed one where CI=true). */
export function withMongodb(declareTests: () => void): void {
  if (givenUrl !== undefined || mongodPath() !== undefined) declareTests();
  else testInstead('MongoDB is missing: neither a mongod nor POLOS_TEST_MONGODB_URL');
}

/**
 * Declares tests that need a mongod to start and kill; otherwise like withMongodb, but only skipped if there is
 * POLOS_TEST_MONGODB_URL.
 */
export function withMongod(declareTests: () => void): void {
  if (mongodPath() !== undefined) declareTests();
  else testInstead('mongod is missing, and these tests kill it', { isRequired: givenUrl === undefined });
}

/**
 * A new database of the MongoDB that all test files share.
 * @param whenOver  takes what drops it. Default: dropped when the test that asks for it is over.
 */
export async function uniqueDatabase(
  whenOver: (drop: () => Promise<void>) => void = onTestFinished,
): Promise<Database> {
  deployment ??= givenUrl === undefined ? startedUrl() : Promise.resolve(givenUrl);
  const url = await deployment;
  const name = `polos_test_${randomBytes(8).toString('hex')}`;
  whenOver(async () => {
    cleaner ??= new MongoClient(url);
    await cleaner.db(name).dropDatabase();
  });
  return { url: withDatabase(url, name), name };
}

function testInstead(reason: string, { isRequired = true }: { readonly isRequired?: boolean } = {}): void {
  test('has what it needs', ({ skip }) => {
    if (isRequired && process.env.CI === 'true') throw new Error(`${reason}, and required when CI=true`);
    skip(reason);
  });
}

async function startedUrl(): Promise<string> {
  const response = await fetch(inject('mongodbStarter'));
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text;
}

/** mongodb://HOSTS/NAME?OPTIONS, where a URL may lack the path, and the slash where it has no options. */
function withDatabase(url: string, name: string): string {
  const [, hosts, options = ''] = /^([a-z+]+:\/\/[^/?]+)(?:\/[^?]*)?(\?.*)?$/.exec(url) ?? [];
  if (hosts === undefined) throw new Error('POLOS_TEST_MONGODB_URL is not a MongoDB URL');
  return `${hosts}/${name}${options}`;
}
