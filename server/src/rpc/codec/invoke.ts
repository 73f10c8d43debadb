import { create } from '@bufbuild/protobuf';
import type { InvokeRequest as Invocation, Invoked } from '../../engine/api.js';
import {
  type InvokeRequest,
  type InvokeResponse,
  InvokeResponseSchema,
} from '../../gen/polos/v1/workflow_service_pb.js';
import { invalidField } from '../refusals.js';
import { fromRetryPolicy } from './execution.js';
import { invokeDigest } from './fingerprint.js';
import { fromPayload } from './payload.js';
import { fromDuration, toTimestamp } from './time.js';

/** Reads what Invoke asks for. The initial state is passed on as text: the engine checks it. */
export function fromInvoke(request: InvokeRequest, projectId: string): Invocation {
  const payload = fromPayload(request.payload, 'payload');
  const { executionId, idempotencyKey } = request;
  if (executionId !== '' && idempotencyKey !== '' && executionId !== idempotencyKey) {
    throw invalidField('idempotency_key', 'must be empty or equal to execution_id where that is given');
  }
  return {
    projectId,
    workflowId: request.workflowId,
    ...(executionId !== '' && { executionId }),
    ...(payload && { payload }),
    ...(request.initialState !== '' && { initialState: request.initialState }),
    ...(idempotencyKey !== '' && { idempotencyKey }),
    requestDigest: invokeDigest(request),
    ...(request.queue !== '' && { queue: request.queue }),
    ...(request.concurrencyKey !== '' && { concurrencyKey: request.concurrencyKey }),
    priority: request.priority,
    startDelayMs: request.startDelay ? fromDuration(request.startDelay) : 0,
    ...(request.runTimeout && { runTimeoutMs: fromDuration(request.runTimeout) }),
    ...(request.sessionId !== '' && { sessionId: request.sessionId }),
    ...(request.userId !== '' && { userId: request.userId }),
    searchAttributes: request.searchAttributes,
    ...(request.retryPolicy && { retryPolicy: fromRetryPolicy(request.retryPolicy) }),
    ...(request.deploymentId !== '' && { deploymentId: request.deploymentId }),
  };
}

/** What came of it. */
export function toInvoked({ executionId, created, createdAt, sessionId }: Invoked): InvokeResponse {
  return create(InvokeResponseSchema, {
    executionId,
    created,
    createTime: toTimestamp(createdAt),
    sessionId,
  });
}
