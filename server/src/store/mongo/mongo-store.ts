import { randomBytes } from 'node:crypto';
import type { MongoClientOptions } from 'mongodb';
import type { Execution } from '../../core/execution.js';
import type { JournalEntry } from '../../core/journal.js';
import {
  type ClosedExecution,
  type ClosedQuery,
  type CommitResult,
  type DueExecutions,
  type DueRecords,
  type ExecutionPage,
  type ExecutionQuery,
  type ExecutionSearch,
  type ExecutionWrite,
  type Follower,
  type ReadyExecution,
  type ReadyQuery,
  type RecordName,
  type RecordQuery,
  type RecordWrite,
  type Removal,
  type SchemaQuery,
  type Store,
  type StoredExecution,
  type StoredRecord,
  type StoredSchema,
  type StoredWorker,
  StoreFault,
  type WaitingExecution,
} from '../store.js';
import { assertWellFormed, assertWellFormedRecord } from '../write-rules.js';
import { ChangeFeed } from './change-feed.js';
import { Commits } from './commits.js';
import { Connection } from './connection.js';
import { prepareDeployment } from './deployment.js';
import { addressOf } from './deployment-faults.js';
import type { DueQuery, WaitingQuery } from './execution-queries.js';
import { ExecutionReads } from './execution-reads.js';
import { Journal, type JournalPage } from './journal.js';
import { OwnRemovals } from './own-removals.js';
import { Records } from './records.js';
import { removeClosed } from './removal.js';
import { Schemas } from './schemas.js';
import { States } from './states.js';
import { type WorkerQuery, Workers } from './workers.js';

/** Which MongoDB. */
export interface MongoStoreOptions {
  /** `mongodb://` or `mongodb+srv://`. Its path names the database; without one that is `polos`. */
  readonly url: string;
  /** Instead of what the URL names. */
  readonly database?: string;
  /** Overrides what the store and the URL say, for tests. */
  readonly clientOptions?: MongoClientOptions;
}

/**
 * Opens the store that keeps everything in a database of a MongoDB replica set or sharded cluster, for any number of
 * server processes at a time.
 *
 * Where to look: `collections.ts` has the collections and indexes, `execution-document.ts` the document that an execution
 * is. A commit goes through `commits.ts` (order), `commit-operation.ts` (what is written), `commit-groups.ts` (with which
 * others), `commit-writer.ts` (how), and `settlement.ts` where the answer was lost. Reads are in `execution-reads.ts` and
 * `journal.ts`, what others commit in `change-feed.ts`. `records.ts` has all about records, which are simpler: each is
 * written by itself. docs/decisions/0002-mongodb-layout.md has the reasons.
 *
 * @throws StoreFault if the database cannot be reached or is none that the store can work with, saying what to do.
 */
export async function openMongoStore(given: MongoStoreOptions): Promise<Store> {
  const connection = new Connection(given);
  try {
    await prepareDeployment(connection.database);
    return new MongoStore(connection);
  } catch (error) {
    await connection.close();
    throw error;
  }
}

class MongoStore implements Store {
  readonly isShared = true;
  private readonly connection: Connection;
  private readonly commits: Commits;
  private readonly journals: Journal;
  private readonly states: States;
  private readonly reads: ExecutionReads;
  private readonly schemas: Schemas;
  private readonly workers: Workers;
  private readonly records: Records;
  private readonly feed: ChangeFeed;
  private readonly underway = new Set<Promise<unknown>>();
  private closing: Promise<void> | undefined;

  constructor(connection: Connection) {
    const by = randomBytes(12).toString('base64url');
    this.connection = connection;
    this.journals = new Journal(connection);
    this.states = new States(connection, this.journals);
    this.reads = new ExecutionReads({ connection, states: this.states, by });
    const { journals: journal, states, reads } = this;
    this.commits = new Commits({ connection, journal, states, reads, by });
    this.schemas = new Schemas(connection);
    this.workers = new Workers(connection);
    const removals = new OwnRemovals();
    this.records = new Records({ connection, by, removals });
    this.feed = new ChangeFeed({ connection, by, removals });
  }

  async commit(write: ExecutionWrite): Promise<CommitResult> {
    this.assertOpen();
    assertWellFormed(write);
    return this.finish(this.commits.commit(write));
  }

