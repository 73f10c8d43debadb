import type { ExecutionQuery } from '../store.js';
import { toColumn } from './sqlite-text.js';
import { EXECUTION_ROW } from './statements.js';

/** A statement and its values. */
export interface BuiltQuery {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

/**
 * The statement for a list. It names the index itself, the one of the filter that most likely leaves least: SQLite would
 * guess without statistics. Each index ends with the order of the list, so a page never sorts and never counts past what
 * it skips; what the other filters refuse is read and left out.
 */
export function listQuery(query: ExecutionQuery): BuiltQuery {
  return build(query, indexFor(query), columnFilters(query));
}

/** The statement for the root of a tree, which is in the list of its tree but not in the index of roots. */
export function rootQuery(query: ExecutionQuery, rootExecutionId: string): BuiltQuery {
  const { rootExecutionId: _, ...others } = query;
  const conditions: Condition[] = [
    ['e.id = ? AND e.root IS NULL', toColumn(rootExecutionId)],
    ...columnFilters(others),
  ];
  return build(query, 'sqlite_autoindex_execution_1', conditions);
}

function build(query: ExecutionQuery, index: string, conditions: Condition[]): BuiltQuery {
  if (query.createdFrom !== undefined) conditions.push(['e.created_at >= ?', query.createdFrom]);
  if (query.createdBefore !== undefined) conditions.push(['e.created_at < ?', query.createdBefore]);
  if (query.after)
    conditions.push(['(e.created_at, e.id) < (?, ?)', query.after.createdAt, toColumn(query.after.id)]);
  const where = conditions.map(([text]) => text).join(' AND ');
  const values = conditions.flatMap(([, ...rest]) => rest);
  return {
    sql: `SELECT ${EXECUTION_ROW} FROM execution e INDEXED BY ${index} WHERE ${where}
      ORDER BY e.created_at DESC, e.id DESC LIMIT ?`,
    values: [...values, query.limit],
  };
}

type Condition = [text: string, ...values: (string | number)[]];

function columnFilters(query: ExecutionQuery): Condition[] {
  const pairs: readonly (readonly [string, string | undefined])[] = [
    ['project', query.projectId],
    ['workflow', query.workflowId],
    ['status', query.status],
    ['parent', query.parentExecutionId],
    ['root', query.rootExecutionId],
    ['session', query.sessionId],
    ['user', query.userId],
  ];
  return pairs.flatMap(([column, value]) =>
    value === undefined ? [] : [[`e.${column} = ?`, toColumn(value)] satisfies Condition],
  );
}

function indexFor(query: ExecutionQuery): string {
  if (query.parentExecutionId !== undefined) return 'execution_parent';
  if (query.rootExecutionId !== undefined) return 'execution_root';
  if (query.sessionId !== undefined) return 'execution_session';
  if (query.userId !== undefined) return 'execution_user';
  if (query.workflowId !== undefined && query.status !== undefined) return 'execution_workflow_status';
  if (query.workflowId !== undefined) return 'execution_workflow';
  if (query.status !== undefined) return 'execution_status';
  return 'execution_list';
}
