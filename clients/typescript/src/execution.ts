import type { RemoteError } from './errors.js';
import { toError } from './failure.js';
import { type Execution, StatusReason, ExecutionStatus as WireStatus } from './gen/polos/v1/execution_pb.js';
import { fromPayload } from './payload.js';
import type { JsonObject } from './state/json.js';
import { toDate } from './time.js';

/** Where an execution is in its life. The last four are final. */
export type ExecutionStatus =
  | 'queued'
  | 'running'
  | 'waiting'
  | 'paused'
  | 'completed'
  | 'failed'
  | 'cancelled'
  | 'timed_out';

/** Why an execution that is queued, waiting or paused is not running. One that somebody paused has no reason. */
export type ExecutionStatusReason =
  | 'no_worker'
  | 'workers_busy'
  | 'start_delay'
  | 'retry_delay'
  | 'child'
  | 'timer'
  | 'event'
  | 'resume'
  | 'concurrency_limit'
  | 'workers_lost'
  | 'state_misfit'
  | 'lease_release';

/** An execution as it was when it was read. Changing the object changes nothing else. */
export interface ExecutionInfo {
  /** A UUID in lower case. */
  readonly id: string;
  /** The workflow it runs. */
  readonly workflowId: string;
  /** Where it is in its life. */
  readonly status: ExecutionStatus;
  /** Why it is not running, if it is queued or waiting, or if workers were lost at it, one after the other. */
  readonly statusReason: ExecutionStatusReason | undefined;
  /** The queue it waits in. */
  readonly queue: string;
  /** What the handler receives; undefined for no value. */
  readonly payload: unknown;
  /** The state it was invoked with; undefined if none was given. */
  readonly initialState: JsonObject | undefined;
  /** What the handler returned, once completed. */
  readonly result: unknown;
  /**
   * Why it failed, was cancelled or timed out; while it waits for a retry, why its last attempt failed; and while it is held
   * back because workers were lost at it, that.
   */
  readonly error: RemoteError | undefined;
  /** When it was invoked. */
  readonly createdAt: Date | undefined;
  /** When a worker first took it. */
  readonly startedAt: Date | undefined;
  /** When it reached its final status. */
  readonly completedAt: Date | undefined;
  /** The execution that started it, if one did. */
  readonly parentExecutionId: string | undefined;
  /** The parent's step that started it. */
  readonly parentStepKey: string | undefined;
  /** The topmost execution of its tree; its own id if nothing started it. */
  readonly rootExecutionId: string;
  /** The workflow of the topmost execution. */
  readonly rootWorkflowId: string;
  /** The session it belongs to. */
  readonly sessionId: string;
  /** The user on whose behalf it runs, if the caller said. */
  readonly userId: string | undefined;
  /** How many attempts of the handler have failed so far. */
  readonly retryCount: number;
  /** The state's latest revision; 1 is the state it was created with. */
  readonly stateRevision: number;
  /** How many steps are recorded. */
  readonly stepCount: number;
}

/** The protocol's execution in the terms of this SDK. */
export function toExecutionInfo(execution: Execution): ExecutionInfo {
  return {
    id: execution.id,
    workflowId: execution.workflowId,
    status: executionStatusName(execution.status),
    statusReason: statusReasonName(execution.statusReason),
    queue: execution.queue,
    payload: fromPayload(execution.payload),
    initialState:
      execution.initialState === '' ? undefined : (JSON.parse(execution.initialState) as JsonObject),
    result: fromPayload(execution.result),
    error: execution.failure === undefined ? undefined : toError(execution.failure),
    createdAt: toDate(execution.createTime),
    startedAt: toDate(execution.startTime),
    completedAt: toDate(execution.closeTime),
    parentExecutionId: execution.parentExecutionId || undefined,
    parentStepKey: execution.parentStepKey || undefined,
    rootExecutionId: execution.rootExecutionId,
    rootWorkflowId: execution.rootWorkflowId,
    sessionId: execution.sessionId,
    userId: execution.userId || undefined,
    retryCount: execution.failedAttempts,
    stateRevision: Number(execution.stateRevision),
    stepCount: Number(execution.stepCount),
  };
}

/** Whether a status never changes again. */
export function isFinal(status: WireStatus): boolean {
  return (
    status === WireStatus.COMPLETED ||
    status === WireStatus.FAILED ||
    status === WireStatus.CANCELLED ||
    status === WireStatus.TIMED_OUT
  );
}

/** The protocol's status in the words of this SDK; one that this version does not know counts as running. */
export function executionStatusName(status: WireStatus): ExecutionStatus {
  return STATUS_NAMES.get(status) ?? 'running';
}

function statusReasonName(reason: StatusReason): ExecutionStatusReason | undefined {
  return REASON_NAMES.get(reason);
}

const STATUS_NAMES: ReadonlyMap<WireStatus, ExecutionStatus> = new Map([
  [WireStatus.QUEUED, 'queued'],
  [WireStatus.RUNNING, 'running'],
  [WireStatus.WAITING, 'waiting'],
  [WireStatus.PAUSED, 'paused'],
  [WireStatus.COMPLETED, 'completed'],
  [WireStatus.FAILED, 'failed'],
  [WireStatus.CANCELLED, 'cancelled'],
  [WireStatus.TIMED_OUT, 'timed_out'],
]);

const REASON_NAMES: ReadonlyMap<StatusReason, ExecutionStatusReason> = new Map([
  [StatusReason.NO_WORKER, 'no_worker'],
  [StatusReason.WORKERS_BUSY, 'workers_busy'],
  [StatusReason.START_DELAY, 'start_delay'],
  [StatusReason.RETRY_DELAY, 'retry_delay'],
  [StatusReason.CHILD, 'child'],
  [StatusReason.TIMER, 'timer'],
  [StatusReason.EVENT, 'event'],
  [StatusReason.RESUME, 'resume'],
  [StatusReason.CONCURRENCY_LIMIT, 'concurrency_limit'],
  [StatusReason.WORKERS_LOST, 'workers_lost'],
  [StatusReason.STATE_MISFIT, 'state_misfit'],
  [StatusReason.LEASE_RELEASE, 'lease_release'],
]);
