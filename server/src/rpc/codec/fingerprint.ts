import { hash } from 'node:crypto';
import type { ChildrenStarted_Child, Command } from '../../gen/polos/v1/command_pb.js';
import type { RetryPolicy } from '../../gen/polos/v1/execution_pb.js';
import type { Failure } from '../../gen/polos/v1/failure_pb.js';
import type { Payload } from '../../gen/polos/v1/payload_pb.js';
import type { StepAttempt } from '../../gen/polos/v1/step_pb.js';
import type {
  InvokeRequest,
  PatchStateRequest,
  PublishEventsRequest,
} from '../../gen/polos/v1/workflow_service_pb.js';

/*
 * Digests that tell the repetition of a request from another request. They are stored, so a later version of the server
 * must come to the same ones: fields are named here one by one, in the order of their numbers, and one that is added to a
 * message later goes to the end and is left out while it is unset. (The binary form of the message would do, at 12 µs
 * instead of 2 for a common completion; a test changes each field and expects another digest.)
 */

/** Digest of what a completion asks for. */
export function commandsDigest(commands: readonly Command[]): string {
  return digest(commands.map(commandParts));
}

/** Digest of an Invoke without its idempotency key and the id that it chose. */
export function invokeDigest(request: InvokeRequest): string {
  return digest([
    request.workflowId,
    payloadParts(request.payload),
    request.initialState,
    request.queue,
    request.concurrencyKey,
    request.priority,
    timeParts(request.startDelay),
    timeParts(request.runTimeout),
    request.sessionId,
    request.userId,
    Object.entries(request.searchAttributes).sort(([a], [b]) => (a < b ? -1 : 1)),
    retryParts(request.retryPolicy),
    request.deploymentId,
  ]);
}

/** Digest of a PublishEvents without its idempotency key. */
export function publicationDigest({ topic, events }: PublishEventsRequest): string {
  return digest([topic, events.map(({ type, data }) => [type, payloadParts(data)])]);
}

/** Digest of the patch of a repair. */
export function repairDigest({ patch }: PatchStateRequest): string {
  return digest([patch]);
}

type Parts = readonly (string | number | boolean | null | Parts)[];

function digest(parts: Parts): string {
  return hash('sha256', JSON.stringify(parts), 'hex');
}

function commandParts({ command }: Command): Parts {
  const { case: name, value } = command;
  switch (name) {
    case 'stepCompleted':
      return [
        name,
        value.stepKey,
        value.kind,
        payloadParts(value.result),
        value.attempts.map(attemptParts),
        value.statePatch,
      ];
    case 'stepFailed':
      return [name, value.stepKey, value.kind, failureParts(value.failure), value.attempts.map(attemptParts)];
    case 'childStarted':
      return [
        name,
        value.stepKey,
        value.workflowId,
        payloadParts(value.payload),
        value.initialState,
        value.wait,
        value.queue,
        value.concurrencyKey,
        timeParts(value.runTimeout),
        retryParts(value.retryPolicy),
        value.priority,
      ];
    case 'outcomeAccepted':
      return [name, value.stepKey];
    case 'stateChanged':
      return [name, String(value.baseRevision), value.change.case ?? null, value.change.value ?? null];
    case 'stateMigrated':
      return [name, String(value.baseRevision), value.fromVersion, value.toVersion, value.document];
    case 'executionParked':
      return [name, failureParts(value.failure)];
    case 'executionCompleted':
      return [name, payloadParts(value.result)];
    case 'executionFailed':
      return [name, failureParts(value.failure)];
    case 'timerAwaited':
      return [name, value.stepKey, timeParts(value.fireTime), timeParts(value.delay)];
    case 'eventAwaited':
      return [name, value.stepKey, value.topic, value.cursor, timeParts(value.timeout)];
    case 'eventPublished':
      return [name, value.stepKey, value.topic, value.type, payloadParts(value.data)];
    case 'resumeAwaited':
      return [name, value.stepKey, payloadParts(value.data), timeParts(value.timeout)];
    case 'childrenStarted':
      return [name, value.stepKey, value.children.map(childParts), value.wait];
    case 'resumeSent':
      return [name, value.stepKey, value.executionId, value.suspendedStepKey, payloadParts(value.data)];
    case 'executionSuspended':
      return [name, value.kept];
    case 'executionCancelled':
      return [name];
    case undefined:
      return [null];
  }
}

function childParts(child: ChildrenStarted_Child): Parts {
  return [
    child.workflowId,
    payloadParts(child.payload),
    child.initialState,
    child.queue,
    child.concurrencyKey,
    timeParts(child.runTimeout),
    retryParts(child.retryPolicy),
    child.priority,
  ];
}

function payloadParts(payload: Payload | undefined): Parts | null {
  const body = payload?.body;
  if (body?.case === 'json') return [body.value];
  if (body?.case === 'data') return [hash('sha256', body.value, 'hex'), payload?.encoding ?? ''];
  return null;
}

function failureParts(failure: Failure | undefined): Parts | null {
  if (!failure) return null;
  const { type, message, stack, retryable, cause, details, stepKey } = failure;
  return [type, message, stack, retryable, failureParts(cause), payloadParts(details), stepKey];
}

function attemptParts({ number, startTime, endTime, failure }: StepAttempt): Parts {
  return [number, timeParts(startTime), timeParts(endTime), failureParts(failure)];
}

function retryParts(policy: RetryPolicy | undefined): Parts | null {
  return policy ? [policy.maxRetries ?? null, timeParts(policy.baseDelay), timeParts(policy.maxDelay)] : null;
}

function timeParts(time: { readonly seconds: bigint; readonly nanos: number } | undefined): Parts | null {
  return time ? [String(time.seconds), time.nanos] : null;
}
