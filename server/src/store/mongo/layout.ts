import { setTimeout as delay } from 'node:timers/promises';
import { type Db, type Document, MongoNetworkError, MongoServerError } from 'mongodb';
import { StoreFault } from '../store.js';
import { COLLECTIONS } from './collections.js';
import { addressOf } from './deployment-faults.js';
import { LAYOUT, type LayoutPart, planLayout, rulesOf } from './layout-plan.js';

/**
 * The version of this layout. A server refuses a newer one: it could not read what is there. It grows only with a change
 * that servers of the version before could not live with.
 */
export const LAYOUT_VERSION = 2;

/**
 * Grows with every other change: an index of a new name, an optional field, a value that a validator lets through. A server leaves the
 * validators of a later revision alone, so that servers of two versions run, and restart, side by side during an upgrade.
 */
export const LAYOUT_REVISION = 5;

/** Every collection of a server. */
export const LAYOUT_NAMES: readonly string[] = [LAYOUT, ...COLLECTIONS.map(({ name }) => name)];

/** What the collection `layout` holds. */
export interface LayoutRecord {
  readonly _id: 'layout';
  readonly version: number;
  readonly revision: number;
  readonly createdAt: Date;
}

const WRITE_CONCERN = { w: 'majority', j: true } as const;

/** https://www.mongodb.com/docs/manual/reference/error-codes/ */
const DUPLICATE_KEY = 11_000;

/** Others were making the same at the same time, or an election was under way: looked at anew, it may be fine. */
const PASSING: ReadonlySet<unknown> = new Set([
  ...[26, 46, 48, 112, 117, 276, 309, DUPLICATE_KEY],
  ...[91, 189, 10_107, 11_600, 11_602, 13_435, 13_436],
]);
/** An index on the executions of years takes its time. */
const BUILD_MS_MAX = 3_600_000;
const ATTEMPTS_MAX = 20;
const PAUSE_MS_MAX = 500;

/** What the database says of its layout; undefined before a server started on it. Refuses what is newer. */
export async function readLayoutRecord(db: Db): Promise<LayoutRecord | undefined> {
  const record = await db.collection<LayoutRecord>(LAYOUT).findOne({ _id: 'layout' });
  if (record === null) return undefined;
  if (record.version <= LAYOUT_VERSION) return record;
  throw new StoreFault(
    `the database at ${addressOf(db)} was written by a newer Polos (its layout is version ${record.version}, this server ` +
      `knows ${LAYOUT_VERSION}): start that version or a later one`,
    { retryable: false },
  );
}

/** Of a plan, what a server that starts would make or replace. */
export function partsToMake(plan: readonly LayoutPart[], record: LayoutRecord | undefined): LayoutPart[] {
  const isOurs = (record?.revision ?? 0) <= LAYOUT_REVISION;
  return plan.filter(({ what, state }) => {
    if (what === 'validator') return isOurs && state !== 'present';
    return state === 'missing';
  });
}

/** Indexes that are in the way of ours: a server does not start, because it must neither drop them nor do without its own. */
export function refusalsOfPlan(plan: readonly LayoutPart[], db: Db): StoreFault[] {
  return plan.flatMap(({ name, obstacle }) => {
    if (obstacle === undefined) return [];
    const [collection] = name.split('.');
    const message =
      `the index "${obstacle}" of "${collection}" at ${addressOf(db)} is in the way of "${name}": ` +
      `drop it with db.${collection}.dropIndex("${obstacle}"), and start again`;
    return [new StoreFault(message, { retryable: false })];
  });
}

/**
 * Makes what the layout lacks, and waits until a majority has it. Any number of servers may do it at once: whoever comes
 * second finds it made.
 * @throws StoreFault for a newer layout, and for an index under one of our names that is another one.
 */
export async function applyLayout(db: Db): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await applyOnce(db);
    } catch (error) {
      if (!isPassing(error) || attempt === ATTEMPTS_MAX) throw error;
      // Servers that start together shall not meet again and again.
      await delay(Math.random() * PAUSE_MS_MAX);
    }
  }
}

async function applyOnce(db: Db): Promise<void> {
  const record = await readLayoutRecord(db);
  const plan = await planLayout(db);
  const [refusal] = refusalsOfPlan(plan, db);
  if (refusal !== undefined) throw refusal;
  const toMake = partsToMake(plan, record);
  const isToMake = (part: Pick<LayoutPart, 'what' | 'name'>) =>
    toMake.some(({ what, name }) => what === part.what && name === part.name);
  for (const layout of COLLECTIONS) {
    const { name, options, indexes } = layout;
    if (isToMake({ what: 'collection', name }))
      await run(db, { create: name, ...options, ...rulesOf(layout) });
    else if (isToMake({ what: 'validator', name })) await run(db, { collMod: name, ...rulesOf(layout) });
    // Also when all are listed: one that another server is building is listed, too, and this waits for it. A member that
    // is down does not hold it up.
    await run(db, { createIndexes: name, indexes, commitQuorum: 'majority' });
  }
  await writeRecord(db);
}

async function writeRecord(db: Db): Promise<void> {
  const update = {
    $setOnInsert: { createdAt: new Date() },
    $max: { version: LAYOUT_VERSION, revision: LAYOUT_REVISION },
  };
  const layout = db.collection<LayoutRecord>(LAYOUT, { writeConcern: WRITE_CONCERN });
  await layout.updateOne({ _id: 'layout' }, update, { upsert: true });
}

async function run(db: Db, command: Document): Promise<void> {
  const { writeConcernError } = await db.command(
    { ...command, writeConcern: WRITE_CONCERN },
    { timeoutMS: BUILD_MS_MAX },
  );
  if (writeConcernError !== undefined) throw new MongoServerError(writeConcernError);
}

function isPassing(error: unknown): boolean {
  return error instanceof MongoNetworkError || (error instanceof MongoServerError && PASSING.has(error.code));
}
