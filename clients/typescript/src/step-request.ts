import { create } from '@bufbuild/protobuf';
import { NonDeterminismError } from './errors.js';
import { toStepError } from './failure.js';
import type { Command } from './gen/polos/v1/command_pb.js';
import { type Failure, FailureSchema } from './gen/polos/v1/failure_pb.js';
import type { Payload } from './gen/polos/v1/payload_pb.js';
import { StepKind, type StepRecord, StepStatus } from './gen/polos/v1/step_pb.js';
import { fromPayload } from './payload.js';
import type { JsonObject } from './state/json.js';
import type { ErrorClass, StepAttempt } from './step.js';
import { toEventPayload } from './topic-event.js';

/** A step's function with its options filled in. Times in milliseconds. */
export interface RunWork {
  readonly type: 'run';
  readonly run: (attempt: StepAttempt) => unknown;
  /** Calls in the asynchronous context (AsyncLocalStorage, tracing) in which the code asked for the step. */
  readonly inContext: <T>(call: () => T) => T;
  readonly maxRetries: number;
  readonly baseDelay: number;
  readonly maxDelay: number;
  readonly timeout: number | undefined;
  readonly heartbeatTimeout: number | undefined;
  readonly nonRetryable: readonly (string | ErrorClass)[];
}

/** A value that is recorded as it is made: a UUID, a time, a random number. */
interface ValueWork {
  readonly type: 'value';
  readonly make: () => string | number;
}

/** A child to start. */
interface ChildWork {
  readonly type: 'child';
  readonly workflowId: string;
  /** Makes the command. Throws if the child cannot be given its payload or state. */
  readonly toCommand: () => Command;
}

/** Children to start as one step. */
interface BatchWork {
  readonly type: 'batch';
  /** In the order of the items. */
  readonly workflowIds: readonly string[];
  /** Makes the command. Throws if a child cannot be given its payload or state. Not called for a batch that is recorded. */
  readonly toCommand: () => Command;
}

/** A wait to begin. */
interface WaitWork {
  readonly type: 'wait';
  /** Makes the command. Throws if what the code asks for is no wait. Not called for a wait that is recorded. */
  readonly toCommand: () => Command;
}

/** An event to publish. */
interface PublishWork {
  readonly type: 'publish';
  /** Makes the command. Throws if what the code gives is no event. Not called for one that is recorded. */
  readonly toCommand: () => Command;
}

