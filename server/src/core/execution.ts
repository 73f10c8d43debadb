import type { PublishedEvent } from './event.js';
import type { Failure } from './failure.js';
import { CANCEL_GRACE_MS } from './limits.js';
import type { Payload } from './payload.js';
import type { RetryPolicy } from './retry.js';
import type { StepKind } from './step.js';

/** Where an execution is in its life. The last four are final. */
export type ExecutionStatus =
  | 'queued'
  | 'running'
  | 'waiting'
  | 'paused'
  | 'completed'
  | 'failed'
  | 'cancelled'
  | 'timed_out';

/** Every status, for tables and tests. */
export const EXECUTION_STATUSES = [
  'queued',
  'running',
  'waiting',
  'paused',
  'completed',
  'failed',
  'cancelled',
  'timed_out',
] as const satisfies readonly ExecutionStatus[];

/** A final status never changes again. */
export type FinalStatus = Extract<ExecutionStatus, 'completed' | 'failed' | 'cancelled' | 'timed_out'>;

/**
 * One run of a workflow: all that the engine decides by. The payload, the state document and the steps are kept beside
 * it, so that it stays small however long the history. All times are milliseconds since 1970.
 */
export interface Execution {
  readonly id: string;
  readonly projectId: string;
  readonly workflowId: string;
  readonly queue: string;
  readonly status: ExecutionStatus;
  /** Grows by one with each commit; a commit names the one it is against. */
  readonly version: number;

  readonly createdAt: number;
  readonly updatedAt: number;
  readonly startedAt?: number;
  readonly closedAt?: number;

  /** Who started it, if an execution did, and whether that one waits for the result. */
  readonly parent?: ParentLink;
  readonly rootExecutionId: string;
  readonly rootWorkflowId: string;
  readonly sessionId: string;
  readonly userId?: string;
  readonly deploymentId?: string;
  readonly concurrencyKey?: string;
  readonly priority: number;
  readonly searchAttributes: Readonly<Record<string, string>>;
  readonly idempotencyKey?: string;
  /** Digest of the request that created it, to tell a repetition from another use of its idempotency key. */
  readonly requestDigest: string;

  /** While queued: whether a worker may take it now. False until `readyAt`, and while it waits for a slot. */
  readonly ready: boolean;
  readonly readyAt: number;
  /** The caller's, or else that of the workflow as the first worker declared it. */
  readonly retryPolicy?: RetryPolicy;
  readonly failedAttempts: number;
  readonly lostLeases: number;
  /** Leases lost since the last completion; missing for none. */
  readonly lostInARow?: number | undefined;
  /** Why it is held back, while it is. */
  readonly pausedFor?: PauseReason | undefined;

  /** Whether its queue's concurrency is limited, so that it runs with a slot only. */
  readonly isLimited?: boolean;
  /** The slot that it holds or waits for. It keeps one while it is ready or running. */
  readonly slot?: Slot | undefined;
  /** How often it asked for a slot; missing for never. */
  readonly slotTurns?: number;

  /** The number of the latest lease; 0 before the first. */
  readonly epoch: number;
  /** Held while running, and only then. */
  readonly lease?: Lease | undefined;
  /**
   * The lease that a pause took from its worker, while it is not known that the worker has heard of that: it may run a
   * step's function as long as that lease would have lasted, so that no other worker is leased the execution. Missing for none.
   */
  readonly revokedLease?: Lease | undefined;
  /** The last completion that was carried out, so that its repetition is recognised after the lease, too. */
  readonly lastCompletion?: { readonly epoch: number; readonly sequence: number; readonly digest: string };

  readonly runTimeoutMs?: number;
  /** Milliseconds spent running before the current lease. */
  readonly runMs: number;
  readonly cancelRequestedAt?: number;

  /** Steps whose outcome only the server can bring, by key. */
  readonly waits: Readonly<Record<string, Wait>>;
  /** What was given to steps that do not wait to be resumed yet, by key; missing for none. */
  readonly resumes?: Readonly<Record<string, { readonly data?: Payload }>> | undefined;
  /** By topic, the newest event that it was given; missing for none. */
  readonly topicCursors?: Readonly<Record<string, number>>;
  /** Whether it ever started a child. */
  readonly hasChildren: boolean;
  /** The worker that keeps its code in memory, and how many outcomes that code has seen; missing for none. */
  readonly keptBy?: { readonly workerId: string; readonly steps: number } | undefined;

