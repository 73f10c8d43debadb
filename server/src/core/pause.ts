import type { ReleaseLeaseCommand } from './command.js';
import type { Decision } from './decision.js';
import { type Draft, reject, UNCHANGED } from './draft.js';
import { isFinal, type PauseReason } from './execution.js';
import type { Failure } from './failure.js';
import { WORKERS_LOST_MAX } from './limits.js';

/** Holds an execution back because somebody asked for it. One that is to be cancelled is not kept from its end. */
export function pause(draft: Draft): Decision | undefined {
  const { status, cancelRequestedAt, lease, epoch } = draft.execution;
  if (isFinal(status)) return reject({ type: 'closed', status });
  if (status === 'paused' || cancelRequestedAt !== undefined) return UNCHANGED;
  if (lease) {
    draft.effects.push({ type: 'lease_revoked', workerId: lease.workerId, epoch });
    draft.execution.revokedLease = lease;
  }
  hold(draft, 'asked');
  return undefined;
}

/** Has workers go on with an execution that was held back. */
export function unpause(draft: Draft): Decision | undefined {
  const { execution } = draft;
  const { status } = execution;
  if (isFinal(status)) return reject({ type: 'closed', status });
  if (status !== 'paused') return UNCHANGED;
  if (execution.pausedFor !== 'asked') execution.failure = undefined;
  execution.pausedFor = undefined;
  execution.lostInARow = undefined;
  draft.addEvent('workflow_unpause', {});
  draft.queue(execution.readyAt);
  return undefined;
}

/** The worker that a pause took the execution from has heard of that, and lets go: others may have it. */
export function releaseLease(draft: Draft, { epoch, token }: ReleaseLeaseCommand): Decision | undefined {
  const { execution, at } = draft;
  const { revokedLease, status, readyAt } = execution;
  if (!revokedLease || epoch !== execution.epoch) return UNCHANGED;
  if (revokedLease.token !== token) return reject({ type: 'lease_forged' });
  execution.revokedLease = undefined;
  if (status !== 'queued' || readyAt > at) return undefined;
  draft.addEvent('workflow_ready', { reason: 'lease_over' });
  draft.queue(readyAt);
  return undefined;
}

/** Queues an execution whose worker was lost, or holds it back if it seems to be what workers are lost by. */
export function workerLost(draft: Draft): void {
  const { execution, at } = draft;
  execution.lostLeases += 1;
  execution.lostInARow = (execution.lostInARow ?? 0) + 1;
  draft.addEvent('worker_lost', { workerId: execution.lease?.workerId ?? '', epoch: execution.epoch });
  if (execution.lostInARow < WORKERS_LOST_MAX) {
    draft.queue(at);
    return;
  }
  const message = `${WORKERS_LOST_MAX} workers in a row were lost while they held the execution, and none had finished a step`;
  execution.failure = { type: 'WorkersLostError', message, retryable: true };
  hold(draft, 'workers_lost');
}

/** Holds back an execution whose state does not fit the code that its worker has: other code may go on with it. */
export function park(draft: Draft, failure: Failure): void {
  draft.execution.failure = failure;
  hold(draft, 'state_misfit');
}

function hold(draft: Draft, reason: PauseReason): void {
  const { execution } = draft;
  draft.releaseLease();
  execution.status = 'paused';
  execution.ready = false;
  execution.pausedFor = reason;
  draft.addEvent('workflow_pause', { reason });
}
