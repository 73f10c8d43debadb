import type { Event } from './gen/polos/v1/event_pb.js';
import { fromPayload } from './payload.js';
import { toDate } from './time.js';

/** Something that happened to an execution. Recorded once, never changed. */
export interface ExecutionEvent {
  /** Its number within the execution: 1 for the first, no gaps. */
  readonly sequence: number;
  /** Its number in what is being read, from 1: with `descendants` among the events of all of them, else the sequence. */
  readonly place: number;
  /** The execution it belongs to. */
  readonly executionId: string;
  /** The workflow of that execution. */
  readonly workflowId: string;
  /** What happened, for example "workflow_start", "step_finish", "workflow_finish"; the workflow's own word if it has a topic. */
  readonly type: string;
  /** What belongs to it. */
  readonly data: unknown;
  /** When it was recorded, by the server's clock. */
  readonly createdAt: Date | undefined;
  /** The step it is about, if it is about one. */
  readonly stepKey: string | undefined;
  /** Where the workflow published it (`workflow/WORKFLOW/EXECUTION`); undefined for what the server recorded. */
  readonly topic: string | undefined;
  /** The state's revision after the commit that recorded it. */
  readonly stateRevision: number;
}

/** Which events to read. */
export interface EventsOptions {
  /**
   * Whether to read the events of all that descends from it, too; for an execution that was not started by another. Each
   * execution's events come in their order, a child's after its parent's `child_start` or `children_start`. Default false.
   */
  readonly descendants?: boolean;
  /** Only events after this place. Default 0: from the first. */
  readonly after?: number;
  /** Whether to stay for events to come until the execution is final, with `descendants` all of them. Default true. */
  readonly follow?: boolean;
  /** Ends the reading quietly. */
  readonly signal?: AbortSignal;
}

/** The protocol's event in the terms of this SDK. */
export function toExecutionEvent(event: Event, place: number): ExecutionEvent {
  return {
    sequence: Number(event.sequence),
    place,
    executionId: event.executionId,
    workflowId: event.workflowId,
    type: event.type,
    data: fromPayload(event.data),
    createdAt: toDate(event.createTime),
    stepKey: event.stepKey || undefined,
    topic: event.topic || undefined,
    stateRevision: Number(event.stateRevision),
  };
}
