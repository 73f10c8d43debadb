import { create } from '@bufbuild/protobuf';
import { ResultConflictError } from './api-errors.js';
import { type ExecutionInfo, isFinal, toExecutionInfo } from './execution.js';
import { type EventsOptions, type ExecutionEvent, toExecutionEvent } from './execution-event.js';
import type { Execution } from './gen/polos/v1/execution_pb.js';
import {
  AwaitResultRequestSchema,
  CancelExecutionRequestSchema,
  GetExecutionRequestSchema,
  GetStateRequestSchema,
  ResumeExecutionRequestSchema,
  StreamEventsRequestSchema,
  WorkflowService,
} from './gen/polos/v1/workflow_service_pb.js';
import { toPayload } from './payload.js';
import { pause, retryDelayMs } from './retry.js';
import type { JsonObject } from './state/json.js';
import { toDate, toDuration } from './time.js';
import { isConnectionTrouble, type Transport } from './transport.js';

/** An execution's state at one revision. */
export interface StateSnapshot<TState = JsonObject> {
  /** The document. */
  readonly value: TState;
  /** 1 for the state that the execution was created with, one more for each commit that changed it. */
  readonly revision: number;
  /** When that revision was committed. */
  readonly updatedAt: Date | undefined;
  /** Bytes of its JSON text. */
  readonly sizeBytes: number;
  /** Whether the execution is final, so that no further revision will come. */
  readonly isFinal: boolean;
}

/** How long one request for a result waits at the server, in milliseconds. */
const AWAIT_MS = 30_000;
/** How fast a broken event stream is opened again, and how often in a row without an event. */
const REOPEN_DELAYS = { baseDelay: 100, maxDelay: 5_000 };
const REOPENS_MAX = 20;

const { awaitResult, cancelExecution, getExecution, getState, resumeExecution, streamEvents } =
  WorkflowService.method;

/** Reads one execution. @throws NotFoundError. */
export async function readExecution(transport: Transport, executionId: string): Promise<ExecutionInfo> {
  const request = create(GetExecutionRequestSchema, { executionId });
  const { execution } = await transport.call(getExecution, request, { repeatable: true });
  if (execution === undefined) throw new Error('the server answered without an execution');
  return toExecutionInfo(execution);
}

/**
 * Waits until an execution is final.
 * @returns undefined if it is not after `timeoutMs`.
 * @throws NotFoundError, UnavailableError.
 */
export async function awaitFinal(
  transport: Transport,
  executionId: string,
  timeoutMs: number,
): Promise<Execution | undefined> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const left = end - performance.now();
    if (left <= 0) return undefined;
    const wait = Math.min(left, AWAIT_MS);
    const request = create(AwaitResultRequestSchema, { executionId, wait: toDuration(wait) });
    const rule = { repeatable: true, timeoutMs: left + 5_000, tryTimeoutMs: wait + 10_000 };
    const { execution } = await transport.call(awaitResult, request, rule);
    if (execution !== undefined && isFinal(execution.status)) return execution;
  }
}

/** Asks that an execution and all that descends from it end. @throws NotFoundError, ExecutionClosedError. */
export async function requestCancel(transport: Transport, executionId: string): Promise<void> {
  const request = create(CancelExecutionRequestSchema, { executionId });
  await transport.call(cancelExecution, request, { repeatable: true });
}

/**
 * Resumes a step that waits for it, or will.
 * @throws NotFoundError; ExecutionClosedError; ResultConflictError; LimitExceededError; SerializationError,
 * PayloadSizeError for the data.
 */
export async function requestResume(
  transport: Transport,
  { executionId, stepKey, data }: { executionId: string; stepKey: string; data: unknown },
): Promise<void> {
  const payload = toPayload(data, { what: 'the data' });
  const fields = { executionId, stepKey, ...(payload !== undefined && { data: payload }) };
  try {
    const request = create(ResumeExecutionRequestSchema, fields);
    await transport.call(resumeExecution, request, { repeatable: true });
  } catch (error) {
    if (!(error instanceof ResultConflictError)) throw error;
    // A worker's conflict may be over after a replay; what a step was resumed with stays.
    throw new ResultConflictError(error.message, { stepKey, retryable: false });
  }
}

/**
 * Reads an execution's state. Needs no worker.
 * @param revision default: the latest.
 * @throws NotFoundError for the execution or the revision.
 */
export async function readState(
  transport: Transport,
  executionId: string,
  revision?: number,
): Promise<StateSnapshot> {
  const request = create(GetStateRequestSchema, {
    executionId,
    ...(revision !== undefined && { at: { case: 'revision', value: BigInt(revision) } }),
  });
  const { state } = await transport.call(getState, request, { repeatable: true });
  if (state === undefined) throw new Error('the server answered without a state');
  return {
    value: JSON.parse(state.json) as JsonObject,
    revision: Number(state.revision),
    updatedAt: toDate(state.updateTime),
    sizeBytes: Number(state.sizeBytes),
    isFinal: state.final,
  };
}

/**
 * Reads an execution's events in order, none twice and none missing. A broken stream is opened again after the last
 * event.
 * @throws NotFoundError; UnavailableError once the server stays away.
 */
export async function* readEvents(
  transport: Transport,
  executionId: string,
  { after = 0, follow = true, signal }: EventsOptions = {},
): AsyncGenerator<ExecutionEvent, void, undefined> {
  let cursor = after === 0 ? '' : String(after);
  for (let reopens = 0; signal?.aborted !== true; reopens++) {
    const source = { case: 'executionId' as const, value: executionId };
    const request = create(StreamEventsRequestSchema, { source, cursor, follow });
    try {
      for await (const { message, cursor: next } of transport.stream(streamEvents, request, signal)) {
        if (next !== '') cursor = next;
        reopens = 0;
        if (message.case === 'event') yield toExecutionEvent(message.value);
      }
      return;
    } catch (error) {
      if (!isConnectionTrouble(error) || reopens >= REOPENS_MAX) throw error;
      await pause(retryDelayMs(REOPEN_DELAYS, reopens, Math.random()), signal);
    }
  }
}
