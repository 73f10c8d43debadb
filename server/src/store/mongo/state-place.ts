import type { Execution } from '../../core/execution.js';
import { lastEvent } from '../../core/journal.js';
import type { JsonObject } from '../../core/json.js';
import { LARGE_STATE_BYTES, mayLag } from '../large-states.js';
import type { ExecutionWrite } from '../store.js';
import { roughBytes } from './bson-values.js';
import type { CommitToken } from './entry-document.js';

/**
 * Where a large state is: as it was after one commit, in a document of its own or as the execution's input, and since then as
 * patches in the journal. This is in the execution's document, so that the commit that changes a state says where it is.
 */
export interface StateBase {
  /** The commit that wrote the document, which has that name; missing where it is the initial state in the journal's first entry. */
  readonly commit?: CommitToken;
  /** The last event of the journal that is in it. */
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
  /** The whole of it, there, as a text. */
  | { readonly type: 'text'; readonly state: JsonObject }
  /** A document of its own, which has to be there before the commit; or the input of the execution that it creates. */
  | { readonly type: 'base'; readonly base: StateBase; readonly state: JsonObject };

/**
 * Decides it. A creation makes no document of its own, however large the state: there is nothing yet by which that would be
 * found and removed if the creation did not happen.
 * @param place  where the state before is.
 */
export function stateChangeOf(
  { before, execution, state, entry }: ExecutionWrite,
  { place, token }: { readonly place: StatePlace; readonly token: CommitToken },
): StateChange {
  if (!before) return creationOf({ execution, state: state ?? {}, initialState: entry?.input?.initialState });
  if (state && closesWithLarge({ before, execution })) return { type: 'within', state };
  const isWithin = place === 'within';
  const lag = isWithin ? 0 : place.lag + (entry ? roughBytes(entry) : 0);
  if (!state) return isWithin || !entry ? { type: 'none' } : { type: 'patch', base: { ...place, lag } };
  if (execution.stateBytes < LARGE_STATE_BYTES) {
    return { type: before.stateBytes < LARGE_STATE_BYTES ? 'touched' : 'within', state };
  }
  if (!isWithin && entry?.patch && mayLag(execution.stateBytes, lag)) {
    return { type: 'patch', base: { ...place, lag, patchedTo: lastEvent(entry) } };
  }
  return { type: 'base', base: { commit: token, ...baseAt(execution) }, state };
}

/** Whether a commit is the last one that can change a state which is large: it is kept as fields from then on. */
export function closesWithLarge({
  before,
  execution,
}: Pick<ExecutionWrite, 'before' | 'execution'>): boolean {
  const closes = before?.closedAt === undefined && execution.closedAt !== undefined;
  return closes && execution.stateBytes >= LARGE_STATE_BYTES;
}

/** What a creation does: the text of a large state need not be written a second time where it is the input as it came. */
function creationOf({
  execution,
  state,
  initialState,
}: {
  readonly execution: Execution;
  readonly state: JsonObject;
  readonly initialState: string | undefined;
}): StateChange {
  if (execution.stateBytes < LARGE_STATE_BYTES) return { type: 'within', state };
  const isTheInput = initialState === JSON.stringify(state);
  return isTheInput ? { type: 'base', base: baseAt(execution), state } : { type: 'text', state };
}

/** A base that has all that the journal has so far. */
function baseAt({ eventCount }: Execution): StateBase {
  return { event: eventCount, patchedTo: eventCount, lag: 0 };
}

/** Where the state is after a commit. */
export function placeAfter(change: StateChange, place: StatePlace): StatePlace {
  if ('base' in change) return change.base;
  return change.type === 'none' ? place : 'within';
}
