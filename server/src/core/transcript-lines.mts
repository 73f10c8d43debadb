import type { Decision, Effect } from './decision.js';
import { type Execution, freeAt, type OutboxMessage, type Wait } from './execution.js';
import type { Payload } from './payload.js';
import type { StepFact, StepOutcome } from './step.js';

// For tests only; `.mts`, so that the build of `src/**/*.ts` leaves it out.

/** What was decided, as the lines of a transcript. */
export function written(decision: Decision): string[] {
  if (decision.type === 'unchanged') return ['unchanged'];
  if (decision.type === 'rejected') {
    const { type, ...details } = decision.rejection;
    return [`rejected ${type}${Object.keys(details).length > 0 ? ` ${JSON.stringify(details)}` : ''}`];
  }
  const { next, entry, effects } = decision;
  const { execution, state } = next;
  const lines = [summary(execution)];
  if (entry?.input?.payload) lines.push(`payload ${payloadText(entry.input.payload)}`);
  for (const [index, { type, stepKey, data, published }] of (entry?.events ?? []).entries()) {
    const number = (entry?.firstEvent ?? 0) + index;
    const value = published
      ? `${published.type} ${payloadText(published.data ?? { json: '' })}`
      : JSON.stringify(data);
    lines.push(`event ${number} ${type}${stepKey === undefined ? '' : ` ${stepKey}`} ${value}`.trimEnd());
  }
  for (const fact of entry?.steps ?? []) lines.push(`step ${factText(fact)}`);
  if (entry?.patch || entry?.input) {
    lines.push(
      `state r${execution.stateRevision} ${execution.stateBytes} bytes ${JSON.stringify(state.value)}`,
    );
  }
  if (entry?.result) lines.push(`result ${payloadText(entry.result)}`);
  if (execution.failure) lines.push(`failure ${execution.failure.type}: ${execution.failure.message}`);
  if (execution.outbox.length > 0) lines.push(`outbox ${execution.outbox.map(messageText).join(', ')}`);
  return [...lines, ...effects.map((effect) => `effect ${effectText(effect)}`)];
}

function summary(execution: Execution): string {
  const { status, version, epoch, ready, readyAt, lease, waits, failedAttempts, lostLeases } = execution;
  const waiting = Object.entries(waits).map(
    ([key, wait]) => `${key}=${waitText(wait)}${wait.arrived ? '(arrived)' : ''}`,
  );
  const resumed = Object.keys(execution.resumes ?? {});
  return [
    `${status} v${version} e${epoch}`,
    status === 'queued' &&
      !execution.slot &&
      (ready ? `ready since ${readyAt}` : `ready at ${freeAt(execution)}`),
    execution.slot && `${execution.slot.isHeld ? 'holds' : 'waits for'} slot ${execution.slot.turn}`,
    execution.pausedFor !== undefined && `because ${execution.pausedFor}`,
    execution.keptBy && `kept by ${execution.keptBy.workerId} after ${execution.keptBy.steps} outcomes`,
    lease && `lease of ${lease.workerId} until ${lease.expiresAt} after ${lease.completions} completions`,
    execution.revokedLease &&
      `revoked lease of ${execution.revokedLease.workerId} until ${execution.revokedLease.expiresAt}`,
    execution.cancelRequestedAt !== undefined && `cancel asked at ${execution.cancelRequestedAt}`,
    waiting.length > 0 && `waits for ${waiting.join(' ')}`,
    resumed.length > 0 && resumed.length < 10 && `keeps what resumed ${resumed.join(' ')}`,
    execution.runTimeoutMs !== undefined && `ran ${execution.runMs} of ${execution.runTimeoutMs} ms before`,
    failedAttempts > 0 && `failed ${failedAttempts} times`,
    lostLeases > 0 && `lost ${lostLeases} leases`,
    execution.stateUnsettled && 'state unsettled',
    (execution.stateVersion ?? 1) > 1 && `state version ${execution.stateVersion}`,
    execution.closedAt !== undefined && `closed at ${execution.closedAt}`,
  ]
    .filter((part) => part)
    .join(', ');
}

function waitText({ childExecutionId, open, topic, afterEvent, until, kind }: Wait): string {
  if (open !== undefined) return `${open} children`;
  const end = until === undefined ? '' : ` until ${until}`;
  if (topic !== undefined) return `${topic} after ${afterEvent ?? 'its creation'}${end}`;
  if (kind === 'resume') return 'an answer';
  return childExecutionId ?? String(until ?? 'a resume');
}

function factText(fact: StepFact): string {
  switch (fact.type) {
    case 'recorded':
      return `recorded ${fact.key} ${fact.kind} #${fact.sequence}${outcomeText(fact.outcome)}${childrenText(fact)}`;
    case 'pending':
      return `pending ${fact.key} ${fact.kind}${fact.childExecutionId ? ` for ${fact.childExecutionId}` : ''}${childrenText(fact)}`;
    case 'child_closed':
      return `child_closed ${fact.key} ${fact.index}${outcomeText(fact.outcome)}`;
    case 'gathered':
      return `gathered ${fact.key}`;
    case 'arrived':
      return `arrived ${fact.key}${outcomeText(fact.outcome)}`;
    case 'state_changed':
      return `${fact.kind} #${fact.sequence}${versionsText(fact)}${fact.isBeforeCode ? ' before the code' : ''}`;
    case 'accepted':
      return `accepted ${fact.key} #${fact.sequence}`;
  }
}

function versionsText(fact: Extract<StepFact, { type: 'state_changed' }>): string {
  return fact.kind === 'state_migration' ? ` from ${fact.fromVersion} to ${fact.toVersion}` : '';
}

function childrenText({ children }: Extract<StepFact, { type: 'pending' | 'recorded' }>): string {
  return children ? ` of ${children.map(({ id, workflowId }) => `${id} ${workflowId}`).join(', ')}` : '';
}

function outcomeText(outcome: StepOutcome): string {
  if (outcome.type === 'failed') return ` ! ${outcome.failure.type} ${outcome.failure.message}`;
  return outcome.result ? ` = ${payloadText(outcome.result)}` : ' without a result';
}

function payloadText(payload: Payload): string {
  return 'json' in payload ? payload.json : `${payload.data.length} bytes ${payload.encoding}`;
}

function messageText(message: OutboxMessage): string {
  const { id, type } = message;
  if (type === 'start_child') return `${id} ${type} ${message.child.id} ${message.child.workflowId}`;
  switch (type) {
    case 'child_closed': {
      const place = message.index === undefined ? '' : `[${message.index}]`;
      return `${id} ${type} ${message.executionId}/${message.stepKey}${place}`;
    }
    case 'start_children':
      return `${id} ${type} ${message.stepKey} of event ${message.event}`;
    case 'publish_event':
      return `${id} ${type} ${message.topic} ${message.event.type}`;
    case 'await_event':
      return `${id} ${type} ${message.stepKey}`;
    case 'resume':
      return `${id} ${type} ${message.executionId}/${message.suspendedStepKey}`;
    case 'release_slot':
      return `${id} ${type} ${message.turn}`;
    case 'cancel_children':
    case 'want_slot':
      return `${id} ${type}`;
  }
}

function effectText({ type, ...details }: Effect): string {
  return [type, ...Object.values(details)].join(' ');
}
