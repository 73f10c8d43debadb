import type { Document } from 'mongodb';
import type { Execution } from '../../core/execution.js';
import type { ExecutionWrite } from '../store.js';
import { roughBytes } from './bson-values.js';
import { type CommitToken, toEntryDocument } from './entry-document.js';
import {
  type ExecutionDocument,
  toExecutionDocument,
  toFields,
  toIndexDocument,
} from './execution-document.js';
import type { StateChange } from './state-place.js';
import { updateOf } from './state-update.js';

/** A commit as MongoDB is asked for it. It says the same however often it is asked for. */
export interface CommitOperation {
  readonly id: string;
  /** The version that it replaces; 0 to create the execution. */
  readonly replaces: number;
  readonly token: CommitToken;
  /** The first event of its entry, if it has one. */
  readonly firstEvent: number | undefined;
  readonly change: { readonly create: ExecutionDocument } | { readonly update: Document };
  /** What it writes, roughly. */
  readonly bytes: number;
}

/** What a commit is made from, beside the write itself. */
export interface CommitContext {
  readonly token: CommitToken;
  /** Whether the tail was moved to the journal, so that its entry begins a new one. */
  readonly beginsTail: boolean;
  /** What becomes of the state. */
  readonly stateChange: StateChange;
}

/** What the driver is to write for a commit. */
export function toCommitOperation(write: ExecutionWrite, context: CommitContext): CommitOperation {
  const { before, execution, entry } = write;
  const change = before
    ? { update: toUpdate({ ...write, before }, context) }
    : { create: toExecutionDocument(write, context) };
  return {
    id: execution.id,
    replaces: before?.version ?? 0,
    token: context.token,
    firstEvent: entry?.firstEvent,
    change,
    bytes: roughBytes(change),
  };
}

function toUpdate(
  { before, execution, entry, terms, index }: ExecutionWrite & { readonly before: Execution },
  { token, beginsTail, stateChange }: CommitContext,
): Document {
  const fields = changedFields(before, execution);
  const stateFields = updateOf(stateChange, entry?.patch);
  const added = entry && toEntryDocument(entry, token);
  const unset = [...fields.unset, ...stateFields.unset, ...(terms?.length === 0 ? ['terms'] : [])];
  return {
    $set: {
      ...fields.set,
      ...stateFields.set,
      index: toIndexDocument(index),
      commit: token,
      ...(terms && terms.length > 0 && { terms }),
      ...(added && beginsTail && { tail: [added] }),
    },
    ...(unset.length > 0 && { $unset: Object.fromEntries(unset.map((field) => [field, ''])) }),
    ...(added && !beginsTail && { $push: { tail: added } }),
  };
}

/** Fields with another value than before. Values are never changed in place, so that another object is enough. */
function changedFields(
  before: Execution,
  execution: Execution,
): { readonly set: Record<string, unknown>; readonly unset: readonly string[] } {
  const changed: Record<string, unknown> = {};
  const old = before as unknown as Readonly<Record<string, unknown>>;
  for (const [name, value] of Object.entries(execution)) {
    if (value !== old[name]) changed[name] = value;
  }
  const now = execution as unknown as Readonly<Record<string, unknown>>;
  const unset = Object.keys(before).filter((name) => old[name] !== undefined && now[name] === undefined);
  return { set: toFields(changed as Partial<Execution>), unset };
}
