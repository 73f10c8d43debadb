import { type JournalEntry, lastEvent } from '../../core/journal.js';
import { fromBson, toBson, toTime } from './bson-values.js';

/**
 * Which commit wrote something. No two commits have the same, whichever process they are of, so that a writer whose answer
 * was lost finds out whether what is there is its own.
 */
export interface CommitToken {
  /** The store object that committed. */
  readonly by: string;
  /** Counts its commits. */
  readonly number: number;
}

/** A journal entry as it is kept, be it in the tail of its execution or in a chunk. */
export interface EntryDocument {
  readonly firstEvent: number;
  readonly lastEvent: number;
  readonly at: Date | number;
  /** The text of a JSON Patch: its values have any keys and depth, and nobody looks for them. */
  readonly patch?: string;
  readonly commit: CommitToken;
  readonly [field: string]: unknown;
}

/** Whether one commit wrote both. */
export function isSameToken(one: CommitToken | undefined, other: CommitToken): boolean {
  return one?.by === other.by && one.number === other.number;
}

/** The document of an entry. */
export function toEntryDocument(entry: JournalEntry, commit: CommitToken): EntryDocument {
  const { firstEvent, at, events, steps, stateRevision, patch, input, result } = entry;
  return {
    firstEvent,
    lastEvent: lastEvent(entry),
    at: toTime(at),
    events: toBson(events),
    steps: toBson(steps),
    stateRevision,
    ...(patch && { patch: JSON.stringify(patch) }),
    ...(input && { input: toBson(input) }),
    ...(result && { result: toBson(result) }),
    commit,
  };
}

/** The entry of a document, which it takes for its own. */
export function fromEntryDocument(document: EntryDocument): JournalEntry {
  const { lastEvent: _, commit: __, patch, ...rest } = document;
  const entry = fromBson(rest) as JournalEntry;
  return patch === undefined ? entry : { ...entry, patch: JSON.parse(patch) };
}
