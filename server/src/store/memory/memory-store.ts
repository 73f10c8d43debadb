import type { Execution } from '../../core/execution.js';
import { type JournalEntry, lastEvent } from '../../core/journal.js';
import { entryText } from '../record-codec.js';
import {
  type CommitResult,
  type DueExecutions,
  type ExecutionIndex,
  type ExecutionQuery,
  type ExecutionWrite,
  type ReadyExecution,
  type ReadyQuery,
  type Store,
  type StoredExecution,
  type StoredSchema,
  StoreFault,
} from '../store.js';
import { compareText } from '../text-order.js';
import { assertContinues, assertSameOrigin, assertWellFormed, originOf } from '../write-rules.js';

/**
 * A store that forgets everything when the process ends: for the simulator and for unit tests. It keeps the values that
 * it is handed, which nobody changes, so that nothing is copied.
 */
export function openMemoryStore(): Store {
  return new MemoryStore();
}

interface Row {
  execution: Execution;
  state: string;
  index: ExecutionIndex;
  readonly journal: JournalRow[];
}

interface JournalRow {
  readonly entry: JournalEntry;
  readonly bytes: number;
}

class MemoryStore implements Store {
  private readonly rows = new Map<string, Row>();
  private readonly idsByKey = new Map<string, string>();
  /** Ids by workflow; the order is made when it is asked for. */
  private readonly ready = new Map<string, Set<string>>();
  private readonly due = new Set<string>();
  private readonly outboxes = new Set<string>();
  private readonly schemas = new Map<string, StoredSchema>();
  private closed = false;

  async commit(write: ExecutionWrite): Promise<CommitResult> {
    this.assertOpen();
    assertWellFormed(write);
    const { execution, expectedVersion } = write;
    const row = this.rows.get(execution.id);
    if ((row?.execution.version ?? 0) !== expectedVersion) return 'conflict';
    if (row) this.replace(row, write);
    else if (this.hasKeyOf(execution)) return 'key_taken';
    else this.create(write);
    return 'committed';
  }

  async load(executionId: string): Promise<StoredExecution | undefined> {
    this.assertOpen();
    const row = this.rows.get(executionId);
    return row && { execution: row.execution, state: row.state };
  }

  async journal(
    executionId: string,
    page: { readonly afterEvent: number; readonly entries: number; readonly bytes: number },
  ): Promise<readonly JournalEntry[]> {
    this.assertOpen();
    const rows = this.rows.get(executionId)?.journal ?? [];
    const found: JournalEntry[] = [];
    let bytes = 0;
    for (let at = firstAfter(rows, page.afterEvent); at < rows.length && found.length < page.entries; at++) {
      const row = rows[at] as JournalRow;
      bytes += row.bytes;
      if (found.length > 0 && bytes > page.bytes) break;
      found.push(row.entry);
    }
    return found;
  }

  async findByIdempotencyKey(projectId: string, key: string): Promise<Execution | undefined> {
    this.assertOpen();
    const id = this.idsByKey.get(composite(projectId, key));
    return id === undefined ? undefined : this.rows.get(id)?.execution;
  }

  async listReady(query: ReadyQuery): Promise<readonly ReadyExecution[]> {
    this.assertOpen();
    const ids = this.ready.get(composite(query.projectId, query.workflowId));
    return this.rowsOf(ids ?? [])
      .map((row) => row.execution)
      .filter(({ queue }) => query.queues?.includes(queue) ?? true)
      .sort((a, b) => b.priority - a.priority || a.readyAt - b.readyAt || compareText(a.id, b.id))
      .slice(0, query.limit)
      .map(({ id, queue }) => ({ id, queue }));
  }

  async listDue(query: { readonly until: number; readonly limit: number }): Promise<DueExecutions> {
    this.assertOpen();
    const all = this.rowsOf(this.due)
      .map(({ execution, index }) => ({ id: execution.id, at: index.wakeAt ?? 0 }))
      .sort((a, b) => a.at - b.at || compareText(a.id, b.id));
    const ids = all.filter(({ at }) => at <= query.until).slice(0, query.limit);
    const next = all[ids.length];
    return { ids: ids.map(({ id }) => id), ...(next && { next: next.at }) };
  }

  async listOutboxes(limit: number): Promise<readonly string[]> {
    this.assertOpen();
    return [...this.outboxes].slice(0, limit);
  }

  async list(query: ExecutionQuery): Promise<readonly Execution[]> {
    this.assertOpen();
    return [...this.rows.values()]
      .map((row) => row.execution)
      .filter((execution) => matches(execution, query))
      .sort(newestFirst)
      .slice(0, query.limit);
  }

