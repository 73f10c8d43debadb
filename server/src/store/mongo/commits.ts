import type { ClientSession } from 'mongodb';
import { InOrder } from '../in-order.js';
import type { CommitResult, ExecutionWrite } from '../store.js';
import { CommitGroups, type CommitOutcome } from './commit-groups.js';
import { type CommitOperation, toCommitOperation } from './commit-operation.js';
import { type Attempt, CommitWriter } from './commit-writer.js';
import type { Connection } from './connection.js';
import type { Journal } from './journal.js';
import { Settlement } from './settlement.js';

/** What commits need to know. */
export interface CommitsOptions {
  readonly connection: Connection;
  readonly journal: Journal;
  /** This store in the tokens of its commits. */
  readonly by: string;
}

/** Takes commits on their way: one after another for each execution, in groups for all, until it is certain what became of them. */
export class Commits {
  private readonly options: CommitsOptions;
  private readonly groups: CommitGroups;
  private readonly writer: CommitWriter;
  private readonly settlement: Settlement;
  private readonly executions = new InOrder();
  private count = 0;

  constructor(options: CommitsOptions) {
    const { connection, journal } = options;
    this.options = options;
    this.writer = new CommitWriter(connection);
    this.settlement = new Settlement(connection, journal, this.writer);
    this.groups = new CommitGroups((operations) =>
      connection.inSession((session) => this.writeGroup(operations, session)),
    );
  }

  /** See `Store.commit`. */
  commit(write: ExecutionWrite): Promise<CommitResult> {
    return this.executions.run(write.execution.id, () => this.commitNow(write));
  }

  private async commitNow(write: ExecutionWrite): Promise<CommitResult> {
    const { before } = write;
    const { journal, by } = this.options;
    const beginsTail = before !== undefined && journal.beginsTail(write);
    if (beginsTail && !(await journal.moveTail(before.id, before.version))) return 'conflict';
    this.count += 1;
    const operation = toCommitOperation(write, {
      token: { by, number: this.count },
      beginsTail,
    });
    return this.groups.submit(operation);
  }

  private async writeGroup(
    operations: readonly CommitOperation[],
    session: ClientSession,
  ): Promise<readonly CommitOutcome[]> {
    const since = performance.now();
    const attempts: readonly Attempt[] = await this.writer
      .write(operations, session)
      .catch(() => operations.map(() => 'unknown' as const));
    return attempts.every(isCertain)
      ? attempts
      : this.settlement.settle({ operations, attempts, since }, session);
  }
}

function isCertain(attempt: Attempt): attempt is CommitOutcome {
  return attempt !== 'unknown';
}
