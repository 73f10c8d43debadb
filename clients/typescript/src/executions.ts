import { create } from '@bufbuild/protobuf';
import { ResultConflictError } from './api-errors.js';
import { readEventStream } from './event-stream.js';
import { type ExecutionInfo, isFinal, toExecutionInfo } from './execution.js';
import { type EventsOptions, type ExecutionEvent, toExecutionEvent } from './execution-event.js';
import type { Execution } from './gen/polos/v1/execution_pb.js';
import {
  AwaitResultRequestSchema,
  CancelExecutionRequestSchema,
  GetExecutionRequestSchema,
  PauseExecutionRequestSchema,
  ResumeExecutionRequestSchema,
  UnpauseExecutionRequestSchema,
  WorkflowService,
} from './gen/polos/v1/workflow_service_pb.js';
import { toPayload } from './payload.js';
import { toDuration } from './time.js';
import type { Transport } from './transport.js';

/** How long one request for a result waits at the server, in milliseconds. */
const AWAIT_MS = 30_000;
const { awaitResult, cancelExecution, getExecution, pauseExecution, resumeExecution, unpauseExecution } =
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

/** Holds an execution back from workers. @throws NotFoundError, ExecutionClosedError. */
export async function requestPause(transport: Transport, executionId: string): Promise<void> {
  const request = create(PauseExecutionRequestSchema, { executionId });
  await transport.call(pauseExecution, request, { repeatable: true });
}

/** Ends a pause. @throws NotFoundError, ExecutionClosedError. */
export async function requestUnpause(transport: Transport, executionId: string): Promise<void> {
  const request = create(UnpauseExecutionRequestSchema, { executionId });
  await transport.call(unpauseExecution, request, { repeatable: true });
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
 * Reads an execution's events in order, or those of a tree of executions, none twice and none missing. A broken stream is
 * opened again after the last event.
 * @throws NotFoundError; UnavailableError once the server stays away.
 */
export async function* readEvents(
  transport: Transport,
  executionId: string,
  { descendants = false, ...options }: EventsOptions = {},
): AsyncGenerator<ExecutionEvent, void, undefined> {
  const source = { case: descendants ? 'rootExecutionId' : 'executionId', value: executionId } as const;
  for await (const { event, place } of readEventStream(transport, source, options)) {
    yield toExecutionEvent(event, place);
  }
}
