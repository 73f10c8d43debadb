import type { Action } from '../core/command.js';
import type { PublishedEvent } from '../core/event.js';
import type { Execution, ExecutionStatus } from '../core/execution.js';
import type { JsonObject } from '../core/json.js';
import type { Payload } from '../core/payload.js';
import type { RetryPolicy } from '../core/retry.js';
import type { SchemaComparison } from '../core/schema/comparison.js';
import type { StepRecord } from '../core/step.js';
import type { ExecutionPlace, SchemaKind } from '../store/store.js';
import type { ExecutionListQuery } from './list-query.js';
import type { SchedulePage, ScheduleRequest, ScheduleView } from './schedule-view.js';
import type {
  SchemaCheck,
  SchemaCheckRequest,
  SchemaReference,
  SchemaReport,
  SchemaView,
} from './schema-view.js';
import type {
  StateCursor,
  StateNews,
  StatePoint,
  StateRepair,
  StateRevisionPage,
  StateView,
} from './state-view.js';

export type { ExecutionPlace, SchemaKind } from '../store/store.js';
export type { ExecutionListQuery, SearchCondition } from './list-query.js';
export type { SchedulePage, ScheduleRequest, ScheduleView } from './schedule-view.js';
export type * from './schema-view.js';
export type {
  StateCursor,
  StateNews,
  StatePoint,
  StateRepair,
  StateRevision,
  StateRevisionPage,
  StateView,
} from './state-view.js';

/**
 * What the engine can be asked, by rpc/ and by nobody else. Requests are well-formed already (protovalidate, I-JSON,
 * sizes of payloads); whatever needs the store or the schemas is checked behind this. All times are milliseconds since
 * 1970, all durations milliseconds. Every method throws `EngineError` for what the caller can mend and `StoreFault` when
 * the store fails; an execution of another project is `not_found`.
 */
export interface EngineApi {
  invoke(request: InvokeRequest): Promise<Invoked>;
  getExecution(projectId: string, executionId: string): Promise<ExecutionView>;
  /** Resolves when the execution is final, after `waitMs`, or when the signal aborts; whichever is first. */
  awaitResult(projectId: string, executionId: string, wait: Wait): Promise<ExecutionView>;
  /** Newest first. Throws `invalid` for conditions on fields that nobody declared, or that no index can answer. */
  listExecutions(query: ExecutionListQuery): Promise<ExecutionListPage>;
  /** The steps from place `offset` of the replay order on, about 1 MiB at most, at least one if there is one. */
  listSteps(projectId: string, executionId: string, offset: number): Promise<StepPage>;
  cancel(projectId: string, executionId: string): Promise<ExecutionStatus>;
  /** Holds an execution back from workers. */
  pause(projectId: string, executionId: string): Promise<void>;
  /** Ends a pause. */
  unpause(projectId: string, executionId: string): Promise<void>;
  /** Gives a step that waits to be resumed, or will, its result. */
  resume(projectId: string, executionId: string, given: Resumption): Promise<void>;
  /** Throws `not_found` before the first value. Ends after the last event of a final execution, or on abort. */
  events(projectId: string, executionId: string, from: EventCursor): AsyncIterable<readonly NumberedEvent[]>;
  /** The same for a topmost execution and all that descends from it; each event comes with its place among them all. */
  treeEvents(
    projectId: string,
    executionId: string,
    from: EventCursor,
  ): AsyncIterable<readonly PlacedEvent[]>;
  /** The events of a topic, which has no end: with `follow` only an abort ends it. */
  topicEvents(projectId: string, topic: string, from: EventCursor): AsyncIterable<readonly TopicEvent[]>;
  /** Publishes to a topic, all or none; answers the events' sequences. */
  publish(projectId: string, publication: Publication): Promise<readonly number[]>;
  state(projectId: string, executionId: string, at?: StatePoint): Promise<StateView>;
  /** Revisions after one, oldest first: `limit` at most, about 1 MiB, at least one if there is one. */
  stateRevisions(
    projectId: string,
    executionId: string,
    page: { readonly afterRevision: number; readonly limit: number },
  ): Promise<StateRevisionPage>;
  /** Throws `not_found` before the first value. Ends after the last revision of a final execution, or on abort. */
  watchState(projectId: string, executionId: string, from: StateCursor): AsyncIterable<StateNews>;
  /** Changes the state of an execution that no worker holds; answers the revision that it made, or the latest if none. */
  patchState(projectId: string, executionId: string, repair: StateRepair): Promise<number>;
  listSchemas(projectId: string, workflowId?: string): Promise<readonly SchemaView[]>;
  getSchema(projectId: string, digest: string): Promise<SchemaView>;
  /** How two schemas differ, for values that were written under the first. */
  compareSchemas(
    projectId: string,
    before: SchemaReference,
    after: SchemaReference,
  ): Promise<SchemaComparison>;
  /** What registering a schema would mean, page by page. */
  checkSchema(projectId: string, request: SchemaCheckRequest): Promise<SchemaCheck>;