  /** Outcomes that have a place in the order. */
  readonly stepCount: number;
  readonly eventCount: number;
  readonly stateRevision: number;
  readonly stateBytes: number;
  readonly stateUpdatedAt: number;
  /** See CompleteStepRequest.state_unsettled. */
  readonly stateUnsettled: boolean;
  /** The version of its form; missing until it is known, and for executions from before there were versions: see `stateVersionOf`. */
  readonly stateVersion?: number;
  /** The digest of the schema that a worker's change of it was last checked against; missing if there was none. */
  readonly stateSchema?: string;
  /** The last repair, so that its repetition is recognised. */
  readonly lastRepair?: { readonly expectedRevision: number; readonly digest: string };

  /** The last failure: of the execution if it failed, of the last attempt while it waits for the next. */
  readonly failure?: Failure | undefined;
  /** Messages to other executions that are committed and not yet delivered. */
  readonly outbox: readonly OutboxMessage[];
  /** The number of the newest message that was ever put there. */
  readonly outboxCount: number;
}

/** The execution and step that started an execution. */
export interface ParentLink {
  readonly executionId: string;
  readonly stepKey: string;
  readonly waits: boolean;
  /** Its place among the children of that step, if the step started a batch. */
  readonly index?: number;
}

/**
 * Why an execution is held back: somebody asked for that, workers were lost at it, one after the other, or its state does
 * not fit the code that was given it.
 */
export type PauseReason = 'asked' | 'workers_lost' | 'state_misfit';

/** A place among the executions of a limited queue that may run. */
export interface Slot {
  /** Tells it from the execution's earlier ones. */
  readonly turn: number;
  readonly isHeld: boolean;
}

/** A worker's hold on an execution. */
export interface Lease {
  readonly workerId: string;
  readonly token: string;
  readonly grantedAt: number;
  readonly expiresAt: number;
  readonly durationMs: number;
  /** The sequence of the last completion under this lease. */
  readonly completions: number;
}

/** A step whose outcome only the server can bring. */
export interface Wait {
  readonly kind: StepKind;
  /** The child that it waits for, if it waits for one. */
  readonly childExecutionId?: string;
  /** How many children of a batch are not final, if it waits for a batch. */
  readonly open?: number;
  /** Bytes of the results of those that are, together; missing for none. */
  readonly resultBytes?: number;
  /** The topic of the event that it waits for, if it waits for one. */
  readonly topic?: string;
  /** Only events after this one; missing for those since the execution was created. */
  readonly afterEvent?: number;
  /** When the wait ends by itself; missing for never. */
  readonly until?: number;
  /** Whether the outcome has come, and waits for a worker to deliver it. */
  readonly arrived: boolean;
}

/**
 * What one execution tells another. Committed with the change that causes it, delivered at least once, and understood
 * by its receiver at most once: so it takes effect exactly once without a transaction over two executions.
 */
export type OutboxMessage =
  | { readonly id: number; readonly type: 'start_child'; readonly child: NewExecution }
  | {
      readonly id: number;
      readonly type: 'child_closed';
      readonly executionId: string;
      readonly stepKey: string;
      readonly index?: number;
    }
  /** The children of a batch are in the journal entry that holds this event. */
  | { readonly id: number; readonly type: 'start_children'; readonly stepKey: string; readonly event: number }
  | { readonly id: number; readonly type: 'cancel_children' }
  | {
      readonly id: number;
      readonly type: 'publish_event';
      readonly stepKey: string;
      readonly topic: string;
      readonly event: PublishedEvent;
    }
  /** The event that the step waits for may be there already. */
  | { readonly id: number; readonly type: 'await_event'; readonly stepKey: string }
  /** What becomes of it is the outcome of `stepKey`. */
  | {
      readonly id: number;
      readonly type: 'resume';
      readonly stepKey: string;
      readonly executionId: string;
      readonly suspendedStepKey: string;
      readonly data?: Payload;
    }
  /** It waits for a slot. A message, so that a server's death between the commit and the look for one is no wait for ever. */
  | { readonly id: number; readonly type: 'want_slot' }
  | { readonly id: number; readonly type: 'release_slot'; readonly turn: number };

/** What an execution is created from. */
export interface NewExecution {
  readonly id: string;
  readonly projectId: string;
  readonly workflowId: string;
  readonly queue: string;
  readonly payload?: Payload;
  /** The text of the state to start with; missing for none. */
  readonly initialState?: string;
  readonly parent?: ParentLink;
  /** Missing for the topmost execution of a tree. */
  readonly root?: { readonly executionId: string; readonly workflowId: string };
  readonly sessionId: string;
  readonly userId?: string;
  readonly deploymentId?: string;
  readonly concurrencyKey?: string;
  readonly priority: number;
  readonly searchAttributes: Readonly<Record<string, string>>;
  readonly idempotencyKey?: string;
  readonly requestDigest: string;
  readonly startDelayMs: number;
  readonly runTimeoutMs?: number;
  readonly retryPolicy?: RetryPolicy;
}

