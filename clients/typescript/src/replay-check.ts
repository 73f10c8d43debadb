import { NonDeterminismError } from './errors.js';
import { Grace } from './grace.js';
import type { RecordedOutcomes } from './recorded-outcomes.js';
import type { StateDocument } from './state/state-document.js';
import { isStateChange, kindName, type StepOutcome } from './step-request.js';
import type { StepRequests } from './step-requests.js';

/** Code that waits for recorded steps alone may be at I/O of its own beside them: how many graces it gets. */
const PATIENCE = 10;

/**
 * Watches that the code asks for what the record holds, and comes to the state that was recorded. Code that seems to
 * differ gets a grace, because it may do I/O of its own between steps.
 */
export class ReplayCheck {
  readonly #requests: StepRequests;
  readonly #recorded: RecordedOutcomes;
  readonly #grace: Grace;
  readonly #patience: Grace;
  #isStateVerified: boolean;

  /** @param parts.isStateVerified whether there is no recorded state to compare with. */
  constructor(parts: {
    readonly requests: StepRequests;
    readonly recorded: RecordedOutcomes;
    readonly isStateVerified: boolean;
    readonly graceMs: number;
    readonly ring: () => void;
  }) {
    this.#requests = parts.requests;
    this.#recorded = parts.recorded;
    this.#isStateVerified = parts.isStateVerified;
    this.#grace = new Grace(parts.graceMs, parts.ring);
    this.#patience = new Grace(parts.graceMs * PATIENCE, parts.ring);
  }

  /** Whether the state is the execution's own, and not on its way there. */
  get isStateCurrent(): boolean {
    return this.#isStateVerified && this.#recorded.nextNumbered === undefined;
  }

  /** The code got on: whatever seemed missing may take its full time again. */
  stop(): void {
    this.#grace.stop();
    this.#patience.stop();
  }

  /**
   * Call with idle code, when no recorded outcome can be delivered.
   * @returns false while the code has to get somewhere first.
   * @throws NonDeterminismError once it will not.
   */
  async isDone(document: StateDocument, hasEnded: boolean): Promise<boolean> {
    const next = this.#recorded.nextNumbered;
    if (next !== undefined) {
      const { hasWaiting, pendingCount } = this.#requests;
      const grace = hasWaiting ? this.#grace : this.#patience;
      if (hasEnded || (pendingCount > 0 && grace.isOver(next))) throw missing(next, hasEnded);
      return false;
    }
    if (this.#isStateVerified) return true;
    // Idle without a pending step: the code does I/O of its own, and is not where it was at the commit.
    if (!hasEnded && this.#requests.pendingCount === 0) return false;
    const difference = await document.differenceFromCommitted();
    if (difference === undefined) {
      this.#isStateVerified = true;
      this.#grace.stop();
      return true;
    }
    if (!this.#grace.isOver('state')) return false;
    const place = difference === '' ? '' : ` at "${difference}"`;
    throw new NonDeterminismError(`the replay came to another state than the recorded one${place}`);
  }

  /**
   * Call when the code waits for nothing but the server, or has ended, and an outcome that the server brought waits for
   * code that asks for it.
   * @throws NonDeterminismError once it will not.
   */
  expectBrought(hasEnded: boolean): void {
    const neglected = this.#recorded.brought.find(({ key }) => this.#requests.get(key) === undefined);
    if (neglected === undefined) return;
    if (hasEnded || this.#grace.isOver(neglected)) throw missing(neglected, hasEnded);
  }
}

function missing(next: StepOutcome, hasEnded: boolean): NonDeterminismError {
  const instead = hasEnded ? 'ended' : 'asked for other steps';
  const what = isStateChange(next.kind) ? kindName(next.kind) : `step "${next.key}"`;
  const message = `the record holds ${what} next, but the code ${instead} without asking for it`;
  return new NonDeterminismError(message, next.key);
}
