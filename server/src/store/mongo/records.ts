import { type ClientSession, MongoServerError } from 'mongodb';
import { InOrder } from '../in-order.js';
import type {
  CommitResult,
  DueRecords,
  RecordName,
  RecordQuery,
  RecordWrite,
  StoredRecord,
} from '../store.js';
import { compareText } from '../text-order.js';
import { type Connection, QUERY_MS_MAX } from './connection.js';
import type { DueQuery } from './execution-queries.js';
import { DUPLICATE_KEY } from './faults.js';
import type { OwnRemovals } from './own-removals.js';
import {
  fromRecordDocument,
  type RecordDocument,
  type RecordKey,
  recordKeyText,
  toRecordDocument,
} from './record-document.js';
import {
  findDueRecords,
  findOurRecords,
  findRecord,
  findRecordIds,
  findRecords,
  type RecordFind,
} from './record-queries.js';

/** What records need to know. */
export interface RecordsOptions {
  readonly connection: Connection;
  /** This store, in the documents that it wrote. */
  readonly by: string;
  readonly removals: OwnRemovals;
}

/** Ids of records that are read at once in search of their groups. */
const GROUPS_PAGE = 200;

/** What a write replaces; see `assertWellFormedRecord`. */
type Replaced = Pick<StoredRecord, 'group' | 'id' | 'version'>;

/** The records of the engine. */
export class Records {
  private readonly options: RecordsOptions;
  private readonly writes = new InOrder();

  constructor(options: RecordsOptions) {
    this.options = options;
  }

  /**
   * See `Store.commitRecord`. A write is asked for once. Where its answer is lost, the driver asks again under the same
   * number, by which MongoDB knows a write that it has carried out, and answers as it did: nobody meets the document of
   * their own. An answer that does not come then either is a fault; MongoDB has no trace of a removal to look for.
   */
  commit(write: RecordWrite, replaced: Replaced): Promise<CommitResult> {
    const { group, id } = replaced;
    const { connection, removals } = this.options;
    return this.writes.run(recordKeyText(replaced), () => {
      const committing = connection.ask(`commit the record ${id} of "${group}"`, (session) =>
        this.commitIn(session, write, replaced),
      );
      if ('remove' in write) removals.remember({ group, id }, committing);
      return committing;
    });
  }

  /** See `Store.loadRecord`. */
  async load(name: RecordName): Promise<StoredRecord | undefined> {
    const [found] = await this.find(`load a record of "${name.group}"`, findRecord(name));
    return found && fromRecordDocument(found);
  }

  /** See `Store.listRecords`. */
  async list(query: RecordQuery): Promise<readonly StoredRecord[]> {
    const found = await this.find(`list records of "${query.group}"`, findRecords(query));
    return found.map(fromRecordDocument);
  }

  /**
   * See `Store.listGroups`. A page has some ids of records, so that many groups of few records are one question, and one
   * of many is passed over.
   */
  async listGroups(query: {
    readonly prefix: string;
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly string[]> {
    const { prefix, after = '', limit } = query;
    const groups: string[] = [];
    const isFromFirst = compareText(after, prefix) < 0;
    let from = { group: isFromFirst ? prefix : after, isBeyond: !isFromFirst };
    for (;;) {
      const found = await this.find('list groups of records', findRecordIds(from, GROUPS_PAGE));
      for (const {
        _id: { group },
      } of found) {
        if (!group.startsWith(prefix) || groups.length === limit) return groups;
        if (groups.at(-1) !== group) groups.push(group);
      }
      const last = found.at(-1);
      if (!last || found.length < GROUPS_PAGE) return groups;
      from = { group: last._id.group, isBeyond: true };
    }
  }

  /** See `Store.listDueRecords`. */
  async listDue({ until, limit }: DueQuery): Promise<DueRecords> {
    const doing = 'list records that are due';
    const found = await this.find(doing, findDueRecords(limit));
    const all = found.map(({ _id, dueAt }) => ({ ..._id, dueAt: Number(dueAt) }));
    const due = all.slice(0, limit).filter(({ dueAt }) => dueAt <= until);
    const next = all[due.length];
    const ours = await this.oursOf(due.map(({ group, id }) => ({ group, id })));
    return {
      due: due.map((record) => ({ ...record, isOurs: ours.has(recordKeyText(record)) })),
      ...(next && { next: next.dueAt }),
    };
  }

  private async commitIn(
    session: ClientSession,
    write: RecordWrite,
    { group, id, version }: Replaced,
  ): Promise<CommitResult> {
    const { connection, by } = this.options;
    const { records } = connection;
    const filter = { _id: { group, id }, group, version };
    if ('remove' in write) {
      const { deletedCount } = await records.deleteOne(filter, { session });
      return deletedCount === 0 ? 'conflict' : 'committed';
    }
    const document = toRecordDocument(write.record, by);
    try {
      if (version === 0) {
        await records.insertOne(document, { session });
        return 'committed';
      }
      const { matchedCount } = await records.replaceOne(filter, document, { session });
      return matchedCount === 0 ? 'conflict' : 'committed';
    } catch (error) {
      // Of the id or of the alias.
      if (error instanceof MongoServerError && error.code === DUPLICATE_KEY) return 'conflict';
      throw error;
    }
  }

  private async oursOf(keys: readonly RecordKey[]): Promise<ReadonlySet<string>> {
    if (keys.length === 0) return new Set();
    const found = await this.find('list records that are due', findOurRecords(keys, this.options.by));
    return new Set(found.map(({ _id }) => recordKeyText(_id)));
  }

  private find(doing: string, { filter, options }: RecordFind): Promise<RecordDocument[]> {
    const { connection } = this.options;
    // As many in the first batch as there are; one more ends the cursor.
    const batchSize = options.limit + 1;
    return connection.ask(doing, (session) =>
      connection.records.find(filter, { ...options, batchSize, session, maxTimeMS: QUERY_MS_MAX }).toArray(),
    );
  }
}
