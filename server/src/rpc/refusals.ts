import { create } from '@bufbuild/protobuf';
import { DurationSchema } from '@bufbuild/protobuf/wkt';
import { JSON_DEPTH_MAX } from '../core/json.js';
import { STATE_BYTES_MAX } from '../core/limits.js';
import type { StateProblem } from '../core/state-document.js';
import { BadRequestSchema, RetryInfoSchema } from '../gen/google/rpc/error_details_pb.js';
import { LimitExceededSchema } from '../gen/polos/v1/error_details_pb.js';
import { Code, detail, fitted, RpcError, shortened } from './status.js';

/** Declared in the protocol and not offered by this server. */
export function declaredForLater(what: string): RpcError {
  return new RpcError(Code.unimplemented, `${what} is declared for later; this server does not offer it yet`);
}

/** Try again, soon: the server or the store comes back. */
export function unavailable(message: string): RpcError {
  const retryDelay = create(DurationSchema, { seconds: 1n });
  return new RpcError(Code.unavailable, message, [detail(RetryInfoSchema, { retryDelay })]);
}

/** One field of the request is not acceptable. */
export function invalidField(field: string, description: string): RpcError {
  return invalidFields([{ field, description }]);
}

/** Some fields of the request are not acceptable; at least one. */
export function invalidFields(violations: readonly FieldViolation[]): RpcError {
  const shown = violations.slice(0, ENTRIES_MAX).map(({ field, description }) => ({
    field: shortened(field, DETAIL_LENGTH_MAX),
    description: shortened(description, DETAIL_LENGTH_MAX),
  }));
  const [first] = shown;
  const message = first
    ? `${first.field || 'the request'}: ${first.description}`
    : 'the request is not acceptable';
  return fitted(shown, (entries) => {
    const fieldViolations = [...entries];
    return new RpcError(Code.invalidArgument, message, [detail(BadRequestSchema, { fieldViolations })]);
  });
}

/** Something is larger than it may be. */
export function limitExceeded(limit: ExceededLimit): RpcError {
  const { name, maximum, actual, path } = limit;
  const where = path ? ` at ${path}` : '';
  const message = `${name} is limited to ${maximum}; this would be ${actual}${where}`;
  const value = {
    limit: name,
    maximum: BigInt(maximum),
    actual: BigInt(actual),
    path: shortened(path, DETAIL_LENGTH_MAX),
  };
  return new RpcError(Code.resourceExhausted, message, [detail(LimitExceededSchema, value)]);
}

/** A state or patch that was refused; `field` is where the request holds it. */
export function stateRefused(problem: StateProblem, field: string): RpcError {
  switch (problem.kind) {
    case 'too_large':
      return limitExceeded({
        name: 'state_bytes',
        maximum: STATE_BYTES_MAX,
        actual: problem.bytes,
        path: field,
      });
    case 'too_deep': {
      const path = problem.path || field;
      return limitExceeded({
        name: 'state_depth',
        maximum: JSON_DEPTH_MAX,
        actual: JSON_DEPTH_MAX + 1,
        path,
      });
    }
    case 'not_an_object':
    case 'invalid':
      return invalidField(field, atPointer(problem));
  }
}

/** A problem's message with its place in the value, if it has one. */
export function atPointer({ message, path }: { readonly message: string; readonly path: string }): string {
  return path ? `${message} (at ${path})` : message;
}

/** A field of a request and what is wrong with it. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/** A limit by its name in error_details.proto. */
export interface ExceededLimit {
  /** See LimitExceeded.limit. */
  readonly name: string;
  readonly maximum: number;
  readonly actual: number;
  readonly path: string;
}

/** Entries of one detail. */
export const ENTRIES_MAX = 20;

/** Characters of one text in a detail. */
export const DETAIL_LENGTH_MAX = 200;
