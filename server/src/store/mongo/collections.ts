import type { Document } from 'mongodb';

/** A collection as it has to be for the store to work: data only, so that it can be compared with what is there. */
export interface CollectionLayout {
  readonly name: string;
  /** Refuses what no version of this store writes. `executions` relies on it; see commit-writer.ts. */
  readonly validator: Document;
  /** Options of the command `create`, beside the validator. */
  readonly options?: Document;
  readonly indexes: readonly IndexLayout[];
  /** Where the database is sharded: what to shard it by. Every query of a commit, a load or a journal names it. */
  readonly shardKey: IndexKey;
}

/** An index, as the command `createIndexes` takes it. */
export interface IndexLayout {
  readonly name: string;
  readonly key: IndexKey;
  readonly unique?: true;
  readonly partialFilterExpression?: Document;
  readonly expireAfterSeconds?: number;
}

/** The fields of an index in their order. */
export type IndexKey = Readonly<Record<string, 1 | -1 | 'hashed'>>;

/** One document for each execution: what it is, its state unless that is large, and the newest entries of its journal. */
export const EXECUTIONS = 'executions';

/** Entries of journals that are no longer among the newest, some 32 events to a document. */
export const JOURNAL = 'journal';

/** Large states as they were after some commit; see states.ts. */
export const STATES = 'states';

/** Registered schemas. */
export const SCHEMAS = 'schemas';

/** What the servers tell each other of their workers. */
export const WORKERS = 'workers';

/** Documents of the engine's own that are no executions. */
export const RECORDS = 'records';

/**
 * The indexes of `executions` by which the store asks. Each is named as the hint of its queries, so that no plan is ever
 * guessed. Those of lists end with the order of the list; those of work that waits hold all that is asked, so that no
 * document is read, and `index.ready` only because MongoDB would read the document to look at the condition once more. A
 * step of a workflow touches none of them.
 */
export const EXECUTION_INDEXES = {
  ready: {
    name: 'ready',
    key: { projectId: 1, workflowId: 1, priority: -1, readyAt: 1, _id: 1, queue: 1, 'index.ready': 1 },
    partialFilterExpression: { 'index.ready': true },
  },
  readyInQueue: {
    name: 'ready_in_queue',
    key: { projectId: 1, workflowId: 1, queue: 1, priority: -1, readyAt: 1, _id: 1, 'index.ready': 1 },
    partialFilterExpression: { 'index.ready': true },
  },
  due: {
    name: 'due',
    key: { 'index.wakeAt': 1, _id: 1 },
    partialFilterExpression: { 'index.wakeAt': { $exists: true } },
  },
  outbox: {
    name: 'outbox',
    key: { 'index.outboxSince': 1, _id: 1 },
    partialFilterExpression: { 'index.outboxSince': { $exists: true } },
  },
  waiting: {
    name: 'waiting',
    key: { 'index.waitsFor': 1, priority: -1, readyAt: 1, _id: 1 },
    partialFilterExpression: { 'index.waitsFor': { $exists: true } },
  },
  list: { name: 'list', key: { projectId: 1, createdAt: 1, _id: 1 } },
  status: { name: 'status', key: { projectId: 1, status: 1, createdAt: 1, _id: 1 } },
  workflow: { name: 'workflow', key: { projectId: 1, workflowId: 1, createdAt: 1, _id: 1 } },
  workflowStatus: {
    name: 'workflow_status',
    key: { projectId: 1, workflowId: 1, status: 1, createdAt: 1, _id: 1 },
  },
  parent: {
    name: 'parent',
    key: { 'parent.executionId': 1, createdAt: 1, _id: 1 },
    partialFilterExpression: { 'parent.executionId': { $exists: true } },
  },
  root: { name: 'root', key: { rootExecutionId: 1, createdAt: 1, _id: 1 } },
  session: { name: 'session', key: { projectId: 1, sessionId: 1, createdAt: 1, _id: 1 } },
  user: {
    name: 'user',
    key: { projectId: 1, userId: 1, createdAt: 1, _id: 1 },
    partialFilterExpression: { userId: { $exists: true } },
  },
  terms: {
    name: 'terms',
    key: { terms: 1, createdAt: 1, _id: 1 },
    partialFilterExpression: { terms: { $exists: true } },
  },
  closed: {
    name: 'closed',
    key: { projectId: 1, closedAt: 1, _id: 1 },
    partialFilterExpression: { closedAt: { $exists: true } },
  },
} as const satisfies Readonly<Record<string, IndexLayout>>;

