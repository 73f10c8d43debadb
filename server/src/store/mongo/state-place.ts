import { lastEvent } from '../../core/journal.js';
import type { JsonObject } from '../../core/json.js';
import { LARGE_STATE_BYTES, mayLag } from '../large-states.js';
import type { ExecutionWrite } from '../store.js';
import { roughBytes } from './bson-values.js';
import type { CommitToken } from './entry-document.js';

/**
 * Where a large state is: as it was after one commit, in a document of its own, and since then as patches in the journal.
 * This is in the execution's document, so that the commit that changes a state says where it is.
 */
export interface StateBase {
  /** The commit that wrote the document, which has that name. */
  readonly commit: CommitToken;
  /** The last event of the journal that the document holds. */
  readonly event: number;
  /** The last event of the newest entry that has a patch since; `event` for none. */
  readonly patchedTo: number;
  /** About how many bytes the entries have that came since. */
  readonly lag: number;
}

/** Where the state of an execution is: in its document, be it as fields or as a text, or at a base. */
export type StatePlace = 'within' | StateBase;

/** What a commit does with the state. */
export type StateChange =
  /** Nothing: it stays where it is. */
  | { readonly type: 'none' }
  /** The fields that the patch touches, within the execution's document. */
  | { readonly type: 'touched'; readonly state: JsonObject }
  /** The whole of it, there, as fields. */
  | { readonly type: 'within'; readonly state: JsonObject }
  /** Its patch is in the entry; what the base says of the journal grows. */
  | { readonly type: 'patch'; readonly base: StateBase }
  /** A document of its own, which has to be there before the commit. */
  | { readonly type: 'base'; readonly base: StateBase; readonly state: JsonObject };

/**
 * Decides it. A creation keeps the state within, however large: there is nothing yet by which a document of its own would
 * be found and removed if the creation did not happen.
 * @param place  where the state before is.
 */
export function stateChangeOf(
  { before, execution, state, entry }: ExecutionWrite,
  { place, token }: { readonly place: StatePlace; readonly token: CommitToken },
): StateChange {
  if (!before) return { type: 'within', state: state ?? {} };
  const isWithin = place === 'within';
  const lag = isWithin ? 0 : place.lag + (entry ? roughBytes(entry) : 0);
  if (!state) return isWithin || !entry ? { type: 'none' } : { type: 'patch', base: { ...place, lag } };
  if (execution.stateBytes < LARGE_STATE_BYTES) {
    return { type: before.stateBytes < LARGE_STATE_BYTES ? 'touched' : 'within', state };
  }
  if (!isWithin && entry?.patch && mayLag(execution.stateBytes, lag)) {
    return { type: 'patch', base: { ...place, lag, patchedTo: lastEvent(entry) } };
  }
  const { eventCount: event } = execution;
  return { type: 'base', base: { commit: token, event, patchedTo: event, lag: 0 }, state };
}

/** Where the state is after a commit. */
export function placeAfter(change: StateChange, place: StatePlace): StatePlace {
  if ('base' in change) return change.base;
  return change.type === 'none' ? place : 'within';
}
