import { startChild, startChildren } from './children.js';
import type { Action, CompleteCommand } from './command.js';
import type { Decision, Rejection } from './decision.js';
import { type Draft, reject, UNCHANGED } from './draft.js';
import { awaitEvent, publishEvent } from './events.js';
import { type Execution, isFinal, type Lease, ownMember } from './execution.js';
import type { Failure } from './failure.js';
import { jsonEquals } from './json.js';
import { closeCancelled, fence } from './lifecycle.js';
import { migrateState } from './migration.js';
import { park } from './pause.js';
import { DEFAULT_RETRY_POLICY, retryDelayMs } from './retry.js';
import { applyPatch, replaceAll } from './state-document.js';
import type { StepRecord } from './step.js';
import { awaitResume, awaitTimer, conflict, sameOutcome, sendResume } from './waits.js';

type RecordStep = Extract<Action, { type: 'record_step' }>;
type ChangeState = Extract<Action, { type: 'change_state' }>;

/**
 * Carries out a worker's completion: first whether it may, then its actions in order, all or none. An answer means that
 * nothing is to be committed.
 */
export function complete(draft: Draft, before: Execution, command: CompleteCommand): Decision | undefined {
  const refusal = repetition(before, command) ?? closedOrFenced(before, command);
  if (refusal) return refusal;
  const malformed = namedTwice(command.actions);
  if (malformed) return reject(malformed);
  const lease = before.lease as Lease;
  if (command.sequence !== lease.completions + 1) {
    return reject({ type: 'sequence_gap', expected: lease.completions + 1, got: command.sequence });
  }
  const { execution } = draft;
  const { epoch, sequence, digest } = command;
  execution.lease = { ...lease, completions: sequence, expiresAt: renewed(lease, command.at) };
  execution.lastCompletion = { epoch, sequence, digest };
  execution.stateUnsettled = command.stateUnsettled;
  if (command.stateSchema !== undefined) execution.stateSchema = command.stateSchema;
  execution.lostInARow = undefined;
  execution.keptBy = undefined;
  for (const [index, action] of command.actions.entries()) {
    const rejection = index > 0 ? afterEnd(command.actions[index - 1] as Action, index) : undefined;
    const refused = rejection ?? carryOut(draft, action, index, command.recorded);
    if (refused) return reject(refused);
  }
  return undefined;
}

/** Whether a completion was answered before, so that nothing more can come of it. */
export function isRepetition(
  { lastCompletion }: Execution,
  { epoch, sequence }: Pick<CompleteCommand, 'epoch' | 'sequence'>,
): boolean {
  return lastCompletion?.epoch === epoch && sequence <= lastCompletion.sequence;
}

function repetition(execution: Execution, command: CompleteCommand): Decision | undefined {
  const { lastCompletion } = execution;
  if (!lastCompletion || !isRepetition(execution, command)) return undefined;
  // Completions come one after the other: an earlier one than the last was carried out and answered.
  if (command.sequence < lastCompletion.sequence || command.digest === lastCompletion.digest)
    return UNCHANGED;
  const message = `completion ${command.sequence} of this lease was sent before with other commands`;
  return reject({ type: 'result_conflict', message });
}

function closedOrFenced(execution: Execution, command: CompleteCommand): Decision | undefined {
  if (isFinal(execution.status) && command.epoch === execution.epoch) {
    return reject({ type: 'closed', status: execution.status });
  }
  return fence(execution, command);
}

/** One completion says one thing of a step and one of the state: a second would have to overrule the first. */
function namedTwice(actions: readonly Action[]): Rejection | undefined {
  if (actions.length === 1) return undefined;
  const alone = actions.findIndex(({ type }) => type === 'migrate_state' || type === 'park_execution');
  if (alone >= 0) return { type: 'malformed', message: 'it has to be the only command', action: alone };
  const named = new Set<string>();
  for (const [index, action] of actions.entries()) {
    const isState = action.type === 'change_state';
    if (!isState && !('key' in action)) continue;
    const name = isState ? 'the state' : `the step "${action.key}"`;
    if (named.has(name)) return { type: 'malformed', message: `${name} is named twice`, action: index };
    named.add(name);
  }
  return undefined;
}

/** A completion is a sign of life. The index over expiries is spared while most of the lease is left. */
function renewed(lease: Lease, at: number): number {
  return lease.expiresAt - at > (lease.durationMs * 2) / 3 ? lease.expiresAt : at + lease.durationMs;
}

function afterEnd(previous: Action, index: number): Rejection | undefined {
  switch (previous.type) {
    case 'complete_execution':
    case 'fail_execution':
    case 'suspend_execution':
    case 'cancel_execution':
    case 'park_execution':
      return {
        type: 'malformed',
        message: 'nothing may follow the command that ends the lease',
        action: index,
      };
    default:
      return undefined;
  }
}

