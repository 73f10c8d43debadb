import type { ExecutionEvent } from './event.js';
import type { Payload } from './payload.js';
import type { PatchOperation } from './state-document.js';
import type { StepFact } from './step.js';

/**
 * All that one commit adds to an execution's history. The entries of an execution, in order, are its events, its steps
 * and its state's revisions; nothing of them is written a second time anywhere else.
 */
export interface JournalEntry {
  /** The number of its first event; its events are numbered from there without gaps. At least one event. */
  readonly firstEvent: number;
  /** When it was committed, in milliseconds since 1970. */
  readonly at: number;
  readonly events: readonly ExecutionEvent[];
  readonly steps: readonly StepFact[];
  /** The state's revision after it. */
  readonly stateRevision: number;
  /** How that revision came from the one before; missing if the state did not change. */
  readonly patch?: readonly PatchOperation[];
  /** What the execution was created with: in the first entry only. */
  readonly input?: { readonly payload?: Payload; readonly initialState?: string };
  /** What the handler returned: in the entry that completed the execution only. */
  readonly result?: Payload;
}

/** The number of an entry's last event: the entry's key within its execution. */
export function lastEvent(entry: JournalEntry): number {
  return entry.firstEvent + entry.events.length - 1;
}
