import { type StepRecord, StepStatus } from './gen/polos/v1/step_pb.js';
import { fromRecord, type StepOutcome } from './step-request.js';

/**
 * The outcomes that the server gave, in the order in which the code gets them: those with a sequence first, in its order,
 * then those that the server brought, in the order given.
 */
export class RecordedOutcomes {
  /** Keys with an outcome that was given once, which the server may repeat; of changes of the state the sequence. */
  readonly #given = new Set<string | bigint>();
  #numbered: StepOutcome[] = [];
  #position = 0;
  #brought: StepOutcome[] = [];
  /** Keys whose outcome the code has, in order of delivery; empty for changes of the state. */
  readonly #delivered: string[] = [];

  /** Adds outcomes. Steps that have none yet, and outcomes given before, are skipped. */
  add(records: readonly StepRecord[]): void {
    for (const record of records) {
      const isPending = record.status !== StepStatus.COMPLETED && record.status !== StepStatus.FAILED;
      const name = record.key === '' ? record.sequence : record.key;
      if (isPending || this.#given.has(name)) continue;
      this.#given.add(name);
      if (record.sequence > 0n) this.#numbered.push(fromRecord(record));
      else this.#brought.push(fromRecord(record));
    }
  }

  /** The next outcome in the recorded order, until all of those are delivered. */
  get nextNumbered(): StepOutcome | undefined {
    return this.#numbered[this.#position];
  }

  /** Takes note that the code has an outcome, from here or from the record. */
  noteDelivered(key: string): void {
    this.#given.add(key);
    this.#delivered.push(key);
  }

  /** How many outcomes the code has. */
  get deliveredCount(): number {
    return this.#delivered.length;
  }

  /** Goes on to the next numbered outcome. */
  advance(): void {
    this.#position += 1;
    if (this.#position < this.#numbered.length) return;
    this.#numbered = [];
    this.#position = 0;
  }

  /** Outcomes that the server brought and the code does not have yet. */
  get brought(): readonly StepOutcome[] {
    return this.#brought;
  }

  /** Takes the first brought outcome that the code asked for. */
  takeBrought(isAsked: (outcome: StepOutcome) => boolean): StepOutcome | undefined {
    const index = this.#brought.findIndex(isAsked);
    return index < 0 ? undefined : this.#brought.splice(index, 1)[0];
  }

  /**
   * Whether an execution's steps begin with exactly the outcomes that the code has, so that it can go on where it is.
   * @param omitted how many the server left out before `steps`, because it has them from this worker: they only count.
   */
  matches(steps: readonly StepRecord[], omitted: number): boolean {
    const numbered = steps.filter(({ sequence }) => sequence > 0n);
    return (
      omitted + numbered.length === this.#delivered.length &&
      numbered.every(({ key }, index) => key === this.#delivered[omitted + index])
    );
  }
}
