import Database from 'libsql';
import { expect, test } from 'vitest';
import { EXECUTION_STATUSES } from '../../core/execution.js';
import { searchWayOf } from '../list-index.js';
import type { ExecutionQuery, ExecutionSearch } from '../store.js';
import { PRAGMAS, TABLES } from './layout.js';
import { listQuery, rootQuery, searchEndQuery, searchQuery } from './list-query.js';
import { readySql, SQL } from './statements.js';

const database = new Database(':memory:');
for (const pragma of PRAGMAS) database.prepare(`PRAGMA ${pragma}`).all([]);
database.exec(TABLES);

/** What SQLite would do: one line for each table or sort. */
function plan(sql: string): readonly string[] {
  const rows = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).raw().all([]) as [
    number,
    number,
    number,
    string,
  ][];
  return rows.map(([, , , detail]) => detail);
}

/**
 * Lines that read a whole table or index, or sort all rows. An index of nothing but the rows in question may be read
 * whole, what another query found is read whole, and so are the terms of one execution; and the "right part" of an order is
 * sorted within a few rows, the versions of one schema.
 */
function costly(sql: string): readonly string[] {
  return plan(sql).filter((detail) => {
    const scansAll =
      detail.startsWith('SCAN') &&
      !/SCAN (execution USING .*execution_outbox|CONSTANT ROW|\(subquery|k VIRTUAL TABLE)/.test(detail);
    return scansAll || detail === 'USE TEMP B-TREE FOR ORDER BY';
  });
}

test.each(Object.entries(SQL))('%s finds its rows by an index and does not sort', (_, sql) => {
  expect(costly(sql)).toEqual([]);
});

test('ready executions of some queues are found by the index of ready ones', () => {
  expect(costly(readySql(3))).toEqual([]);
});

test('the check of plans would see a scan and a sort', () => {
  expect(costly('SELECT * FROM execution WHERE queue = ?')).toHaveLength(1);
  expect(costly('SELECT * FROM execution WHERE project = ? ORDER BY queue')).toHaveLength(1);
});

test.each([
  ['selectReady', 'execution_ready (project=? AND workflow=?)'],
  ['selectDue', 'execution_due (wake_at>? AND wake_at<?)'],
  ['selectOutboxes', 'execution_outbox'],
  ['selectEntries', 'journal_order (seq=? AND last_event>? AND last_event<?)'],
  ['selectWaitingAfter', 'PRIMARY KEY (key=? AND (rank,ready_at,id)>(?,?,?))'],
  ['selectRecordFacts', 'record_order (group=? AND id=?)'],
  ['selectRecordByAlias', 'record_alias (group=? AND alias=?)'],
  ['selectRecordsFrom', 'record_order (group=? AND id>?)'],
  ['selectRecordsBackFrom', 'record_order (group=? AND id<?)'],
  ['selectDueRecords', 'COVERING INDEX record_due (due_at>? AND due_at<?)'],
] as const)('%s is answered by %s', (name, index) => {
  expect(plan(SQL[name])).toEqual([expect.stringContaining(index)]);
});

/** All combinations of filters of a list. */
function queries(): readonly ExecutionQuery[] {
  const filters: readonly Partial<ExecutionQuery>[] = [
    { workflowId: 'w' },
    { status: EXECUTION_STATUSES[0] },
    { parentExecutionId: 'p' },
    { rootExecutionId: 'r' },
    { sessionId: 's' },
    { userId: 'u' },
    { createdFrom: 1 },
    { createdBefore: 2 },
    { after: { createdAt: 1, id: 'a' } },
  ];
  return Array.from({ length: 2 ** filters.length }, (_, bits) =>
    Object.assign({ projectId: 'p', limit: 10 }, ...filters.filter((_filter, index) => bits & (1 << index))),
  );
}

test('a list with any combination of filters finds its rows by an index and does not sort', () => {
  for (const query of queries()) {
    expect(costly(listQuery(query).sql)).toEqual([]);
    expect(costly(rootQuery(query, 'r').sql)).toEqual([]);
  }
});

const RANGE = { from: 'b', before: 'c' };

/** The same with terms, and with a time that no index holds. */
function searches(): readonly ExecutionSearch[] {
  const terms: ExecutionSearch['terms'][] = [[{ is: 'a' }, { is: 'b' }, RANGE], [RANGE], []];
  return queries().flatMap((query) =>
    terms.map((given) => ({ ...query, terms: given, lookedAt: 10, closedBefore: 9 })),
  );
}

test('a search with any combination of filters finds its rows by an index and does not sort', () => {
  for (const search of searches()) {
    const chosen = searchWayOf(search);
    const way = chosen.by === 'range' ? chosen.otherwise : chosen;
    const end = searchEndQuery(search, way);
    expect(costly(end?.sql ?? 'VALUES (1)')).toEqual([]);
    const { sql } = searchQuery(search, way, { createdAt: 1, id: 'a' });
    expect({ sql, costly: costly(sql) }).toEqual({ sql, costly: [] });
    expect(costly(rootQuery(search, 'r', { createdAt: 1, id: 'a' }).sql)).toEqual([]);
  }
});

test('a search by one term begins with that, and where it ends is found without reading executions', () => {
  const search = { projectId: 'p', limit: 10, status: 'failed' as const, terms: [{ is: 'a' }], lookedAt: 10 };
  const way = searchWayOf(search);
  if (way.by !== 'term') throw new Error(`it is answered by ${way.by}`);
  expect(plan(searchQuery(search, way).sql)[0]).toBe('SEARCH t USING PRIMARY KEY (term=?)');
  expect(plan(searchEndQuery(search, way)?.sql ?? '')[0]).toBe('SEARCH t USING PRIMARY KEY (term=?)');
});

test('the end of a search along an index is found in the index alone, but for what is not in it', () => {
  const search = { projectId: 'p', limit: 10, workflowId: 'w', terms: [RANGE], lookedAt: 10 };
  const way = { by: 'index' as const, index: 'workflow' as const };
  const [first, ...more] = plan(searchEndQuery(search, way)?.sql ?? '');
  expect(first).toContain('COVERING INDEX execution_workflow (project=? AND workflow=?)');
  expect(more).toEqual([]);
});

test('a search by a range of terms sorts what that holds, and reads nothing else', () => {
  const search = { projectId: 'p', limit: 10, workflowId: 'w', terms: [RANGE], lookedAt: 10 };
  expect(plan(searchQuery(search, { by: 'range', range: RANGE }).sql)).toEqual([
    'SEARCH e USING INDEX sqlite_autoindex_execution_1 (id=?)',
    'LIST SUBQUERY 1',
    'SEARCH term USING PRIMARY KEY (term>? AND term<?)',
    ...EXISTS,
    'USE TEMP B-TREE FOR ORDER BY',
  ]);
});

const EXISTS = [expect.any(String), expect.any(String), expect.any(String)];
