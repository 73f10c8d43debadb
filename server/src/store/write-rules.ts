import type { Execution } from '../core/execution.js';
import { lastEvent } from '../core/journal.js';
import type { ExecutionWrite, RecordWrite, StoredRecord } from './store.js';

/** Names that an execution waits for. */
const WAITS_FOR_MAX = 100;

/** Terms by which an execution is found. */
const TERMS_MAX = 100;

/** Bytes of UTF-8. */
const RECORD_BYTES_MAX = { group: 2_048, id: 512, alias: 2_048 } as const;

/** The last millisecond that a Date can hold, in the year 275760. */
const TIME_MS_MAX = 8.64e15;

/**
 * Asserts what every caller of `commit` promises. A write that breaks it is a bug of the engine: an adapter that wrote it
 * would make the promise of another execution's reader untrue, so it throws before anything is written.
 * @returns the last event of the journal after the write.
 */
export function assertWellFormed({ before, execution, state, entry, terms, index }: ExecutionWrite): number {
  const { id, version, eventCount } = execution;
  const replaced = before?.version ?? 0;
  if (version !== replaced + 1) throw new Error(`${id}: version ${version} cannot replace ${replaced}`);
  if (before) assertSameOrigin(execution, originOf(before));
  else if (state === undefined) throw new Error(`${id} is created without a state`);
  if (index.waitsFor) assertDistinct(index.waitsFor, { of: `${id} waits for`, max: WAITS_FOR_MAX });
  if (terms) assertDistinct(terms, { of: `${id} is found by`, max: TERMS_MAX });

  const endsWith = before?.eventCount ?? 0;
  const goesOn = entry ? entry.firstEvent === endsWith + 1 && entry.events.length > 0 : true;
  if (!goesOn || eventCount !== (entry ? lastEvent(entry) : endsWith)) {
    const added = entry ? `${entry.events.length} events from number ${entry.firstEvent}` : 'no events';
    throw new Error(
      `${id}: the journal ends with event ${endsWith} and cannot go on with ${added} to ${eventCount}`,
    );
  }
  return eventCount;
}

function assertDistinct(
  texts: readonly string[],
  { of, max }: { readonly of: string; readonly max: number },
): void {
  if (texts.length <= max && new Set(texts).size === texts.length) return;
  throw new Error(`${of} ${texts.length} texts; each must be there once, ${max} at most`);
}

/**
 * Asserts what every caller of `commitRecord` promises, as `assertWellFormed` does of executions. Names may hold any text,
 * also a NUL, but no half of a surrogate pair: it has no UTF-8, and would come back as another text.
 * @returns what the write replaces: the version that must be there, or 0 for none.
 */
export function assertWellFormedRecord(write: RecordWrite): Pick<StoredRecord, 'group' | 'id' | 'version'> {
  const { group, id, version } = 'record' in write ? write.record : write.remove;
  assertName('group', group);
  assertName('id', id);
  if (!Number.isSafeInteger(version) || version < 1)
    throw new Error(`the record ${id} has version ${version}`);
  if ('remove' in write) return { group, id, version };
  const { alias, dueAt = 0 } = write.record;
  if (alias !== undefined) assertName('alias', alias);
  if (!Number.isInteger(dueAt) || Math.abs(dueAt) > TIME_MS_MAX) {
    throw new Error(`the record ${id} is due at ${dueAt}, which is no millisecond since 1970`);
  }
  return { group, id, version: version - 1 };
}

function assertName(what: keyof typeof RECORD_BYTES_MAX, text: string): void {
  const bytesMax = RECORD_BYTES_MAX[what];
  if (text.isWellFormed() && Buffer.byteLength(text) <= bytesMax) return;
  throw new Error(`the ${what} ${JSON.stringify(text)} of a record is not text of at most ${bytesMax} bytes`);
}

/** What executions are found by and never changes once one was created: no adapter moves it in its indexes. */
export interface Origin {
  readonly projectId: string;
  readonly workflowId: string;
  readonly createdAt: number;
  readonly parentExecutionId: string | undefined;
  readonly rootExecutionId: string;
  readonly sessionId: string;
  readonly userId: string | undefined;
  readonly idempotencyKey: string | undefined;
}

/** The origin of an execution. */
export function originOf(execution: Execution): Origin {
  const { projectId, workflowId, createdAt, rootExecutionId, sessionId, userId, idempotencyKey } = execution;
  const parentExecutionId = execution.parent?.executionId;
  return {
    projectId,
    workflowId,
    createdAt,
    parentExecutionId,
    rootExecutionId,
    sessionId,
    userId,
    idempotencyKey,
  };
}

/** Asserts that an execution is still of the origin that it was created with. */
export function assertSameOrigin(execution: Execution, origin: Origin): void {
  const isSame =
    execution.projectId === origin.projectId &&
    execution.workflowId === origin.workflowId &&
    execution.createdAt === origin.createdAt &&
    execution.parent?.executionId === origin.parentExecutionId &&
    execution.rootExecutionId === origin.rootExecutionId &&
    execution.sessionId === origin.sessionId &&
    execution.userId === origin.userId &&
    execution.idempotencyKey === origin.idempotencyKey;
  if (!isSame) throw new Error(`${execution.id}: what it was created with cannot change`);
}
