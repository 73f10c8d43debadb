import type { Execution } from '../../server/src/core/execution.js';
import { type JournalEntry, lastEvent } from '../../server/src/core/journal.js';
import type {
  ExecutionIndex,
  ExecutionWrite,
  Store,
  StoredRecord,
  StoredSchema,
} from '../../server/src/store/store.js';

/** An execution as it is when it was just created. */
export function execution(given: Partial<Execution> & { readonly id: string }): Execution {
  return {
    projectId: 'default',
    workflowId: 'batch',
    queue: 'batch',
    status: 'queued',
    version: 1,
    createdAt: 1_000,
    updatedAt: 1_000,
    rootExecutionId: given.id,
    rootWorkflowId: 'batch',
    sessionId: `session-of-${given.id}`,
    priority: 0,
    searchAttributes: {},
    requestDigest: 'digest',
    ready: true,
    readyAt: 1_000,
    retryPolicy: { maxRetries: 2, baseDelayMs: 1_000, maxDelayMs: 10_000 },
    failedAttempts: 0,
    lostLeases: 0,
    epoch: 0,
    runMs: 0,
    waits: {},
    hasChildren: false,
    stepCount: 0,
    eventCount: 0,
    stateRevision: 0,
    stateBytes: 2,
    stateUpdatedAt: 1_000,
    stateUnsettled: false,
    outbox: [],
    outboxCount: 0,
    ...given,
  };
}

/** What each version that `next` made comes after. */
const befores = new WeakMap<Execution, Execution>();

/** The next version of an execution. */
export function next(before: Execution, changes: Partial<Execution> = {}): Execution {
  const after = { ...before, version: before.version + 1, ...changes };
  befores.set(after, before);
  return after;
}

/** An entry of as many events as asked for, beginning with the given one. */
export function entry(
  firstEvent: number,
  given: Partial<JournalEntry> & { readonly count?: number } = {},
): JournalEntry {
  const { count = 1, ...rest } = given;
  const events = Array.from({ length: count }, () => ({ type: 'step_finish' as const, data: {} }));
  return { firstEvent, at: 2_000, events, steps: [], stateRevision: 0, ...rest };
}

/** A write of an execution, against the version before its own if `next` made it. */
export function write(
  written: Execution,
  given: Partial<Pick<ExecutionWrite, 'state' | 'entry'>> & { readonly index?: Partial<ExecutionIndex> } = {},
): ExecutionWrite {
  const { index, ...rest } = given;
  const before = befores.get(written);
  return {
    before,
    execution: written,
    ...(!before && { state: {} }),
    index: { ready: written.ready, ...index },
    ...rest,
  };
}

/** Creates an execution; its id is enough. */
export async function create(
  store: Store,
  given: Partial<Execution> & { readonly id: string },
  index: Partial<ExecutionIndex> = {},
): Promise<Execution> {
  const created = execution(given);
  const result = await store.commit(write(created, { index }));
  if (result !== 'committed') throw new Error(`${given.id} was not created: ${result}`);
  return created;
}

/** Creates an execution and commits the entries, one by one. */
export async function createWithJournal(
  store: Store,
  id: string,
  entries: readonly JournalEntry[],
): Promise<Execution> {
  let latest = await create(store, { id });
  for (const added of entries) {
    latest = next(latest, { eventCount: lastEvent(added) });
    const result = await store.commit(write(latest, { entry: added }));
    if (result !== 'committed') throw new Error(`${id} did not take event ${added.firstEvent}: ${result}`);
  }
  return latest;
}

/** A schema of the workflow "batch". */
export function schema(given: Partial<StoredSchema> & { readonly digest: string }): StoredSchema {
  return {
    projectId: 'default',
    workflowId: 'batch',
    kind: 'state',
    jsonSchema: '{"type":"object"}',
    registeredAt: 1_000,
    ...given,
  };
}

/** A record of the group "group" as it is when it is created. */
export function record(given: Partial<StoredRecord> & { readonly id: string }): StoredRecord {
  return { group: 'group', version: 1, body: '{}', ...given };
}

/** The next version of a record. */
export function nextRecord(before: StoredRecord, changes: Partial<StoredRecord> = {}): StoredRecord {
  return { ...before, version: before.version + 1, ...changes };
}

/** Creates a record; its id is enough. */
export async function createRecord(
  store: Store,
  given: Partial<StoredRecord> & { readonly id: string },
): Promise<StoredRecord> {
  const created = record(given);
  const result = await store.commitRecord({ record: created });
  if (result !== 'committed') throw new Error(`the record ${given.id} was not created: ${result}`);
  return created;
}

/** Keys and texts that a store must not take for anything but themselves. */
export const AWKWARD_TEXTS: readonly string[] = [
  '__proto__',
  'constructor',
  'a.b',
  '$set',
  '$ref',
  '_bsontype',
  '',
  ' ',
  '\0',
  'a\0b',
  '\u0001',
  "o'clock",
  '"quoted"',
  '%_\\',
  '\u{1F600}\uFF5E',
  'e\u0301',
];

/** An object of which every key is awkward, and its own. */
export function awkwardRecord(): Record<string, string> {
  return JSON.parse(
    `{${AWKWARD_TEXTS.map((text) => `${JSON.stringify(text)}:${JSON.stringify(text)}`).join(',')}}`,
  );
}
