import type Database from 'libsql';
import type { Execution } from '../../core/execution.js';
import { type Along, searchWayOf, type TermRange } from '../list-index.js';
import type {
  ClosedExecution,
  ClosedQuery,
  DueExecutions,
  ExecutionPage,
  ExecutionPlace,
  ExecutionQuery,
  ExecutionSearch,
  ReadyExecution,
  ReadyQuery,
} from '../store.js';
import { compareText } from '../text-order.js';
import { type ExecutionRow, readExecutionRow } from './execution-row.js';
import { type BuiltQuery, listQuery, rootQuery, searchEndQuery, searchQuery } from './list-query.js';
import { fromColumn, textOf, toColumn } from './sqlite-text.js';
import { readySql, SQL } from './statements.js';

/** Combinations of filters whose statement is kept: more than there are. */
const STATEMENTS_MAX = 2_048;

/** Finds executions by what the indexes hold of them. */
export class ExecutionList {
  private readonly database: Database.Database;
  private readonly file: string;
  private readonly selectReady: Database.Statement;
  private readonly selectDue: Database.Statement;
  private readonly selectDueAfter: Database.Statement;
  private readonly selectOutboxes: Database.Statement;
  private readonly countTerms: Database.Statement;
  private readonly selectNextProject: Database.Statement;
  private readonly selectClosed: Database.Statement;
  private readonly statements = new Map<string, Database.Statement>();

  constructor(database: Database.Database, file: string) {
    this.database = database;
    this.file = file;
    this.selectReady = database.prepare(SQL.selectReady).raw();
    this.selectDue = database.prepare(SQL.selectDue).raw();
    this.selectDueAfter = database.prepare(SQL.selectDueAfter).raw();
    this.selectOutboxes = database.prepare(SQL.selectOutboxes).raw();
    this.countTerms = database.prepare(SQL.countTerms).raw();
    this.selectNextProject = database.prepare(SQL.selectNextProject).raw();
    this.selectClosed = database.prepare(SQL.selectClosed).raw();
  }

  /** See `Store.listReady`. */
  listReady({ projectId, workflowId, queues = [], limit }: ReadyQuery): readonly ReadyExecution[] {
    const texts = [projectId, workflowId, ...queues].map(toColumn);
    const statement = queues.length === 0 ? this.selectReady : this.statement(readySql(queues.length));
    const rows = statement.all([...texts, limit]) as [ArrayBuffer, ArrayBuffer][];
    return rows.map(([id, queue]) => ({ id: fromColumn(id), queue: fromColumn(queue) }));
  }

  /** See `Store.listDue`. */
  listDue(until: number, limit: number): DueExecutions {
    const rows = this.selectDue.all([until, limit]) as [ArrayBuffer, number][];
    const last = rows.at(-1);
    const [lastId, lastWakeAt] = last ? [last[0], last[1]] : [new ArrayBuffer(0), Number.MIN_SAFE_INTEGER];
    const after = this.selectDueAfter.get([lastWakeAt, textOf(lastId)]) as [number] | undefined;
    const due = rows.map(([id, wakeAt]) => ({ id: fromColumn(id), wakeAt, isOurs: true }));
    return { due, ...(after && { next: after[0] }) };
  }

  /** See `Store.listOutboxes`. */
  listOutboxes(until: number, limit: number): readonly string[] {
    const rows = this.selectOutboxes.all([until, limit]) as [ArrayBuffer][];
    return rows.map(([id]) => fromColumn(id));
  }

  /** See `Store.listProjects`. No project's name is empty. */
  listProjects({
    after = '',
    limit,
  }: {
    readonly after?: string;
    readonly limit: number;
  }): readonly string[] {
    const projects: string[] = [];
    for (let last = after; projects.length < limit; ) {
      const [next] = this.selectNextProject.get([toColumn(last)]) as [ArrayBuffer | null];
      if (!next) break;
      last = fromColumn(next);
      projects.push(last);
    }
    return projects;
  }

  /** See `Store.listClosed`. */
  listClosed({ projectId, until, limit }: ClosedQuery): readonly ClosedExecution[] {
    const rows = this.selectClosed.all([toColumn(projectId), until, limit]) as [ArrayBuffer, ArrayBuffer][];
    return rows.map(([id, root]) => ({ id: fromColumn(id), rootExecutionId: fromColumn(root) }));
  }

  /** See `Store.list`. */
  list(query: ExecutionQuery): readonly Execution[] {
    return this.withRoot(this.run(listQuery(query)), query);
  }

  /** See `Store.search`. */
  search(search: ExecutionSearch): ExecutionPage {
    const way = searchWayOf(search);
    if (way.by !== 'range') return this.searchAlong(search, way);
    const range = way.ranges.find((candidate) => this.isSmall(candidate, search.lookedAt));
    if (!range) return this.searchAlong(search, way.otherwise);
    return { executions: this.run(searchQuery(search, { by: 'range', range })) };
  }

  private searchAlong(search: ExecutionSearch, way: Along): ExecutionPage {
    const end = this.endOf(search, way);
    const executions = this.withRoot(this.run(searchQuery(search, way, end)), search, end);
    return end && executions.length < search.limit ? { executions, stoppedAt: end } : { executions };
  }

  private endOf(search: ExecutionSearch, way: Along): ExecutionPlace | undefined {
    const query = searchEndQuery(search, way);
    const row = query && this.statement(query.sql).get([...query.values]);
    if (!row) return undefined;
    const [createdAt, id] = row as [number, ArrayBuffer];
    return { createdAt, id: fromColumn(id) };
  }

  /** Whether no more than so many executions have terms of a range. */
  private isSmall({ from, before }: TermRange, most: number): boolean {
    const [count] = this.countTerms.get([toColumn(from), toColumn(before), most + 1]) as [number];
    return count <= most;
  }

  /** What was found, with the root of the tree if it was asked for a tree. */
  private withRoot(
    found: readonly Execution[],
    query: ExecutionQuery,
    end?: ExecutionPlace,
  ): readonly Execution[] {
    const { rootExecutionId } = query;
    if (rootExecutionId === undefined) return found;
    const withRoot = [...found, ...this.run(rootQuery(query, rootExecutionId, end))];
    return withRoot.sort(newestFirst).slice(0, query.limit);
  }

  private run({ sql, values }: BuiltQuery): readonly Execution[] {
    const rows = this.statement(sql).all([...values]) as ExecutionRow[];
    return rows.map((row) => readExecutionRow(row, this.file).execution);
  }

  private statement(sql: string): Database.Statement {
    const known = this.statements.get(sql);
    if (known) return known;
    const statement = this.database.prepare(sql).raw();
    if (this.statements.size < STATEMENTS_MAX) this.statements.set(sql, statement);
    return statement;
  }
}

function newestFirst(a: Execution, b: Execution): number {
  return b.createdAt - a.createdAt || compareText(b.id, a.id);
}