function carryOut(
  draft: Draft,
  action: Action,
  index: number,
  recorded: ReadonlyMap<string, StepRecord>,
): Rejection | undefined {
  switch (action.type) {
    case 'record_step':
      return recordStep(draft, action, recorded.get(action.key));
    case 'start_child':
      return startChild(draft, action, recorded.get(action.key));
    case 'start_children':
      return startChildren(draft, action, recorded.get(action.key));
    case 'await_timer':
      return awaitTimer(draft, action, recorded.get(action.key));
    case 'await_resume':
      return awaitResume(draft, action, recorded.get(action.key));
    case 'await_event':
      return awaitEvent(draft, action, recorded.get(action.key));
    case 'publish_event':
      return publishEvent(draft, action, recorded.get(action.key));
    case 'send_resume':
      return sendResume(draft, action, recorded.get(action.key));
    case 'accept_outcome':
      return acceptOutcome(draft, action.key, index, recorded.get(action.key));
    case 'change_state':
      return changeState(draft, action);
    case 'migrate_state':
      return migrateState(draft, action);
    case 'park_execution':
      return parkExecution(draft, action.failure);
    case 'complete_execution':
      return completeExecution(draft, action);
    case 'fail_execution':
      return failExecution(draft, action.failure);
    case 'suspend_execution':
      return suspendExecution(draft, action.isKept, index);
    case 'cancel_execution':
      return cancelExecution(draft);
  }
}

function recordStep(draft: Draft, action: RecordStep, known: StepRecord | undefined): Rejection | undefined {
  const { key, kind, outcome, statePatch } = action;
  if (known) {
    const isSame = known.kind === kind && known.outcome && sameOutcome(known.outcome, outcome);
    return isSame ? undefined : conflict(key, 'is recorded already with another outcome');
  }
  const { at } = draft;
  const attempts = action.attempts.length > 0 ? action.attempts : [{ number: 1, startedAt: at, endedAt: at }];
  const sequence = draft.nextSequence();
  draft.addStep({
    type: 'recorded',
    key,
    kind,
    sequence,
    outcome,
    attempts,
    ...(statePatch && { statePatch }),
  });
  draft.addOutcomeEvent(key, kind, outcome, attempts.length);
  return undefined;
}

function acceptOutcome(
  draft: Draft,
  key: string,
  index: number,
  known: StepRecord | undefined,
): Rejection | undefined {
  const { execution } = draft;
  const wait = ownMember(execution.waits, key);
  if (!wait && known && known.sequence > 0) return undefined;
  if (!wait?.arrived)
    return { type: 'malformed', message: `the step "${key}" has no outcome to accept`, action: index };
  draft.endWait(key);
  draft.addStep({ type: 'accepted', key, sequence: draft.nextSequence() });
  return undefined;
}

function changeState(draft: Draft, { baseRevision, change }: ChangeState): Rejection | undefined {
  const current = draft.execution.stateRevision;
  if (baseRevision !== current) return { type: 'state_revision_conflict', base: baseRevision, current };
  const changed = 'document' in change ? change : applyPatch(draft.state, change.patch);
  if ('problem' in changed) return { type: 'state_refused', problem: changed.problem, of: 'completion' };
  const { document } = changed;
  if (jsonEquals(document.value, draft.state.value)) return undefined;
  draft.changeState('patch' in change ? change.patch : replaceAll(document.value), document);
  return undefined;
}

function completeExecution(
  draft: Draft,
  { result }: Extract<Action, { type: 'complete_execution' }>,
): Rejection | undefined {
  if (draft.execution.cancelRequestedAt !== undefined) {
    closeCancelled(draft);
    return undefined;
  }
  draft.addEvent('workflow_finish', {});
  draft.result = result;
  draft.close('completed');
  return undefined;
}

function failExecution(draft: Draft, failure: Failure): Rejection | undefined {
  const { execution, at } = draft;
  if (execution.cancelRequestedAt !== undefined) {
    closeCancelled(draft);
    return undefined;
  }
  const { type, message } = failure;
  const retryPolicy = execution.retryPolicy ?? DEFAULT_RETRY_POLICY;
  execution.failedAttempts += 1;
  if (failure.retryable && execution.failedAttempts <= retryPolicy.maxRetries) {
    const delayMs = retryDelayMs(retryPolicy, execution.failedAttempts);
    execution.failure = failure;
    draft.addEvent('workflow_retry', { failure: { type, message }, delayMs });
    draft.queue(at + delayMs);
  } else {
    draft.addEvent('workflow_fail', { failure: { type, message } });
    draft.close('failed', failure);
  }
  return undefined;
}

function suspendExecution(draft: Draft, isKept: boolean, index: number): Rejection | undefined {
  const { execution } = draft;
  if (execution.cancelRequestedAt !== undefined) {
    closeCancelled(draft);
    return undefined;
  }
  const waits = Object.values(execution.waits);
  if (waits.length === 0) {
    return {
      type: 'malformed',
      message: 'no step is pending: nothing would ever wake the execution',
      action: index,
    };
  }
  // An outcome that the worker has not seen: it keeps the lease and goes on.
  if (waits.some((wait) => wait.arrived)) return undefined;
  draft.addEvent('workflow_wait', {});
  if (isKept && execution.lease) {
    execution.keptBy = { workerId: execution.lease.workerId, steps: execution.stepCount };
  }
  draft.releaseLease();
  execution.status = 'waiting';
  return undefined;
}

function parkExecution(draft: Draft, failure: Failure): Rejection | undefined {
  if (draft.execution.cancelRequestedAt !== undefined) {
    closeCancelled(draft);
    return undefined;
  }
  draft.leaveStateAsSettled();
  park(draft, failure);
  return undefined;
}

function cancelExecution(draft: Draft): Rejection | undefined {
  if (draft.execution.cancelRequestedAt === undefined) return { type: 'not_cancelled' };
  closeCancelled(draft);
  return undefined;
}