  async load(executionId: string): Promise<StoredExecution | undefined> {
    this.assertOpen();
    return this.finish(this.reads.load(executionId));
  }

  async journal(executionId: string, page: JournalPage): Promise<readonly JournalEntry[]> {
    this.assertOpen();
    return this.finish(this.journals.read(executionId, page));
  }

  async listReady(query: ReadyQuery): Promise<readonly ReadyExecution[]> {
    this.assertOpen();
    return this.finish(this.reads.listReady(query));
  }

  async listDue(query: DueQuery): Promise<DueExecutions> {
    this.assertOpen();
    return this.finish(this.reads.listDue(query));
  }

  async listOutboxes(query: DueQuery): Promise<readonly string[]> {
    this.assertOpen();
    return this.finish(this.reads.listOutboxes(query));
  }

  async listWaiting(query: WaitingQuery): Promise<readonly WaitingExecution[]> {
    this.assertOpen();
    return this.finish(this.reads.listWaiting(query));
  }

  async list(query: ExecutionQuery): Promise<readonly Execution[]> {
    this.assertOpen();
    return this.finish(this.reads.list(query));
  }

  async search(search: ExecutionSearch): Promise<ExecutionPage> {
    this.assertOpen();
    return this.finish(this.reads.search(search));
  }

  async listProjects(page: { readonly after?: string; readonly limit: number }): Promise<readonly string[]> {
    this.assertOpen();
    return this.finish(this.reads.listProjects(page));
  }

  async listClosed(query: ClosedQuery): Promise<readonly ClosedExecution[]> {
    this.assertOpen();
    return this.finish(this.reads.listClosed(query));
  }

  async removeClosed(removals: readonly Removal[]): Promise<void> {
    this.assertOpen();
    return this.finish(removeClosed(this.connection, removals));
  }

  async putSchema(schema: StoredSchema): Promise<void> {
    this.assertOpen();
    return this.finish(this.schemas.put(schema));
  }

  async listSchemas(query: SchemaQuery): Promise<readonly StoredSchema[]> {
    this.assertOpen();
    return this.finish(this.schemas.list(query));
  }

  async putWorker(worker: StoredWorker): Promise<void> {
    this.assertOpen();
    return this.finish(this.workers.put(worker));
  }

  async loadWorker(query: { readonly id: string; readonly now: number }): Promise<StoredWorker | undefined> {
    this.assertOpen();
    return this.finish(this.workers.load(query));
  }

  async listWorkers(query: WorkerQuery): Promise<readonly StoredWorker[]> {
    this.assertOpen();
    return this.finish(this.workers.list(query));
  }

  async commitRecord(write: RecordWrite): Promise<CommitResult> {
    this.assertOpen();
    const replaced = assertWellFormedRecord(write);
    return this.finish(this.records.commit(write, replaced));
  }

  async loadRecord(name: RecordName): Promise<StoredRecord | undefined> {
    this.assertOpen();
    return this.finish(this.records.load(name));
  }

  async listRecords(query: RecordQuery): Promise<readonly StoredRecord[]> {
    this.assertOpen();
    return this.finish(this.records.list(query));
  }

  async listGroups(query: {
    readonly prefix: string;
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly string[]> {
    this.assertOpen();
    return this.finish(this.records.listGroups(query));
  }

  async listDueRecords(query: DueQuery): Promise<DueRecords> {
    this.assertOpen();
    return this.finish(this.records.listDue(query));
  }

  follow(follower: Follower): () => void {
    this.assertOpen();
    return this.feed.follow(follower);
  }

  close(): Promise<void> {
    this.closing ??= this.closeOnce();
    return this.closing;
  }

  private async closeOnce(): Promise<void> {
    await Promise.allSettled([...this.underway, this.feed.close()]);
    await this.states.settled();
    await this.connection.close();
  }

  /** Keeps the connection open until something is done. */
  private async finish<Result>(doing: Promise<Result>): Promise<Result> {
    this.underway.add(doing);
    try {
      return await doing;
    } finally {
      this.underway.delete(doing);
    }
  }

  private assertOpen(): void {
    if (this.closing === undefined) return;
    throw new StoreFault(`${addressOf(this.connection.database)}: the store is closed`, { retryable: false });
  }
}