/** A step that the code asked for. */
export interface StepRequest {
  readonly key: string;
  readonly kind: StepKind;
  readonly work: RunWork | ValueWork | ChildWork | BatchWork | WaitWork | PublishWork;
  /** waiting: not begun; begun: its function runs, or the server has it; settled: the code has its outcome. */
  phase: 'waiting' | 'begun' | 'settled';
  /** What asks the server to carry it out, if it is not recorded yet. */
  readonly command: Command | undefined;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** What became of a step: from the record, or fresh. */
export interface StepOutcome {
  readonly key: string;
  readonly kind: StepKind;
  readonly result: Payload | undefined;
  /** Set if it failed. */
  readonly failure: Failure | undefined;
  /** How often its function was called. */
  readonly attempts: number;
  /** What its function changed in the state: a JSON Patch as text, empty for nothing. */
  readonly statePatch: string;
  /** Of a change of the state that no code asked for: see StepRecord.before_code. */
  readonly isBeforeCode?: boolean;
  /** Of a migration: the version of the state's form after it. */
  readonly toStateVersion?: number;
  /** The state that its function started from; undefined if it comes from the record. */
  readonly stateBase?: JsonObject | undefined;
  readonly childExecutionId: string;
}

/** A recorded step's outcome. */
export function fromRecord(record: StepRecord): StepOutcome {
  return {
    key: record.key,
    kind: record.kind,
    result: record.result,
    failure: record.status === StepStatus.FAILED ? (record.failure ?? create(FailureSchema)) : undefined,
    attempts: record.attempts.length,
    statePatch: record.statePatch,
    isBeforeCode: record.beforeCode,
    toStateVersion: record.toStateVersion,
    childExecutionId: record.childExecutionId,
  };
}

/** Gives the code what it waits for. Live and on replay the same: a fresh value from the recorded text, or an error. */
export function settle(request: StepRequest, outcome: StepOutcome): void {
  request.phase = 'settled';
  if (outcome.failure !== undefined) {
    request.reject(toStepError(request, outcome.attempts, outcome.failure));
  } else if (request.work.type === 'child' && request.kind === StepKind.INVOKE) {
    const id = outcome.childExecutionId;
    request.resolve({ id, executionId: id, workflowId: request.work.workflowId });
  } else if (request.work.type === 'batch') {
    request.resolve(batchValue(request, request.work.workflowIds, fromPayload(outcome.result)));
  } else if (request.kind === StepKind.WAIT_FOR_EVENT) {
    request.resolve(toEventPayload(fromPayload(outcome.result)));
  } else {
    request.resolve(fromPayload(outcome.result));
  }
}

/** Whether only the server can bring the outcome of a step of this kind: a child ends, a time or an event comes, somebody resumes it. */
export function isBroughtByServer(kind: StepKind): boolean {
  return BROUGHT_KINDS.has(kind);
}

/** Whether a record of this kind is a change of the state that no code asks for. */
export function isStateChange(kind: StepKind): boolean {
  return kind === StepKind.STATE_REPAIR || kind === StepKind.STATE_MIGRATION;
}

/**
 * What the children came to, or handles of them, in the order of the items.
 * @throws NonDeterminismError if the record is of another number of children.
 */
function batchValue({ key, kind }: StepRequest, workflowIds: readonly string[], recorded: unknown): unknown {
  const children = recorded as readonly string[];
  if (children.length !== workflowIds.length) {
    const message = `the record of step "${key}" is of ${children.length} children, but the code asked for ${workflowIds.length}`;
    throw new NonDeterminismError(message, key);
  }
  if (kind === StepKind.BATCH_INVOKE_AND_WAIT) return children;
  return children.map((id, index) => ({ id, executionId: id, workflowId: workflowIds[index] }));
}

const BROUGHT_KINDS: ReadonlySet<StepKind> = new Set([
  StepKind.INVOKE_AND_WAIT,
  StepKind.BATCH_INVOKE_AND_WAIT,
  StepKind.WAIT_FOR,
  StepKind.WAIT_FOR_EVENT,
  StepKind.SUSPEND,
  StepKind.RESUME,
]);

/** How a kind of step is named in messages. */
export function kindName(kind: StepKind): string {
  return KIND_NAMES.get(kind) ?? `kind ${kind}`;
}

const KIND_NAMES: ReadonlyMap<StepKind, string> = new Map([
  [StepKind.RUN, 'step.run'],
  [StepKind.INVOKE, 'step.invoke'],
  [StepKind.INVOKE_AND_WAIT, 'step.invokeAndWait'],
  [StepKind.UUID, 'step.uuid'],
  [StepKind.NOW, 'step.now'],
  [StepKind.RANDOM, 'step.random'],
  [StepKind.WAIT_FOR, 'step.waitFor or step.waitUntil'],
  [StepKind.SUSPEND, 'step.suspend'],
  [StepKind.RESUME, 'step.resume'],
  [StepKind.BATCH_INVOKE, 'step.batchInvoke'],
  [StepKind.BATCH_INVOKE_AND_WAIT, 'step.batchInvokeAndWait'],
  [StepKind.WAIT_FOR_EVENT, 'step.waitForEvent'],
  [StepKind.STATE_REPAIR, 'a repair of the state'],
  [StepKind.STATE_MIGRATION, 'a migration of the state'],
  [StepKind.PUBLISH_EVENT, 'step.publishEvent or step.publishWorkflowEvent'],
]);
