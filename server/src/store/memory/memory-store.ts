import type { Execution } from '../../core/execution.js';
import { type JournalEntry, lastEvent } from '../../core/journal.js';
import type { JsonObject } from '../../core/json.js';
import type { SearchTerm } from '../../core/search-term.js';
import { entryText } from '../record-codec.js';
import {
  type ClosedExecution,
  type ClosedQuery,
  type CommitResult,
  type DueExecutions,
  type DueRecords,
  type ExecutionIndex,
  type ExecutionPage,
  type ExecutionQuery,
  type ExecutionSearch,
  type ExecutionWrite,
  type Follower,
  type ReadyExecution,
  type ReadyQuery,
  type RecordName,
  type RecordQuery,
  type RecordWrite,
  type Removal,
  type SchemaQuery,
  type Store,
  type StoredExecution,
  type StoredRecord,
  type StoredSchema,
  type StoredWorker,
  StoreFault,
  type WaitingExecution,
} from '../store.js';
import { compareText } from '../text-order.js';
import { WorkerMap } from '../worker-map.js';
import { assertWellFormed, assertWellFormedRecord } from '../write-rules.js';
import { comparePlaces, isFound, matches } from './execution-match.js';
import { RecordMap } from './record-map.js';

/**
 * A store that forgets everything when the process ends: for the simulator and for unit tests. It keeps the values that
 * it is handed, which nobody changes, so that nothing is copied.
 *
 * @param database  where several stores keep the same executions, each as if it were in a process of its own.
 */
export function openMemoryStore(database?: MemoryDatabase): Store {
  return new MemoryStore(database ?? new MemoryDatabase(), database !== undefined);
}

/** What memory stores share. */
export class MemoryDatabase {
  readonly rows = new Map<string, Row>();
  /** Ids by workflow; the order is made when it is asked for. */
  readonly ready = new Map<string, Set<string>>();
  readonly due = new Set<string>();
  readonly outboxes = new Set<string>();
  readonly schemas = new Map<string, StoredSchema>();
  /** Ids by what they wait for. */
  readonly waiting = new Map<string, Set<string>>();
  readonly workers = new WorkerMap();
  readonly records = new RecordMap();
  readonly followers = new Map<Follower, Store>();
}

interface Row {
  execution: Execution;
  state: JsonObject;
  terms: readonly SearchTerm[];
  index: ExecutionIndex;
  /** The store that committed last. */
  by: Store;
  readonly journal: JournalRow[];
}

interface JournalRow {
  readonly entry: JournalEntry;
  readonly bytes: number;
}

class MemoryStore implements Store {
  readonly isShared: boolean;
  private readonly database: MemoryDatabase;
  private closed = false;

  constructor(database: MemoryDatabase, isShared: boolean) {
    this.database = database;
    this.isShared = isShared;
  }

  async commit(write: ExecutionWrite): Promise<CommitResult> {
    this.assertOpen();
    assertWellFormed(write);
    const { execution, before } = write;
    const row = this.database.rows.get(execution.id);
    if (row?.execution.version !== before?.version) return 'conflict';
    if (row) this.replace(row, write);
    else this.create(write);
    this.tell(execution, write.index);
    return 'committed';
  }

  async load(executionId: string): Promise<StoredExecution | undefined> {
    this.assertOpen();
    const row = this.database.rows.get(executionId);
    if (!row) return undefined;
    const { execution, state, terms } = row;
    return { execution, state, ...(terms.length > 0 && { terms }) };
  }

