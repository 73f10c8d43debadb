import {
  type AnyBulkWriteOperation,
  type ClientSession,
  MongoBulkWriteError,
  MongoServerError,
  ReadConcern,
  type WriteError,
} from 'mongodb';
import type { CommitOutcome } from './commit-groups.js';
import type { CommitOperation } from './commit-operation.js';
import { CONCERNS, type Connection, QUERY_MS_MAX } from './connection.js';
import { isSameToken } from './entry-document.js';
import type { ExecutionDocument } from './execution-document.js';
import { DUPLICATE_KEY, faultOfWrite, INVALID_DOCUMENT } from './faults.js';

/**
 * From so many commits on, a group is one transaction: one entry of the oplog, which is much cheaper to replicate and to
 * follow. For fewer its second round trip costs more than that.
 */
const TRANSACTION_COMMITS_MIN = 8;

/** What became of a commit that was asked for; `unknown` if there was no answer that says so. */
export type Attempt = CommitOutcome | 'unknown';

/**
 * Writes groups of commits once, and says what is certain of each. A commit is one write to one document, fenced by the
 * version: it either replaces that one or does nothing.
 */
export class CommitWriter {
  private readonly connection: Connection;
  private readonly mayUseTransactions: boolean;

  /** @param options.sharded  then a transaction would be one over several shards, which costs more than it saves. */
  constructor(connection: Connection, { sharded }: { readonly sharded: boolean }) {
    this.connection = connection;
    this.mayUseTransactions = !sharded;
  }

  /** Writes a group, all of whose commits are asked for the first time. */
  async write(operations: readonly CommitOperation[], session: ClientSession): Promise<readonly Attempt[]> {
    try {
      const isLarge = operations.length >= TRANSACTION_COMMITS_MIN;
      const attempts =
        isLarge && this.mayUseTransactions ? await this.writeTransaction(operations, session) : undefined;
      return attempts ?? (await this.writePlainly(operations, session));
    } catch {
      return operations.map(() => 'unknown');
    }
  }

  /**
   * Writes each commit by itself, in one round trip. MongoDB answers only how many of them did nothing. So each is an
   * upsert: one that does not find its version tries to insert, which fails, and the error names the commit.
   *
   * A creation fails with a duplicate key. What a replacement would insert is no whole document, so the validator of the
   * collection refuses it, be it that there is another version or none.
   * @throws if it is not known what became of them.
   */
  async writePlainly(
    operations: readonly CommitOperation[],
    session: ClientSession,
  ): Promise<readonly Attempt[]> {
    const options = { ordered: false, session };
    try {
      await this.connection.executions.bulkWrite(operations.map(toUpsert), options);
      return operations.map(() => 'committed');
    } catch (error) {
      const writeErrors = errorsOfWrites(error);
      if (!writeErrors) throw error;
      return this.attemptsAfter(writeErrors, operations, session);
    }
  }

  /**
   * Writes all commits that find their version, or none.
   * @returns undefined if it was none: one was refused, or met another writer. Each by itself will show which. That has to be
   * asked for in the same session, which ends what may be left of the transaction.
   * @throws if it is not known what became of them.
   */
  private async writeTransaction(
    operations: readonly CommitOperation[],
    session: ClientSession,
  ): Promise<readonly Attempt[] | undefined> {
    session.startTransaction({ ...CONCERNS, readConcern: new ReadConcern('local') });
    let attempts: readonly Attempt[];
    try {
      attempts = await this.writeInTransaction(operations, session);
    } catch (error) {
      await session.abortTransaction();
      if (isOfServer(error)) return undefined;
      throw error;
    }
    await session.commitTransaction();
    return attempts;
  }

  private async writeInTransaction(
    operations: readonly CommitOperation[],
    session: ClientSession,
  ): Promise<readonly Attempt[]> {
    const { executions } = this.connection;
    const result = await executions.bulkWrite(operations.map(toWrite), { ordered: false, session });
    if (result.matchedCount + result.insertedCount === operations.length) {
      return operations.map(() => 'committed');
    }
    const found = await executions
      .find(
        { _id: { $in: operations.map(({ id }) => id) } },
        { projection: { commit: 1 }, batchSize: operations.length + 1, session },
      )
      .toArray();
    const tokens = new Map(found.map(({ _id, commit }) => [_id, commit]));
    return operations.map(({ id, token }) => (isSameToken(tokens.get(id), token) ? 'committed' : 'conflict'));
  }

  private async attemptsAfter(
    writeErrors: readonly WriteError[],
    operations: readonly CommitOperation[],
    session: ClientSession,
  ): Promise<readonly Attempt[]> {
    const attempts: Attempt[] = operations.map(() => 'committed');
    const refused: number[] = [];
    for (const error of writeErrors) {
      const { id, replaces } = operations[error.index] as CommitOperation;
      const fault = faultOfWrite(`commit ${id}`, error);
      if (error.code === DUPLICATE_KEY) attempts[error.index] = 'conflict';
      else attempts[error.index] = fault.retryable ? 'unknown' : fault;
      if (error.code === INVALID_DOCUMENT && replaces > 0) refused.push(error.index);
    }
    if (refused.length === 0) return attempts;
    const ids = refused.map((index) => (operations[index] as CommitOperation).id);
    const versions = await this.versionsOf(ids, session);
    for (const index of refused) {
      const { id, replaces } = operations[index] as CommitOperation;
      if (versions.get(id) !== replaces) attempts[index] = 'conflict';
    }
    return attempts;
  }

  private async versionsOf(
    ids: readonly string[],
    session: ClientSession,
  ): Promise<ReadonlyMap<string, number>> {
    const found = await this.connection.executions
      .find(
        { _id: { $in: [...ids] } },
        { projection: { version: 1 }, batchSize: ids.length + 1, session, maxTimeMS: QUERY_MS_MAX },
      )
      .toArray();
    return new Map(found.map(({ _id, version }) => [_id, version]));
  }
}

/** Finds the version that it replaces, or fails. */
function toUpsert({ id, replaces, change }: CommitOperation): AnyBulkWriteOperation<ExecutionDocument> {
  const filter = { _id: id, version: replaces };
  return 'create' in change
    ? { replaceOne: { filter, replacement: change.create, upsert: true } }
    : { updateOne: { filter, update: change.update, upsert: true } };
}

/** Finds the version that it replaces, or does nothing. */
function toWrite({ id, replaces, change }: CommitOperation): AnyBulkWriteOperation<ExecutionDocument> {
  return 'create' in change
    ? { insertOne: { document: change.create } }
    : { updateOne: { filter: { _id: id, version: replaces }, update: change.update } };
}

/** Which writes failed, if all that MongoDB says is that; then the others of the group are durable. */
function errorsOfWrites(error: unknown): readonly WriteError[] | undefined {
  if (!(error instanceof MongoBulkWriteError) || error.result.getWriteConcernError()) return undefined;
  const errors = [error.writeErrors].flat();
  return errors.length > 0 ? errors : undefined;
}

/** Whether MongoDB answered that it did not do it; otherwise asking again at once would most likely wait in vain. */
function isOfServer(error: unknown): boolean {
  return error instanceof MongoServerError && !(error.errorResponse instanceof Error);
}
