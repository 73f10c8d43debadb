import type { JsonObject } from './json.js';
import type { Payload } from './payload.js';

/** The types of the events that the engine records; event.proto says what each holds. */
export const EVENT_TYPES = [
  'workflow_queued',
  'workflow_start',
  'workflow_resume',
  'step_finish',
  'step_fail',
  'child_start',
  'children_start',
  'children_close',
  'step_wait',
  'step_suspend',
  'step_wait_event',
  'resume_early',
  'resume_send',
  'event_publish',
  'step_deliver',
  'state_change',
  'state_repair',
  'state_migration',
  'workflow_limit',
  'workflow_pause',
  'workflow_unpause',
  'workflow_wait',
  'workflow_ready',
  'workflow_retry',
  'worker_lost',
  'workflow_cancel_request',
  'workflow_finish',
  'workflow_fail',
  'workflow_cancel',
  'workflow_timeout',
] as const;

/** The type of one event. */
export type EventType = (typeof EVENT_TYPES)[number];

/** The types of the events with which an execution is final. */
export const FINAL_EVENT_TYPES: ReadonlySet<EventType> = new Set([
  'workflow_finish',
  'workflow_fail',
  'workflow_cancel',
  'workflow_timeout',
]);

/** Something that happened to an execution. Its number and time are its place in the journal. */
export interface ExecutionEvent {
  readonly type: EventType;
  readonly data: JsonObject;
  readonly stepKey?: string;
  /** What the execution published, with an `event_publish` and only there. */
  readonly published?: PublishedEvent;
}

/** An event of the user's. */
export interface PublishedEvent {
  readonly type: string;
  readonly data?: Payload;
}
