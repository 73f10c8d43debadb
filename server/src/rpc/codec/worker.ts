import { create } from '@bufbuild/protobuf';
import { JSON_DEPTH_MAX } from '../../core/json.js';
import { MESSAGE_BYTES_MAX, PAYLOAD_BYTES_MAX, STATE_BYTES_MAX } from '../../core/limits.js';
import type {
  Assignment,
  Completion,
  LeaseReport,
  RegisteredWorker,
  WorkerRegistration,
  WorkerView,
  WorkflowDefinition,
  WorkNotice,
} from '../../engine/api.js';
import {
  type WorkflowDefinition as WireDefinition,
  type WorkerInfo,
  WorkerInfoSchema,
} from '../../gen/polos/v1/worker_pb.js';
import {
  AssignmentSchema,
  type CompleteStepResponse,
  CompleteStepResponseSchema,
  LeaseReportSchema,
  type RegisterWorkerRequest,
  type RegisterWorkerResponse,
  RegisterWorkerResponseSchema,
  type Assignment as WireAssignment,
  type LeaseReport as WireReport,
  type WorkResponse_Notice,
  WorkResponse_NoticeSchema,
} from '../../gen/polos/v1/worker_service_pb.js';
import { encodePlaceToken } from '../page-token.js';
import { invalidField } from '../refusals.js';
import { fromRetryPolicy, toBareExecution, toExecutionStatus } from './execution.js';
import { fromScheduleDeclaration, fromTriggerDeclaration } from './schedule.js';
import { toSchemaReport } from './schema.js';
import { toSteps } from './step.js';
import { fromDuration, toDuration, toTimestamp, toTimestampOr } from './time.js';

const CONCURRENT_EXECUTIONS_DEFAULT = 100;

/** Reads what a worker declares. */
export function fromRegistration(request: RegisterWorkerRequest, projectId: string): WorkerRegistration {
  const ids = new Set<string>();
  for (const [index, { id }] of request.workflows.entries()) {
    if (ids.has(id)) throw invalidField(`workflows[${index}].id`, `the workflow "${id}" is there twice`);
    ids.add(id);
  }
  const { deploymentId, buildId, sdkName, sdkVersion, identity, queues } = request;
  return {
    projectId,
    workflows: request.workflows.map(fromDefinition),
    queues,
    deploymentId,
    buildId,
    sdkName,
    sdkVersion,
    identity,
    maxConcurrentExecutions: request.maxConcurrentExecutions || CONCURRENT_EXECUTIONS_DEFAULT,
  };
}

/** What came of a registration. */
export function toRegistered(registered: RegisteredWorker): RegisterWorkerResponse {
  return create(RegisterWorkerResponseSchema, {
    workerId: registered.workerId,
    limits: {
      stateBytes: BigInt(STATE_BYTES_MAX),
      jsonDepth: JSON_DEPTH_MAX,
      payloadBytes: BigInt(PAYLOAD_BYTES_MAX),
      messageBytes: BigInt(MESSAGE_BYTES_MAX),
    },
    leaseDuration: toDuration(registered.leaseMs),
    schemaReports: registered.schemaReports.map(toSchemaReport),
  });
}

/** A worker as callers see it. */
export function toWorkerInfo(worker: WorkerView): WorkerInfo {
  return create(WorkerInfoSchema, {
    id: worker.id,
    deploymentId: worker.deploymentId,
    buildId: worker.buildId,
    sdkName: worker.sdkName,
    sdkVersion: worker.sdkVersion,
    identity: worker.identity,
    workflowIds: worker.workflows.map(({ id }) => id),
    queues: [...worker.queues],
    maxConcurrentExecutions: worker.maxConcurrentExecutions,
    runningExecutions: worker.runningExecutions,
    registerTime: toTimestamp(worker.registeredAt),
    lastSeenTime: toTimestamp(worker.lastSeenAt),
    streaming: worker.streaming,
  });
}

/** An execution given to a worker. */
export function toAssignment(assignment: Assignment): WireAssignment {
  const { lease, execution, input, steps } = assignment;
  return create(AssignmentSchema, {
    lease: { executionId: lease.executionId, epoch: BigInt(lease.epoch), token: lease.token },
    leaseExpireTime: toTimestamp(assignment.leaseExpiresAt),
    execution: toBareExecution(execution, input),
    state: assignment.state,
    omittedSteps: BigInt(assignment.omittedSteps),
    steps: toSteps(steps.steps),
    nextStepsPageToken: encodePlaceToken(steps.next),
    stateUnsettled: execution.stateUnsettled,
    cancelRequested: execution.cancelRequestedAt !== undefined,
  });
}

/** What came of a completion. */
export function toCompletion({ execution, outcomes }: Completion): CompleteStepResponse {
  return create(CompleteStepResponseSchema, {
    status: toExecutionStatus(execution.status),
    stateRevision: BigInt(execution.stateRevision),
    stepCount: BigInt(execution.stepCount),
    cancelRequested: execution.cancelRequestedAt !== undefined,
    leaseExpireTime: toTimestampOr(execution.lease?.expiresAt),
    outcomes: toSteps(outcomes),
  });
}

/** What became of a lease. */
export function toLeaseReport(report: LeaseReport): WireReport {
  return create(LeaseReportSchema, {
    executionId: report.executionId,
    epoch: BigInt(report.epoch),
    held: report.held,
    leaseExpireTime: toTimestampOr(report.expiresAt),
    cancelRequested: report.cancelRequested,
    outcomes: toSteps(report.outcomes),
  });
}

/** News of an execution. */
export function toNotice(notice: WorkNotice): WorkResponse_Notice {
  const { executionId, epoch, cancelRequested, leaseLost, outcomes } = notice;
  return create(WorkResponse_NoticeSchema, {
    executionId,
    epoch: BigInt(epoch),
    cancelRequested,
    leaseLost,
    outcomes: toSteps(outcomes),
  });
}

function fromDefinition(definition: WireDefinition): WorkflowDefinition {
  const { id, description, queue, payloadSchema, stateSchema, resultSchema, retryPolicy, runTimeout } =
    definition;
  return {
    id,
    description,
    ...(queue !== '' && { queue }),
    schemas: {
      ...(payloadSchema !== '' && { payload: payloadSchema }),
      ...(stateSchema !== '' && { state: stateSchema }),
      ...(resultSchema !== '' && { result: resultSchema }),
    },
    ...(retryPolicy && { retryPolicy: fromRetryPolicy(retryPolicy) }),
    ...(runTimeout && { runTimeoutMs: fromDuration(runTimeout) }),
    ...(definition.queueConcurrencyLimit > 0 && { queueConcurrencyLimit: definition.queueConcurrencyLimit }),
    ...(definition.schedule && { schedule: fromScheduleDeclaration(definition.schedule) }),
    ...(definition.stateVersion > 0 && { stateVersion: definition.stateVersion }),
    ...(definition.trigger && { trigger: fromTriggerDeclaration(definition.trigger) }),
    ...(definition.stateIndex.length > 0 && { stateIndex: definition.stateIndex }),
  };
}
