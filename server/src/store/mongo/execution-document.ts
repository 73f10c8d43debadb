import type { Binary } from 'mongodb';
import type { Execution, Lease } from '../../core/execution.js';
import type { JsonObject } from '../../core/json.js';
import type { SearchTerm } from '../../core/search-term.js';
import { type ExecutionIndex, type ExecutionWrite, type StoredExecution, StoreFault } from '../store.js';
import { fromBson, toBson, toIndexTime, toTime } from './bson-values.js';
import { type CommitToken, type EntryDocument, toEntryDocument } from './entry-document.js';
import type { StateBase, StateChange } from './state-place.js';
import { fromStateText } from './state-text.js';
import { updateOf } from './state-update.js';

/**
 * An execution as it is kept: one document, so that one write is a commit. Its own fields keep their names, but for `id`,
 * which is `_id`. MongoDB takes 16 MiB. What takes most room, in BSON:
 *
 * - the state: 6.3 MiB for 1 MiB of JSON that is nothing but small numbers in arrays, once the execution is closed; before, 1 MiB
 *   for one that does not compress and never changed;
 * - the tail: 4.3 MiB for one entry of any size, which came as one message, and 0.5 MiB for less than 32 of 8 KiB;
 * - the outbox: 4.3 MiB for what one message sends to others. Another one may come before that is delivered;
 * - what was given to steps before they asked for it: 1 MiB, until it is closed;
 * - the terms: 0.1 MiB.
 *
 * So the largest of each does not quite fit beside the largest of all others. Such a commit is refused, with the reason.
 */
export interface ExecutionDocument {
  readonly _id: string;
  readonly version: number;
  readonly index: IndexDocument;
  /**
   * The state, with the keys of field-names.ts. Missing while it is large and the execution is not closed, but for some that were
   * written before that was so.
   */
  readonly state?: JsonObject;
  /** A large state that did not change since the execution was created, unless it is the input; see state-text.ts. */
  readonly stateText?: Binary;
  /** Where a large state is else. */
  readonly stateBase?: StateBase;
  /** The commit that wrote this version. */
  readonly commit: CommitToken;
  /** The newest entries of the journal, without gaps up to the last; see journal.ts. */
  readonly tail: readonly EntryDocument[];
  /** By what it is found; missing for nothing. */
  readonly terms?: readonly SearchTerm[];
  readonly [field: string]: unknown;
}

/** What was read of an execution, but for a state that is elsewhere. */
export type ReadDocument =
  | StoredExecution
  | (Omit<StoredExecution, 'state'> & { readonly state?: undefined; readonly stateBase: StateBase });

/** `ExecutionIndex` with times that sort. */
export interface IndexDocument {
  readonly ready: boolean;
  readonly wakeAt?: Date;
  readonly outboxSince?: Date;
  readonly waitsFor?: readonly string[];
}

/** Fields that are times; so are two of the lease. */
const TIMES: ReadonlySet<string> = new Set<keyof Execution>([
  'createdAt',
  'updatedAt',
  'startedAt',
  'closedAt',
  'readyAt',
  'stateUpdatedAt',
  'cancelRequestedAt',
]);

/** The document of an execution that is created. */
export function toExecutionDocument(
  { execution, index, entry, terms = [] }: ExecutionWrite,
  { token, stateChange }: { readonly token: CommitToken; readonly stateChange: StateChange },
): ExecutionDocument {
  const { id, version, ...rest } = execution;
  return {
    _id: id,
    version,
    ...toFields(rest),
    index: toIndexDocument(index),
    ...updateOf(stateChange, undefined).set,
    commit: token,
    tail: entry ? [toEntryDocument(entry, token)] : [],
    ...(terms.length > 0 && { terms }),
  };
}

/** The fields of an execution, or some of them, as they are kept. */
export function toFields(execution: Partial<Execution>): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(execution)) {
    if (value !== undefined) fields[name] = toField(name, value);
  }
  return fields;
}

/** What the indexes hold of an execution, as it is kept. */
export function toIndexDocument({
  ready,
  wakeAt,
  outboxSince,
  waitsFor = [],
}: ExecutionIndex): IndexDocument {
  return {
    ready,
    ...(wakeAt !== undefined && { wakeAt: toIndexTime(wakeAt) }),
    ...(outboxSince !== undefined && { outboxSince: toIndexTime(outboxSince) }),
    ...(waitsFor.length > 0 && { waitsFor }),
  };
}

/** The execution of a document, which it takes for its own. */
export function fromExecutionDocument(document: ExecutionDocument): Execution {
  const { _id, index: _, commit: __, tail: ___, terms: ____, ...more } = document;
  const { state: _____, stateText: ______, stateBase: _______, ...rest } = more;
  return { id: _id, ...(fromBson(rest) as Omit<Execution, 'id'>) };
}

/** The execution of a document, and its state, unless that is at a base. */
export function fromStoredDocument(document: ExecutionDocument): ReadDocument {
  const { state, stateText, stateBase, terms } = document;
  const read = { execution: fromExecutionDocument(document), ...(terms && { terms }) };
  if (state) return { ...read, state: fromBson(state) as JsonObject };
  if (stateText)
    return { ...read, state: JSON.parse(fromStateText(stateText.value(), `load ${document._id}`)) };
  if (stateBase) return { ...read, stateBase };
  throw new StoreFault(`load ${document._id}: its document has no state`, { retryable: false });
}

function toField(name: string, value: unknown): unknown {
  if (TIMES.has(name)) return toTime(value as number);
  return name === 'lease' ? toLease(value as Lease) : toBson(value);
}

function toLease(lease: Lease): object {
  return { ...lease, grantedAt: toTime(lease.grantedAt), expiresAt: toTime(lease.expiresAt) };
}
