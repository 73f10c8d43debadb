import {
  type AnyBulkWriteOperation,
  type ClientSession,
  MongoBulkWriteError,
  type WriteError,
} from 'mongodb';
import type { CommitOutcome } from './commit-groups.js';
import type { CommitOperation } from './commit-operation.js';
import { type Connection, QUERY_MS_MAX } from './connection.js';
import type { ExecutionDocument } from './execution-document.js';
import { DUPLICATE_KEY, faultOfWrite, INVALID_DOCUMENT } from './faults.js';

/** What became of a commit that was asked for; `unknown` if there was no answer that says so. */
export type Attempt = CommitOutcome | 'unknown';

/**
 * Writes groups of commits once, and says what is certain of each. A commit is one write to one document, fenced by the
 * version: it either replaces that one or does nothing.
 *
 * A group is no transaction. That would be cheaper, but a server that dies in one leaves its executions locked for a minute:
 * MongoDB ends the transactions of lost clients by their age alone.
 */
export class CommitWriter {
  private readonly connection: Connection;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /**
   * Writes each commit by itself, in one round trip. MongoDB answers only how many of them did nothing. So each is an
   * upsert: one that does not find its version tries to insert, which fails, and the error names the commit.
   *
   * A creation fails with a duplicate key. What a replacement would insert is no whole document, so the validator of the
   * collection refuses it, be it that there is another version or none.
   * @throws if it is not known what became of them.
   */
  async write(operations: readonly CommitOperation[], session: ClientSession): Promise<readonly Attempt[]> {
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

/** Which writes failed, if all that MongoDB says is that; then the others of the group are durable. */
function errorsOfWrites(error: unknown): readonly WriteError[] | undefined {
  if (!(error instanceof MongoBulkWriteError) || error.result.getWriteConcernError()) return undefined;
  const errors = [error.writeErrors].flat();
  return errors.length > 0 ? errors : undefined;
}