/**
 * The indexes of `records`, beside the one of `_id`, along which a group is listed. A unique index of a sharded collection
 * has to begin with the whole shard key, and that cannot be a hash.
 */
export const RECORD_INDEXES = {
  alias: {
    name: 'alias',
    key: { group: 1, alias: 1 },
    unique: true,
    partialFilterExpression: { alias: { $exists: true } },
  },
  due: { name: 'due', key: { dueAt: 1, _id: 1 }, partialFilterExpression: { dueAt: { $exists: true } } },
} as const satisfies Readonly<Record<string, IndexLayout>>;

const TEXT = { bsonType: 'string' };
const NUMBER = { bsonType: 'number' };
const BYTES = { bsonType: 'binData' };
const FLAG = { bsonType: 'bool' };
const RECORD = { bsonType: 'object' };
const LIST = { bsonType: 'array' };
const TOKEN = { ...RECORD, required: ['by', 'number'], properties: { by: TEXT, number: NUMBER } };
/** A number where a Date cannot hold it. */
const TIME = { bsonType: ['date', 'number'] };

/** All collections, in no particular order. */
export const COLLECTIONS: readonly CollectionLayout[] = [
  {
    name: EXECUTIONS,
    validator: required(
      {
        _id: TEXT,
        version: NUMBER,
        projectId: TEXT,
        workflowId: TEXT,
        queue: TEXT,
        status: TEXT,
        createdAt: TIME,
        updatedAt: TIME,
        rootExecutionId: TEXT,
        sessionId: TEXT,
        priority: NUMBER,
        readyAt: TIME,
        eventCount: NUMBER,
        index: {
          ...RECORD,
          required: ['ready'],
          properties: { ready: FLAG, waitsFor: { ...LIST, minItems: 1, items: TEXT } },
        },
        commit: TOKEN,
        tail: LIST,
      },
      {
        state: RECORD,
        stateText: BYTES,
        stateBase: {
          ...RECORD,
          required: ['event', 'patchedTo', 'lag'],
          properties: { commit: TOKEN, event: NUMBER, patchedTo: NUMBER, lag: NUMBER },
        },
        terms: { ...LIST, minItems: 1, items: TEXT },
      },
    ),
    indexes: Object.values(EXECUTION_INDEXES),
    shardKey: { _id: 'hashed' },
  },
  {
    name: JOURNAL,
    validator: required({
      _id: RECORD,
      execution: TEXT,
      firstEvent: NUMBER,
      lastEvent: NUMBER,
      entries: { ...LIST, minItems: 1 },
    }),
    indexes: [{ name: 'order', key: { execution: 1, lastEvent: 1 } }],
    shardKey: { execution: 'hashed' },
  },
  {
    name: STATES,
    validator: required({ _id: RECORD, execution: TEXT, text: BYTES }),
    indexes: [{ name: 'execution', key: { execution: 1 } }],
    shardKey: { execution: 'hashed' },
  },
  {
    name: SCHEMAS,
    validator: required({
      _id: RECORD,
      projectId: TEXT,
      workflowId: TEXT,
      kind: TEXT,
      digest: TEXT,
      jsonSchema: TEXT,
      registeredAt: TIME,
    }),
    indexes: [
      {
        name: 'newest',
        key: { projectId: 1, workflowId: 1, kind: 1, registeredAt: -1, digest: 1 },
      },
    ],
    shardKey: { _id: 'hashed' },
  },
  {
    name: WORKERS,
    validator: required({ _id: TEXT, projectId: TEXT, expiresAt: TIME, body: TEXT }),
    indexes: [
      { name: 'project', key: { projectId: 1, _id: -1 } },
      { name: 'expired', key: { removeAt: 1 }, expireAfterSeconds: 0 },
    ],
    shardKey: { _id: 'hashed' },
  },
  {
    name: RECORDS,
    validator: required(
      { _id: RECORD, group: TEXT, version: NUMBER, by: TEXT, body: TEXT },
      { alias: TEXT, dueAt: { bsonType: 'date' } },
    ),
    indexes: Object.values(RECORD_INDEXES),
    shardKey: { group: 1 },
  },
];

/** A validator by which all of the first are there, and the others may be. What it does not name may be, too. */
function required(
  properties: Readonly<Record<string, Document>>,
  optional: Readonly<Record<string, Document>> = {},
): Document {
  const all = { ...properties, ...optional };
  return { $jsonSchema: { bsonType: 'object', required: Object.keys(properties), properties: all } };
}
