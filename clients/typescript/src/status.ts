import { fromBinary } from '@bufbuild/protobuf';
import { type Any, anyUnpack } from '@bufbuild/protobuf/wkt';
import { status as Code, type Metadata } from '@grpc/grpc-js';
import {
  AccessDeniedError,
  EventsDeletedError,
  ExecutionClosedError,
  ExecutionRunningError,
  IdempotencyMismatchError,
  InvalidArgumentError,
  LeaseLostError,
  LimitExceededError,
  NotFoundError,
  PolosApiError,
  ResultConflictError,
  type StatusName,
  UnavailableError,
} from './api-errors.js';
import {
  NonDeterminismError,
  PayloadSizeError,
  PayloadValidationError,
  type PolosError,
  StateSizeError,
  StateValidationError,
} from './errors.js';
import { executionStatusName } from './execution.js';
import { BadRequestSchema, ResourceInfoSchema, RetryInfoSchema } from './gen/google/rpc/error_details_pb.js';
import { type Status, StatusSchema } from './gen/google/rpc/status_pb.js';
import {
  EventsDeletedSchema,
  ExecutionClosedSchema,
  ExecutionRunningSchema,
  IdempotencyMismatchSchema,
  LeaseLostSchema,
  LimitExceededSchema,
  NonDeterminismSchema,
  ResultConflictSchema,
  SchemaViolationSchema,
} from './gen/polos/v1/error_details_pb.js';
import { describeIssues } from './issue.js';
import { durationMs } from './time.js';

/** What grpc-js rejects a call with. */
export interface RpcFailure {
  readonly code: number;
  readonly details: string;
  readonly metadata?: Metadata;
}

/**
 * Makes the typed error of a failed call. The type follows from the status and its typed details, never from the text.
 */
export function fromRpcFailure(failure: RpcFailure): PolosError {
  const encoded = failure.metadata?.get('grpc-status-details-bin')[0];
  if (encoded instanceof Uint8Array) {
    const status = fromBinary(StatusSchema, encoded);
    return fromStatus({ code: failure.code, message: failure.details, details: status.details });
  }
  return fromStatus({ code: failure.code, message: failure.details, details: [] });
}

/** The same for a status that came inside a message. */
export function fromStatus(status: Pick<Status, 'code' | 'message' | 'details'>): PolosError {
  const { code, message, details } = status;
  switch (code) {
    case Code.INVALID_ARGUMENT:
      return invalidArgument(message, details);
    case Code.RESOURCE_EXHAUSTED:
      return resourceExhausted(message, details);
    case Code.NOT_FOUND: {
      const resource = find(details, ResourceInfoSchema);
      const type = resource?.resourceType ?? '';
      return new NotFoundError(message, { type, name: resource?.resourceName ?? '' });
    }
    case Code.ALREADY_EXISTS: {
      const mismatch = find(details, IdempotencyMismatchSchema);
      if (mismatch === undefined) return new PolosApiError('ALREADY_EXISTS', message);
      return new IdempotencyMismatchError(message, mismatch.idempotencyKey, mismatch.executionId);
    }
    case Code.ABORTED:
      if (find(details, LeaseLostSchema) === undefined) return new PolosApiError('ABORTED', message);
      return new LeaseLostError(message);
    case Code.FAILED_PRECONDITION:
      return failedPrecondition(message, details);
    case Code.UNAVAILABLE:
      return new UnavailableError(message, retryDelayOf(details));
    case Code.UNAUTHENTICATED:
    case Code.PERMISSION_DENIED:
      return new AccessDeniedError(statusName(code), message);
    default:
      return new PolosApiError(statusName(code), message);
  }
}

function invalidArgument(message: string, details: readonly Any[]): PolosError {
  const violation = find(details, SchemaViolationSchema);
  if (violation !== undefined) {
    const issues = violation.issues.map(({ path, message: text }) => ({ path, message: text }));
    switch (violation.value) {
      case 'initial_state':
        return new StateValidationError(describeIssues('the initial state', issues), issues);
      case 'state':
        return new StateValidationError(describeIssues('the state', issues), issues);
      case 'payload':
        return new PayloadValidationError(describeIssues('the payload', issues), issues);
    }
  }
  const fields = find(details, BadRequestSchema)?.fieldViolations ?? [];
  const issues = fields.map(({ field, description }) => ({ path: field, message: description }));
  return new InvalidArgumentError(message, issues);
}

function resourceExhausted(message: string, details: readonly Any[]): PolosError {
  const exceeded = find(details, LimitExceededSchema);
  if (exceeded === undefined) return new PolosApiError('RESOURCE_EXHAUSTED', message);
  const { limit, path } = exceeded;
  const maximum = Number(exceeded.maximum);
  const actual = Number(exceeded.actual);
  switch (limit) {
    case 'state_bytes':
      return new StateSizeError(actual, maximum);
    case 'state_depth':
      return new StateValidationError(message, [{ path, message }]);
    case 'payload_bytes':
      return new PayloadSizeError(path === '' ? 'the payload' : path, actual, maximum);
    default:
      return new LimitExceededError(message, { limit, maximum, actual });
  }
}

function failedPrecondition(message: string, details: readonly Any[]): PolosError {
  const closed = find(details, ExecutionClosedSchema);
  if (closed !== undefined) {
    return new ExecutionClosedError(message, closed.executionId, executionStatusName(closed.status));
  }
  const running = find(details, ExecutionRunningSchema);
  if (running !== undefined) return new ExecutionRunningError(message, running.executionId, running.workerId);
  const deleted = find(details, EventsDeletedSchema);
  if (deleted !== undefined) {
    const { topic, cursor, oldestSequence } = deleted;
    return new EventsDeletedError(message, {
      topic,
      after: Number(cursor),
      oldestSequence: Number(oldestSequence),
    });
  }
  const difference = find(details, NonDeterminismSchema);
  if (difference !== undefined) return new NonDeterminismError(message, difference.stepKey);
  const conflict = find(details, ResultConflictSchema);
  if (conflict !== undefined) {
    return new ResultConflictError(message, conflict.stepKey === '' ? {} : { stepKey: conflict.stepKey });
  }
  return new PolosApiError('FAILED_PRECONDITION', message);
}

function retryDelayOf(details: readonly Any[]): number | undefined {
  const delay = find(details, RetryInfoSchema)?.retryDelay;
  return delay === undefined ? undefined : durationMs(delay);
}

/** The first detail of one type. */
function find<Desc extends Parameters<typeof anyUnpack>[1]>(details: readonly Any[], schema: Desc) {
  for (const detail of details) {
    const message = anyUnpack(detail, schema);
    if (message !== undefined) return message;
  }
  return undefined;
}

function statusName(code: number): StatusName {
  const name: unknown = Code[code];
  return typeof name === 'string' && name !== 'OK' ? (name as StatusName) : 'UNKNOWN';
}
