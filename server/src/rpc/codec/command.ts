import type { JsonValue } from '../../core/json.js';
import type { PatchOperation, StateDocument } from '../../core/state-document.js';
import { parsePatch, parseState } from '../../core/state-document.js';
import type { CompletionRequest, LeaseRef, WorkerAction, WorkerChild } from '../../engine/api.js';
import type {
  ChildrenStarted_Child,
  ChildStarted,
  Command,
  EventAwaited,
  EventPublished,
  ResumeAwaited,
  ResumeSent,
  StateChanged,
  StateMigrated,
  StepCompleted,
  StepFailed,
  TimerAwaited,
} from '../../gen/polos/v1/command_pb.js';
import type {
  CompleteStepRequest,
  ExtendLeasesRequest,
  Lease,
} from '../../gen/polos/v1/worker_service_pb.js';
import { invalidField, stateRefused } from '../refusals.js';
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

/** Reads what `EngineApi.extendLeases` takes: the worker, its leases, and those that it has let go of. */
export function fromExtension({
  workerId,
  leases,
  released,
}: ExtendLeasesRequest): readonly [string, LeaseRef[], LeaseRef[]] {
  return [workerId, leases.map(fromLease), released.map(fromLease)];
}

function fromLease({ executionId, epoch, token }: Lease): LeaseRef {
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
    case 'childrenStarted': {
      const { stepKey: key, wait: waits, children } = command.value;
      const named = children.map((child, index) =>
        fromChild(child, `${field}.children_started.children[${index}]`),
      );
      return { type: 'start_children', key, waits, children: named };
    }
    case 'outcomeAccepted':
      return { type: 'accept_outcome', key: command.value.stepKey };
    case 'stateChanged':
      return fromStateChanged(command.value, `${field}.state_changed`);
    case 'stateMigrated':
      return fromStateMigrated(command.value, `${field}.state_migrated`);
    case 'executionParked': {
      const failure = requiredFailure(command.value.failure, `${field}.execution_parked.failure`);
      return { type: 'park_execution', failure };
    }
    case 'executionCompleted': {
      const result = fromPayload(command.value.result, `${field}.execution_completed.result`);
      return { type: 'complete_execution', ...(result && { result }) };
    }
    case 'executionFailed': {
      const failure = requiredFailure(command.value.failure, `${field}.execution_failed.failure`);
      return { type: 'fail_execution', failure };
    }
    case 'executionSuspended':
      return { type: 'suspend_execution', isKept: command.value.kept };
    case 'executionCancelled':
      return { type: 'cancel_execution' };
    case 'timerAwaited':
      return fromTimerAwaited(command.value, `${field}.timer_awaited`);
    case 'resumeAwaited':
      return fromResumeAwaited(command.value, `${field}.resume_awaited`);
    case 'eventPublished':
      return fromEventPublished(command.value, `${field}.event_published`);
    case 'eventAwaited':
      return fromEventAwaited(command.value);
    case 'resumeSent':
      return fromResumeSent(command.value, `${field}.resume_sent`);
    case undefined:
      throw invalidField(
        field,
        'exactly one command is required; this one is empty or newer than the server',
      );
  }
}

function fromStateMigrated(migrated: StateMigrated, field: string): WorkerAction {
  const { baseRevision, fromVersion, toVersion } = migrated;
  const document = readState(migrated.document, `${field}.document`);
  return { type: 'migrate_state', baseRevision: Number(baseRevision), fromVersion, toVersion, document };
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
  const { stepKey: key, wait: waits } = started;
  return { type: 'start_child', key, waits, child: fromChild(started, field) };
}

function fromChild(started: ChildStarted | ChildrenStarted_Child, field: string): WorkerChild {
  const { workflowId, initialState, queue, concurrencyKey, priority, runTimeout, retryPolicy } = started;
  const payload = fromPayload(started.payload, `${field}.payload`);
  return {
    workflowId,
    ...(payload && { payload }),
    ...(initialState !== '' && { initialState }),
    ...(queue !== '' && { queue }),
    ...(concurrencyKey !== '' && { concurrencyKey }),
    priority,
    ...(runTimeout && { runTimeoutMs: fromDuration(runTimeout) }),
    ...(retryPolicy && { retryPolicy: fromRetryPolicy(retryPolicy) }),
  };
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

function fromEventAwaited({ stepKey, topic, cursor, timeout }: EventAwaited): WorkerAction {
  return {
    type: 'await_event',
    key: stepKey,
    topic,
    ...(cursor !== '' && { afterEvent: Number(cursor) }),
    ...(timeout && { timeoutMs: fromDuration(timeout) }),
  };
}

function fromEventPublished({ stepKey, topic, type, data }: EventPublished, field: string): WorkerAction {
  const payload = fromPayload(data, `${field}.data`);
  const event = { type, ...(payload && { data: payload }) };
  return { type: 'publish_event', key: stepKey, event, ...(topic !== '' && { topic }) };
}

function fromResumeSent(
  { stepKey, executionId, suspendedStepKey, data }: ResumeSent,
  field: string,
): WorkerAction {
  const payload = fromPayload(data, `${field}.data`);
  const target = { executionId, suspendedStepKey };
  return { type: 'send_resume', key: stepKey, ...target, ...(payload && { data: payload }) };
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
