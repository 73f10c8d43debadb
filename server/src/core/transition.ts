import { childClosed, childrenClosed } from './children.js';
import type { ClaimCommand, Command } from './command.js';
import { complete } from './complete.js';
import type { Decision, Snapshot } from './decision.js';
import { Draft, reject } from './draft.js';
import { eventArrived } from './events.js';
import {
  cancel,
  claim,
  create,
  extendLease,
  grantSlot,
  outboxDelivered,
  revokeSlot,
  wake,
} from './lifecycle.js';
import { pause, releaseLease, unpause } from './pause.js';
import { patchState } from './repair.js';
import { resume } from './waits.js';

/**
 * Decides what a command does to an execution. Pure: the same arguments give the same decision, and nothing is changed.
 *
 *  command \ status | (none)    | queued           | running                     | waiting (5)      | final
 *  -----------------+-----------+------------------+-----------------------------+------------------+---------------
 *  create           | -> queued | already_exists   | already_exists              | already_exists   | already_exists
 *  claim            | not_found | ready: -> running| not_ready                   | not_ready        | closed
 *                   |           | (6), or not_ready|                             |                  |
 *  complete         | not_found | lease_lost (1)   | fenced, then its actions:   | lease_lost (1)   | closed, or
 *                   |           |                  | -> running, waiting, queued |                  | lease_lost (1)
 *                   |           |                  | (retry) or final            |                  |
 *  extend_lease     | not_found | lease_lost       | later expiry                | lease_lost       | lease_lost
 *  release_lease (9)| not_found | ready            | unchanged                   | unchanged        | unchanged
 *  wake (3)         | not_found | due: ready       | due: -> timed_out,          | due: -> queued   | unchanged
 *                   |           |                  | cancelled, queued or paused |                  |
 *                   |           |                  | (lost)                      |                  |
 *  cancel           | not_found | -> cancelled     | asked once; the worker ends | -> cancelled     | cancelled:
 *                   |           |                  | it, or wake does            |                  | unchanged (2)
 *  child_closed (4),| not_found | outcome arrives  | outcome arrives             | -> queued        | unchanged
 *  event_arrived    |           |                  |                             |                  |
 *  resume           | not_found | outcome arrives, | outcome arrives, or is kept | -> queued, or    | closed
 *                   |           | or is kept       |                             | is kept          |
 *  pause            | not_found | -> paused        | -> paused, lease revoked    | -> paused        | closed
 *  unpause (9)      | not_found | unchanged        | unchanged                   | unchanged        | closed
 *  patch_state (8)  | not_found | another state    | running                     | another state    | closed
 *  grant_slot       | not_found | ready (7)        | unchanged                   | unchanged        | unchanged
 *  revoke_slot      | not_found | ready: waits (7) | unchanged                   | unchanged        | unchanged
 *  outbox_delivered | not_found | shorter outbox   | shorter outbox; outcomes    | shorter outbox;  | shorter outbox
 *                   |           |                  | of messages arrive          | -> queued        |
 *
 *  (1) unchanged if it repeats the last completion.   (2) the other final statuses: closed.
 *  (3) the outcome of every wait whose time has come arrives, too; unchanged if nothing is due.
 *  (4) and children_closed: the outcome arrives with the last child.
 *  (5) paused is as waiting, but outcomes leave it paused; pause: unchanged, unpause: -> queued.
 *  (6) without a slot where it needs one: it begins to wait for one.   (7) unchanged unless it waits for, or holds, that slot.
 *  (8) unchanged if it repeats the last one, or changes nothing.
 *  (9) a pause's end does not make it ready while a lease that a pause took from a worker may last: release_lease by that
 *  worker (also while paused), or wake once the lease is over, does. Without such a lease release_lease leaves all unchanged.
 *  What repeats what was carried out leaves all unchanged. Nothing is paused that somebody asked to cancel.
 *  lease_lost and closed are lease_forged where the epoch was never granted or the token is not the lease's.
 *
 * @param offer a worker that waits: if the command makes the execution ready, the same commit leases it to that worker.
 */
export function transition(snapshot: Snapshot | undefined, command: Command, offer?: ClaimCommand): Decision {
  if (command.type === 'create') {
    return snapshot ? reject({ type: 'already_exists' }) : offered(create(command), offer);
  }
  if (!snapshot) return reject({ type: 'not_found' });
  const draft = new Draft(snapshot, command.at);
  const refusal = decide(draft, snapshot, command);
  return refusal ?? offered(draft, offer);
}

/** Applies the command to the draft; an answer means that the draft is not wanted. */
function decide(
  draft: Draft,
  snapshot: Snapshot,
  command: Exclude<Command, { type: 'create' }>,
): Decision | undefined {
  switch (command.type) {
    case 'claim':
      return claim(draft, command);
    case 'complete':
      return complete(draft, snapshot.execution, command);
    case 'extend_lease':
      return extendLease(draft, command);
    case 'release_lease':
      return releaseLease(draft, command);
    case 'wake':
      return wake(draft);
    case 'cancel':
      return cancel(draft);
    case 'child_closed':
      return childClosed(draft, command);
    case 'children_closed':
      return childrenClosed(draft, command);
    case 'event_arrived':
      return eventArrived(draft, command);
    case 'resume':
      return resume(draft, command);
    case 'pause':
      return pause(draft);
    case 'unpause':
      return unpause(draft);
    case 'patch_state':
      return patchState(draft, command);
    case 'grant_slot':
      return grantSlot(draft, command);
    case 'revoke_slot':
      return revokeSlot(draft, command);
    case 'outbox_delivered':
      return outboxDelivered(draft, command);
  }
}

function offered(draft: Draft, offer: ClaimCommand | undefined): Decision {
  if (offer && draft.execution.ready) claim(draft, offer);
  return draft.finish();
}