  /** Creates a schedule, or replaces the one of the same workflow and key. */
  putSchedule(projectId: string, schedule: ScheduleRequest): Promise<ScheduleView>;
  /** By workflow and key, from the one after `after` on (`SchedulePage.next`): about 1 MiB at most. */
  listSchedules(projectId: string, workflowId?: string, after?: string): Promise<SchedulePage>;
  /** Pauses a schedule, or ends its pause. */
  pauseSchedule(projectId: string, scheduleId: string, isPaused: boolean): Promise<ScheduleView>;
  /** Starts one execution of a schedule beside its ticks; answers its id. */
  triggerSchedule(projectId: string, scheduleId: string, idempotencyKey?: string): Promise<string>;
  deleteSchedule(projectId: string, scheduleId: string): Promise<void>;

  registerWorker(registration: WorkerRegistration): Promise<RegisteredWorker>;
  listWorkers(projectId: string): Promise<readonly WorkerView[]>;
  poll(
    projectId: string,
    workerId: string,
    poll: Wait & { readonly max: number },
  ): Promise<readonly Assignment[]>;
  complete(projectId: string, completion: CompletionRequest): Promise<Completion>;
  extendLeases(
    projectId: string,
    workerId: string,
    leases: readonly LeaseRef[],
  ): Promise<readonly LeaseReport[]>;
  /** Attaches a Work stream. Assignments and notices go to the sink from the first `grant` on. */
  openWork(projectId: string, workerId: string, sink: WorkSink): Promise<WorkSession>;
}

/** Some executions of a list. */
export interface ExecutionListPage {
  readonly executions: readonly ExecutionView[];
  /** Where the list goes on although there are fewer than asked for: as many were looked at as one page may cost. */
  readonly stoppedAt?: ExecutionPlace;
}

