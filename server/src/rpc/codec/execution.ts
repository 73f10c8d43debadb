import { create } from '@bufbuild/protobuf';
import { type Execution, type ExecutionStatus, stateVersionOf } from '../../core/execution.js';
import { DEFAULT_RETRY_POLICY, type RetryPolicy } from '../../core/retry.js';
import type { ExecutionInput, ExecutionView, StatusReason } from '../../engine/api.js';
import {
  ExecutionSchema,
  RetryPolicySchema,
  type Execution as WireExecution,
  StatusReason as WireReason,
  type RetryPolicy as WireRetryPolicy,
  ExecutionStatus as WireStatus,
} from '../../gen/polos/v1/execution_pb.js';
import { toFailure } from './failure.js';
import { toPayload } from './payload.js';
import { fromDuration, toDuration, toTimestamp, toTimestampOr } from './time.js';

const STATUSES: Readonly<Record<ExecutionStatus, WireStatus>> = {
  queued: WireStatus.QUEUED,
  running: WireStatus.RUNNING,
  waiting: WireStatus.WAITING,
  paused: WireStatus.PAUSED,
  completed: WireStatus.COMPLETED,
  failed: WireStatus.FAILED,
  cancelled: WireStatus.CANCELLED,
  timed_out: WireStatus.TIMED_OUT,
};

const REASONS: Readonly<Record<StatusReason, WireReason>> = {
  no_worker: WireReason.NO_WORKER,
  workers_busy: WireReason.WORKERS_BUSY,
  start_delay: WireReason.START_DELAY,
  retry_delay: WireReason.RETRY_DELAY,
  child: WireReason.CHILD,
  timer: WireReason.TIMER,
  event: WireReason.EVENT,
  resume: WireReason.RESUME,
  concurrency_limit: WireReason.CONCURRENCY_LIMIT,
  workers_lost: WireReason.WORKERS_LOST,
  state_misfit: WireReason.STATE_MISFIT,
  lease_release: WireReason.LEASE_RELEASE,
};

/** A status as it goes over the wire. */
export function toExecutionStatus(status: ExecutionStatus): WireStatus {
  return STATUSES[status];
}

/** An execution as callers see it, with what the view holds of its input and result. */
export function toExecution(view: ExecutionView): WireExecution {
  const message = toBareExecution(view.execution, view.input ?? {});
  if (view.reason) message.statusReason = REASONS[view.reason];
  const result = toPayload(view.result);
  if (result) message.result = result;
  return message;
}

/** An execution without reason and result: what an assignment holds. */
export function toBareExecution(execution: Execution, input: ExecutionInput): WireExecution {
  const { parent, runTimeoutMs } = execution;
  return create(ExecutionSchema, {
    id: execution.id,
    projectId: execution.projectId,
    workflowId: execution.workflowId,
    status: STATUSES[execution.status],
    queue: execution.queue,
    payload: toPayload(input.payload),
    initialState: input.initialState ?? '',
    failure: toFailure(execution.failure),
    createTime: toTimestamp(execution.createdAt),
    startTime: toTimestampOr(execution.startedAt),
    closeTime: toTimestampOr(execution.closedAt),
    updateTime: toTimestamp(execution.updatedAt),
    cancelRequestTime: toTimestampOr(execution.cancelRequestedAt),
    failedAttempts: execution.failedAttempts,
    lostLeases: execution.lostLeases,
    parentExecutionId: parent?.executionId ?? '',
    parentStepKey: parent?.stepKey ?? '',
    rootExecutionId: execution.rootExecutionId,
    rootWorkflowId: execution.rootWorkflowId,
    sessionId: execution.sessionId,
    userId: execution.userId ?? '',
    deploymentId: execution.deploymentId ?? '',
    concurrencyKey: execution.concurrencyKey ?? '',
    priority: execution.priority,
    searchAttributes: { ...execution.searchAttributes },
    runTimeout: runTimeoutMs === undefined ? undefined : toDuration(runTimeoutMs),
    retryPolicy: execution.retryPolicy && toRetryPolicy(execution.retryPolicy),
    stateRevision: BigInt(execution.stateRevision),
    stateSizeBytes: BigInt(execution.stateBytes),
    stepCount: BigInt(execution.stepCount),
    eventCount: BigInt(execution.eventCount),
    workerId: execution.lease?.workerId ?? '',
    epoch: BigInt(execution.epoch),
    stateVersion: stateVersionOf(execution) ?? 0,
  });
}

/** Reads a retry policy; what it leaves out has the defaults that execution.proto names. */
export function fromRetryPolicy(policy: WireRetryPolicy): RetryPolicy {
  const { maxRetries, baseDelay, maxDelay } = policy;
  return {
    maxRetries: maxRetries ?? DEFAULT_RETRY_POLICY.maxRetries,
    baseDelayMs: baseDelay ? fromDuration(baseDelay) : DEFAULT_RETRY_POLICY.baseDelayMs,
    maxDelayMs: maxDelay ? fromDuration(maxDelay) : DEFAULT_RETRY_POLICY.maxDelayMs,
  };
}

function toRetryPolicy({ maxRetries, baseDelayMs, maxDelayMs }: RetryPolicy): WireRetryPolicy {
  return create(RetryPolicySchema, {
    maxRetries,
    baseDelay: toDuration(baseDelayMs),
    maxDelay: toDuration(maxDelayMs),
  });
}
