import type { Execution, ExecutionStatus } from '../core/execution.js';
import type { JournalEntry } from '../core/journal.js';
import type { JsonObject } from '../core/json.js';
import type { SearchTerm, TermCondition } from '../core/search-term.js';
import type { ClosedExecution, ClosedQuery, Removal } from './removal.js';

export type { ClosedExecution, ClosedQuery, Removal } from './removal.js';

/**
 * Where executions live. An adapter compares and sets; it knows no rule of the engine.
 *
 * The contract, held by one conformance suite (test/store-conformance) for every adapter:
 *
 * - `commit` is atomic for its execution, fenced by the version that it replaces, and durable when it resolves: it
 *   survives kill -9 of this process and loss of power. Commits that are asked for at the same time may share one write;
 *   each still succeeds or conflicts by itself.
 * - A read sees every commit that resolved before it was asked for, in whichever process, and none that did not happen or
 *   may be rolled back.
 * - The journal of an execution has no gaps: each entry begins with the event after the one before it ended with.
 * - A store that cannot be reached, or that finds its data damaged, throws `StoreFault`. After a `commit` threw, it is
 *   unknown whether it happened, and it may even happen later; the version still fences it.
 * - Values come back as they went in; the caller never changes one after handing it over.
 */
export interface Store {
  /** Whether other processes write to it at the same time: then only a commit proves that what was read is current. */
  readonly isShared: boolean;

  /** Writes one new version of one execution. */
  commit(write: ExecutionWrite): Promise<CommitResult>;

  /** Reads one execution with its state; undefined if there is none. */
  load(executionId: string): Promise<StoredExecution | undefined>;

  /**
   * Reads journal entries, oldest first, beginning with the one that holds event `afterEvent + 1`, until about `bytes`
   * bytes or `entries` entries are reached; at least one if there is one. An entry that holds earlier events, too, comes
   * whole.
   */
  journal(
    executionId: string,
    page: { readonly afterEvent: number; readonly entries: number; readonly bytes: number },
  ): Promise<readonly JournalEntry[]>;

  /** Ready executions of one workflow: larger priority first, then earlier `readyAt`, then id. */
  listReady(query: ReadyQuery): Promise<readonly ReadyExecution[]>;

  /** Executions whose `wakeAt` is at or before `until`, earliest first, and the earliest `wakeAt` after those. */
  listDue(query: { readonly until: number; readonly limit: number }): Promise<DueExecutions>;

  /** Ids of executions whose `outboxSince` is at or before `until`, in no particular order. */
  listOutboxes(query: { readonly until: number; readonly limit: number }): Promise<readonly string[]>;

  /**
   * Ids of executions that wait for what `key` names (`index.waitsFor`): larger priority first, then earlier `readyAt`,
   * then id; those that come after `after`.
   */
  listWaiting(query: {
    readonly key: string;
    readonly after?: WaitingExecution;
    readonly limit: number;
  }): Promise<readonly WaitingExecution[]>;

  /** Executions of a project, newest first (by `createdAt`, then id, both descending). */
  list(query: ExecutionQuery): Promise<readonly Execution[]>;

  /**
   * The same order, but bounded and by more conditions. Executions are found along one index that holds the order of the
   * list; those that the other conditions leave out count against `lookedAt`, and the page may end there.
   */
  search(search: ExecutionSearch): Promise<ExecutionPage>;

  /** Projects that have executions, in the order of their names (by bytes); those after `after`. */
  listProjects(page: { readonly after?: string; readonly limit: number }): Promise<readonly string[]>;

  /**
   * Executions of a project that were closed at or before `until` and have nothing to deliver any more (no `outboxSince`),
   * so that nobody commits to them: earliest close first, then id.
   */
  listClosed(query: ClosedQuery): Promise<readonly ClosedExecution[]>;

  /**
   * Removes executions that `listClosed` told of; any that is gone, or is none of those, is left out. Durable when it
   * resolves. Until then, and after it threw, an execution may be there without the older part of its journal: `listClosed`
   * tells of it again, so that a removal that broke off can be repeated.
   */
  removeClosed(removals: readonly Removal[]): Promise<void>;

  /** Keeps a schema by digest. Keeping it again only renews `registeredAt`. Durable when it resolves. */
  putSchema(schema: StoredSchema): Promise<void>;

  /** Schemas of a project, by workflow, then kind, then newest registration first. */
  listSchemas(query: SchemaQuery): Promise<readonly StoredSchema[]>;

  /**
   * Keeps what is known of a worker, in place of what was known of it before. A store may forget a worker once its
   * `expiresAt` is past, and all of them when it is closed.
   */
  putWorker(worker: StoredWorker): Promise<void>;

  /** A worker that has not expired at `now`; undefined if there is none. */
  loadWorker(query: { readonly id: string; readonly now: number }): Promise<StoredWorker | undefined>;

