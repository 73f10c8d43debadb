import type { ListField, TermRange } from '../list-index.js';
import type { ExecutionPlace, ExecutionQuery, ExecutionSearch } from '../store.js';
import { toColumn } from './sqlite-text.js';

/** A part of a WHERE clause, with its values. */
export type Condition = readonly [text: string, ...values: (string | number)[]];

/** The column of each field. */
const COLUMNS: Readonly<Record<ListField, string>> = {
  projectId: 'project',
  workflowId: 'workflow',
  status: 'status',
  parentExecutionId: 'parent',
  rootExecutionId: 'root',
  sessionId: 'session',
  userId: 'user',
};

const UPDATED_AT = "json_extract(e.body, '$.updatedAt')";
const CLOSED_AT = "json_extract(e.body, '$.closedAt')";
const HAS_TERM =
  'EXISTS (SELECT 1 FROM term h WHERE h.term = ? AND h.created_at = e.created_at AND h.id = e.id)';
const HAS_TERM_BETWEEN = `EXISTS (SELECT 1 FROM term_list l, json_each(l.body) k
  WHERE l.seq = e.seq AND k.value >= ? AND k.value < ?)`;

/** What is asked of some columns: those of an index. */
export function heldFilters(query: ExecutionQuery, fields: readonly ListField[]): readonly Condition[] {
  return fields.flatMap((field) => {
    const value = query[field];
    return value === undefined ? [] : [[`e.${COLUMNS[field]} = ?`, toColumn(value)] as const];
  });
}

/**
 * All else that is asked of an execution, its place aside, as one condition that SQLite does not look into: from
 * many it would conclude that few executions are left, read them in another order, and sort.
 * @param held  what an index holds already.
 * @param end  the last place in question.
 */
export function otherFilters(
  search: ExecutionQuery & Partial<ExecutionSearch>,
  held: readonly ListField[],
  end?: Condition,
): readonly Condition[] {
  const { updatedFrom, updatedBefore, closedFrom, closedBefore, terms = [] } = search;
  const fields = (Object.keys(COLUMNS) as ListField[]).filter((field) => !held.includes(field));
  const conditions: readonly Condition[] = [
    ...heldFilters(search, fields),
    ...(updatedFrom === undefined ? [] : [[`${UPDATED_AT} >= ?`, updatedFrom] as const]),
    ...(updatedBefore === undefined ? [] : [[`${UPDATED_AT} < ?`, updatedBefore] as const]),
    ...(closedFrom === undefined ? [] : [[`${CLOSED_AT} >= ?`, closedFrom] as const]),
    ...(closedBefore === undefined ? [] : [[`${CLOSED_AT} < ?`, closedBefore] as const]),
    ...terms.map((condition): Condition => {
      if ('is' in condition) return [HAS_TERM, toColumn(condition.is)];
      return [HAS_TERM_BETWEEN, ...rangeValues(condition)];
    }),
    ...(end ? [end] : []),
  ];
  return conditions.length === 0 ? [] : [[`(${textOf(conditions)}) <> 0`, ...valuesOf(conditions)]];
}

/** What is asked of the place in the list, as far as an index is bounded by it. */
export function placeFilters(
  { createdFrom, createdBefore, after }: ExecutionQuery,
  order: 'e' | 't',
  end?: ExecutionPlace,
): readonly Condition[] {
  // The end is among what `createdFrom` allows.
  const from = end?.createdAt ?? createdFrom;
  const isAfter = `(${order}.created_at, ${order}.id) < (?, ?)`;
  return [
    ...(from === undefined ? [] : [[`${order}.created_at >= ?`, from] as const]),
    ...(createdBefore === undefined ? [] : [[`${order}.created_at < ?`, createdBefore] as const]),
    ...(after === undefined ? [] : [[isAfter, after.createdAt, toColumn(after.id)] as const]),
  ];
}

/** Not after the last place; apart from the other side, because SQLite sorts what two comparisons of places bound. */
export function endFilter(end: ExecutionPlace, order: 'e' | 't'): Condition {
  return [`(${order}.created_at > ? OR ${order}.id >= ?)`, end.createdAt, toColumn(end.id)];
}

/** The bounds of a range of terms. */
export function rangeValues({ from, before }: TermRange): [string, string] {
  return [toColumn(from), toColumn(before)];
}

/** The text of a WHERE clause. */
export function textOf(conditions: readonly Condition[]): string {
  return conditions.map(([text]) => text).join(' AND ');
}

/** Its values. */
export function valuesOf(conditions: readonly Condition[]): (string | number)[] {
  return conditions.flatMap(([, ...values]) => values);
}
