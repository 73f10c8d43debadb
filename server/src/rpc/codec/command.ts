import type { JsonValue } from '../../core/json.js';
import type { PatchOperation, StateDocument } from '../../core/state-document.js';
import { parsePatch, parseState } from '../../core/state-document.js';
import type { CompletionRequest, LeaseRef, WorkerAction } from '../../engine/api.js';
import type {
  ChildStarted,
  Command,
  EventPublished,
  ResumeAwaited,
  StateChanged,
  StepCompleted,
  StepFailed,
  TimerAwaited,
} from '../../gen/polos/v1/command_pb.js';
import type { CompleteStepRequest, Lease } from '../../gen/polos/v1/worker_service_pb.js';
import { declaredForLater, invalidField, stateRefused } from '../refusals.js';
import { fromRetryPolicy } from './execution.js';
import { requiredFailure } from './failure.js';
import { commandsDigest } from './fingerprint.js';
import { fromPayload } from './payload.js';
import { fromAttempts, fromRecordedKind } from './step.js';
import { fromDeadline, fromDuration } from './time.js';

/** Reads a completion and checks whatever needs no store. */
export function fromCompletion(request: CompleteStepRequest): CompletionRequest {
  if (!request.lease) throw invalidField('lease', 'value is required');
  return {
    lease: fromLease(request.lease),
    sequence: Number(request.sequence),
    digest: commandsDigest(request.commands),
    actions: request.commands.map((command, index) => fromCommand(command, `commands[${index}]`)),
    stateUnsettled: request.stateUnsettled,
  };
}

/** Reads a lease. */
export function fromLease({ executionId, epoch, token }: Lease): LeaseRef {
  return { executionId, epoch: Number(epoch), token };
}

function fromCommand({ command }: Command, field: string): WorkerAction {
  switch (command.case) {
    case 'stepCompleted':
      return fromStepCompleted(command.value, `${field}.step_completed`);
    case 'stepFailed':
      return fromStepFailed(command.value, `${field}.step_failed`);
    case 'childStarted':
      return fromChildStarted(command.value, `${field}.child_started`);
    case 'outcomeAccepted':
      return { type: 'accept_outcome', key: command.value.stepKey };
    case 'stateChanged':
      return fromStateChanged(command.value, `${field}.state_changed`);
    case 'executionCompleted': {
      const result = fromPayload(command.value.result, `${field}.execution_completed.result`);
      return { type: 'complete_execution', ...(result && { result }) };
    }
    case 'executionFailed': {
      const failure = requiredFailure(command.value.failure, `${field}.execution_failed.failure`);
      return { type: 'fail_execution', failure };
    }
    case 'executionSuspended':
      return { type: 'suspend_execution' };
    case 'executionCancelled':
      return { type: 'cancel_execution' };
    case 'timerAwaited':
      return fromTimerAwaited(command.value, `${field}.timer_awaited`);
    case 'resumeAwaited':
      return fromResumeAwaited(command.value, `${field}.resume_awaited`);
    case 'eventPublished':
      return fromEventPublished(command.value, `${field}.event_published`);
    case 'eventAwaited':
      throw declaredForLater(`${field}: the command ${command.case}`);
    case undefined:
      throw invalidField(
        field,
        'exactly one command is required; this one is empty or newer than the server',
      );
  }
}

function fromStepCompleted(step: StepCompleted, field: string): WorkerAction {
  const result = fromPayload(step.result, `${field}.result`);
  if (step.statePatch !== '') readPatch(step.statePatch, `${field}.state_patch`);
  return {
    type: 'record_step',
    key: step.stepKey,
    kind: fromRecordedKind(step.kind, `${field}.kind`),
    outcome: { type: 'completed', ...(result && { result }) },
    attempts: fromAttempts(step.attempts, `${field}.attempts`),
    ...(step.statePatch !== '' && { statePatch: step.statePatch }),
  };
}

function fromStepFailed(step: StepFailed, field: string): WorkerAction {
  return {
    type: 'record_step',
    key: step.stepKey,
    kind: fromRecordedKind(step.kind, `${field}.kind`),
    outcome: { type: 'failed', failure: requiredFailure(step.failure, `${field}.failure`) },
    attempts: fromAttempts(step.attempts, `${field}.attempts`),
  };
}

function fromChildStarted(started: ChildStarted, field: string): WorkerAction {
  const { workflowId, initialState, queue, concurrencyKey, priority, runTimeout, retryPolicy } = started;
  const payload = fromPayload(started.payload, `${field}.payload`);
  const child = {
    workflowId,
    ...(payload && { payload }),
    ...(initialState !== '' && { initialState }),
    ...(queue !== '' && { queue }),
    ...(concurrencyKey !== '' && { concurrencyKey }),
    priority,
    ...(runTimeout && { runTimeoutMs: fromDuration(runTimeout) }),
    ...(retryPolicy && { retryPolicy: fromRetryPolicy(retryPolicy) }),
  };
  return { type: 'start_child', key: started.stepKey, waits: started.wait, child };
}

function fromTimerAwaited({ stepKey, fireTime, delay }: TimerAwaited, field: string): WorkerAction {
  if ((fireTime === undefined) === (delay === undefined)) {
    throw invalidField(field, 'exactly one of fire_time and delay is required');
  }
  const base = { type: 'await_timer', key: stepKey } as const;
  return fireTime
    ? { ...base, until: fromDeadline(fireTime) }
    : { ...base, delayMs: delay ? fromDuration(delay) : 0 };
}

function fromResumeAwaited({ stepKey, data, timeout }: ResumeAwaited, field: string): WorkerAction {
  const payload = fromPayload(data, `${field}.data`);
  if (payload && !('json' in payload)) {
    throw invalidField(`${field}.data`, 'must be JSON: it is shown to whoever resumes the step');
  }
  return {
    type: 'await_resume',
    key: stepKey,
    ...(payload && { data: JSON.parse(payload.json) as JsonValue }),
    ...(timeout && { timeoutMs: fromDuration(timeout) }),
  };
}

function fromEventPublished({ stepKey, topic, type, data }: EventPublished, field: string): WorkerAction {
  if (topic !== '') throw declaredForLater(`${field}: a topic`);
  const payload = fromPayload(data, `${field}.data`);
  return { type: 'publish_event', key: stepKey, event: { type, ...(payload && { data: payload }) } };
}

function fromStateChanged({ baseRevision, change }: StateChanged, field: string): WorkerAction {
  const base = { type: 'change_state', baseRevision: Number(baseRevision) } as const;
  switch (change.case) {
    case 'patch':
      return { ...base, change: { patch: readPatch(change.value, `${field}.patch`) } };
    case 'document':
      return { ...base, change: { document: readState(change.value, `${field}.document`) } };
    case undefined:
      throw invalidField(field, 'one of patch and document is required');
  }
}

function readPatch(text: string, field: string): readonly PatchOperation[] {
  const parsed = parsePatch(text);
  if ('problem' in parsed) throw stateRefused(parsed.problem, field);
  return parsed.patch;
}

function readState(text: string, field: string): StateDocument {
  const parsed = parseState(text);
  if ('problem' in parsed) throw stateRefused(parsed.problem, field);
  return parsed.document;
}
