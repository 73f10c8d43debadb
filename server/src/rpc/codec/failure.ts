import { create } from '@bufbuild/protobuf';
import type { Failure } from '../../core/failure.js';
import { FailureSchema, type Failure as WireFailure } from '../../gen/polos/v1/failure_pb.js';
import { invalidField } from '../refusals.js';
import { fromPayload, toPayload } from './payload.js';

/** Reads a failure that the request must have. */
export function requiredFailure(failure: WireFailure | undefined, field: string): Failure {
  if (!failure) throw invalidField(field, 'value is required');
  return fromFailure(failure, field);
}

/** Reads a failure with its causes; the decoder bounds how deep they go (100). */
export function fromFailure(failure: WireFailure, field: string): Failure {
  const { type, message, stack, retryable, stepKey } = failure;
  const details = fromPayload(failure.details, `${field}.details`);
  return {
    type,
    message,
    ...(stack !== '' && { stack }),
    retryable,
    ...(failure.cause && { cause: fromFailure(failure.cause, `${field}.cause`) }),
    ...(details && { details }),
    ...(stepKey !== '' && { stepKey }),
  };
}

/** A failure as it goes over the wire. */
export function toFailure(failure: Failure | undefined): WireFailure | undefined {
  if (!failure) return undefined;
  return create(FailureSchema, {
    type: failure.type,
    message: failure.message,
    stack: failure.stack ?? '',
    retryable: failure.retryable,
    cause: toFailure(failure.cause),
    details: toPayload(failure.details),
    stepKey: failure.stepKey ?? '',
  });
}
