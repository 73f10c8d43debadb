import type { ClientSession } from 'mongodb';
import type { Execution } from '../../core/execution.js';
import { type Along, searchWayOf, type TermRange } from '../list-index.js';
import {
  type ClosedExecution,
  type ClosedQuery,
  type DueExecutions,
  type ExecutionPage,
  type ExecutionPlace,
  type ExecutionQuery,
  type ExecutionSearch,
  type ReadyExecution,
  type ReadyQuery,
  type StoredExecution,
  StoreFault,
  type WaitingExecution,
} from '../store.js';
import { type Connection, QUERY_MS_MAX } from './connection.js';
import {
  type ExecutionDocument,
  fromExecutionDocument,
  fromStoredDocument,
  type ReadDocument,
} from './execution-document.js';
import {
  type DueQuery,
  type ExecutionFind,
  findById,
  findClosed,
  findDue,
  findNextProject,
  findOurs,
  findOutboxes,
  findReady,
  findWaiting,
  type WaitingQuery,
} from './execution-queries.js';
import { Gathering } from './gathering.js';
import { findByRange, findExecutions, findInRange, findSearchEnd, findSearched } from './list-queries.js';
import type { States } from './states.js';

/** How often a state may be replaced while it is read. */
const READS_MAX = 20;

/** Reads executions, one by one or by what the indexes hold of them. */
export class ExecutionReads {
  private readonly connection: Connection;
  private readonly by: string;
  private readonly states: States;
  private readonly loads: Gathering<string, ReadDocument | undefined>;

  /** @param by  this store in the tokens of its commits. */
  constructor({ connection, states, by }: { connection: Connection; states: States; by: string }) {
    this.connection = connection;
    this.states = states;
    this.by = by;
    this.loads = new Gathering({ askAll: (ids) => this.loadAll(ids), doing: (id) => `load ${id}` });
  }

  /** See `Store.load`. All that are asked for in one turn of the event loop are one question. */
  async load(executionId: string): Promise<StoredExecution | undefined> {
    let before: Execution | undefined;
    for (let reads = 1; ; reads++) {
      const read = await this.loads.ask(executionId);
      if (!read) return undefined;
      const { execution } = read;
      this.states.remember(execution, read.state === undefined ? read.stateBase : 'within');
      if (read.state !== undefined) return read;
      const state = await this.states.read(executionId, read.stateBase);
      const { stateBase: _, ...stored } = read;
      if (state) return { ...stored, state };
      // It was replaced meanwhile.
      const isLost = before?.version === execution.version;
      if (isLost || reads === READS_MAX) throw lostState(executionId, { retryable: !isLost });
      before = execution;
    }
  }

  /** See `Store.listReady`. */
  async listReady(query: ReadyQuery): Promise<readonly ReadyExecution[]> {
    const found = await this.find(`list what is ready of "${query.workflowId}"`, findReady(query));
    return found.map(({ _id, queue }) => ({ id: _id, queue: queue as string }));
  }

  /** See `Store.listDue`. */
  async listDue({ until, limit }: DueQuery): Promise<DueExecutions> {
    const found = await this.find('list what is due', findDue(limit));
    const all = found.map(({ _id, index }) => ({ id: _id, wakeAt: Number(index.wakeAt) }));
    const due = all.slice(0, limit).filter(({ wakeAt }) => wakeAt <= until);
    const next = all[due.length];
    const ours = await this.oursOf(due.map(({ id }) => id));
    return {
      due: due.map(({ id, wakeAt }) => ({ id, wakeAt, isOurs: ours.has(id) })),
      ...(next && { next: next.wakeAt }),
    };
  }

  /** See `Store.listOutboxes`. */
  async listOutboxes(query: DueQuery): Promise<readonly string[]> {
    const found = await this.find('list outboxes', findOutboxes(query));
    return found.map(({ _id }) => _id);
  }

  /** See `Store.listWaiting`. */
  async listWaiting(query: WaitingQuery): Promise<readonly WaitingExecution[]> {
    const found = await this.find(`list what waits for "${query.key}"`, findWaiting(query));
    return found.map(({ _id, priority, readyAt }) => {
      return { id: _id, priority: priority as number, readyAt: Number(readyAt) };
    });
  }