  async putSchema(schema: StoredSchema): Promise<void> {
    this.assertOpen();
    const { projectId, workflowId, kind, digest } = schema;
    this.schemas.set(composite(projectId, workflowId, kind, digest), schema);
  }

  async listSchemas(query: {
    readonly projectId: string;
    readonly workflowId?: string;
  }): Promise<readonly StoredSchema[]> {
    this.assertOpen();
    return [...this.schemas.values()]
      .filter((schema) => schema.projectId === query.projectId)
      .filter((schema) => query.workflowId === undefined || schema.workflowId === query.workflowId)
      .sort(
        (a, b) =>
          compareText(a.workflowId, b.workflowId) ||
          compareText(a.kind, b.kind) ||
          b.registeredAt - a.registeredAt ||
          compareText(a.digest, b.digest),
      );
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  private create(write: ExecutionWrite): void {
    const { execution, state = '', index } = write;
    assertContinues(write, 0);
    const row = { execution, state, index, journal: journalRows(write) };
    this.rows.set(execution.id, row);
    if (execution.idempotencyKey !== undefined) {
      this.idsByKey.set(composite(execution.projectId, execution.idempotencyKey), execution.id);
    }
    this.reindex(row);
  }

  private replace(row: Row, write: ExecutionWrite): void {
    assertSameOrigin(write.execution, originOf(row.execution));
    const newest = row.journal.at(-1);
    assertContinues(write, newest ? lastEvent(newest.entry) : 0);
    row.execution = write.execution;
    row.state = write.state ?? row.state;
    row.index = write.index;
    row.journal.push(...journalRows(write));
    this.reindex(row);
  }

  private reindex({ execution, index }: Row): void {
    const workflow = composite(execution.projectId, execution.workflowId);
    const ready = this.ready.get(workflow) ?? new Set();
    this.ready.set(workflow, ready);
    setMembership(ready, execution.id, index.ready);
    setMembership(this.due, execution.id, index.wakeAt !== undefined);
    setMembership(this.outboxes, execution.id, index.hasOutbox);
  }

  private hasKeyOf({ projectId, idempotencyKey }: Execution): boolean {
    return idempotencyKey !== undefined && this.idsByKey.has(composite(projectId, idempotencyKey));
  }

  private rowsOf(ids: Iterable<string>): Row[] {
    return [...ids].flatMap((id) => this.rows.get(id) ?? []);
  }

  private assertOpen(): void {
    if (this.closed) throw new StoreFault('the memory store is closed', { retryable: false });
  }
}

/** One text for several, such that no others give the same. */
function composite(...parts: readonly string[]): string {
  return JSON.stringify(parts);
}

function setMembership(set: Set<string>, id: string, isMember: boolean): void {
  if (isMember) set.add(id);
  else set.delete(id);
}

/** An entry's size is that of its text in the embedded store, so that both cut a journal into the same pages. */
function journalRows({ entry }: ExecutionWrite): JournalRow[] {
  return entry ? [{ entry, bytes: Buffer.byteLength(entryText(entry)) }] : [];
}

/** Binary search for the first row that holds an event after the given one. */
function firstAfter(rows: readonly JournalRow[], event: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (lastEvent((rows[middle] as JournalRow).entry) > event) high = middle;
    else low = middle + 1;
  }
  return low;
}

function newestFirst(a: Execution, b: Execution): number {
  return b.createdAt - a.createdAt || compareText(b.id, a.id);
}

function matches(execution: Execution, query: ExecutionQuery): boolean {
  const { after, createdFrom = Number.NEGATIVE_INFINITY, createdBefore = Number.POSITIVE_INFINITY } = query;
  return (
    execution.projectId === query.projectId &&
    isAny(query.workflowId, execution.workflowId) &&
    isAny(query.status, execution.status) &&
    isAny(query.parentExecutionId, execution.parent?.executionId) &&
    isAny(query.rootExecutionId, execution.rootExecutionId) &&
    isAny(query.sessionId, execution.sessionId) &&
    isAny(query.userId, execution.userId) &&
    execution.createdAt >= createdFrom &&
    execution.createdAt < createdBefore &&
    (!after || comesAfter(execution, after))
  );
}

function isAny(wanted: string | undefined, actual: string | undefined): boolean {
  return wanted === undefined || wanted === actual;
}

function comesAfter(
  execution: Execution,
  after: { readonly createdAt: number; readonly id: string },
): boolean {
  const { createdAt, id } = execution;
  return createdAt < after.createdAt || (createdAt === after.createdAt && compareText(id, after.id) < 0);
}
