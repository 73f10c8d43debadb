import { PolosError } from './errors.js';
import type { ExecutionStatus } from './execution.js';
import type { Issue } from './issue.js';

/** The gRPC status of an error, in the names of the gRPC documentation. */
export type StatusName =
  | 'CANCELLED'
  | 'UNKNOWN'
  | 'INVALID_ARGUMENT'
  | 'DEADLINE_EXCEEDED'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'OUT_OF_RANGE'
  | 'UNIMPLEMENTED'
  | 'INTERNAL'
  | 'UNAVAILABLE'
  | 'DATA_LOSS'
  | 'UNAUTHENTICATED';

/** Statuses that say nothing about the request itself. */
const TRANSIENT: ReadonlySet<StatusName> = new Set([
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'ABORTED',
  'INTERNAL',
  'UNAVAILABLE',
]);

/** The server refused a call or could not be reached. Sub-classes say why; statuses without one are this class. */
export class PolosApiError extends PolosError {
  static {
    PolosApiError.prototype.name = 'PolosApiError';
  }
  /** The gRPC status. */
  readonly status: StatusName;
  override readonly retryable: boolean;

  constructor(status: StatusName, message: string) {
    super(message);
    this.status = status;
    this.retryable = TRANSIENT.has(status);
  }
}

/** The execution, worker, revision or schema does not exist, or belongs to another project. */
export class NotFoundError extends PolosApiError {
  static {
    NotFoundError.prototype.name = 'NotFoundError';
  }
  /** What sort of thing, for example "execution". */
  readonly resourceType: string;
  /** Its id. */
  readonly resourceName: string;

  constructor(message: string, resource: { readonly type: string; readonly name: string }) {
    super('NOT_FOUND', message);
    this.resourceType = resource.type;
    this.resourceName = resource.name;
  }
}

/** The request makes no sense to the server. */
export class InvalidArgumentError extends PolosApiError {
  static {
    InvalidArgumentError.prototype.name = 'InvalidArgumentError';
  }
  /** Which fields, and why. `path` names the field. */
  readonly fieldViolations: readonly Issue[];

  constructor(message: string, fieldViolations: readonly Issue[]) {
    super('INVALID_ARGUMENT', message);
    this.fieldViolations = fieldViolations;
  }
}

/** Something other than a state or a payload is larger than it may be, or a rate or budget is used up. */
export class LimitExceededError extends PolosApiError {
  static {
    LimitExceededError.prototype.name = 'LimitExceededError';
  }
  /** What is limited, for example "schema_bytes". */
  readonly limit: string;
  /** The most that is allowed. */
  readonly maximum: number;
  /** What it would have been. */
  readonly actual: number;

  constructor(message: string, exceeded: { limit: string; maximum: number; actual: number }) {
    super('RESOURCE_EXHAUSTED', message);
    this.limit = exceeded.limit;
    this.maximum = exceeded.maximum;
    this.actual = exceeded.actual;
  }
}

/** The idempotency key was used for a different request before. Nothing was started. */
export class IdempotencyMismatchError extends PolosApiError {
  static {
    IdempotencyMismatchError.prototype.name = 'IdempotencyMismatchError';
  }
  /** The key. */
  readonly idempotencyKey: string;
  /** The execution that the key belongs to. */
  readonly executionId: string;

  constructor(message: string, idempotencyKey: string, executionId: string) {
    super('ALREADY_EXISTS', message);
    this.idempotencyKey = idempotencyKey;
    this.executionId = executionId;
  }
}

/** Events of a topic that a reader has not had were deleted: they are older than the server keeps events. */
export class EventsDeletedError extends PolosApiError {
  static {
    EventsDeletedError.prototype.name = 'EventsDeletedError';
  }
  /** The topic. */
  readonly topic: string;
  /** The sequence after which the reader wanted to go on. */
  readonly after: number;
  /** The sequence of the first event after it that is there, or else of the next one to be published. */
  readonly oldestSequence: number;

  constructor(message: string, deleted: { topic: string; after: number; oldestSequence: number }) {
    super('FAILED_PRECONDITION', message);
    this.topic = deleted.topic;
    this.after = deleted.after;
    this.oldestSequence = deleted.oldestSequence;
  }
}

/** The execution is final: it cannot be cancelled or changed any more. */
export class ExecutionClosedError extends PolosApiError {
  static {
    ExecutionClosedError.prototype.name = 'ExecutionClosedError';
  }
  /** The execution. */
  readonly executionId: string;
  /** Its final status. */
  readonly executionStatus: ExecutionStatus;

  constructor(message: string, executionId: string, executionStatus: ExecutionStatus) {
    super('FAILED_PRECONDITION', message);
    this.executionId = executionId;
    this.executionStatus = executionStatus;
  }
}

/** A worker holds the execution, so that its state is the worker's to change. Pause the execution first, then repair it. */
export class ExecutionRunningError extends PolosApiError {
  static {
    ExecutionRunningError.prototype.name = 'ExecutionRunningError';
  }
  /** The execution. */
  readonly executionId: string;
  /** The worker that holds it. */
  readonly workerId: string;

  constructor(message: string, executionId: string, workerId: string) {
    super('FAILED_PRECONDITION', message);
    this.executionId = executionId;
    this.workerId = workerId;
  }
}

/** A worker's hold on an execution is over. */
export class LeaseLostError extends PolosApiError {
  static {
    LeaseLostError.prototype.name = 'LeaseLostError';
  }

  constructor(message: string) {
    super('ABORTED', message);
  }
}

/**
 * What was to be recorded contradicts what is: a step was resumed with other data before, or is of another kind. For a
 * worker's completion `retryable` is true, because a new replay starts from the record.
 */
export class ResultConflictError extends PolosApiError {
  static {
    ResultConflictError.prototype.name = 'ResultConflictError';
  }
  override readonly retryable: boolean;
  /** The step, if it is about one. */
  readonly stepKey: string | undefined;

  constructor(message: string, about: { readonly stepKey?: string; readonly retryable?: boolean } = {}) {
    super('FAILED_PRECONDITION', message);
    this.stepKey = about.stepKey;
    this.retryable = about.retryable ?? true;
  }
}

/** The server or its store cannot be reached now. Calls that are safe to repeat were repeated until their time was up. */
export class UnavailableError extends PolosApiError {
  static {
    UnavailableError.prototype.name = 'UnavailableError';
  }
  /** When the server says to try again, in milliseconds from now; undefined if it does not say. */
  readonly retryDelayMs: number | undefined;

  constructor(message: string, retryDelayMs?: number) {
    super('UNAVAILABLE', message);
    this.retryDelayMs = retryDelayMs;
  }
}

/** The API key is missing or wrong, or may not do this. `status` is UNAUTHENTICATED or PERMISSION_DENIED. */
export class AccessDeniedError extends PolosApiError {
  static {
    AccessDeniedError.prototype.name = 'AccessDeniedError';
  }
}