  /** See `Store.list`. */
  async list(query: ExecutionQuery): Promise<readonly Execution[]> {
    const found = await this.find(`list executions of "${query.projectId}"`, findExecutions(query));
    return found.map((document) => fromExecutionDocument(document));
  }

  /** See `Store.search`. */
  async search(search: ExecutionSearch): Promise<ExecutionPage> {
    const way = searchWayOf(search);
    if (way.by !== 'range') return this.searchAlong(search, way);
    for (const range of way.ranges) {
      if (!(await this.isSmall(range, search))) continue;
      const found = await this.find(doing(search), findByRange(search, range));
      return { executions: found.map((document) => fromExecutionDocument(document)) };
    }
    return this.searchAlong(search, way.otherwise);
  }

  private async searchAlong(search: ExecutionSearch, way: Along): Promise<ExecutionPage> {
    const end = await this.endOf(search, way);
    const found = await this.find(doing(search), findSearched(search, way, end));
    const executions = found.map((document) => fromExecutionDocument(document));
    return end && found.length < search.limit ? { executions, stoppedAt: end } : { executions };
  }

  private async endOf(search: ExecutionSearch, way: Along): Promise<ExecutionPlace | undefined> {
    const find = findSearchEnd(search, way);
    const [end] = find ? await this.find(doing(search), find) : [];
    return end && { createdAt: Number(end.createdAt), id: end._id };
  }

  /** Whether no more than `lookedAt` executions have terms of a range. */
  private async isSmall(range: TermRange, search: ExecutionSearch): Promise<boolean> {
    const found = await this.find(doing(search), findInRange(range, search.lookedAt));
    return found.length <= search.lookedAt;
  }

  /** See `Store.listProjects`. One question for each, of the index alone. No project's name is empty. */
  async listProjects({
    after = '',
    limit,
  }: {
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly string[]> {
    const projects: string[] = [];
    for (let last = after; projects.length < limit; ) {
      const [next] = await this.find('list projects', findNextProject(last));
      if (!next) break;
      last = next.projectId as string;
      projects.push(last);
    }
    return projects;
  }

  /** See `Store.listClosed`. */
  async listClosed(query: ClosedQuery): Promise<readonly ClosedExecution[]> {
    const found = await this.find(`list closed executions of "${query.projectId}"`, findClosed(query));
    return found.map(({ _id, rootExecutionId }) => {
      return { id: _id, rootExecutionId: rootExecutionId as string };
    });
  }

  private async loadAll(ids: readonly string[]): Promise<readonly (ReadDocument | undefined)[]> {
    const unique = [...new Set(ids)];
    const found = await this.connection.inSession((session) => this.findIn(session, findById(unique)));
    const byId = new Map(found.map((document) => [document._id, fromStoredDocument(document)]));
    return ids.map((id) => byId.get(id));
  }

  private async oursOf(ids: readonly string[]): Promise<ReadonlySet<string>> {
    if (ids.length === 0) return new Set();
    const found = await this.find('list what is due', findOurs(ids, this.by));
    return new Set(found.map(({ _id }) => _id));
  }

  private find(doing: string, find: ExecutionFind): Promise<ExecutionDocument[]> {
    return this.connection.ask(doing, (session) => this.findIn(session, find));
  }

  private findIn(session: ClientSession, { filter, options }: ExecutionFind): Promise<ExecutionDocument[]> {
    // As many in the first batch as there are, or else there is a second round trip; one more ends the cursor.
    const batchSize = options.limit + 1;
    const given = { ...options, batchSize, session, maxTimeMS: QUERY_MS_MAX };
    return this.connection.executions.find(filter, given).toArray();
  }
}

function lostState(executionId: string, { retryable }: { readonly retryable: boolean }): StoreFault {
  const message = retryable
    ? `load ${executionId}: its state was written anew ${READS_MAX} times while it was being read`
    : `load ${executionId}: what its document says of its state is not in the database; restore that from a backup`;
  return new StoreFault(message, { retryable });
}

function doing({ projectId }: ExecutionSearch): string {
  return `search executions of "${projectId}"`;
}