  async journal(
    executionId: string,
    page: { readonly afterEvent: number; readonly entries: number; readonly bytes: number },
  ): Promise<readonly JournalEntry[]> {
    this.assertOpen();
    const rows = this.database.rows.get(executionId)?.journal ?? [];
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

  async listReady(query: ReadyQuery): Promise<readonly ReadyExecution[]> {
    this.assertOpen();
    const ids = this.database.ready.get(composite(query.projectId, query.workflowId));
    return this.rowsOf(ids ?? [])
      .map((row) => row.execution)
      .filter(({ queue }) => query.queues?.includes(queue) ?? true)
      .sort(firstServed)
      .slice(0, query.limit)
      .map(({ id, queue }) => ({ id, queue }));
  }

  async listDue(query: { readonly until: number; readonly limit: number }): Promise<DueExecutions> {
    this.assertOpen();
    const all = this.rowsOf(this.database.due)
      .map(({ execution, index, by }) => ({
        id: execution.id,
        wakeAt: index.wakeAt ?? 0,
        isOurs: by === this,
      }))
      .sort((a, b) => a.wakeAt - b.wakeAt || compareText(a.id, b.id));
    const due = all.filter(({ wakeAt }) => wakeAt <= query.until).slice(0, query.limit);
    const next = all[due.length];
    return { due, ...(next && { next: next.wakeAt }) };
  }

  async listOutboxes(query: { readonly until: number; readonly limit: number }): Promise<readonly string[]> {
    this.assertOpen();
    return this.rowsOf(this.database.outboxes)
      .filter(({ index: { outboxSince } }) => outboxSince !== undefined && outboxSince <= query.until)
      .slice(0, query.limit)
      .map(({ execution }) => execution.id);
  }

  async listWaiting(query: {
    readonly key: string;
    readonly after?: WaitingExecution;
    readonly limit: number;
  }): Promise<readonly WaitingExecution[]> {
    this.assertOpen();
    const { after } = query;
    return this.rowsOf(this.database.waiting.get(query.key) ?? [])
      .map(({ execution: { id, priority, readyAt } }) => ({ id, priority, readyAt }))
      .filter((waiting) => !after || firstServed(waiting, after) > 0)
      .sort(firstServed)
      .slice(0, query.limit);
  }

  async list(query: ExecutionQuery): Promise<readonly Execution[]> {
    this.assertOpen();
    return [...this.database.rows.values()]
      .map((row) => row.execution)
      .filter((execution) => matches(execution, query))
      .sort(comparePlaces)
      .slice(0, query.limit);
  }

  async search(search: ExecutionSearch): Promise<ExecutionPage> {
    this.assertOpen();
    const executions = [...this.database.rows.values()]
      .filter((row) => isFound(row, search))
      .map((row) => row.execution)
      .sort(comparePlaces)
      .slice(0, search.limit);
    return { executions };
  }

  async listProjects(page: { readonly after?: string; readonly limit: number }): Promise<readonly string[]> {
    this.assertOpen();
    const { after } = page;
    return [...new Set(Array.from(this.database.rows.values(), ({ execution }) => execution.projectId))]
      .filter((projectId) => after === undefined || compareText(projectId, after) > 0)
      .sort(compareText)
      .slice(0, page.limit);
  }

  async listClosed({ projectId, until, limit }: ClosedQuery): Promise<readonly ClosedExecution[]> {
    this.assertOpen();
    return [...this.database.rows.values()]
      .filter((row) => row.execution.projectId === projectId && isRemovable(row))
      .map(({ execution: { id, rootExecutionId, closedAt = 0 } }) => ({ id, rootExecutionId, closedAt }))
      .filter(({ closedAt }) => closedAt <= until)
      .sort((a, b) => a.closedAt - b.closedAt || compareText(a.id, b.id))
      .slice(0, limit)
      .map(({ id, rootExecutionId }) => ({ id, rootExecutionId }));
  }

  async removeClosed(removals: readonly Removal[]): Promise<void> {
    this.assertOpen();
    for (const { executionId, groups } of removals) {
      const row = this.database.rows.get(executionId);
      if (!row || !isRemovable(row)) continue;
      this.database.rows.delete(executionId);
      const { ready, due, outboxes, waiting } = this.database;
      for (const ids of [...ready.values(), due, outboxes, ...waiting.values()]) ids.delete(executionId);
      for (const group of groups) this.database.records.removeGroup(group);
    }
  }

  async putSchema(schema: StoredSchema): Promise<void> {
    this.assertOpen();
    const { projectId, workflowId, kind, digest } = schema;
    this.database.schemas.set(composite(projectId, workflowId, kind, digest), schema);
  }

  async listSchemas(query: SchemaQuery): Promise<readonly StoredSchema[]> {
    this.assertOpen();
    const { registeredSince = Number.NEGATIVE_INFINITY } = query;
    return [...this.database.schemas.values()]
      .filter((schema) => schema.projectId === query.projectId && schema.registeredAt >= registeredSince)
      .filter((schema) => query.workflowId === undefined || schema.workflowId === query.workflowId)
      .sort(
        (a, b) =>
          compareText(a.workflowId, b.workflowId) ||
          compareText(a.kind, b.kind) ||
          b.registeredAt - a.registeredAt ||
          compareText(a.digest, b.digest),
      );
  }

  async putWorker(worker: StoredWorker): Promise<void> {
    this.assertOpen();
    this.database.workers.put(worker);
  }

  async loadWorker(query: { readonly id: string; readonly now: number }): Promise<StoredWorker | undefined> {
    this.assertOpen();
    return this.database.workers.load(query);
  }

  async listWorkers(query: {
    readonly projectId: string;
    readonly now: number;
  }): Promise<readonly StoredWorker[]> {
    this.assertOpen();
    return this.database.workers.list(query);
  }

  async commitRecord(write: RecordWrite): Promise<CommitResult> {
    this.assertOpen();
    const replaced = assertWellFormedRecord(write);
    const result = this.database.records.commit(write, replaced, this);
    if (result === 'committed') this.tellOthers((follower) => follower.recordsChanged([replaced.group]));
    return result;
  }

  async loadRecord(name: RecordName): Promise<StoredRecord | undefined> {
    this.assertOpen();
    return this.database.records.load(name);
  }

  async listRecords(query: RecordQuery): Promise<readonly StoredRecord[]> {
    this.assertOpen();
    return this.database.records.list(query);
  }

  async listGroups(query: {
    readonly prefix: string;
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly string[]> {
    this.assertOpen();
    return this.database.records.listGroups(query);
  }

  async listDueRecords(query: { readonly until: number; readonly limit: number }): Promise<DueRecords> {
    this.assertOpen();
    return this.database.records.listDue(query, this);
  }

  follow(follower: Follower): () => void {
    this.database.followers.set(follower, this);
    return () => this.database.followers.delete(follower);
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const [follower, store] of this.database.followers) {
      if (store === this) this.database.followers.delete(follower);
    }
  }

  private tell({ id, projectId, workflowId }: Execution, { ready }: ExecutionIndex): void {
    const change = { executionId: id, ...(ready && { ready: { projectId, workflowId } }) };
    this.tellOthers((follower) => follower.changed([change]));
  }

  /** Tells the followers of the other stores, as late as any other process would be told. */
  private tellOthers(tell: (follower: Follower) => void): void {
    for (const [follower, store] of this.database.followers) {
      if (store === this) continue;
      queueMicrotask(() => this.database.followers.has(follower) && tell(follower));
    }
  }

  private create(write: ExecutionWrite): void {
    const { execution, state = {}, terms = [], index } = write;
    const row = { execution, state, terms, index, by: this, journal: journalRows(write) };
    this.database.rows.set(execution.id, row);
    this.reindex(row);
  }

  private replace(row: Row, write: ExecutionWrite): void {
    const noLonger = row.index.waitsFor?.filter((key) => !write.index.waitsFor?.includes(key)) ?? [];
    for (const key of noLonger) this.database.waiting.get(key)?.delete(row.execution.id);
    row.execution = write.execution;
    row.state = write.state ?? row.state;
    row.terms = write.terms ?? row.terms;
    row.index = write.index;
    row.by = this;
    row.journal.push(...journalRows(write));
    this.reindex(row);
  }

  private reindex({ execution, index }: Row): void {
    const workflow = composite(execution.projectId, execution.workflowId);
    const ready = this.database.ready.get(workflow) ?? new Set();
    this.database.ready.set(workflow, ready);
    setMembership(ready, execution.id, index.ready);
    setMembership(this.database.due, execution.id, index.wakeAt !== undefined);
    setMembership(this.database.outboxes, execution.id, index.outboxSince !== undefined);
    for (const key of index.waitsFor ?? []) {
      const waiting = this.database.waiting.get(key) ?? new Set();
      this.database.waiting.set(key, waiting.add(execution.id));
    }
  }

  private rowsOf(ids: Iterable<string>): Row[] {
    return [...ids].flatMap((id) => this.database.rows.get(id) ?? []);
  }

  private assertOpen(): void {
    if (this.closed) throw new StoreFault('the memory store is closed', { retryable: false });
  }
}

function isRemovable({ execution, index }: Row): boolean {
  return execution.closedAt !== undefined && index.outboxSince === undefined;
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

function firstServed(a: WaitingExecution, b: WaitingExecution): number {
  return b.priority - a.priority || a.readyAt - b.readyAt || compareText(a.id, b.id);
}
