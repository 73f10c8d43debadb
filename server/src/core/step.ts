import { batchResult } from './batch.js';
import type { ChildRequest } from './command.js';
import type { Failure } from './failure.js';
import type { Payload } from './payload.js';
import type { PatchOperation } from './state-document.js';

/** What sort of thing a step is. Replay compares it. */
export type StepKind =
  | 'run'
  | 'invoke'
  | 'invoke_and_wait'
  | 'batch_invoke'
  | 'batch_invoke_and_wait'
  | 'uuid'
  | 'now'
  | 'random'
  | 'wait_for'
  | 'wait_for_event'
  | 'suspend'
  | 'resume'
  | 'publish_event'
  | StateStep['kind'];

/** A change of the state that no code asks for, and that has its place in the order of outcomes all the same. */
export type StateStep =
  | { readonly kind: 'state_repair' }
  | {
      readonly kind: 'state_migration';
      /** Versions of the state's form, before and after. */
      readonly fromVersion: number;
      readonly toVersion: number;
    };

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
 * `arrived` once the server has the outcome, then `accepted` once a worker has delivered it to the code. That of a batch
 * of children arrives in parts: one `child_closed` for each, then `gathered`.
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
      readonly children?: readonly ChildRequest[];
    }
  | {
      readonly type: 'pending';
      readonly key: string;
      readonly kind: StepKind;
      readonly childExecutionId?: string;
      readonly children?: readonly ChildRequest[];
    }
  | { readonly type: 'arrived'; readonly key: string; readonly outcome: StepOutcome }
  | {
      readonly type: 'child_closed';
      readonly key: string;
      /** Its place among the children. */
      readonly index: number;
      readonly outcome: StepOutcome;
    }
  | { readonly type: 'gathered'; readonly key: string }
  /** What was changed is the patch of the journal entry that it is in. It is no step of the code's: none has its key. */
  | (StateStep & {
      readonly type: 'state_changed';
      readonly key: '';
      readonly sequence: number;
      /** Whether a replay applies it before the code goes on from the outcome before it; see StepRecord.before_code. */
      readonly isBeforeCode: boolean;
    })
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
  /** Of a change of the state; see StepFact. */
  readonly isBeforeCode?: boolean;
  readonly fromVersion?: number;
  readonly toVersion?: number;
  readonly childExecutionId?: string;
  /** The children of a batch, in the order in which they were asked for; missing once all is gathered. */
  readonly batch?: readonly BatchChild[];
  /** When its newest fact was recorded, in milliseconds since 1970. */
  readonly recordedAt: number;
}

/** A child of a batch, and what became of it, once it is known. */
export interface BatchChild {
  readonly id: string;
  readonly workflowId: string;
  readonly outcome?: StepOutcome;
}

/** What of a journal entry makes records. */
export interface StepEntry {
  readonly at: number;
  readonly steps: readonly StepFact[];
  readonly patch?: readonly PatchOperation[];
}

/** Adds the facts of an entry, in the order in which they were committed, to the records so far (by key). */
export function addFacts(records: Map<string, StepRecord>, entry: StepEntry): void {
  for (const fact of entry.steps) {
    if (fact.type === 'state_changed') continue;
    const before = records.get(fact.key);
    records.set(fact.key, recordAfter(before, fact, entry));
  }
}

/** The order in which replay delivers: numbered outcomes by number, then the others as they came. */
export function inOrder(records: Iterable<StepRecord>): StepRecord[] {
  const all = [...records];
  const numbered = all.filter((step) => step.sequence > 0).sort((a, b) => a.sequence - b.sequence);
  const others = all.filter((step) => step.sequence === 0).sort((a, b) => a.recordedAt - b.recordedAt);
  return [...numbered, ...others];
}

/** What a step is once a fact is added. */
export function recordAfter(
  before: StepRecord | undefined,
  fact: StepFact,
  { at, patch }: StepEntry,
): StepRecord {
  switch (fact.type) {
    case 'recorded': {
      const { key, kind, sequence, outcome, attempts, statePatch } = fact;
      const step = { key, kind, sequence, outcome, attempts, recordedAt: at };
      return { ...step, ...(statePatch !== undefined && { statePatch }), ...childrenOf(fact) };
    }
    case 'pending': {
      const { key, kind } = fact;
      return { key, kind, sequence: 0, attempts: [], recordedAt: at, ...childrenOf(fact) };
    }
    case 'arrived':
      return { ...known(before, fact), outcome: fact.outcome, recordedAt: at };
    case 'child_closed': {
      const step = known(before, fact);
      // In place: a copy for each of ten thousand children would be fifty million entries.
      const batch = step.batch as BatchChild[];
      batch[fact.index] = { ...(batch[fact.index] as BatchChild), outcome: fact.outcome };
      return step;
    }
    case 'gathered': {
      // What became of each is in the outcome from here on.
      const { batch = [], ...step } = known(before, fact);
      return { ...step, outcome: batchResult(batch), recordedAt: at };
    }
    case 'state_changed': {
      const { type: _, ...step } = fact;
      const outcome = { type: 'completed' } as const;
      return { ...step, outcome, attempts: [], statePatch: JSON.stringify(patch ?? []), recordedAt: at };
    }
    case 'accepted':
      return { ...known(before, fact), sequence: fact.sequence };
  }
}

function childrenOf({
  childExecutionId,
  children,
}: Extract<StepFact, { type: 'recorded' | 'pending' }>): Pick<StepRecord, 'childExecutionId' | 'batch'> {
  return {
    ...(childExecutionId !== undefined && { childExecutionId }),
    ...(children && { batch: children.map(({ id, workflowId }) => ({ id, workflowId })) }),
  };
}

function known(before: StepRecord | undefined, fact: StepFact): StepRecord {
  if (!before) throw new Error(`the journal has "${fact.type}" for the step "${fact.key}" before "pending"`);
  return before;
}
