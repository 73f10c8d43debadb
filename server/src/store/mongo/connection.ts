import {
  type ClientSession,
  type Collection,
  type Db,
  type Document,
  MongoClient,
  type MongoClientOptions,
  type OptionalId,
  ReadConcern,
  ReadPreference,
  type Timestamp,
  WriteConcern,
} from 'mongodb';
import { StoreFault } from '../store.js';
import { EXECUTIONS, JOURNAL, RECORDS, SCHEMAS, STATES, WORKERS } from './collections.js';
import type { ExecutionDocument } from './execution-document.js';
import { passOnUnlessThere, toFault, withoutPassword } from './faults.js';
import type { ChunkDocument } from './journal.js';
import type { RecordDocument } from './record-document.js';
import type { SchemaDocument } from './schemas.js';
import type { StateDocument } from './states.js';
import type { WorkerDocument } from './workers.js';

/** The database of a URL that names none. */
const DATABASE = 'polos';

/** How long a query may take. */
export const QUERY_MS_MAX = 10_000;

/** How long a majority may take to have a write on its disks, which acknowledges it. One that takes longer is an outage. */
const CONFIRMING_MS_MAX = 10_000;

/** What counts whatever the URL says: the promises of the store depend on it. */
const CONCERNS = {
  readConcern: new ReadConcern('majority'),
  readPreference: ReadPreference.primary,
  writeConcern: new WriteConcern('majority', CONFIRMING_MS_MAX, true),
} as const;

/**
 * What counts unless the URL says otherwise. A primary that stands still is noticed after 5 s (heartbeat and connecting
 * time); what it was asked is then asked of the next one, which is elected within about 12 s. A socket that was silent for
 * 15 s is given up, so that nothing waits for ever.
 */
const USUAL = {
  appName: 'polos',
  retryReads: true,
  retryWrites: true,
  serverSelectionTimeoutMS: 15_000,
  heartbeatFrequencyMS: 2_000,
  connectTimeoutMS: 3_000,
  socketTimeoutMS: 15_000,
  maxPoolSize: 50,
} as const satisfies MongoClientOptions;

/** How to reach a database. */
export interface ConnectionOptions {
  readonly url: string;
  /** Default: the path of the URL, or else `polos`. */
  readonly database?: string;
  /** Overrides what the store and the URL say, for tests. */
  readonly clientOptions?: MongoClientOptions;
}

/** The collections of one database, and how to ask for things. */
export class Connection {
  readonly database: Db;
  readonly executions: Collection<ExecutionDocument>;
  readonly journal: Collection<ChunkDocument>;
  readonly states: Collection<StateDocument>;
  readonly schemas: Collection<SchemaDocument>;
  readonly workers: Collection<WorkerDocument>;
  readonly records: Collection<RecordDocument>;
  readonly client: MongoClient;
  /** The time of the cluster that the newest answer told of. */
  private newest: Timestamp | undefined;

  /** Connects when something is asked for. Throws a StoreFault for a URL that is none. */
  constructor({ url, database, clientOptions }: ConnectionOptions) {
    this.client = clientFor(url, clientOptions);
    // Not for the client: it would mix them with those of the URL.
    this.database = this.client.db(database ?? databaseOf(url) ?? DATABASE, CONCERNS);
    this.executions = this.database.collection(EXECUTIONS);
    this.journal = this.database.collection(JOURNAL);
    this.states = this.database.collection(STATES);
    this.schemas = this.database.collection(SCHEMAS);
    this.workers = this.database.collection(WORKERS);
    this.records = this.database.collection(RECORDS);
  }

  /** Lets go of everything. */
  async close(): Promise<void> {
    await this.client.close();
  }

  /**
   * Asks within a session, and makes what goes wrong a StoreFault.
   * @param doing  what is being done, and to which id.
   */
  async ask<Answer>(doing: string, question: (session: ClientSession) => Promise<Answer>): Promise<Answer> {
    try {
      return await this.inSession(question);
    } catch (error) {
      throw toFault(doing, error);
    }
  }

  /** Inserts documents that never change: those that are there already are left as they are. */
  insertMissing<Schema extends Document>(
    collection: Collection<Schema>,
    documents: readonly OptionalId<Schema>[],
  ): Promise<readonly undefined[]> {
    return this.inSession(async (session) => {
      const operations = documents.map((document) => ({ insertOne: { document } }));
      await collection.bulkWrite(operations, { ordered: false, session }).catch(passOnUnlessThere);
      return documents.map(() => undefined);
    });
  }

  /**
   * Asks within a session that is not behind any answer that there was before. Without that, a new primary may for a
   * moment answer majority reads as of before the last commits that the old one acknowledged.
   */
  async inSession<Answer>(question: (session: ClientSession) => Promise<Answer>): Promise<Answer> {
    const session = this.client.startSession({ causalConsistency: true });
    if (this.newest) session.advanceOperationTime(this.newest);
    try {
      return await question(session);
    } finally {
      const { operationTime } = session;
      if (operationTime && (!this.newest || operationTime.greaterThan(this.newest))) {
        this.newest = operationTime;
      }
      await session.endSession();
    }
  }
}

function clientFor(url: string, given: MongoClientOptions = {}): MongoClient {
  try {
    return new MongoClient(url, { ...unlessNamed(url, USUAL), ignoreUndefined: true, ...given });
  } catch (error) {
    const message = withoutPassword((error as Error).message);
    throw new StoreFault(`the URL of MongoDB cannot be used: ${message}`, { retryable: false });
  }
}

/** The path of a URL; undefined if it has none. The driver would not tell that from `/test`. */
function databaseOf(url: string): string | undefined {
  const [, path = ''] = /^[^:]+:\/\/[^/?]+\/([^?]*)/.exec(url) ?? [];
  return path === '' ? undefined : decodeURIComponent(path);
}

/** Options but for those that the URL sets, whose names count in any case. */
function unlessNamed(url: string, options: MongoClientOptions): MongoClientOptions {
  const [, query = ''] = url.split('?');
  const named = new Set([...new URLSearchParams(query).keys()].map((name) => name.toLowerCase()));
  return Object.fromEntries(Object.entries(options).filter(([name]) => !named.has(name.toLowerCase())));
}
