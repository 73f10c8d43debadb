import {
  type Along,
  LIST_INDEXES,
  type ListField,
  type ListIndex,
  leavesOut,
  listIndexOf,
  type TermRange,
} from '../list-index.js';
import type { ExecutionPlace, ExecutionQuery, ExecutionSearch } from '../store.js';
import {
  type Condition,
  endFilter,
  heldFilters,
  otherFilters,
  placeFilters,
  rangeValues,
  textOf,
  valuesOf,
} from './list-conditions.js';
import { toColumn } from './sqlite-text.js';
import { EXECUTION_ROW } from './statements.js';

/** A statement and its values. */
export interface BuiltQuery {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

/** Where executions are read from. */
interface Source {
  readonly from: string;
  /** What leads to them, and the fields that it is about. */
  readonly conditions: readonly Condition[];
  readonly held: readonly ListField[];
  /** The alias of the table whose `created_at` and `id` are in order. */
  readonly order: 'e' | 't';
}

/** By one range of terms. */
export interface ByRange {
  readonly by: 'range';
  readonly range: TermRange;
}

const BY_ID = 'execution e INDEXED BY sqlite_autoindex_execution_1';

const INDEX_NAMES: Readonly<Record<ListIndex, string>> = {
  parent: 'execution_parent',
  root: 'execution_root',
  session: 'execution_session',
  user: 'execution_user',
  workflowStatus: 'execution_workflow_status',
  workflow: 'execution_workflow',
  status: 'execution_status',
  list: 'execution_list',
};

/**
 * The statement for a list. It names the index itself: SQLite would guess without statistics. Each index ends with the order
 * of the list, so a page never sorts and never counts past what it skips; what the other filters refuse is read and left out.
 */
export function listQuery(query: ExecutionQuery): BuiltQuery {
  return executionsQuery(sourceOf(query, { by: 'index', index: listIndexOf(query) }), query);
}

/** The statement for the root of a tree, which is in the list of its tree but not in the index of roots. */
export function rootQuery(query: ExecutionQuery, rootExecutionId: string, end?: ExecutionPlace): BuiltQuery {
  const { rootExecutionId: _, ...others } = query;
  const isRoot: Condition = ['e.id = ? AND e.root IS NULL', toColumn(rootExecutionId)];
  return executionsQuery({ from: BY_ID, conditions: [isRoot], held: [], order: 'e' }, others, end);
}

/**
 * The statement for a search along an index or a term, as `listQuery`; or for one by a range of terms: what that holds is
 * sorted, so that the caller must know that it is not much.
 * @param end  the last place to look at; missing to go on to the end.
 */
export function searchQuery(search: ExecutionSearch, way: Along | ByRange, end?: ExecutionPlace): BuiltQuery {
  return executionsQuery(sourceOf(search, way), search, end);
}

/**
 * The statement for the place at which a search has looked at `lookedAt` executions and would go on; undefined if all that it
 * looks at is in its page.
 */
export function searchEndQuery(search: ExecutionSearch, way: Along): BuiltQuery | undefined {
  if (!leavesOut(search, way)) return undefined;
  const { from, conditions: leading, order } = sourceOf(search, way);
  const conditions = [...leading, ...placeFilters(search, order)];
  return {
    sql: `SELECT ${order}.created_at, CAST(${order}.id AS BLOB) FROM ${from} WHERE ${textOf(conditions)}
      ORDER BY ${order}.created_at DESC, ${order}.id DESC LIMIT 1 OFFSET ?`,
    values: [...valuesOf(conditions), search.lookedAt],
  };
}

function sourceOf(query: ExecutionQuery, way: Along | ByRange): Source {
  switch (way.by) {
    case 'index': {
      const held = LIST_INDEXES[way.index];
      const from = `execution e INDEXED BY ${INDEX_NAMES[way.index]}`;
      return { from, conditions: heldFilters(query, held), held, order: 'e' };
    }
    case 'term': {
      const from = 'term t CROSS JOIN execution e ON e.id = t.id';
      return { from, conditions: [['t.term = ?', toColumn(way.term)]], held: [], order: 't' };
    }
    case 'range': {
      // Several terms of one execution may be within the range.
      const isThere = 'e.id IN (SELECT id FROM term WHERE term >= ? AND term < ?)';
      return { from: BY_ID, conditions: [[isThere, ...rangeValues(way.range)]], held: [], order: 'e' };
    }
  }
}

function executionsQuery(
  { from, conditions: leading, held, order }: Source,
  query: ExecutionQuery & Partial<ExecutionSearch>,
  end?: ExecutionPlace,
): BuiltQuery {
  const conditions = [
    ...leading,
    ...placeFilters(query, order, end),
    ...otherFilters(query, held, end && endFilter(end, order)),
  ];
  return {
    sql: `SELECT ${EXECUTION_ROW} FROM ${from} WHERE ${textOf(conditions)}
      ORDER BY ${order}.created_at DESC, ${order}.id DESC LIMIT ?`,
    values: [...valuesOf(conditions), query.limit],
  };
}
