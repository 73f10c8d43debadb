import { randomUUID } from 'node:crypto';
import type { Rejection } from '../core/decision.js';
import type { ExecutionStatus } from '../core/execution.js';
import { EngineError, type EngineProblem, type SchemaIssue, StoreFault } from '../engine/errors.js';
import { BadRequestSchema, ResourceInfoSchema } from '../gen/google/rpc/error_details_pb.js';
import {
  EventsDeletedSchema,
  ExecutionClosedSchema,
  ExecutionRunningSchema,
  IdempotencyMismatchSchema,
  LeaseLostSchema,
  ResultConflictSchema,
  SchemaViolationSchema,
} from '../gen/polos/v1/error_details_pb.js';
import { toExecutionStatus } from './codec/execution.js';
import type { RpcLog } from './log.js';
import {
  atPointer,
  DETAIL_LENGTH_MAX,
  ENTRIES_MAX,
  invalidField,
  limitExceeded,
  stateRefused,
  unavailable,
} from './refusals.js';
import { Code, detail, fitted, RpcError, shortened } from './status.js';

/**
 * What a caller is told of anything that was thrown. Only what the caller can mend says what happened; for the rest the
 * log has the whole and the caller an incident id that leads there.
 */
export function toRpcError(thrown: unknown, { method, log }: { method: string; log: RpcLog }): RpcError {
  if (thrown instanceof RpcError) return thrown;
  if (thrown instanceof EngineError) {
    const known = problemError(thrown.problem);
    if (known) return known;
  }
  if (thrown instanceof StoreFault && thrown.retryable) {
    log.warn({ method, err: thrown }, 'the store is not available');
    return unavailable('the store cannot be reached at the moment; try again');
  }
  const incident = randomUUID();
  log.error({ method, incident, err: thrown }, 'a call failed');
  const message = `the server failed to carry this out; its log has the reason under the incident ${incident}`;
  return new RpcError(Code.internal, message);
}

function problemError(problem: EngineProblem): RpcError | undefined {
  switch (problem.type) {
    case 'rejected':
      return rejectionError(problem.rejection, problem.executionId);
    case 'not_found': {
      const { resource, id } = problem;
      return notFound(resource, id);
    }
    case 'cursor_unknown': {
      const { cursor, newest } = problem;
      return invalidField(
        'cursor',
        `the newest event is ${newest}; the server never gave the cursor ${cursor}`,
      );
    }
    case 'events_deleted': {
      const { topic, cursor, oldest } = problem;
      const message = `the events of the topic "${topic}" from ${cursor + 1} to ${oldest - 1} were deleted; go on from ${oldest}, if you can do without them`;
      const value = { topic, cursor: BigInt(cursor), oldestSequence: BigInt(oldest) };
      return new RpcError(Code.failedPrecondition, message, [detail(EventsDeletedSchema, value)]);
    }
    case 'invalid':
      return invalidField(problem.field, problem.message);
    case 'limit': {
      const { name, limit, actual } = problem;
      return limitExceeded({ name, maximum: limit, actual, path: '' });
    }
    case 'idempotency_mismatch': {
      const { key, executionId } = problem;
      const started = executionId === '' ? '' : `, which started the execution ${executionId}`;
      const message = `the idempotency key "${key}" was used for another request${started}; use a new key`;
      return new RpcError(Code.alreadyExists, message, [
        detail(IdempotencyMismatchSchema, { idempotencyKey: key, executionId }),
      ]);
    }
    case 'initial_state_refused':
      return stateRefused(problem.problem, problem.field);
    case 'schema_violation':
      return schemaViolation(problem);
  }
}

