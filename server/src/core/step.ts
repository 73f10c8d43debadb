import type { Failure } from './failure.js';
import type { Payload } from './payload.js';

/** What sort of thing a step is. Replay compares it. */
export type StepKind =
  | 'run'
  | 'invoke'
  | 'invoke_and_wait'
  | 'uuid'
  | 'now'
  | 'random'
  | 'wait_for'
  | 'suspend'
  | 'publish_event';

/** What a step came to. A missing result stands for "no value". */
export type StepOutcome =
  | { readonly type: 'completed'; readonly result?: Payload }
  | { readonly type: 'failed'; readonly failure: Failure };

/** One try of a step's function, by the worker's clock (milliseconds since 1970). */
export interface StepAttempt {
  readonly number: number;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly failure?: Failure;
}

/**
 * What a commit says about one step. A step's facts are, in this order, either one `recorded`, or `pending`, then
 * `arrived` once the server has the outcome, then `accepted` once a worker has delivered it to the code.
 */
export type StepFact =
  | {
      readonly type: 'recorded';
      readonly key: string;
      readonly kind: StepKind;
      readonly sequence: number;
      readonly outcome: StepOutcome;
      readonly attempts: readonly StepAttempt[];
      /** What the step's function changed in the state: the text of a JSON Patch. */
      readonly statePatch?: string;
      readonly childExecutionId?: string;
    }
  | {
      readonly type: 'pending';
      readonly key: string;
      readonly kind: StepKind;
      readonly childExecutionId?: string;
    }
  | { readonly type: 'arrived'; readonly key: string; readonly outcome: StepOutcome }
  | { readonly type: 'accepted'; readonly key: string; readonly sequence: number };

/** A step as its facts so far add up. */
export interface StepRecord {
  readonly key: string;
  readonly kind: StepKind;
  /** The place in the order of outcomes, from 1; 0 while no worker has delivered the outcome. */
  readonly sequence: number;
  /** Missing while it is pending. */
  readonly outcome?: StepOutcome;
  readonly attempts: readonly StepAttempt[];
  readonly statePatch?: string;
  readonly childExecutionId?: string;
  /** When its newest fact was recorded, in milliseconds since 1970. */
  readonly recordedAt: number;
}

/** Adds facts, in the order in which they were committed, to the records so far (by key). */
export function addFacts(records: Map<string, StepRecord>, facts: readonly StepFact[], at: number): void {
  for (const fact of facts) {
    const before = records.get(fact.key);
    records.set(fact.key, recordAfter(before, fact, at));
  }
}

/** The order in which replay delivers: numbered outcomes by number, then the others as they came. */
export function inOrder(records: Iterable<StepRecord>): StepRecord[] {
  const all = [...records];
  const numbered = all.filter((step) => step.sequence > 0).sort((a, b) => a.sequence - b.sequence);
  const others = all.filter((step) => step.sequence === 0).sort((a, b) => a.recordedAt - b.recordedAt);
  return [...numbered, ...others];
}

function recordAfter(before: StepRecord | undefined, fact: StepFact, at: number): StepRecord {
  switch (fact.type) {
    case 'recorded': {
      const { key, kind, sequence, outcome, attempts, statePatch, childExecutionId } = fact;
      const step = { key, kind, sequence, outcome, attempts, recordedAt: at };
      return {
        ...step,
        ...(statePatch !== undefined && { statePatch }),
        ...(childExecutionId !== undefined && { childExecutionId }),
      };
    }
    case 'pending': {
      const { key, kind, childExecutionId } = fact;
      const step = { key, kind, sequence: 0, attempts: [], recordedAt: at };
      return childExecutionId === undefined ? step : { ...step, childExecutionId };
    }
    case 'arrived':
      return { ...known(before, fact), outcome: fact.outcome, recordedAt: at };
    case 'accepted':
      return { ...known(before, fact), sequence: fact.sequence };
  }
}

function known(before: StepRecord | undefined, fact: StepFact): StepRecord {
  if (!before) throw new Error(`the journal has "${fact.type}" for the step "${fact.key}" before "pending"`);
  return before;
}
