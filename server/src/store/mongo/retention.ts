import { setTimeout as delay } from 'node:timers/promises';
import type { Db } from 'mongodb';
import { statesName, treeName } from '../../core/execution.js';
import { StoreFault } from '../store.js';
import { EXECUTION_INDEXES, EXECUTIONS, JOURNAL, RECORDS } from './collections.js';
import { Connection } from './connection.js';
import type { RecordDocument } from './record-document.js';
import { findRecords } from './record-queries.js';

const INTERVAL_MS = 60_000;
const BATCH_MAX = 500;
const CLOSING_MS_MAX = 2_000;

/** It deletes one batch at a time. */
const CONNECTIONS_MAX = 2;

/**
 * Deletes what expires in a database, over connections of its own, so that commits never wait for it.
 * @returns how to stop that.
 */
export function openRetention({ url, fault }: Pick<RetentionOptions, 'fault'> & { readonly url: string }): {
  close(): Promise<void>;
} {
  const connection = new Connection({ url, clientOptions: { maxPoolSize: CONNECTIONS_MAX } });
  const retention = new Retention({ db: connection.database, fault });
  return {
    async close() {
      const closed = retention.close();
      await Promise.race([closed, delay(CLOSING_MS_MAX, undefined, { ref: false })]);
      // Ends what MongoDB has not answered by now.
      await connection.close();
      await closed;
    },
  };
}

/** How a retention is set up. */
export interface RetentionOptions {
  readonly db: Db;
  /** Told of what went wrong; the next round tries it again. */
  readonly fault: (fault: StoreFault) => void;
  /** Between two rounds, on average, in milliseconds. Default 60,000. */
  readonly intervalMs?: number;
  /** Milliseconds since 1970. Default: the system's clock. */
  readonly now?: () => number;
}

/**
 * Deletes closed executions whose `expiresAt` is past, now and then. Any number of servers may do it at once: they meet at
 * the same executions, and deleting again what is gone does nothing.
 */
export class Retention {
  readonly #options: Required<RetentionOptions>;
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor({ intervalMs = INTERVAL_MS, now = Date.now, ...options }: RetentionOptions) {
    this.#options = { intervalMs, now, ...options };
    this.#wait();
  }

  /** Lets a batch under way end; there is no other after it. May be repeated. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#round;
  }

  /** Servers that were started together shall not stay together. */
  #wait(): void {
    const { intervalMs } = this.#options;
    this.#timer = setTimeout(() => this.#start(), intervalMs * (0.5 + Math.random()));
    this.#timer.unref();
  }

  #start(): void {
    this.#round = this.#deleteAll().then(() => {
      if (!this.#isClosed) this.#wait();
    });
  }

  async #deleteAll(): Promise<void> {
    const { db, now, fault } = this.#options;
    try {
      let count = BATCH_MAX;
      while (count === BATCH_MAX && !this.#isClosed) count = await deleteExpired(db, { now: now() });
    } catch (cause) {
      if (this.#isClosed) return;
      const message = `deleting expired executions of the database "${db.databaseName}" failed`;
      fault(new StoreFault(message, { retryable: true, cause }));
    }
  }
}

/**
 * Deletes up to 500 executions that expired, with their journals, the snapshots of their states and the orders of the
 * events of their trees. One whose outbox is not empty is left for later: others wait for what is in it. One that is open
 * stays, whoever gave it an `expiresAt`.
 * @returns how many it found; 0 if others deleted all of them meanwhile.
 */
export async function deleteExpired(db: Db, { now }: { readonly now: number }): Promise<number> {
  const executions = db.collection<{ readonly _id: string; readonly rootExecutionId: string }>(EXECUTIONS);
  const expired = {
    expiresAt: { $lte: new Date(now) },
    closedAt: { $exists: true },
    'index.outboxSince': { $exists: false },
  };
  const found = await executions
    .find(expired, {
      projection: { rootExecutionId: 1 },
      limit: BATCH_MAX,
      hint: EXECUTION_INDEXES.expired.name,
    })
    .toArray();
  if (found.length === 0) return 0;
  const ids = found.map(({ _id }) => _id);
  const roots = found.filter(({ _id, rootExecutionId }) => _id === rootExecutionId).map(({ _id }) => _id);
  // In this order a crash in between leaves an execution that is deleted later, and never chunks that nobody finds.
  await db.collection(JOURNAL).deleteMany({ execution: { $in: ids } });
  await deleteGroups(db, [...roots.map(treeName), ...ids.map(statesName)]);
  const { deletedCount } = await executions.deleteMany({ _id: { $in: ids }, ...expired });
  // What a server added in between, for somebody who follows descendants of a root that goes. From now on it sees that.
  await deleteGroups(db, roots.map(treeName));
  return deletedCount === 0 ? 0 : found.length;
}

/** Deletes all records of some groups. */
async function deleteGroups(db: Db, groups: readonly string[]): Promise<void> {
  if (groups.length === 0) return;
  const filters = groups.map((group) => findRecords({ group, limit: 0 }).filter);
  await db.collection<RecordDocument>(RECORDS).deleteMany({ $or: filters });
}
