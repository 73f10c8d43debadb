import type { Filter, FindOptions } from 'mongodb';
import type { ClosedQuery, ReadyQuery, WaitingExecution } from '../store.js';
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

/** What `listProjects` asks for each; answered from the index alone. */
export function findNextProject(after: string): ExecutionFind {
  return {
    filter: { projectId: { $gt: after } },
    options: {
      hint: EXECUTION_INDEXES.list.key,
      sort: { projectId: 1, createdAt: 1, _id: 1 },
      projection: { projectId: 1 },
      limit: 1,
    },
  };
}

/** Nobody commits to an execution like this any more. */
export const REMOVABLE = { closedAt: { $exists: true }, 'index.outboxSince': { $exists: false } } as const;

/** What `listClosed` asks. */
export function findClosed({ projectId, until, limit }: ClosedQuery): ExecutionFind {
  return {
    filter: { projectId, ...REMOVABLE, closedAt: { $lte: toTime(until) } },
    options: {
      hint: EXECUTION_INDEXES.closed.key,
      sort: { closedAt: 1, _id: 1 },
      projection: { rootExecutionId: 1 },
      limit,
    },
  };
}
