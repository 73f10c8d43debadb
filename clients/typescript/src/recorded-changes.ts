import { StepKind, type StepRecord } from './gen/polos/v1/step_pb.js';
import type { Journal } from './journal.js';
import type { Logger } from './logger.js';
import { migrated, type StateVersions } from './migrations.js';
import type { RecordedOutcomes } from './recorded-outcomes.js';
import { migratedDocument } from './state-opening.js';
import { isStateChange, kindName, type StepOutcome } from './step-request.js';

/** Applies the changes of the state that no code asked for, at their places in the recorded order. */
export class RecordedChanges {
  readonly #recorded: RecordedOutcomes;
  readonly #executionId: string;
  readonly #versions: StateVersions;
  readonly #logger: Logger;
  #isEmpty = true;
  #firstMigration: StepRecord | undefined;
  #migrationsLeft = 0;

  constructor(
    recorded: RecordedOutcomes,
    parts: { readonly executionId: string; readonly versions: StateVersions; readonly logger: Logger },
  ) {
    this.#recorded = recorded;
    this.#executionId = parts.executionId;
    this.#versions = parts.versions;
    this.#logger = parts.logger;
  }

  /** Takes note of what the record holds. */
  add(records: readonly StepRecord[]): void {
    if (records.some(({ kind }) => isStateChange(kind))) this.#isEmpty = false;
    const migrations = records.filter(({ kind }) => kind === StepKind.STATE_MIGRATION);
    this.#firstMigration ??= migrations[0];
    this.#migrationsLeft += migrations.length;
  }

  /** The record of the first migration; undefined if the state was never migrated. */
  get firstMigration(): StepRecord | undefined {
    return this.#firstMigration;
  }

  /** Whether the record holds none. */
  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  /**
   * Whether a migration is to come, so that the code runs on a rehearsal of the state: what changed it in another form is
   * applied as far as it fits, and the migration's place makes good for the rest.
   */
  get isRehearsal(): boolean {
    return this.#migrationsLeft > 0;
  }

  /** Applies those that belong to the outcome just delivered, or to the start. Call before the code goes on. */
  applyBeforeCode(journal: Journal): void {
    while (this.#recorded.nextNumbered?.isBeforeCode) this.applyNext(journal);
  }

  /**
   * Applies the next outcome, which is one.
   * @throws NonDeterminismError if it does not fit the state that the code came to; StateMigrationError.
   */
  applyNext(journal: Journal): void {
    const change = this.#recorded.nextNumbered;
    if (change === undefined) return;
    this.#recorded.advance();
    this.#recorded.noteDelivered(change.key);
    if (change.kind === StepKind.STATE_MIGRATION) this.#migrate(journal, change);
    else this.#repair(journal, change);
  }

  /** The form that the migration made may have been migrated further since, as is the code. */
  #migrate({ document }: Journal, { statePatch, toStateVersion: from = 1 }: StepOutcome): void {
    this.#migrationsLeft -= 1;
    const { stateVersion: to = 1 } = this.#versions;
    document.become(migrated(this.#versions, migratedDocument(statePatch), { from, to }));
  }

  #repair(journal: Journal, change: StepOutcome): void {
    const leftOut = journal.changeAside(change, { isRehearsal: this.isRehearsal });
    if (leftOut.length === 0 || this.isRehearsal) return;
    const what = `${kindName(change.kind)} of execution ${this.#executionId}`;
    const places = leftOut.join(', ');
    this.#logger.warn(
      `${what} names what is not there, and leaves it to the code that runs again: ${places}`,
    );
  }
}
