import type { Journal } from './journal.js';
import type { Logger } from './logger.js';
import type { RecordedOutcomes } from './recorded-outcomes.js';
import { kindName } from './step-request.js';

/** Applies the changes of the state that no code asked for, at their places in the recorded order. */
export class RecordedChanges {
  readonly #recorded: RecordedOutcomes;
  readonly #executionId: string;
  readonly #logger: Logger;

  constructor(recorded: RecordedOutcomes, executionId: string, logger: Logger) {
    this.#recorded = recorded;
    this.#executionId = executionId;
    this.#logger = logger;
  }

  /** Applies those that belong to the outcome just delivered, or to the start. Call before the code goes on. */
  applyBeforeCode(journal: Journal): void {
    while (this.#recorded.nextNumbered?.isBeforeCode) this.applyNext(journal);
  }

  /**
   * Applies the next outcome, which is one.
   * @throws NonDeterminismError if it does not fit the state that the code came to.
   */
  applyNext(journal: Journal): void {
    const change = this.#recorded.nextNumbered;
    if (change === undefined) return;
    this.#recorded.advance();
    this.#recorded.noteDelivered(change.key);
    const leftOut = journal.changeAside(change);
    if (leftOut.length === 0) return;
    const what = `${kindName(change.kind)} of execution ${this.#executionId}`;
    const places = leftOut.join(', ');
    this.#logger.warn(
      `${what} names what is not there, and leaves it to the code that runs again: ${places}`,
    );
  }
}
