import type { Filter, FindOptions } from 'mongodb';
import type { ExecutionQuery, ReadyQuery, WaitingExecution } from '../store.js';
import { toIndexTime, toTime } from './bson-values.js';
import { EXECUTION_INDEXES } from './collections.js';
import type { ExecutionDocument } from './execution-document.js';

/**
 * A question to the collection of executions. Nothing is ever sorted: each question that has an order names the index to
 * read along.
 */
export interface ExecutionFind {
  readonly filter: Filter<ExecutionDocument>;
  readonly options: FindOptions & { readonly limit: number };
}

/** What `listDue` and `listOutboxes` are asked. */
export interface DueQuery {
  readonly until: number;
  readonly limit: number;
}

/** What `listWaiting` is asked. */
export interface WaitingQuery {
  readonly key: string;
  readonly after?: WaitingExecution;
  readonly limit: number;
}

/** What `load` asks for all that are asked for at the same time. The tail is the journal's. */
export function findById(ids: readonly string[]): ExecutionFind {
  return { filter: { _id: { $in: [...ids] } }, options: { projection: { tail: 0 }, limit: ids.length } };
}

/** What `listReady` asks; answered from the index alone. */
export function findReady({ projectId, workflowId, queues, limit }: ReadyQuery): ExecutionFind {
  return {
    filter: { projectId, workflowId, 'index.ready': true, ...(queues && { queue: { $in: [...queues] } }) },
    options: {
      hint: (queues ? EXECUTION_INDEXES.readyInQueue : EXECUTION_INDEXES.ready).key,
      sort: { priority: -1, readyAt: 1, _id: 1 },
      projection: { queue: 1 },
      limit,
    },
  };
}

/**
 * What `listDue` asks first: the earliest of all, and one more, so that what is due and what comes next are of one moment.
 * Answered from the index alone; who committed last is asked for those that are due.
 */
export function findDue(limit: number): ExecutionFind {
  return {
    filter: { 'index.wakeAt': { $gte: toIndexTime(Number.NEGATIVE_INFINITY) } },
    options: {
      hint: EXECUTION_INDEXES.due.key,
      sort: { 'index.wakeAt': 1, _id: 1 },
      projection: { 'index.wakeAt': 1 },
      limit: limit + 1,
    },
  };
}

/** Which of some executions a store committed to last. */
export function findOurs(ids: readonly string[], by: string): ExecutionFind {
  const filter = { _id: { $in: [...ids] }, 'commit.by': by };
  return { filter, options: { projection: { _id: 1 }, limit: ids.length } };
}

/** What `listOutboxes` asks; answered from the index alone. */
export function findOutboxes({ until, limit }: DueQuery): ExecutionFind {
  return {
    filter: { 'index.outboxSince': { $lte: new Date(Math.floor(until)) } },
    options: { hint: EXECUTION_INDEXES.outbox.key, projection: { _id: 1 }, limit },
  };
}

/** What `listWaiting` asks; answered from the index alone. */
export function findWaiting({ key, after, limit }: WaitingQuery): ExecutionFind {
  return {
    filter: { 'index.waitsFor': key, ...(after && { $or: placesAfter(after) }) },
    options: {
      hint: EXECUTION_INDEXES.waiting.key,
      sort: { priority: -1, readyAt: 1, _id: 1 },
      projection: { priority: 1, readyAt: 1 },
      limit,
    },
  };
}

/** What comes after a place, as ranges of the index: MongoDB merges them in order, and reads nothing that it skips. */
function placesAfter({ id, priority, readyAt }: WaitingExecution): object[] {
  const time = toTime(readyAt);
  return [
    { priority, readyAt: time, _id: { $gt: id } },
    { priority, readyAt: { $gt: time } },
    { priority: { $lt: priority } },
  ];
}

/**
 * What `list` asks. Of the filters, the index is the one that most likely leaves least; what the others refuse is read and
 * left out. Each index ends with the order of the list, so a page counts nothing that it skips.
 */
export function findExecutions(query: ExecutionQuery): ExecutionFind {
  const { projectId, workflowId, status, parentExecutionId, rootExecutionId, sessionId, userId, limit } =
    query;
  const filters = {
    projectId,
    workflowId,
    status,
    'parent.executionId': parentExecutionId,
    rootExecutionId,
    sessionId,
    userId,
    createdAt: createdAtOf(query),
  };
  return {
    filter: {
      ...Object.fromEntries(Object.entries(filters).filter(([, value]) => value !== undefined)),
      ...placeOf(query),
    },
    options: {
      hint: indexFor(query).key,
      sort: { createdAt: -1, _id: -1 },
      projection: { state: 0, tail: 0 },
      limit,
    },
  };
}

function createdAtOf({ createdFrom, createdBefore, after }: ExecutionQuery): object | undefined {
  if (createdFrom === undefined && createdBefore === undefined && after === undefined) return undefined;
  return {
    ...(createdFrom !== undefined && { $gte: toTime(createdFrom) }),
    ...(createdBefore !== undefined && { $lt: toTime(createdBefore) }),
    // Repeats what the place in the list says, in a form that bounds the index.
    ...(after && { $lte: toTime(after.createdAt) }),
  };
}

function placeOf({ after }: ExecutionQuery): object {
  if (!after) return {};
  const createdAt = toTime(after.createdAt);
  return { $or: [{ createdAt: { $lt: createdAt } }, { createdAt, _id: { $lt: after.id } }] };
}

function indexFor(query: ExecutionQuery) {
  if (query.parentExecutionId !== undefined) return EXECUTION_INDEXES.parent;
  if (query.rootExecutionId !== undefined) return EXECUTION_INDEXES.root;
  if (query.sessionId !== undefined) return EXECUTION_INDEXES.session;
  if (query.userId !== undefined) return EXECUTION_INDEXES.user;
  if (query.workflowId !== undefined && query.status !== undefined) return EXECUTION_INDEXES.workflowStatus;
  if (query.workflowId !== undefined) return EXECUTION_INDEXES.workflow;
  if (query.status !== undefined) return EXECUTION_INDEXES.status;
  return EXECUTION_INDEXES.list;
}
