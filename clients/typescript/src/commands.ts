import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type ChildrenStarted_Child,
  type Command,
  CommandSchema,
  type StateMigratedSchema,
} from './gen/polos/v1/command_pb.js';
import type { Failure } from './gen/polos/v1/failure_pb.js';
import type { Payload } from './gen/polos/v1/payload_pb.js';
import type { StateChange } from './state/state-document.js';
import type { FreshOutcome } from './step-body.js';

/** Records what became of a step that ran here. */
export function stepFinished(outcome: FreshOutcome): Command {
  const { key: stepKey, kind, attemptRecords: attempts } = outcome;
  if (outcome.failure !== undefined) {
    const value = { stepKey, kind, attempts, failure: outcome.failure };
    return create(CommandSchema, { command: { case: 'stepFailed', value } });
  }
  const { result, statePatch } = outcome;
  const value = { stepKey, kind, attempts, statePatch, ...(result !== undefined && { result }) };
  return create(CommandSchema, { command: { case: 'stepCompleted', value } });
}

/** Gives an outcome that the server brought its place in the order. */
export function outcomeAccepted(stepKey: string): Command {
  return create(CommandSchema, { command: { case: 'outcomeAccepted', value: { stepKey } } });
}

/** Saves what changed in the state. */
export function stateChanged(change: StateChange): Command {
  return create(CommandSchema, { command: { case: 'stateChanged', value: change } });
}

/** Ends the execution with a result. */
export function executionCompleted(result: Payload | undefined): Command {
  const value = result === undefined ? {} : { result };
  return create(CommandSchema, { command: { case: 'executionCompleted', value } });
}

/** Ends this attempt of the handler. */
export function executionFailed(failure: Failure): Command {
  return create(CommandSchema, { command: { case: 'executionFailed', value: { failure } } });
}

/** Brings the state to a later version of its form. */
export function stateMigrated(migration: MessageInitShape<typeof StateMigratedSchema>): Command {
  return create(CommandSchema, { command: { case: 'stateMigrated', value: migration } });
}

/** Has the execution held back, because its state does not fit. */
export function executionParked(failure: Failure): Command {
  return create(CommandSchema, { command: { case: 'executionParked', value: { failure } } });
}

/** Gives the execution back until an outcome comes; `kept` if its code stays in memory here, where it stands. */
export function executionSuspended(kept: boolean): Command {
  return create(CommandSchema, { command: { case: 'executionSuspended', value: { kept } } });
}

/** Ends the execution as cancelled. */
export function executionCancelled(): Command {
  return create(CommandSchema, { command: { case: 'executionCancelled', value: {} } });
}

/** Tags and lengths, a timeout, a priority. */
const CHILD_BYTES = 64;

/** About how many bytes a command takes in a message: those of its texts. */
export function approximateBytes({ command }: Command): number {
  switch (command.case) {
    case 'stepCompleted':
      return payloadBytes(command.value.result) + command.value.statePatch.length;
    case 'stepFailed':
      return (command.value.failure?.message.length ?? 0) + (command.value.failure?.stack.length ?? 0);
    case 'childStarted':
      return payloadBytes(command.value.payload) + command.value.initialState.length;
    case 'childrenStarted':
      return command.value.children.reduce((bytes, child) => bytes + childBytes(child), 0);
    case 'resumeAwaited':
    case 'resumeSent':
    case 'eventPublished':
      return payloadBytes(command.value.data);
    default:
      return 0;
  }
}

/** Not less than it takes: thousands of children are measured against what a message holds. */
function childBytes({
  payload,
  initialState,
  workflowId,
  queue,
  concurrencyKey,
}: ChildrenStarted_Child): number {
  const texts = [textOf(payload), initialState, workflowId, queue, concurrencyKey];
  return texts.reduce((bytes, text) => bytes + Buffer.byteLength(text), CHILD_BYTES);
}

function textOf(payload: Payload | undefined): string {
  return payload?.body.case === 'json' ? payload.body.value : '';
}

function payloadBytes(payload: Payload | undefined): number {
  return payload?.body.value?.length ?? 0;
}
