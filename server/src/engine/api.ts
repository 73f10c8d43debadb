import type { PublishedEvent } from '../core/event.js';
import type { ExecutionStatus } from '../core/execution.js';
import type { JsonObject } from '../core/json.js';
import type { SchemaComparison } from '../core/schema/comparison.js';
import type { ExecutionPlace } from '../store/store.js';
import type { ExecutionView, Invoked, InvokeRequest, Resumption, StepPage } from './execution-view.js';
import type { ExecutionListQuery } from './list-query.js';
import type { SchedulePage, ScheduleRequest, ScheduleView } from './schedule-view.js';
import type { SchemaCheck, SchemaCheckRequest, SchemaReference, SchemaView } from './schema-view.js';
import type {
  StateCursor,
  StateNews,
  StatePoint,
  StateRepair,
  StateRevisionPage,
  StateView,
} from './state-view.js';
import type {
  Assignment,
  Completion,
  CompletionRequest,
  LeaseRef,
  LeaseReport,
  RegisteredWorker,
  WorkerRegistration,
  WorkerView,
  WorkSession,
  WorkSink,
} from './worker-view.js';

export type { ExecutionPlace, SchemaKind } from '../store/store.js';
export type * from './execution-view.js';
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
export type * from './worker-view.js';

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
    /** Leases that the worker has lost and for which it runs nothing any more. Default: none. */
    released?: readonly LeaseRef[],
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
