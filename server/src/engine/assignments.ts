import { inOrder, type StepRecord } from '../core/step.js';
import type { Assignment, ExecutionInput, StepPage } from './api.js';
import { type Loaded, stepBytes } from './loaded.js';

/** Bytes of steps that one message carries; the rest is fetched page by page. */
const STEPS_BYTES_MAX = 1_048_576;

/** An execution of which everything is in memory. */
export type CompleteLoaded = Loaded & {
  readonly input: ExecutionInput;
  readonly steps: Map<string, StepRecord>;
};

/** Whether payload and steps are there. */
export function isComplete(loaded: Loaded): loaded is CompleteLoaded {
  return loaded.input !== undefined && loaded.steps !== undefined;
}

/** What a worker needs to run or replay an execution under the lease that it was just given; undefined if it is over. */
export function assignmentOf(
  { execution, state, input, steps }: CompleteLoaded,
  epoch: number,
): Assignment | undefined {
  const { lease } = execution;
  if (!lease || execution.epoch !== epoch) return undefined;
  return {
    lease: { executionId: execution.id, epoch, token: lease.token },
    leaseExpiresAt: lease.expiresAt,
    execution,
    input,
    state: JSON.stringify(state.value),
    steps: pageOf(inOrder(steps.values()), 0),
  };
}

/** The steps from one place on, as many as one message carries. */
export function pageOf(steps: readonly StepRecord[], offset: number): StepPage {
  let bytes = 0;
  let end = offset;
  for (const step of steps.slice(offset)) {
    bytes += stepBytes(step);
    if (bytes > STEPS_BYTES_MAX && end > offset) break;
    end += 1;
  }
  return { steps: steps.slice(offset, end), ...(end < steps.length && { next: end }) };
}

/** Steps whose outcome has come and that no worker has delivered yet. */
export function arrivedSteps(steps: ReadonlyMap<string, StepRecord>, keys: Iterable<string>): StepRecord[] {
  return inOrder(recordsOf(steps, keys)).filter((step) => step.outcome && step.sequence === 0);
}

/** The records of some keys, those that have one. */
export function recordsOf(steps: ReadonlyMap<string, StepRecord>, keys: Iterable<string>): StepRecord[] {
  const records: StepRecord[] = [];
  for (const key of keys) {
    const step = steps.get(key);
    if (step) records.push(step);
  }
  return records;
}
