import type { Execution } from '../core/execution.js';
import { MESSAGE_BYTES_MAX } from '../core/limits.js';
import { inOrder, type StepRecord } from '../core/step.js';
import { type StepRecords, stepBytes, wireBytes } from '../core/step-records.js';
import type { Assignment, ExecutionInput, StepPage } from './api.js';
import type { Loaded } from './loaded.js';

/** Bytes of steps that one message carries; the rest is fetched page by page. */
const STEPS_BYTES_MAX = 1_048_576;

/** What an assignment takes besides its payload, states and steps. */
const ENVELOPE_BYTES = 65_536;

/** Fewer steps than this are not worth leaving out: one call costs as much as sending so many. */
const OMITTED_MIN = 20;

/** Finds steps by key. */
type StepLookup = Pick<StepRecords, 'get'>;

/** An execution of which everything is in memory. */
export type CompleteLoaded = Loaded & {
  readonly input: ExecutionInput;
  readonly steps: StepRecords;
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
  const inputBytes = wireBytes(input.payload) + Buffer.byteLength(input.initialState ?? '');
  const room = MESSAGE_BYTES_MAX - ENVELOPE_BYTES - inputBytes - state.bytes;
  const omittedSteps = omittedFor(execution);
  return {
    lease: { executionId: execution.id, epoch, token: lease.token },
    leaseExpiresAt: lease.expiresAt,
    execution,
    input,
    state: JSON.stringify(state.value),
    omittedSteps,
    steps: pageThatFits(steps, omittedSteps, Math.min(room, STEPS_BYTES_MAX)),
  };
}

/**
 * How many outcomes the worker that holds an execution need not be sent: those that the code has seen which it keeps. A
 * few are sent all the same, because it may have let the code go since, and would have to ask for them.
 */
function omittedFor({ keptBy }: Execution): number {
  return keptBy && keptBy.steps >= OMITTED_MIN ? keptBy.steps : 0;
}

/** The steps from one place of the order on, as many as one message carries; at least one if there is one. */
export function pageOf(steps: StepRecords, place: number): StepPage {
  const page = pageThatFits(steps, place, STEPS_BYTES_MAX);
  return page.steps.length > 0 ? page : pageThatFits(steps, place, Number.POSITIVE_INFINITY, 1);
}

/** The steps from one place on that fit, which may be none. */
function pageThatFits(
  steps: StepRecords,
  place: number,
  bytesMax: number,
  count = Number.POSITIVE_INFINITY,
): StepPage {
  const page = fitting(steps.from(place), bytesMax, count);
  const next = place + page.length;
  return { steps: page, ...(next < steps.size && { next }) };
}

function fitting(steps: Iterable<StepRecord>, bytesMax: number, count: number): StepRecord[] {
  const page: StepRecord[] = [];
  let bytes = 0;
  for (const step of steps) {
    bytes += stepBytes(step);
    if (bytes > bytesMax || page.length >= count) break;
    page.push(step);
  }
  return page;
}

/** Steps whose outcome has come and that no worker has delivered yet, the first ones, as many as one message carries. */
export function arrivedSteps(steps: StepLookup, keys: Iterable<string>): readonly StepRecord[] {
  const arrived = inOrder(recordsOf(steps, keys)).filter((step) => step.outcome && step.sequence === 0);
  const page = fitting(arrived, STEPS_BYTES_MAX, Number.POSITIVE_INFINITY);
  return page.length > 0 ? page : arrived.slice(0, 1);
}

/** The records of some keys, those that have one. */
export function recordsOf(steps: StepLookup, keys: Iterable<string>): StepRecord[] {
  const records: StepRecord[] = [];
  for (const key of keys) {
    const step = steps.get(key);
    if (step) records.push(step);
  }
  return records;
}
