import type { HookPhase } from './hook.js';
import type { Issue } from './issue.js';

/** What every error of this SDK is an instance of. */
export abstract class PolosError extends Error {
  /**
   * Whether running the same thing again may help. A handler that throws an error with false here fails its execution
   * for good; other errors, also those of other libraries, are retried by the workflow's retry policy.
   */
  readonly retryable: boolean = false;
}

/**
 * An error that was thrown elsewhere: in another process, or in an earlier run that is being replayed. It keeps the
 * type's name, the message and the chain of causes, not the class.
 */
export class RemoteError extends Error {
  /** The error's type as its language names it, for example "TypeError". The same as `name`. */
  readonly type: string;
  /** Data that the type defines, or undefined. */
  readonly details: unknown;

  constructor(
    type: string,
    message: string,
    options: { cause?: unknown; details?: unknown; stack?: string } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = type;
    this.type = type;
    this.details = options.details;
    if (options.stack !== undefined && options.stack !== '') this.stack = options.stack;
  }
}

/**
 * A step failed for good: its function threw on every attempt, or its child execution did not complete. The same error
 * comes live and on replay. `cause` is what the function or the child threw.
 */
export class StepExecutionError extends PolosError {
  static {
    StepExecutionError.prototype.name = 'StepExecutionError';
  }

  /** The step's key. */
  readonly stepKey: string;
  /** How often its function was called; 0 if it has none: a child execution or a wait. */
  readonly attempts: number;
  declare readonly cause: RemoteError;

  constructor(stepKey: string, attempts: number, cause: RemoteError) {
    const tries = attempts > 1 ? ` after ${attempts} attempts` : '';
    super(`step "${stepKey}" failed${tries}: ${cause.message}`, { cause });
    this.stepKey = stepKey;
    this.attempts = attempts;
  }
}

/**
 * A step's function changed a place of the state that another branch changed while it ran. Neither change is lost
 * silently: the step's is refused. Change the state after the `await` of the step instead, where no other code runs in
 * between.
 */
export class StateConflictError extends StepExecutionError {
  static {
    StateConflictError.prototype.name = 'StateConflictError';
  }

  /** The place, as a JSON Pointer. */
  readonly path: string;

  constructor(stepKey: string, attempts: number, cause: RemoteError, path: string) {
    super(stepKey, attempts, cause);
    this.path = path;
  }
}

/**
 * Nobody resumed a `step.suspend`, or no event came for a `step.waitForEvent`, within its `timeout`. The same error comes live and on replay. `cause` is how the server
 * put it; `attempts` is 0.
 */
export class WaitTimeoutError extends StepExecutionError {
  static {
    WaitTimeoutError.prototype.name = 'WaitTimeoutError';
  }

  constructor(stepKey: string, cause: RemoteError) {
    super(stepKey, 0, cause);
  }
}

/**
 * The results of a `step.batchInvokeAndWait` take more than 2,097,152 bytes of JSON together. All children are final, and each
 * has its result: read it with `client.getExecution`, return less from each, or split the batch. The same error comes live
 * and on replay. `cause` is how the server put it; `attempts` is 0.
 */
export class BatchSizeError extends StepExecutionError {
  static {
    BatchSizeError.prototype.name = 'BatchSizeError';
  }

  constructor(stepKey: string, cause: RemoteError) {
    super(stepKey, 0, cause);
  }
}

/**
 * One attempt of a step ran longer than the step's `timeout`, or gave no heartbeat for its `heartbeatTimeout`: the message
 * says which. Counts as a failed attempt.
 */
export class StepTimeoutError extends PolosError {
  static {
    StepTimeoutError.prototype.name = 'StepTimeoutError';
  }

  override readonly retryable = true;

  /** @param excess what the attempt did for longer than it may. */
  constructor(stepKey: string, limitMs: number, excess = 'took longer than') {
    super(`an attempt of step "${stepKey}" ${excess} ${limitMs} ms`);
  }
}

/**
 * A hook ended the execution: it returned `HookResult.fail(message)`, threw on every attempt (`cause` is the
 * StepExecutionError), or gave a payload or output that does not fit (`cause` says where). What ends the execution is not
 * retried; a caller finds it as the cause of the WorkflowFailedError, with `details` of `{hookName, phase}`.
 */
export class HookExecutionError extends PolosError {
  static {
    HookExecutionError.prototype.name = 'HookExecutionError';
  }

  /** The hook's name. */
  readonly hookName: string;
  /** When it ran. */
  readonly phase: HookPhase;

  constructor(message: string, hookName: string, phase: HookPhase, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.hookName = hookName;
    this.phase = phase;
  }
}

/** One run asked for the same step key twice. Give each step its own key, for example with the loop's index. */
export class DuplicateStepKeyError extends PolosError {
  static {
    DuplicateStepKeyError.prototype.name = 'DuplicateStepKeyError';
  }

  /** The key. */
  readonly stepKey: string;

  constructor(stepKey: string) {
    super(`the step key "${stepKey}" is used twice in one run; each step needs a key of its own`);
    this.stepKey = stepKey;
  }
}

/**
 * A step was asked for in a way that can never work: a key that is empty, a step within a step's function, a wait for a
 * time in the past. Nothing is recorded.
 */
export class InvalidStepError extends PolosError {
  static {
    InvalidStepError.prototype.name = 'InvalidStepError';
  }
}

/**
 * The code asked for other steps than the record of the execution holds, or came to another state. The handler was
 * changed while the execution was under way, or it depends on something outside of steps.
 */
export class NonDeterminismError extends PolosError {
  static {
    NonDeterminismError.prototype.name = 'NonDeterminismError';
  }

