import type { Execution, ExecutionStatus } from '../core/execution.js';
import type { JournalEntry } from '../core/journal.js';

/**
 * Where executions live. An adapter compares and sets; it knows no rule of the engine.
 *
 * The contract, held by one conformance suite (test/store-conformance) for every adapter:
 *
 * - `commit` is atomic for its execution, fenced by `expectedVersion`, and durable when it resolves: it survives kill -9
 *   of this process and loss of power. Commits that are asked for at the same time may share one write; each still
 *   succeeds or conflicts by itself.
 * - A read sees every commit that resolved before it was asked for, and none that did not happen.
 * - The journal of an execution has no gaps: each entry begins with the event after the one before it ended with.
 * - A store that cannot be reached, or that finds its data damaged, throws `StoreFault`. After a `commit` threw, it is
 *   unknown whether it happened; the engine reads the execution again to find out.
 * - Values come back as they went in; the caller never changes one after handing it over.
 */
export interface Store {
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

  /** The execution that an idempotency key belongs to; undefined if it was never used in the project. */
  findByIdempotencyKey(projectId: string, key: string): Promise<Execution | undefined>;

  /** Ready executions of one workflow: larger priority first, then earlier `readyAt`, then id. */
  listReady(query: ReadyQuery): Promise<readonly ReadyExecution[]>;

  /** Executions whose `wakeAt` is at or before `until`, earliest first, and the earliest `wakeAt` after those. */
  listDue(query: { readonly until: number; readonly limit: number }): Promise<DueExecutions>;

  /** Ids of executions that have messages in their outbox, in no particular order. */
  listOutboxes(limit: number): Promise<readonly string[]>;

  /** Executions of a project, newest first (by `createdAt`, then id, both descending). */
  list(query: ExecutionQuery): Promise<readonly Execution[]>;

  /** Keeps a schema by digest. Keeping it again only renews `registeredAt`. Durable when it resolves. */
  putSchema(schema: StoredSchema): Promise<void>;

  /** Schemas of a project, by workflow, then kind, then newest registration first. */
  listSchemas(query: {
    readonly projectId: string;
    readonly workflowId?: string;
  }): Promise<readonly StoredSchema[]>;

  /** Finishes what was asked for and lets go of everything. Calls after it throw. May be repeated. */
  close(): Promise<void>;
}

/** One new version of an execution. */
export interface ExecutionWrite {
  /** The version it replaces; 0 creates the execution. `execution.version` is `expectedVersion + 1`. */
  readonly expectedVersion: number;
  readonly execution: Execution;
  /** The text of the state document; missing if it did not change. Always there when the execution is created. */
  readonly state?: string;
  /** What it adds to the journal, if anything. */
  readonly entry?: JournalEntry;
  /** What the indexes hold of it; derived from `execution` by the engine, so that adapters need no rule for it. */
  readonly index: ExecutionIndex;
}

/** The derived fields by which the engine finds executions. */
export interface ExecutionIndex {
  /** A worker may take it now. */
  readonly ready: boolean;
  /** When the scheduler must look at it, in milliseconds since 1970; missing for never. */
  readonly wakeAt?: number;
  readonly hasOutbox: boolean;
}

/**
 * `conflict`: the version was not the expected one (or, creating, the id exists). `key_taken`: creating, the project has
 * another execution with this idempotency key. Nothing of the write happened then.
 */
export type CommitResult = 'committed' | 'conflict' | 'key_taken';

/** An execution and the text of its state. */
export interface StoredExecution {
  readonly execution: Execution;
  readonly state: string;
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

/** What is due, and when to look again. */
export interface DueExecutions {
  readonly ids: readonly string[];
  /** The earliest `wakeAt` not among `ids`; missing if there is none. */
  readonly next?: number;
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
  readonly after?: { readonly createdAt: number; readonly id: string };
  readonly limit: number;
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
