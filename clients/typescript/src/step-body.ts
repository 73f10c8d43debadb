import { create } from '@bufbuild/protobuf';
import { StateValidationError } from './errors.js';
import { isRetryable, toAttemptFailure, toFailure } from './failure.js';
import type { Failure } from './gen/polos/v1/failure_pb.js';
import { type StepAttempt, StepAttemptSchema } from './gen/polos/v1/step_pb.js';
import type { LeaseHolder } from './lease-holder.js';
import { toPayload } from './payload.js';
import { pause, retryDelayMs } from './retry.js';
import { currentScope, StepScope } from './scope.js';
import { StateDocument, type StateDraft } from './state/state-document.js';
import type { ErrorClass } from './step.js';
import { makeAttempt } from './step-attempt.js';
import type { RunWork, StepOutcome, StepRequest } from './step-request.js';
import { toTimestamp } from './time.js';

/** A step's outcome with the attempts to record. */
export interface FreshOutcome extends StepOutcome {
  readonly attemptRecords: StepAttempt[];
  /** Why the state that the function left cannot be saved: the execution fails for good, and the step is not recorded. */
  readonly stateRefusal?: StateValidationError;
}

/** What a step's function runs in. */
export interface StepSurroundings {
  readonly executionId: string;
  readonly document: StateDocument;
  /** Aborts when the execution is cancelled or lost: then no further attempt begins. */
  readonly signal: AbortSignal;
  /** Without it no further attempt begins either: another worker may have recorded the step. */
  readonly lease: Pick<LeaseHolder, 'untilHeld'>;
  /** Bytes of a result. */
  readonly payloadBytesMax: number;
}

/**
 * Calls a step's function until it succeeds or may not be tried again. The state that a failed attempt changed is thrown
 * away with its copy. A result that JSON cannot hold fails the step without another attempt.
 * @returns the outcome; never rejects.
 */
export async function runStep(
  request: StepRequest,
  work: RunWork,
  surroundings: StepSurroundings,
): Promise<FreshOutcome> {
  const { key, kind } = request;
  const attemptRecords: StepAttempt[] = [];
  const outcome = { key, kind, attemptRecords, childExecutionId: '' };
  for (let attempt = 1; ; attempt++) {
    const scope = new StepScope(key, surroundings.document);
    const start = Date.now();
    try {
      const value = await runAttempt(work, attempt, scope, surroundings);
      const change = changeOf(scope.usedDraft);
      const bytesMax = surroundings.payloadBytesMax;
      const result = toPayload(value, { what: `the result of step "${key}"`, bytesMax });
      attemptRecords.push(attemptRecord(attempt, start));
      return {
        ...outcome,
        result,
        failure: undefined,
        attempts: attempt,
        ...change,
      };
    } catch (error) {
      attemptRecords.push(attemptRecord(attempt, start, toAttemptFailure(error)));
      const isLast = attempt > work.maxRetries || !mayRetry(error, work.nonRetryable);
      const waited =
        !isLast && (await pause(retryDelayMs(work, attempt - 1, Math.random()), surroundings.signal));
      if (waited && (await surroundings.lease.untilHeld(surroundings.signal))) continue;
      return { ...outcome, result: undefined, failure: toFailure(error), attempts: attempt, statePatch: '' };
    }
  }
}

/** What a function that succeeded changed in the state, if it used it, or why that cannot be saved. */
function changeOf(draft: StateDraft | undefined): ChangeInStep {
  if (draft === undefined) return { statePatch: '' };
  try {
    return { statePatch: StateDocument.patchOf(draft), stateBase: draft.base };
  } catch (error) {
    if (!(error instanceof StateValidationError)) throw error;
    return { statePatch: '', stateRefusal: error };
  }
}

type ChangeInStep = Pick<FreshOutcome, 'statePatch' | 'stateBase' | 'stateRefusal'>;

function runAttempt(
  work: RunWork,
  attempt: number,
  step: StepScope,
  surroundings: StepSurroundings,
): Promise<unknown> {
  const { executionId, signal } = surroundings;
  const { timeout, heartbeatTimeout } = work;
  const { key } = step;
  return makeAttempt({ key, attempt, signal, timeout, heartbeatTimeout }, async (own) =>
    work.inContext(() => currentScope.run({ executionId, step }, () => work.run(own))),
  );
}

function mayRetry(error: unknown, nonRetryable: RunWork['nonRetryable']): boolean {
  return isRetryable(error) && !nonRetryable.some((type) => isOfType(error, type));
}

function isOfType(error: unknown, type: string | ErrorClass): boolean {
  if (typeof type !== 'string') return error instanceof type;
  if (!(error instanceof Error)) return false;
  if (error.name === type) return true;
  for (
    let level: unknown = Object.getPrototypeOf(error);
    level !== null;
    level = Object.getPrototypeOf(level)
  ) {
    if ((level as { constructor?: { name?: unknown } }).constructor?.name === type) return true;
  }
  return false;
}

function attemptRecord(number: number, start: number, failure?: Failure): StepAttempt {
  return create(StepAttemptSchema, {
    number,
    startTime: toTimestamp(start),
    endTime: toTimestamp(Date.now()),
    ...(failure !== undefined && { failure }),
  });
}
