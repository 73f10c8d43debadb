import type { PatchStateCommand } from './command.js';
import type { Decision } from './decision.js';
import { type Draft, reject, UNCHANGED } from './draft.js';
import { type Execution, isFinal } from './execution.js';
import { jsonEquals } from './json.js';
import { applyPatch } from './state-document.js';

/**
 * Changes the state as an operator asked, at a place of its own in the order of outcomes. Only while no worker holds the
 * execution: its code has another state in memory and would overrule the change.
 */
export function patchState(draft: Draft, command: PatchStateCommand): Decision | undefined {
  const { execution } = draft;
  const { status, lease, stateRevision: current } = execution;
  const { expectedRevision: base, patch, digest, reason, author } = command;
  if (isRepeatedRepair(execution, command)) return UNCHANGED;
  if (isFinal(status)) return reject({ type: 'closed', status });
  if (lease) return reject({ type: 'running', workerId: lease.workerId });
  if (base !== current) return reject({ type: 'state_revision_conflict', base, current });
  const changed = applyPatch(draft.state, patch);
  if ('problem' in changed) return reject({ type: 'state_refused', problem: changed.problem, of: 'repair' });
  if (jsonEquals(changed.document.value, draft.state.value)) return UNCHANGED;
  draft.addEvent('state_repair', { reason, author });
  draft.addStateOutcome({ kind: 'state_repair' }, patch, changed.document);
  execution.lastRepair = { expectedRevision: base, digest };
  // Whoever keeps the code in memory has to replay it: the code has not seen the repair.
  execution.keptBy = undefined;
  return undefined;
}

/** Whether a repair was carried out before. Of one revision there is one next: it can only be the same repair. */
export function isRepeatedRepair(
  { lastRepair }: Execution,
  { expectedRevision, digest }: Pick<PatchStateCommand, 'expectedRevision' | 'digest'>,
): boolean {
  return lastRepair?.expectedRevision === expectedRevision && lastRepair.digest === digest;
}