/** Whether a status never changes again. */
export function isFinal(status: ExecutionStatus): status is FinalStatus {
  return status === 'completed' || status === 'failed' || status === 'cancelled' || status === 'timed_out';
}

/** A record's own member; undefined if there is none, also where every object has one: names are the users' to choose. */
export function ownMember<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

/**
 * When the engine next has to look at an execution without being asked: its start, the end of a wait, its lease's end,
 * its timeout or the end of its grace after a cancel request. Missing if never.
 */
export function nextWakeAt(execution: Execution): number | undefined {
  const at = Math.min(ownWakeAt(execution), waitsEndAt(execution));
  return at === Number.POSITIVE_INFINITY ? undefined : at;
}

/** As `nextWakeAt`, the waits aside; infinity for never. */
export function ownWakeAt(execution: Execution): number {
  const { status, lease, ready, slot } = execution;
  if (status === 'queued' && !ready && !slot) return freeAt(execution);
  if (!lease) return Number.POSITIVE_INFINITY;
  return Math.min(lease.expiresAt, timeoutAt(execution), cancelDeadline(execution));
}

/** From when on a queued execution may be given to a worker: after its delay, and when no other one can be at work on it. */
export function freeAt({ readyAt, revokedLease }: Pick<Execution, 'readyAt' | 'revokedLease'>): number {
  return revokedLease ? Math.max(readyAt, revokedLease.expiresAt) : readyAt;
}

/** Whether a queued execution is kept, beyond its own delay, for the worker that a pause took it from. */
export function isKeptForWorker(execution: Execution): boolean {
  return execution.readyAt < freeAt(execution);
}

/** The version of an execution's state's form; undefined while it has not begun and nobody has said. */
export function stateVersionOf({ stateVersion, startedAt }: Execution): number | undefined {
  return stateVersion ?? (startedAt === undefined ? undefined : 1);
}

/** The names of what an execution waits for and others bring: events of topics, and its slot. */
export function waitsFor(execution: Execution): readonly string[] {
  const { projectId, waits, slot } = execution;
  const names = new Set<string>();
  for (const { topic, arrived } of Object.values(waits)) {
    if (topic !== undefined && !arrived) names.add(topicName(projectId, topic));
  }
  if (slot && !slot.isHeld) names.add(slotsName(execution));
  return [...names];
}

/** The name of a topic among all projects'. */
export function topicName(projectId: string, topic: string): string {
  return `topic${JSON.stringify([projectId, topic])}`;
}

/** What begins the name of each topic. */
export const TOPIC_PREFIX = 'topic[';

/** The topic of a name. */
export function topicOf(name: string): { readonly projectId: string; readonly topic: string } {
  const [projectId = '', topic = ''] = JSON.parse(name.slice(name.indexOf('['))) as string[];
  return { projectId, topic };
}

/** The name of the slots that executions of a queue share: those with the same concurrency key, or without one. */
export function slotsName({
  projectId,
  queue,
  concurrencyKey,
}: Pick<Execution, 'projectId' | 'queue' | 'concurrencyKey'>): string {
  return `slots${JSON.stringify([projectId, queue, concurrencyKey ?? null])}`;
}

/** The name of the order of the events of a topmost execution and of all that descends from it. */
export function treeName(rootExecutionId: string): string {
  return `tree${JSON.stringify([rootExecutionId])}`;
}

/** The name of the states of an execution as they were, as far as they are kept. */
export function statesName(executionId: string): string {
  return `state${JSON.stringify([executionId])}`;
}

/** The names of what is kept beside an execution, and goes with it. */
export function keptBeside({
  id,
  rootExecutionId,
}: Pick<Execution, 'id' | 'rootExecutionId'>): readonly string[] {
  return id === rootExecutionId ? [statesName(id), treeName(id)] : [statesName(id)];
}

/** When the first of an execution's waits ends by itself; infinity for never. */
function waitsEndAt({ waits }: Execution): number {
  let earliest = Number.POSITIVE_INFINITY;
  for (const { arrived, until } of Object.values(waits)) {
    if (!arrived && until !== undefined && until < earliest) earliest = until;
  }
  return earliest;
}

/** When a running execution has used up its run timeout; infinity without one. */
export function timeoutAt({ lease, runTimeoutMs, runMs }: Execution): number {
  return lease && runTimeoutMs !== undefined
    ? lease.grantedAt + runTimeoutMs - runMs
    : Number.POSITIVE_INFINITY;
}

/** When a running execution that somebody cancelled is closed without its worker; infinity if nobody did. */
function cancelDeadline({ cancelRequestedAt }: Execution): number {
  return cancelRequestedAt === undefined ? Number.POSITIVE_INFINITY : cancelRequestedAt + CANCEL_GRACE_MS;
}
