import { type CommitResult, StoreFault } from '../store.js';
import type { CommitOperation } from './commit-operation.js';

/** Commits of one group, so that its answer does not come late for the first of them. */
const GROUP_COMMITS_MAX = 500;

/** Bytes of one group, roughly; at least one commit fits always. */
const GROUP_BYTES_MAX = 8 * 1_024 * 1_024;

/**
 * Groups under way at once. Another one is begun only when the newest takes longer than its commits are work: on a quick
 * MongoDB one at a time costs least (105 µs of its CPU a step; two 147, four 171), a far one needs more.
 */
const GROUPS_MAX = 4;
const PATIENCE_MS = 10;
const PATIENCE_MS_PER_COMMIT = 0.3;

/** How long a commit waits for its turn; while MongoDB does not answer, nothing is begun. */
const WAIT_MS_MAX = 20_000;

/** What became of a commit; a fault says that it is unknown. */
export type CommitOutcome = CommitResult | StoreFault;

/** A commit that waits for its group. */
interface Waiting {
  readonly operation: CommitOperation;
  readonly since: number;
  readonly resolve: (result: CommitResult) => void;
  readonly reject: (fault: unknown) => void;
}

/**
 * Gathers the commits that are asked for within one turn of the event loop, or while a group is under way, to be written
 * together. The caller sees to it that no two are of one execution.
 */
export class CommitGroups {
  private waiting: Waiting[] = [];
  private underway = 0;
  private impatientAt = 0;
  private isCalled = false;
  private timer: NodeJS.Timeout | undefined;
  private readonly write: (operations: readonly CommitOperation[]) => Promise<readonly CommitOutcome[]>;

  /** @param write  writes a group, and answers for each of its commits. */
  constructor(write: (operations: readonly CommitOperation[]) => Promise<readonly CommitOutcome[]>) {
    this.write = write;
  }

  /** Writes with the next group. */
  submit(operation: CommitOperation): Promise<CommitResult> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ operation, since: performance.now(), resolve, reject });
      this.callNext();
    });
  }

  /** Begins a group soon: in the next turn if none is under way, or else once the newest takes too long. */
  private callNext(): void {
    if (this.isCalled || this.waiting.length === 0 || this.underway === GROUPS_MAX) return;
    const patienceMs = this.underway === 0 ? 0 : this.impatientAt - performance.now();
    if (patienceMs > 0) {
      this.timer ??= setTimeout(() => this.begin(), patienceMs);
      return;
    }
    this.isCalled = true;
    setImmediate(() => this.begin());
  }

  private begin(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.isCalled = false;
    const group = this.takeGroup();
    if (group.length > 0) void this.writeGroup(group);
    this.callNext();
  }

  private async writeGroup(group: readonly Waiting[]): Promise<void> {
    this.underway += 1;
    this.impatientAt = performance.now() + PATIENCE_MS + group.length * PATIENCE_MS_PER_COMMIT;
    try {
      const outcomes = await this.write(group.map(({ operation }) => operation));
      for (const [index, { resolve, reject }] of group.entries()) {
        const outcome = outcomes[index];
        if (outcome === 'committed' || outcome === 'conflict') resolve(outcome);
        else reject(outcome);
      }
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
    this.underway -= 1;
    // In the next turn, that is: by then the callers have asked for what follows from the answers.
    this.callNext();
  }

  private takeGroup(): readonly Waiting[] {
    if (this.underway === GROUPS_MAX) return [];
    this.refuseLate();
    let count = 0;
    let bytes = 0;
    for (const { operation } of this.waiting) {
      if (count > 0 && (count === GROUP_COMMITS_MAX || bytes + operation.bytes > GROUP_BYTES_MAX)) break;
      bytes += operation.bytes;
      count += 1;
    }
    const group = this.waiting.slice(0, count);
    this.waiting = this.waiting.slice(count);
    return group;
  }

  private refuseLate(): void {
    const since = performance.now() - WAIT_MS_MAX;
    while (this.waiting[0] && this.waiting[0].since < since) {
      const { operation, reject } = this.waiting.shift() as Waiting;
      const message = `commit ${operation.id}: MongoDB did not answer those before it for ${WAIT_MS_MAX / 1000} s`;
      reject(new StoreFault(message, { retryable: true }));
    }
  }
}
