/** Writes of one transaction. More wait for the next, so that a burst does not hold up reads for long. */
const GROUP_WRITES_MAX = 512;

/** Bytes of one transaction, roughly; at least one write fits always. */
const GROUP_BYTES_MAX = 8 * 1_024 * 1_024;

/** What a group is written with. */
export interface Transaction {
  begin(): void;
  /** Makes what was written since `begin` durable, or throws; then it is unknown whether it is. */
  commit(): void;
  /** Forgets what was written since `begin`. Called after anything threw. */
  rollback(): void;
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
 * Gathers the writes that are asked for within one turn of the event loop into one transaction, and so into one sync of
 * the disk: 64 writes then cost 1.4 ms together, not 0.2 ms each. A write alone waits for the end of the turn only.
 */
export class GroupCommit {
  private pending: Pending[] = [];
  private isScheduled = false;
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
      this.schedule();
    });
  }

  /** Writes all that waits, now. */
  drain(): void {
    while (this.pending.length > 0) this.writeGroup(this.takeGroup());
  }

  private schedule(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    setImmediate(() => {
      this.isScheduled = false;
      if (this.pending.length > 0) this.writeGroup(this.takeGroup());
      if (this.pending.length > 0) this.schedule();
    });
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

  /** If one of several writes throws, each is tried alone: the fault is then that one's, and no other's. */
  private writeGroup(group: readonly Pending[]): void {
    try {
      this.transaction.begin();
      for (const { write } of group) write();
    } catch (error) {
      this.transaction.rollback();
      if (group.length > 1) for (const pending of group) this.writeGroup([pending]);
      else for (const { fail } of group) fail(error);
      return;
    }
    try {
      this.transaction.commit();
    } catch (error) {
      // Not tried again: if it did happen after all, the second try would report a conflict with itself.
      this.transaction.rollback();
      for (const { fail } of group) fail(error);
      return;
    }
    for (const { succeed } of group) succeed();
  }
}