/** Undefined for what no caller can cause: then it is a fault of the server. */
function rejectionError(rejection: Rejection, executionId: string): RpcError | undefined {
  switch (rejection.type) {
    case 'already_exists': {
      const message = `an execution with the id ${executionId} exists already; make a new id for each call`;
      return new RpcError(Code.alreadyExists, message, [detail(IdempotencyMismatchSchema, { executionId })]);
    }
    case 'not_found':
      return notFound('execution', executionId);
    case 'not_ready':
    case 'worker_too_old':
      return undefined;
    case 'lease_lost': {
      const { epoch, currentEpoch } = rejection;
      const message = `the lease ${epoch} of the execution ${executionId} is over (its epoch is ${currentEpoch} now); stop the handler`;
      const value = { executionId, epoch: BigInt(epoch), currentEpoch: BigInt(currentEpoch) };
      return new RpcError(Code.aborted, message, [detail(LeaseLostSchema, value)]);
    }
    case 'lease_forged': {
      const message = `the lease token for the execution ${executionId} was never given out; send the lease as it came`;
      return new RpcError(Code.permissionDenied, message);
    }
    case 'sequence_gap': {
      const { got, expected } = rejection;
      const message = `the completion ${got} of the execution ${executionId} came before ${expected}; send them in order`;
      return conflict(executionId, message);
    }
    case 'result_conflict':
      return conflict(executionId, `the execution ${executionId}: ${rejection.message}`, rejection.stepKey);
    case 'state_revision_conflict': {
      const { base, current } = rejection;
      const message = `the state of the execution ${executionId} is at revision ${current}, the change is against ${base}`;
      return conflict(executionId, message);
    }
    case 'closed':
      return closed(executionId, rejection.status);
    case 'state_refused':
      return stateRefused(rejection.problem, rejection.of === 'repair' ? 'patch' : 'commands.state_changed');
    case 'running': {
      const { workerId } = rejection;
      const message = `the worker ${workerId} holds the execution ${executionId}; pause it first`;
      return new RpcError(Code.failedPrecondition, message, [
        detail(ExecutionRunningSchema, { executionId, workerId }),
      ]);
    }
    case 'limit': {
      const { name, limit, actual } = rejection;
      return limitExceeded({ name, maximum: limit, actual, path: executionId });
    }
    case 'not_cancelled': {
      const message = `nobody asked to cancel the execution ${executionId}; end it with its result or its failure`;
      return new RpcError(Code.failedPrecondition, message);
    }
    case 'malformed':
      return invalidField(`commands[${rejection.action}]`, rejection.message);
  }
}

/** What to do about a missing thing. */
const ADVICE = {
  execution: 'check the id and the project',
  worker: 'register again',
  schema: 'list the schemas for the digests there are',
  revision: 'read the state without a revision for the latest one',
  schedule: 'list the schedules for the ids there are',
} as const;

function notFound(resource: keyof typeof ADVICE, id: string): RpcError {
  const message = `there is no ${resource} "${id}" in this project; ${ADVICE[resource]}`;
  return new RpcError(Code.notFound, message, [
    detail(ResourceInfoSchema, { resourceType: resource, resourceName: shortened(id, DETAIL_LENGTH_MAX) }),
  ]);
}

function conflict(executionId: string, message: string, stepKey = ''): RpcError {
  return new RpcError(Code.failedPrecondition, message, [
    detail(ResultConflictSchema, { executionId, stepKey }),
  ]);
}

function closed(executionId: string, status: ExecutionStatus): RpcError {
  const message = `the execution ${executionId} is ${status}, which is final`;
  return new RpcError(Code.failedPrecondition, message, [
    detail(ExecutionClosedSchema, { executionId, status: toExecutionStatus(status) }),
  ]);
}

function schemaViolation(problem: Extract<EngineProblem, { type: 'schema_violation' }>): RpcError {
  const { value, field, digest } = problem;
  const issues = problem.issues.slice(0, ENTRIES_MAX).map(shortIssue);
  const [first] = issues;
  const message = `${field}: ${first ? atPointer(first) : 'it breaks the schema that is registered for it'}`;
  return fitted(issues, (shown) => {
    const fieldViolations = shown.map((issue) => ({ field, description: atPointer(issue) }));
    return new RpcError(Code.invalidArgument, message, [
      detail(BadRequestSchema, { fieldViolations }),
      detail(SchemaViolationSchema, { value, digest, issues: [...shown] }),
    ]);
  });
}

function shortIssue({ path, keyword, message }: SchemaIssue): SchemaIssue {
  return {
    path: shortened(path, DETAIL_LENGTH_MAX),
    keyword: shortened(keyword, DETAIL_LENGTH_MAX),
    message: shortened(message, DETAIL_LENGTH_MAX),
  };
}
