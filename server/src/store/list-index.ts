import type { SearchTerm, TermCondition } from '../core/search-term.js';
import type { ExecutionQuery, ExecutionSearch } from './store.js';

/** Conditions that some index holds, and that may leave executions of others out. */
const FIELDS = [
  'workflowId',
  'status',
  'parentExecutionId',
  'rootExecutionId',
  'sessionId',
  'userId',
] as const satisfies readonly (keyof ExecutionQuery)[];

/** Bounds of times that no index holds. */
const UNINDEXED = [
  'updatedFrom',
  'updatedBefore',
  'closedFrom',
  'closedBefore',
] as const satisfies readonly (keyof ExecutionSearch)[];

/** What an index may hold. */
export type ListField = 'projectId' | (typeof FIELDS)[number];

/** The indexes of lists, each with what it finds. The first that a query can use most likely leaves least. */
export const LIST_INDEXES = {
  parent: ['parentExecutionId'],
  root: ['rootExecutionId'],
  session: ['projectId', 'sessionId'],
  user: ['projectId', 'userId'],
  workflowStatus: ['projectId', 'workflowId', 'status'],
  workflow: ['projectId', 'workflowId'],
  status: ['projectId', 'status'],
  list: ['projectId'],
} as const satisfies Readonly<Record<string, readonly ListField[]>>;

/** The name of an index in the order of the list. */
export type ListIndex = keyof typeof LIST_INDEXES;

/** The indexes that leave less than one term. */
const BETTER_THAN_TERMS: ReadonlySet<ListIndex> = new Set<ListIndex>(['parent', 'root', 'session']);

/** How a search is answered in the order of the list: along an index, or along the executions with one term. */
export type Along =
  | { readonly by: 'index'; readonly index: ListIndex }
  | { readonly by: 'term'; readonly term: SearchTerm };

/** All ways in which a search can be answered. */
export type SearchWay =
  | Along
  | { readonly by: 'range'; readonly ranges: readonly TermRange[]; readonly otherwise: Along };

/** Terms from one (inclusive) to another (exclusive). */
export type TermRange = Exclude<TermCondition, { readonly is: SearchTerm }>;

/** The index for a query: each adapter has all of them. */
export function listIndexOf(query: ExecutionQuery): ListIndex {
  const names = Object.keys(LIST_INDEXES) as ListIndex[];
  const isUsable = (name: ListIndex) => LIST_INDEXES[name].every((field) => query[field] !== undefined);
  return names.find(isUsable) ?? 'list';
}

/**
 * How a search is answered. Of `range`: by the first range that holds no more than `lookedAt` executions, which are then
 * sorted; if each holds more, what is asked for is not rare, and the search goes along the index.
 */
export function searchWayOf(search: ExecutionSearch): SearchWay {
  const index = listIndexOf(search);
  if (BETTER_THAN_TERMS.has(index)) return { by: 'index', index };
  const exact = search.terms.find((condition) => 'is' in condition);
  if (exact) return { by: 'term', term: exact.is };
  const ranges = search.terms.filter((condition) => 'from' in condition);
  const otherwise: Along = { by: 'index', index };
  return ranges.length > 0 ? { by: 'range', ranges, otherwise } : otherwise;
}

/** Whether executions that the way leads to may be left out by other conditions. A term is of one project only. */
export function leavesOut(search: ExecutionSearch, way: Along): boolean {
  const held: readonly ListField[] = way.by === 'index' ? LIST_INDEXES[way.index] : [];
  const terms = way.by === 'term' ? 1 : 0;
  return (
    search.terms.length > terms ||
    FIELDS.some((field) => search[field] !== undefined && !held.includes(field)) ||
    UNINDEXED.some((field) => search[field] !== undefined)
  );
}
