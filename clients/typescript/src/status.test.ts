import { create, type DescMessage, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { status as Code, Metadata } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import * as api from './api-errors.js';
import {
  NonDeterminismError,
  PayloadSizeError,
  PayloadValidationError,
  StateSizeError,
  StateValidationError,
} from './errors.js';
import { BadRequestSchema, ResourceInfoSchema, RetryInfoSchema } from './gen/google/rpc/error_details_pb.js';
import { StatusSchema } from './gen/google/rpc/status_pb.js';
import {
  EventsDeletedSchema,
  ExecutionClosedSchema,
  IdempotencyMismatchSchema,
  LeaseLostSchema,
  LimitExceededSchema,
  NonDeterminismSchema,
  ResultConflictSchema,
  SchemaViolationSchema,
} from './gen/polos/v1/error_details_pb.js';
import { ExecutionStatus } from './gen/polos/v1/execution_pb.js';
import { fromRpcFailure } from './status.js';

const issues = [{ path: '/n', keyword: 'type', message: 'must be number' }];
const limit = (name: string): MessageInitShape<typeof LimitExceededSchema> => ({
  limit: name,
  maximum: 4n,
  actual: 5n,
});
const pack = <Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>) =>
  anyPack(schema, create(schema, init));

describe('a failed call', () => {
  it.each([
    [
      Code.INVALID_ARGUMENT,
      pack(BadRequestSchema, { fieldViolations: [{ field: 'queue', description: 'long' }] }),
      api.InvalidArgumentError,
      { fieldViolations: [{ path: 'queue', message: 'long' }] },
    ],
    [
      Code.INVALID_ARGUMENT,
      pack(SchemaViolationSchema, { value: 'initial_state', issues }),
      StateValidationError,
      { issues: [{ path: '/n', message: 'must be number' }] },
    ],
    [
      Code.INVALID_ARGUMENT,
      pack(SchemaViolationSchema, { value: 'payload', issues }),
      PayloadValidationError,
      { retryable: false },
    ],
    [
      Code.RESOURCE_EXHAUSTED,
      pack(LimitExceededSchema, limit('state_bytes')),
      StateSizeError,
      { size: 5, maxSize: 4 },
    ],
    [Code.RESOURCE_EXHAUSTED, pack(LimitExceededSchema, limit('state_depth')), StateValidationError, {}],
    [
      Code.RESOURCE_EXHAUSTED,
      pack(LimitExceededSchema, limit('payload_bytes')),
      PayloadSizeError,
      { size: 5 },
    ],
    [
      Code.RESOURCE_EXHAUSTED,
      pack(LimitExceededSchema, limit('schema_bytes')),
      api.LimitExceededError,
      { limit: 'schema_bytes' },
    ],
    [
      Code.NOT_FOUND,
      pack(ResourceInfoSchema, { resourceType: 'execution', resourceName: 'x' }),
      api.NotFoundError,
      { resourceName: 'x' },
    ],
    [
      Code.ALREADY_EXISTS,
      pack(IdempotencyMismatchSchema, { idempotencyKey: 'k', executionId: 'e' }),
      api.IdempotencyMismatchError,
      { executionId: 'e' },
    ],
    [Code.ABORTED, pack(LeaseLostSchema, {}), api.LeaseLostError, {}],
    [
      Code.FAILED_PRECONDITION,
      pack(ExecutionClosedSchema, { status: ExecutionStatus.TIMED_OUT }),
      api.ExecutionClosedError,
      { executionStatus: 'timed_out' },
    ],
    [
      Code.FAILED_PRECONDITION,
      pack(EventsDeletedSchema, { topic: 't', cursor: 4n, oldestSequence: 9n }),
      api.EventsDeletedError,
      { topic: 't', after: 4, oldestSequence: 9 },
    ],
    [Code.FAILED_PRECONDITION, pack(ResultConflictSchema, {}), api.ResultConflictError, {}],
    [
      Code.FAILED_PRECONDITION,
      pack(NonDeterminismSchema, { stepKey: 's' }),
      NonDeterminismError,
      { stepKey: 's' },
    ],
    [
      Code.UNAVAILABLE,
      pack(RetryInfoSchema, { retryDelay: { seconds: 1n } }),
      api.UnavailableError,
      { retryDelayMs: 1_000, retryable: true },
    ],
  ])('with status %i and its detail becomes the typed error', (code, detail, type, fields) => {
    const metadata = new Metadata();
    const status = create(StatusSchema, { code, message: 'text', details: [detail] });
    metadata.set('grpc-status-details-bin', Buffer.from(toBinary(StatusSchema, status)));
    const error = fromRpcFailure({ code, details: 'text', metadata });
    expect(error).toBeInstanceOf(type);
    expect(error).toMatchObject(fields);
  });

  it.each([
    [Code.UNAUTHENTICATED, api.AccessDeniedError, 'UNAUTHENTICATED'],
    [Code.PERMISSION_DENIED, api.AccessDeniedError, 'PERMISSION_DENIED'],
    [Code.INTERNAL, api.PolosApiError, 'INTERNAL'],
    [Code.DEADLINE_EXCEEDED, api.PolosApiError, 'DEADLINE_EXCEEDED'],
    [99, api.PolosApiError, 'UNKNOWN'],
  ])('with status %i and no detail keeps its status', (code, type, status) => {
    const error = fromRpcFailure({ code, details: 'text' });
    expect(error).toBeInstanceOf(type);
    expect(error).toMatchObject({ status, message: 'text' });
  });
});