/** How long to wait, and what ends the wait early. */
export interface Wait {
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

/** Where in an execution's events to begin. */
export interface EventCursor {
  readonly afterEvent: number;
  readonly follow: boolean;
  readonly signal: AbortSignal;
}

/** An event of a tree of executions, and its place among all events of the tree: from 1, without gaps. */
export interface PlacedEvent {
  readonly place: number;
  readonly event: NumberedEvent;
}

/** An event of a topic. */
export interface TopicEvent extends PublishedEvent {
  readonly topic: string;
  /** Its number within the topic: from 1, without gaps. */
  readonly sequence: number;
  /** When it was published. */
  readonly at: number;
  /** The execution that published it; missing for a caller's. */
  readonly executionId?: string;
}

/** Events to publish to one topic. */
export interface Publication {
  readonly topic: string;
  readonly events: readonly PublishedEvent[];
  readonly idempotencyKey?: string;
  /** Tells a repetition from another use of the idempotency key. */
  readonly digest: string;
}

/** What Invoke asks for. `requestDigest` tells a repetition from another use of the idempotency key. */
export interface InvokeRequest {
  readonly projectId: string;
  readonly workflowId: string;
  /** The id that the caller chose, if it did. */
  readonly executionId?: string;
  readonly payload?: Payload;
  readonly initialState?: string;
  readonly idempotencyKey?: string;
  readonly requestDigest: string;
  readonly queue?: string;
  readonly concurrencyKey?: string;
  readonly priority: number;
  readonly startDelayMs: number;
  readonly runTimeoutMs?: number;
  readonly sessionId?: string;
  readonly userId?: string;
  readonly searchAttributes: Readonly<Record<string, string>>;
  readonly retryPolicy?: RetryPolicy;
  readonly deploymentId?: string;
}

/** What came of Invoke. */
export interface Invoked {
  readonly executionId: string;
  readonly created: boolean;
  readonly createdAt: number;
  readonly sessionId: string;
}

/**
 * Why an execution that does not run does not run. Of one that waits for several things: children before resumes, resumes
 * before events, events before times.
 */
export type StatusReason =
  | 'no_worker'
  | 'workers_busy'
  | 'start_delay'
  | 'retry_delay'
  | 'child'
  | 'timer'
  | 'event'
  | 'resume'
  | 'concurrency_limit'
  | 'workers_lost';

/** An execution as callers see it. `input` and `result` only where the method's RPC answers them. */
export interface ExecutionView {
  readonly execution: Execution;
  readonly reason?: StatusReason;
  readonly input?: ExecutionInput;
  readonly result?: Payload;
}

/** What a step that waits to be resumed is given. */
export interface Resumption {
  readonly stepKey: string;
  readonly data?: Payload;
}

/** What an execution was created with. */
export interface ExecutionInput {
  readonly payload?: Payload;
  readonly initialState?: string;
}

/** Some of an execution's steps, in the order of replay. */
export interface StepPage {
  readonly steps: readonly StepRecord[];
  /** The place of the next page; missing at the end. */
  readonly next?: number;
}

/** An event with its place. */
export interface NumberedEvent {
  readonly sequence: number;
  readonly executionId: string;
  readonly workflowId: string;
  readonly type: string;
  readonly data: JsonObject;
  readonly at: number;
  readonly stepKey?: string;
  readonly stateRevision: number;
  readonly published?: PublishedEvent;
}

/** What a worker says of itself. */
export interface WorkerRegistration {
  readonly projectId: string;
  readonly workflows: readonly WorkflowDefinition[];
  /** Empty for all. */
  readonly queues: readonly string[];
  readonly deploymentId: string;
  readonly buildId: string;
  readonly sdkName: string;
  readonly sdkVersion: string;
  readonly identity: string;
  readonly maxConcurrentExecutions: number;
}

/** A workflow as a worker declares it. */
export interface WorkflowDefinition {
  readonly id: string;
  readonly description: string;
  readonly queue?: string;
  readonly schemas: Readonly<Partial<Record<SchemaKind, string>>>;
  /** Of the state's schema, if it has one; known once it is registered. */
  readonly stateSchemaDigest?: string;
  readonly retryPolicy?: RetryPolicy;
  readonly runTimeoutMs?: number;
  /** How many executions of its queue may run at once; missing where it says nothing about it. */
  readonly queueConcurrencyLimit?: number;
  readonly schedule?: { readonly cron: string; readonly timezone: string };
  readonly trigger?: TriggerDeclaration;
  /** Paths of fields of its state by which executions are found, as `parseFieldPath` takes them. */
  readonly stateIndex?: readonly string[];
}

/** Which events start a workflow by themselves. */
export interface TriggerDeclaration {
  readonly topic: string;
  readonly batchSize: number;
  readonly batchTimeoutMs: number;
}

/** What came of a registration. */
export interface RegisteredWorker {
  readonly workerId: string;
  readonly leaseMs: number;
  readonly schemaReports: readonly SchemaReport[];
}

/** A worker as callers see it. */
export interface WorkerView extends WorkerRegistration {
  readonly id: string;
  readonly registeredAt: number;
  readonly lastSeenAt: number;
  readonly streaming: boolean;
  readonly runningExecutions: number;
}

/** A lease as a worker names it. */
export interface LeaseRef {
  readonly executionId: string;
  readonly epoch: number;
  readonly token: string;
}

/** An execution given to a worker. */
export interface Assignment {
  readonly lease: LeaseRef;
  readonly leaseExpiresAt: number;
  readonly execution: Execution;
  readonly input: ExecutionInput;
  /** The text of the state document. */
  readonly state: string;
  /** How many steps, the first of the order, are left out of `steps`; see Assignment.omitted_steps. */
  readonly omittedSteps: number;
  readonly steps: StepPage;
}

/** What a worker commits. */
export interface CompletionRequest {
  readonly lease: LeaseRef;
  readonly sequence: number;
  readonly digest: string;
  /** `start_child` actions come without what only the engine knows; see `WorkerAction`. */
  readonly actions: readonly WorkerAction[];
  readonly stateUnsettled: boolean;
}

/** An action as a worker sends it: a child's id, queue and policies are filled in by the engine. */
export type WorkerAction =
  | Exclude<Action, { type: 'start_child' | 'start_children' }>
  | {
      readonly type: 'start_children';
      readonly key: string;
      readonly waits: boolean;
      readonly children: readonly WorkerChild[];
    }
  | {
      readonly type: 'start_child';
      readonly key: string;
      readonly waits: boolean;
      readonly child: WorkerChild;
    };

/** A child as a worker asks for it; what is missing comes from the workflow's definition. */
export interface WorkerChild {
  readonly workflowId: string;
  readonly payload?: Payload;
  readonly initialState?: string;
  readonly queue?: string;
  readonly concurrencyKey?: string;
  readonly priority: number;
  readonly runTimeoutMs?: number;
  readonly retryPolicy?: RetryPolicy;
}

/** What came of a completion. */
export interface Completion {
  readonly execution: Execution;
  readonly outcomes: readonly StepRecord[];
}

/** What became of a lease. */
export interface LeaseReport {
  readonly executionId: string;
  readonly epoch: number;
  readonly held: boolean;
  readonly expiresAt?: number;
  readonly cancelRequested: boolean;
  readonly outcomes: readonly StepRecord[];
}

/** Where the engine sends what a Work stream should carry. Calls never throw and never wait. */
export interface WorkSink {
  assign(assignment: Assignment): void;
  notify(notice: WorkNotice): void;
}

/** News of an execution that a worker holds. */
export interface WorkNotice {
  readonly executionId: string;
  readonly epoch: number;
  readonly cancelRequested: boolean;
  readonly leaseLost: boolean;
  readonly outcomes: readonly StepRecord[];
}

/** An attached Work stream. */
export interface WorkSession {
  /** Allows `count` more assignments. */
  grant(count: number): void;
  /** The worker is alive. */
  touch(): void;
  /** No more assignments. */
  drain(): void;
  /** The stream is gone. Leases stay until they run out. */
  close(): void;
}
