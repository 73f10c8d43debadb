import type { ExecutionEvent } from '../../core/event.js';
import { type JournalEntry, lastEvent } from '../../core/journal.js';
import { LARGE_STATE_BYTES } from '../large-states.js';
import { fromBson, roughBytes, toBson, toTime } from './bson-values.js';
import { fromStateText, toStateText } from './state-text.js';

/**
 * Bytes of an entry's events, as JSON, up to which they are kept as documents. What is more comes from a user, and takes up
 * to six times as much room in BSON: from there on the data of each is text.
 */
const EVENTS_BYTES_MAX = 1_024;

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
  readonly events: unknown;
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
    events: roughBytes(events) > EVENTS_BYTES_MAX ? events.map(withText) : toBson(events),
    steps: toBson(steps),
    stateRevision,
    ...(patch && { patch: JSON.stringify(patch) }),
    ...(input && { input: toBson(toInputDocument(input)) }),
    ...(result && { result: toBson(result) }),
    commit,
  };
}

/** The entry of a document, which it takes for its own. */
export function fromEntryDocument(document: EntryDocument): JournalEntry {
  const { lastEvent: _, commit: __, patch, ...rest } = document;
  const { input, ...entry } = fromBson(rest) as Omit<JournalEntry, 'input'> & {
    readonly input?: InputDocument;
  };
  return {
    ...entry,
    events: entry.events.map(withoutText),
    ...(patch !== undefined && { patch: JSON.parse(patch) }),
    ...(input && { input: fromInputDocument(input, document) }),
  };
}

type Input = NonNullable<JournalEntry['input']>;

/** An input whose initial state is compressed if it is large. */
interface InputDocument extends Omit<Input, 'initialState'> {
  readonly initialState?: string | Uint8Array;
}

function toInputDocument(input: Input): InputDocument {
  const { initialState } = input;
  if (initialState === undefined || initialState.length < LARGE_STATE_BYTES) return input;
  return { ...input, initialState: toStateText(initialState) };
}

function fromInputDocument({ initialState, ...input }: InputDocument, { commit }: EntryDocument): Input {
  if (initialState === undefined) return input;
  const text =
    typeof initialState === 'string'
      ? initialState
      : fromStateText(initialState, `read the input that commit ${commit.number} of ${commit.by} wrote`);
  return { ...input, initialState: text };
}

function withText(event: ExecutionEvent): object {
  return { ...event, data: JSON.stringify(event.data) };
}

function withoutText(event: ExecutionEvent): ExecutionEvent {
  const data: unknown = event.data;
  return typeof data === 'string' ? { ...event, data: JSON.parse(data) } : event;
}