  /** The step where code and record first differ; undefined if the state does. */
  readonly stepKey: string | undefined;

  constructor(message: string, stepKey?: string) {
    super(message);
    this.stepKey = stepKey;
  }
}

/** The state does not fit its schema, or is nothing that JSON can hold. */
export class StateValidationError extends PolosError {
  static {
    StateValidationError.prototype.name = 'StateValidationError';
  }

  /** The places that do not fit, at most 20. */
  readonly issues: readonly Issue[];

  constructor(message: string, issues: readonly Issue[]) {
    super(message);
    this.issues = issues;
  }
}

/**
 * The recorded state cannot be brought to the version of the workflow's code: a migration threw, or its result does not
 * fit. `cause` says why. The execution is not failed but paused (`state_misfit`), its state as it was, until other code
 * or a repair lets it go on.
 */
export class StateMigrationError extends PolosError {
  static {
    StateMigrationError.prototype.name = 'StateMigrationError';
  }

  /** The version that it could not be brought to. */
  readonly version: number;

  constructor(version: number, message: string, options?: { readonly cause: unknown }) {
    super(message, options);
    this.version = version;
  }
}

/** The state is larger than it may be: 1,048,576 bytes of JSON text in UTF-8. */
export class StateSizeError extends PolosError {
  static {
    StateSizeError.prototype.name = 'StateSizeError';
  }

  /** Its size in bytes. */
  readonly size: number;
  /** The most that is allowed, in bytes. */
  readonly maxSize: number;

  constructor(size: number, maxSize: number) {
    super(`the state is ${size} bytes of JSON, more than the ${maxSize} that are allowed`);
    this.size = size;
    this.maxSize = maxSize;
  }
}

/** The payload does not fit the workflow's payload schema. */
export class PayloadValidationError extends PolosError {
  static {
    PayloadValidationError.prototype.name = 'PayloadValidationError';
  }

  /** The places that do not fit, at most 20. */
  readonly issues: readonly Issue[];

  constructor(message: string, issues: readonly Issue[]) {
    super(message);
    this.issues = issues;
  }
}

/** What the handler returned does not fit the workflow's output schema. */
export class ResultValidationError extends PolosError {
  static {
    ResultValidationError.prototype.name = 'ResultValidationError';
  }

  /** The places that do not fit, at most 20. */
  readonly issues: readonly Issue[];

  constructor(message: string, issues: readonly Issue[]) {
    super(message);
    this.issues = issues;
  }
}

/**
 * A payload or a result is larger than it may be: 2,097,152 bytes of JSON text in UTF-8 unless the server says else. Or the
 * items of a batch together are more than one message holds: 3,080,192 bytes.
 */
export class PayloadSizeError extends PolosError {
  static {
    PayloadSizeError.prototype.name = 'PayloadSizeError';
  }

  /** Its size in bytes. */
  readonly size: number;
  /** The most that is allowed, in bytes. */
  readonly maxSize: number;

  constructor(what: string, size: number, maxSize: number, advice?: string) {
    const end = advice === undefined ? '' : `; ${advice}`;
    super(`${what} is ${size} bytes of JSON, more than the ${maxSize} that are allowed${end}`);
    this.size = size;
    this.maxSize = maxSize;
  }
}

/** JSON cannot hold a payload or a result without altering it: a Date, a Map, NaN, a class instance and the like. */
export class SerializationError extends PolosError {
  static {
    SerializationError.prototype.name = 'SerializationError';
  }

  /** Where, as a JSON Pointer; empty for the value as a whole. */
  readonly path: string;

  constructor(message: string, path: string) {
    super(message);
    this.path = path;
  }
}

/** An execution ended as FAILED. `cause` is what its handler threw. */
export class WorkflowFailedError extends PolosError {
  static {
    WorkflowFailedError.prototype.name = 'WorkflowFailedError';
  }

  /** The execution. */
  readonly executionId: string;
  /** Its workflow. */
  readonly workflowId: string;
  /** The type of what the handler threw, for example "StepExecutionError". */
  readonly errorType: string;
  declare readonly cause: RemoteError;

  constructor(executionId: string, workflowId: string, cause: RemoteError) {
    super(`execution ${executionId} of "${workflowId}" failed: ${cause.type}: ${cause.message}`, { cause });
    this.executionId = executionId;
    this.workflowId = workflowId;
    this.errorType = cause.type;
  }
}

/** An execution was cancelled. In a handler: its own execution, and nothing that it does from now on is recorded. */
export class WorkflowCancelledError extends PolosError {
  static {
    WorkflowCancelledError.prototype.name = 'WorkflowCancelledError';
  }

  /** The execution. */
  readonly executionId: string;

  constructor(executionId: string) {
    super(`execution ${executionId} was cancelled`);
    this.executionId = executionId;
  }
}

/**
 * An execution took too long: it reached its run timeout (then it is over), or the caller stopped waiting (then it goes
 * on).
 */
export class WorkflowTimeoutError extends PolosError {
  static {
    WorkflowTimeoutError.prototype.name = 'WorkflowTimeoutError';
  }

  /** The execution. */
  readonly executionId: string;
  /** The time it had, in seconds; undefined if the server does not say. */
  readonly timeoutSeconds: number | undefined;

  constructor(executionId: string, message: string, timeoutSeconds?: number) {
    super(message);
    this.executionId = executionId;
    this.timeoutSeconds = timeoutSeconds;
  }
}

/** A worker was given an execution of a workflow that it does not have. */
export class WorkflowNotFoundError extends PolosError {
  static {
    WorkflowNotFoundError.prototype.name = 'WorkflowNotFoundError';
  }

  constructor(workflowId: string) {
    super(`this process defines no workflow "${workflowId}"`);
  }
}
