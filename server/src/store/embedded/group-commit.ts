/** Writes of one transaction. More wait for the next, so that a burst does not hold up reads for long. */
const GROUP_WRITES_MAX = 512;

/** Bytes of one transaction, roughly; at least one write fits always. */
const GROUP_BYTES_MAX = 8 * 1_024 * 1_024;

/** What a group is written with. */
export interface Transaction {
  begin(): void;
  /** Commits what was written since `begin`, or throws; then it is unknown whether it did. Not durable yet. */
  commit(): void;
  /** Forgets what was written since `begin`. Called after anything threw. */
  rollback(): void;
  /** Makes durable all that was committed. After a failure nothing may be committed any more. */
  sync(): Promise<void>;
}

/** A write that is asked for. */
export interface Submission<Result> {
  /** What it will write, roughly. */
  readonly bytes: number;
  /** Writes within a transaction; may run twice, but never in two that are both committed. */
  readonly write: () => Result;
  /** Wraps what made it fail. */
  readonly toFault: (error: unknown) => unknown;
}

/** A write that waits for its group. */
interface Pending {
  readonly bytes: number;
  /** Writes and keeps the outcome; throws if it could not. */
  readonly write: () => void;
  readonly succeed: () => void;
  readonly fail: (error: unknown) => void;
}

/**
 * Gathers the writes that are asked for within one turn of the event loop, or while the group before is being synced, into
 * one transaction and one sync of the disk. The sync runs beside the event loop: a disk that takes 1 ms for it held up
 * all else for as long, and groups stayed small; now they grow with the time that it takes.
 */
export class GroupCommit {
  private pending: Pending[] = [];
  private flushing: Promise<void> | undefined;
  private isSyncing = false;
  private failure: unknown;
  private readonly transaction: Transaction;

  constructor(transaction: Transaction) {
    this.transaction = transaction;
  }

  /**
   * Runs `write` in the next group.
   * @returns what it returned, once that is durable.
   */
  submit<Result>({ bytes, write, toFault }: Submission<Result>): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      let result: Result;
      this.pending.push({
        bytes,
        write: () => {
          result = write();
        },
        succeed: () => resolve(result),
        fail: (error) => reject(toFault(error)),
      });
      this.flushing ??= this.flushAll();
    });
  }

  /** Throws why nothing can be relied on any more, once a sync failed: what is read may be lost with the power. */
  assertSound(): void {
    if (this.failure !== undefined) throw this.failure;
  }

  /** What a read has to wait for, so that it tells nothing that a loss of power would take back; mostly nothing. */
  get unsynced(): Promise<void> | undefined {
    return this.isSyncing ? this.flushing : undefined;
  }

  /** Resolves once all that was asked for is done. */
  async drain(): Promise<void> {
    while (this.flushing) await this.flushing;
  }

  private async flushAll(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    const committed = this.writeGroup(this.takeGroup());
    if (committed.length > 0) await this.sync(committed);
    this.flushing = this.pending.length > 0 ? this.flushAll() : undefined;
  }

  private async sync(committed: readonly Pending[]): Promise<void> {
    this.isSyncing = true;
    try {
      await this.transaction.sync();
      for (const { succeed } of committed) succeed();
    } catch (error) {
      // The kernel may have dropped what it could not write, and would not say so again (fsyncgate, 2018).
      this.failure = error;
      for (const { fail } of committed) fail(error);
    } finally {
      this.isSyncing = false;
    }
  }

  private takeGroup(): readonly Pending[] {
    let count = 0;
    let bytes = 0;
    for (const { bytes: more } of this.pending) {
      if (count > 0 && (count === GROUP_WRITES_MAX || bytes + more > GROUP_BYTES_MAX)) break;
      bytes += more;
      count += 1;
    }
    const group = this.pending.slice(0, count);
    this.pending = this.pending.slice(count);
    return group;
  }

  /**
   * Commits a group; answers those of it that are to be synced. If one of several writes throws, each is tried alone: the
   * fault is then that one's, and no other's.
   */
  private writeGroup(group: readonly Pending[]): readonly Pending[] {
    try {
      this.assertSound();
      this.transaction.begin();
      for (const { write } of group) write();
    } catch (error) {
      this.transaction.rollback();
      if (group.length > 1) return group.flatMap((pending) => this.writeGroup([pending]));
      for (const { fail } of group) fail(error);
      return [];
    }
    try {
      this.transaction.commit();
      return group;
    } catch (error) {
      // Not tried again: if it did happen after all, the second try would report a conflict with itself.
      this.transaction.rollback();
      for (const { fail } of group) fail(error);
      return [];
    }
  }
}
