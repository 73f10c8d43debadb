import { applyPatch, type PatchOperation, type StateDocument } from '../core/state-document.js';

/**
 * Smaller states are written whole with each commit that changes them: that costs no more than to count. It may be lowered, but
 * not raised: the MongoDB store takes it that what is smaller was always written whole.
 */
export const LARGE_STATE_BYTES = 8_192;

/** The part of a document's bytes that the journal may grow by until it is written whole again. */
const LAG_MAX = 0.5;

/**
 * Whether a state need not be written whole by a commit that changes it, since the journal has its patch anyway. It is
 * written once the journal has grown by half its size, so that a commit costs about what it changes, and a read at most
 * half as much again.
 * @param lag  bytes of the journal since the state was written, with what the commit adds.
 */
export function mayLag(stateBytes: number, lag: number): boolean {
  return stateBytes >= LARGE_STATE_BYTES && lag <= stateBytes * LAG_MAX;
}

/** A state that was written, with the patches since; undefined if they do not fit it, which is damage. */
export function withPatches(
  written: StateDocument,
  patches: Iterable<readonly PatchOperation[]>,
): StateDocument | undefined {
  let state = written;
  for (const patch of patches) {
    const changed = applyPatch(state, patch);
    if ('problem' in changed) return undefined;
    state = changed.document;
  }
  return state;
}