  /** The workers of a project that have not expired at `now`, newest id first. */
  listWorkers(query: { readonly projectId: string; readonly now: number }): Promise<readonly StoredWorker[]>;

  /**
   * Writes or removes one record, fenced by the version that it replaces, as durably as `commit`. A record whose alias
   * another one of its group has is a conflict, too. Once it threw, it is unknown whether it happened.
   */
  commitRecord(write: RecordWrite): Promise<CommitResult>;

  /** Reads one record; undefined if there is none. */
  loadRecord(name: RecordName): Promise<StoredRecord | undefined>;

  /** Records of one group, in the order of their ids (by bytes) or against it. */
  listRecords(query: RecordQuery): Promise<readonly StoredRecord[]>;

  /** Groups that have records and whose names begin with `prefix`, in the order of their names (by bytes); those after `after`. */
  listGroups(query: {
    readonly prefix: string;
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly string[]>;

  /** Records of all groups whose `dueAt` is at or before `until`, earliest first, and the earliest `dueAt` after those. */
  listDueRecords(query: { readonly until: number; readonly limit: number }): Promise<DueRecords>;

  /**
   * Tells of what other processes commit, soon after each commit but with no promise to tell of every one: whoever
   * follows must also look at the store from time to time. Never tells of commits through this object.
   * @returns how to stop that.
   */
  follow(follower: Follower): () => void;

  /** Finishes what was asked for and lets go of everything. Calls after it throw. May be repeated. */
  close(): Promise<void>;
}

/** One new version of an execution. */
export interface ExecutionWrite {
  /**
   * What it replaces, exactly as it is stored; missing to create the execution. `execution.version` is one more than its
   * version, or 1.
   */
  readonly before?: Execution | undefined;
  readonly execution: Execution;
  /**
   * The state document; missing if it did not change. Always there when the execution is created. After that `entry.patch`
   * is how it came from the one before.
   */
  readonly state?: JsonObject;
  /** What it adds to the journal, if anything. */
  readonly entry?: JournalEntry;
  /**
   * By what `search` finds it, each once, 100 at most; missing if that did not change. None where the execution is created
   * without.
   */
  readonly terms?: readonly SearchTerm[];
  /** What the indexes hold of it; derived from `execution` by the engine, so that adapters need no rule for it. */
  readonly index: ExecutionIndex;
}

/** The derived fields by which the engine finds executions. */
export interface ExecutionIndex {
  /** A worker may take it now. */
  readonly ready: boolean;
  /** When the scheduler must look at it, in milliseconds since 1970; missing for never. */
  readonly wakeAt?: number;
  /** Since when its outbox waits for somebody to deliver it, at the latest; missing while it is empty. */
  readonly outboxSince?: number;
  /** Names of what it waits for and others bring, each once, 100 at most; missing for none. */
  readonly waitsFor?: readonly string[];
}

/** `conflict`: the version was another one (or, creating, the id exists). Nothing of the write happened then. */
export type CommitResult = 'committed' | 'conflict';

/** An execution and its state. */
export interface StoredExecution {
  readonly execution: Execution;
  readonly state: JsonObject;
  /** As they were committed last; missing for none. */
  readonly terms?: readonly SearchTerm[];
}

/** Which ready executions. */
export interface ReadyQuery {
  readonly projectId: string;
  readonly workflowId: string;
  /** Only those that wait in one of these queues, 100 at most; missing for all. */
  readonly queues?: readonly string[];
  readonly limit: number;
}

/** What the matcher needs to know of a ready execution before it claims it. */
export interface ReadyExecution {
  readonly id: string;
  readonly queue: string;
}

/** An execution that waits, and its place in the order in which it is listed. */
export interface WaitingExecution {
  readonly id: string;
  readonly priority: number;
  readonly readyAt: number;
}

/**
 * A small document of the engine's own that is no execution: a schedule, some events of a topic. The store understands
 * nothing of it but its place. Names may be any text that has UTF-8, also with a NUL; `commitRecord` throws for others, and
 * for what is beyond the limits.
 */
export interface StoredRecord {
  /** What sort of thing it is and whose: at most 2,048 bytes. Records of one group are listed together. */
  readonly group: string;
  /** Its place within the group: at most 512 bytes. */
  readonly id: string;
  /** 1 for a new one, one more with each commit. */
  readonly version: number;
  /** A second name within the group, if it has one: at most 2,048 bytes. */
  readonly alias?: string;
  /** When the engine must look at it, in whole milliseconds since 1970; missing for never. */
  readonly dueAt?: number;
  /** The text of a JSON value, about 8 MiB at most: what one message carries, as a text within a text. */
  readonly body: string;
}

/** One new version of a record, or its removal. */
export type RecordWrite =
  /** Creates it (version 1), or replaces the version before. */
  | { readonly record: StoredRecord }
  /** Removes it, if this is its version. */
  | { readonly remove: Pick<StoredRecord, 'group' | 'id' | 'version'> };

/** Names one record. */
export type RecordName =
  | { readonly group: string; readonly id: string }
  | { readonly group: string; readonly alias: string };

/** Which records of a group. */
export interface RecordQuery {
  readonly group: string;
  /** Only ids at or after this one, or, descending, at or before it; missing for all. */
  readonly from?: string;
  readonly descending?: boolean;
  readonly limit: number;
}

/** Records that are due, and when to look again. */
export interface DueRecords {
  readonly due: readonly DueRecord[];
  /** The earliest `dueAt` not among `due`; missing if there is none. */
  readonly next?: number;
}

/** A record to be looked at. */
export interface DueRecord {
  readonly group: string;
  readonly id: string;
  readonly dueAt: number;
  /** See DueExecution. */
  readonly isOurs: boolean;
}

/** What is due, and when to look again. */
export interface DueExecutions {
  readonly due: readonly DueExecution[];
  /** The earliest `wakeAt` not among `due`; missing if there is none. */
  readonly next?: number;
}

/** An execution to be woken. */
export interface DueExecution {
  readonly id: string;
  readonly wakeAt: number;
  /** Whether this process committed to it last, so that the others expect it to do the waking. */
  readonly isOurs: boolean;
}

/** Who is told of other processes' commits. Neither method may throw. */
export interface Follower {
  /** Executions that others committed to, in the order of the commits to each; several of one may be told as one. */
  changed(changes: readonly ForeignChange[]): void;
  /** Groups in which others wrote or removed records. */
  recordsChanged(groups: readonly string[]): void;
  /** Changes may have been missed: called when the following begins or breaks off, and every second until it goes on. */
  missed(): void;
}

/** What is told of another process's commit. */
export interface ForeignChange {
  readonly executionId: string;
  /** What waits for a worker since then; missing if nothing does. It may be gone by now. */
  readonly ready?: { readonly projectId: string; readonly workflowId: string };
}

/** A worker as its server describes it to the other servers. Times are milliseconds since 1970. */
export interface StoredWorker {
  readonly id: string;
  readonly projectId: string;
  readonly expiresAt: number;
  /** The text of a JSON value that only the engine understands. */
  readonly body: string;
}

/** Conditions that all hold, and a place to go on from. */
export interface ExecutionQuery {
  readonly projectId: string;
  readonly workflowId?: string;
  readonly status?: ExecutionStatus;
  readonly parentExecutionId?: string;
  readonly rootExecutionId?: string;
  readonly sessionId?: string;
  readonly userId?: string;
  /** `createdAt` bounds: from (inclusive) and before (exclusive). */
  readonly createdFrom?: number;
  readonly createdBefore?: number;
  /** Only executions that come after this one in the order of the list. */
  readonly after?: ExecutionPlace;
  readonly limit: number;
}

/** A place in the list of executions. */
export interface ExecutionPlace {
  readonly createdAt: number;
  readonly id: string;
}

/** What `search` is asked. */
export interface ExecutionSearch extends ExecutionQuery {
  /** `updatedAt` bounds: from (inclusive) and before (exclusive). No index holds them. */
  readonly updatedFrom?: number;
  readonly updatedBefore?: number;
  /** `closedAt` bounds: from (inclusive) and before (exclusive); only closed executions. No index holds them. */
  readonly closedFrom?: number;
  readonly closedBefore?: number;
  /** Each must hold for one of the execution's terms. */
  readonly terms: readonly TermCondition[];
  /**
   * How many executions may be looked at beside those of the page, at least; also how many may be sorted where a range of
   * terms is the best condition there is.
   */
  readonly lookedAt: number;
}

/** Some of the executions that a search finds. */
export interface ExecutionPage {
  readonly executions: readonly Execution[];
  /**
   * Where the search stopped before it had as many as asked for; those after this place were not looked at. Missing if it
   * went on to the limit or to the end.
   */
  readonly stoppedAt?: ExecutionPlace;
}

/** Which value of a workflow a schema describes. */
export type SchemaKind = 'payload' | 'state' | 'result';

/** One version of a registered schema. */
export interface StoredSchema {
  readonly projectId: string;
  readonly workflowId: string;
  readonly kind: SchemaKind;
  readonly digest: string;
  readonly jsonSchema: string;
  readonly registeredAt: number;
}

/** Which schemas. */
export interface SchemaQuery {
  readonly projectId: string;
  readonly workflowId?: string;
  /** Only those whose `registeredAt` is this or later. */
  readonly registeredSince?: number;
}

/** The store cannot be reached, or its data is damaged. The message says what was being done, and to which id. */
export class StoreFault extends Error {
  override readonly name = 'StoreFault';
  /** Whether trying again may help: true for an outage, false for damage. */
  readonly retryable: boolean;

  constructor(message: string, options: { readonly retryable: boolean; readonly cause?: unknown }) {
    super(message, { cause: options.cause });
    this.retryable = options.retryable;
  }
}
