import type { ClientSession } from 'mongodb';
import { InOrder } from '../in-order.js';
import type { CommitResult, ExecutionWrite } from '../store.js';
import { CommitGroups, type CommitOutcome } from './commit-groups.js';
import { type CommitOperation, toCommitOperation } from './commit-operation.js';
import { type Attempt, CommitWriter } from './commit-writer.js';
import type { Connection } from './connection.js';
import type { CommitToken } from './entry-document.js';
import type { ExecutionReads } from './execution-reads.js';
import type { Journal } from './journal.js';
import { Settlement } from './settlement.js';
import { closesWithLarge, stateChangeOf } from './state-place.js';
import type { StateCommit, States } from './states.js';

/** What commits need to know. */
export interface CommitsOptions {
  readonly connection: Connection;
  readonly journal: Journal;
  readonly states: States;
  readonly reads: ExecutionReads;
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

  private async commitNow(given: ExecutionWrite): Promise<CommitResult> {
    const { states, by } = this.options;
    const write = given.state || !closesWithLarge(given) ? given : await this.withState(given);
    if (!write) return 'conflict';
    const { before, execution } = write;
    const known = before ? states.placeOf(before) : 'within';
    const place = known instanceof Promise ? await known : known;
    if (place === undefined) return 'conflict';
    this.count += 1;
    const token: CommitToken = { by, number: this.count };
    const change = stateChangeOf(write, { place, token });
    const stateCommit = { execution, place, change };
    const beginsTail = before !== undefined && this.options.journal.beginsTail(write);
    if (beginsTail || change.type === 'base') {
      const isReady = await this.prepare(write, { beginsTail, stateCommit });
      if (!isReady) return 'conflict';
    }
    const operation = toCommitOperation(write, { token, beginsTail, stateChange: change });
    const result = await this.groups.submit(operation);
    if (result === 'committed') states.committed(stateCommit);
    else states.dropped(stateCommit);
    return result;
  }

  /** The write with the state, which it does not change; undefined if its execution is at another version. */
  private async withState(write: ExecutionWrite): Promise<ExecutionWrite | undefined> {
    const { before, execution } = write;
    const stored = await this.options.reads.load(execution.id);
    return stored && stored.execution.version === before?.version
      ? { ...write, state: stored.state }
      : undefined;
  }

  /**
   * Writes what has to be there before a commit.
   * @returns whether the execution is still at the version that the commit replaces, as far as that was looked at.
   */
  private async prepare(
    { before }: ExecutionWrite,
    { beginsTail, stateCommit }: { readonly beginsTail: boolean; readonly stateCommit: StateCommit },
  ): Promise<boolean> {
    const { journal, states } = this.options;
    const [moved, written] = await Promise.allSettled([
      before && beginsTail ? journal.moveTail(before.id, before.version) : true,
      states.prepare(stateCommit),
    ]);
    if (moved.status === 'fulfilled' && moved.value && written.status === 'fulfilled') return true;
    states.dropped(stateCommit);
    const failed = [moved, written].find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
    return false;
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
