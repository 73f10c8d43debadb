import { create } from '@bufbuild/protobuf';
import {
  BatchSizeError,
  HookExecutionError,
  PayloadValidationError,
  PolosError,
  RemoteError,
  ResultValidationError,
  SerializationError,
  StateConflictError,
  StateSizeError,
  StateValidationError,
  StepExecutionError,
  WaitTimeoutError,
} from './errors.js';
import { type Failure, FailureSchema } from './gen/polos/v1/failure_pb.js';
import { StepKind } from './gen/polos/v1/step_pb.js';
import { fromPayload, toPayload } from './payload.js';

/** Bytes of a message or a stack, as the protocol limits them, less room for the note that it was cut. */
const TEXT_BYTES_MAX = 65_000;
/** Bytes of the message of one failed attempt: up to 1,001 of them travel in one request. */
const ATTEMPT_TEXT_BYTES_MAX = 1_000;
/** Bytes of one place among an error's details: at most 20 of them travel together, each with its message. */
const PLACE_BYTES_MAX = 16_000;
const TYPE_BYTES_MAX = 200;
const STEP_KEY_BYTES_MAX = 1_024;
const CAUSES_MAX = 16;

/** A failure that is described already, to be committed as it is. */
export class FinalFailure extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

/**
 * Describes an error in the form that every language can raise again: type, message, stack and causes (16 at most).
 * Texts over 64 KiB are cut and say so. Anything may be thrown; what is no Error is described by its text.
 */
export function toFailure(error: unknown): Failure {
  return error instanceof FinalFailure ? error.failure : describe(error, CAUSES_MAX);
}

/** Describes the error of one attempt: type and message only, the message 1,000 bytes at most. */
export function toAttemptFailure(error: unknown): Failure {
  const { type, message } = describe(error, 1);
  return create(FailureSchema, { type, message: cut(message, ATTEMPT_TEXT_BYTES_MAX) });
}

/** Makes an error of a failure: the same type's name, message and causes, but not the class. */
export function toError(failure: Failure | undefined): RemoteError {
  if (failure === undefined) return new RemoteError('Error', 'it failed for a reason that was not recorded');
  return new RemoteError(failure.type, failure.message, {
    stack: failure.stack,
    ...(failure.cause !== undefined && { cause: toError(failure.cause) }),
    ...(failure.details !== undefined && { details: fromPayload(failure.details) }),
  });
}

/**
 * The error that the code sees for a step that failed for good; the same live and on replay. An error of this SDK's own is
 * that again only for the kind of step that raises it: what a child or a function threw is always the `cause`.
 */
export function toStepError(
  { key: stepKey, kind }: { readonly key: string; readonly kind: StepKind },
  attempts: number,
  failure: Failure | undefined,
): StepExecutionError {
  const cause = toError(failure);
  const mayTimeOut = kind === StepKind.SUSPEND || kind === StepKind.WAIT_FOR_EVENT;
  if (mayTimeOut && cause.type === 'WaitTimeoutError') return new WaitTimeoutError(stepKey, cause);
  if (kind === StepKind.BATCH_INVOKE_AND_WAIT && cause.type === 'BatchSizeError')
    return new BatchSizeError(stepKey, cause);
  if (kind === StepKind.RUN && cause.type === 'StateConflictError') {
    const path = (cause.details as { path?: unknown } | undefined)?.path;
    return new StateConflictError(stepKey, attempts, cause, typeof path === 'string' ? path : '');
  }
  return new StepExecutionError(stepKey, attempts, cause);
}

function describe(error: unknown, levels: number): Failure {
  if (!isErrorLike(error)) {
    return create(FailureSchema, {
      type: 'Error',
      message: cut(`thrown: ${printed(error)}`, TEXT_BYTES_MAX),
      retryable: true,
    });
  }
  const cause = error.cause;
  const details = detailsOf(error);
  const stepKey = error instanceof StepExecutionError ? error.stepKey : '';
  return create(FailureSchema, {
    type: cut(typeName(error), TYPE_BYTES_MAX),
    message: cut(printed(error.message), TEXT_BYTES_MAX),
    stack: cut(typeof error.stack === 'string' ? error.stack : '', TEXT_BYTES_MAX),
    retryable: isRetryable(error),
    ...(stepKey.length <= STEP_KEY_BYTES_MAX && { stepKey }),
    ...(cause !== undefined && cause !== error && levels > 1 && { cause: describe(cause, levels - 1) }),
    ...(details !== undefined && { details: toPayload(details) }),
  });
}

/** Whether running the same thing again may help. */
export function isRetryable(error: unknown): boolean {
  return !(error instanceof PolosError) || error.retryable;
}

function isErrorLike(error: unknown): error is Error {
  return error instanceof Error || Object.prototype.toString.call(error) === '[object Error]';
}

function typeName(error: Error): string {
  const own: unknown = error.name;
  const constructed: unknown = error.constructor?.name;
  // A class that extends Error and sets no name is called "Error" like all others: its own name says more.
  if (own === 'Error' && typeof constructed === 'string' && constructed !== '') return constructed;
  return typeof own === 'string' && own !== '' ? own : 'Error';
}

/** The data that other languages need to raise the same error. */
function detailsOf(error: Error): object | undefined {
  if (
    error instanceof StateValidationError ||
    error instanceof PayloadValidationError ||
    error instanceof ResultValidationError
  ) {
    const issues = error.issues.map(({ path, message }) => ({
      path: placeOf(path),
      message: placeOf(message),
    }));
    return { issues };
  }
  if (error instanceof StateSizeError) return { size: error.size, maxSize: error.maxSize };
  if (error instanceof HookExecutionError) return { hookName: error.hookName, phase: error.phase };
  if (error instanceof StateConflictError || error instanceof SerializationError) {
    return { path: placeOf(error.path) };
  }
  return undefined;
}

/** Names of members may be what JSON cannot hold, and that is often what the error is about. */
function placeOf(text: string): string {
  return cut(text, PLACE_BYTES_MAX);
}

function printed(value: unknown): string {
  try {
    return String(value);
  } catch {
    return 'a value that has no text';
  }
}

/** Cuts a text to a number of bytes, at a character, and makes it well-formed. */
function cut(text: string, bytesMax: number): string {
  const wellFormed = text.toWellFormed();
  if (wellFormed.length * 3 <= bytesMax) return wellFormed;
  const bytes = Buffer.from(wellFormed);
  if (bytes.length <= bytesMax) return wellFormed;
  const note = '... (cut)';
  return (
    bytes
      .subarray(0, bytesMax - note.length)
      .toString()
      .replace(/�+$/, '') + note
  );
}
