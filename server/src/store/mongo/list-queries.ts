import type { Filter } from 'mongodb';
import type { TermCondition } from '../../core/search-term.js';
import {
  type Along,
  LIST_INDEXES,
  type ListField,
  leavesOut,
  listIndexOf,
  type TermRange,
} from '../list-index.js';
import type { ExecutionPlace, ExecutionQuery, ExecutionSearch } from '../store.js';
import { toTime } from './bson-values.js';
import { EXECUTION_INDEXES } from './collections.js';
import type { ExecutionDocument } from './execution-document.js';
import type { ExecutionFind } from './execution-queries.js';

type Condition = Filter<ExecutionDocument>;

const NEWEST_FIRST = { createdAt: -1, _id: -1 } as const;

/** All of an execution that a list shows. */
const LISTED = { state: 0, stateText: 0, stateBase: 0, tail: 0, terms: 0 } as const;

/** The name of each field in a document. */
const FIELD_NAMES: Readonly<Record<ListField, string>> = {
  projectId: 'projectId',
  workflowId: 'workflowId',
  status: 'status',
  parentExecutionId: 'parent.executionId',
  rootExecutionId: 'rootExecutionId',
  sessionId: 'sessionId',
  userId: 'userId',
};

/**
 * What `list` asks. Each index ends with the order of the list, so a page counts nothing that it skips; what the other
 * filters refuse is read and left out.
 */
export function findExecutions(query: ExecutionQuery): ExecutionFind {
  const conditions = [fieldFilter(query), ...placeFilters(query)];
  return findPage({ by: 'index', index: listIndexOf(query) }, conditions, query.limit);
}

/**
 * What a search asks first: the place at which it has looked at `lookedAt` executions and would go on. Answered from the
 * index alone. Undefined if all that it looks at is in its page.
 */
export function findSearchEnd(search: ExecutionSearch, way: Along): ExecutionFind | undefined {
  if (!leavesOut(search, way)) return undefined;
  const held = way.by === 'term' ? { terms: way.term } : fieldFilter(search, LIST_INDEXES[way.index]);
  const { filter, options } = findPage(way, [held, ...placeFilters(search)], 1);
  return { filter, options: { ...options, projection: { createdAt: 1 }, skip: search.lookedAt } };
}

/**
 * What a search asks along an index or a term.
 * @param end  the last place to look at; missing to go on to the end.
 */
export function findSearched(search: ExecutionSearch, way: Along, end?: ExecutionPlace): ExecutionFind {
  const first = way.by === 'term' ? search.terms.find((condition) => 'is' in condition) : undefined;
  return findPage(way, [...searchFilters(search, first), ...placeFilters(search, end)], search.limit);
}

/** Finds one more than so many if there are more executions with terms of a range. */
export function findInRange(range: TermRange, most: number): ExecutionFind {
  const options = { hint: EXECUTION_INDEXES.terms.key, projection: { _id: 1 }, limit: most + 1 };
  return { filter: termFilter(range), options };
}

/** What a search asks by a range of terms. What that holds is sorted, so that it must not be much. */
export function findByRange(search: ExecutionSearch, range: TermRange): ExecutionFind {
  const way: Along = { by: 'term', term: range.from };
  return findPage(way, [...searchFilters(search, range), ...placeFilters(search)], search.limit);
}

function findPage(way: Along, conditions: readonly Condition[], limit: number): ExecutionFind {
  const { key } = way.by === 'term' ? EXECUTION_INDEXES.terms : EXECUTION_INDEXES[way.index];
  const options = { hint: key, sort: NEWEST_FIRST, projection: LISTED, limit };
  return { filter: { $and: [...conditions] }, options };
}

function fieldFilter(
  query: ExecutionQuery,
  fields: readonly ListField[] = Object.keys(FIELD_NAMES) as ListField[],
): Condition {
  const given = fields.filter((field) => query[field] !== undefined);
  return Object.fromEntries(given.map((field) => [FIELD_NAMES[field], query[field]]));
}

/**
 * All that is asked of an execution but its place.
 * @param first  the condition that bounds the index of terms; missing where another index is used.
 */
function searchFilters(search: ExecutionSearch, first: TermCondition | undefined): readonly Condition[] {
  const { updatedFrom, updatedBefore, closedFrom, closedBefore, terms } = search;
  return [
    fieldFilter(search),
    ...timeFilters('updatedAt', updatedFrom, updatedBefore),
    ...timeFilters('closedAt', closedFrom, closedBefore),
    ...terms.map((condition) => (first && condition !== first ? hasTerm(condition) : termFilter(condition))),
  ];
}

/** Terms are a list: both bounds have to be those of one of them. */
function termFilter(condition: TermCondition): Condition {
  if ('is' in condition) return { terms: condition.is };
  return { terms: { $elemMatch: { $gte: condition.from, $lt: condition.before } } };
}

/** The same in a form that MongoDB cannot take for a bound of the index, which it might prefer to the one that is meant. */
function hasTerm(condition: TermCondition): Condition {
  if ('is' in condition) return { $expr: { $in: [{ $literal: condition.is }, '$terms'] } };
  const { from, before } = condition;
  const cond = {
    $and: [{ $gte: ['$$this', { $literal: from }] }, { $lt: ['$$this', { $literal: before }] }],
  };
  return { $expr: { $gt: [{ $size: { $filter: { input: '$terms', cond } } }, 0] } };
}

function timeFilters(
  field: 'createdAt' | 'updatedAt' | 'closedAt',
  from: number | undefined,
  before: number | undefined,
): readonly Condition[] {
  return [
    ...(from === undefined ? [] : [{ [field]: { $gte: toTime(from) } }]),
    ...(before === undefined ? [] : [{ [field]: { $lt: toTime(before) } }]),
  ];
}

/** From a place in the list to another one. What is said of `createdAt` beside the places bounds the index. */
function placeFilters(
  { createdFrom, createdBefore, after }: ExecutionQuery,
  end?: ExecutionPlace,
): readonly Condition[] {
  return [
    ...timeFilters('createdAt', createdFrom, createdBefore),
    ...(after ? [{ createdAt: { $lte: toTime(after.createdAt) } }, placesBeyond(after, '$lt')] : []),
    ...(end ? [{ createdAt: { $gte: toTime(end.createdAt) } }, placesBeyond(end, '$gte')] : []),
  ];
}

/** Those before a place in the list, or from it on back. */
function placesBeyond({ createdAt, id }: ExecutionPlace, side: '$lt' | '$gte'): Condition {
  const time = toTime(createdAt);
  const strictly = side === '$lt' ? { $lt: time } : { $gt: time };
  return { $or: [{ createdAt: strictly }, { createdAt: time, _id: { [side]: id } }] };
}
