import type { Execution, Lease } from '../../core/execution.js';
import type { JsonObject } from '../../core/json.js';
import type { SearchTerm } from '../../core/search-term.js';
import type { ExecutionIndex, ExecutionWrite, StoredExecution } from '../store.js';
import { fromBson, toBson, toIndexTime, toTime } from './bson-values.js';
import { type CommitToken, type EntryDocument, toEntryDocument } from './entry-document.js';

/**
 * An execution as it is kept: one document, so that one write is a commit. Its own fields keep their names, but for `id`,
 * which is `_id`. MongoDB takes 16 MiB. What takes most room, in BSON:
 *
 * - the state: 6.3 MiB, for 1 MiB of JSON that is nothing but small numbers in arrays;
 * - the tail: 4.3 MiB for one entry of any size, which came as one message, and 0.5 MiB for less than 32 of 8 KiB;
 * - the outbox: 4.3 MiB for what one message sends to others. Another one may come before that is delivered;
 * - what was given to steps before they asked for it: 1 MiB;
 * - the terms: 0.1 MiB.
 *
 * So the largest of each does not quite fit beside the largest of all others. Such a commit is refused, with the reason.
 */
export interface ExecutionDocument {
  readonly _id: string;
  readonly version: number;
  readonly index: IndexDocument;
  /** The state, with the keys of field-names.ts. */
  readonly state: JsonObject;
  /** The commit that wrote this version. */
  readonly commit: CommitToken;
  /** The newest entries of the journal, without gaps up to the last; see journal.ts. */
  readonly tail: readonly EntryDocument[];
  /** By what it is found; missing for nothing. */
  readonly terms?: readonly SearchTerm[];
  readonly [field: string]: unknown;
}

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
  { execution, state = {}, index, entry, terms = [] }: ExecutionWrite,
  commit: CommitToken,
): ExecutionDocument {
  const { id, version, ...rest } = execution;
  return {
    _id: id,
    version,
    ...toFields(rest),
    index: toIndexDocument(index),
    state: toBson(state) as JsonObject,
    commit,
    tail: entry ? [toEntryDocument(entry, commit)] : [],
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
  const { _id, index: _, state: __, commit: ___, tail: ____, terms: _____, ...rest } = document;
  return { id: _id, ...(fromBson(rest) as Omit<Execution, 'id'>) };
}

/** The execution of a document with its state. */
export function fromStoredDocument(document: ExecutionDocument): StoredExecution {
  const { state, terms } = document;
  return {
    execution: fromExecutionDocument(document),
    state: fromBson(state) as JsonObject,
    ...(terms && { terms }),
  };
}

function toField(name: string, value: unknown): unknown {
  if (TIMES.has(name)) return toTime(value as number);
  return name === 'lease' ? toLease(value as Lease) : toBson(value);
}

function toLease(lease: Lease): object {
  return { ...lease, grantedAt: toTime(lease.grantedAt), expiresAt: toTime(lease.expiresAt) };
}
