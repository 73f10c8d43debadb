import type { Execution } from '../core/execution.js';
import type { Payload } from '../core/payload.js';
import type { RetryPolicy } from '../core/retry.js';
import type { StepRecord } from '../core/step.js';

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
  | 'workers_lost'
  | 'state_misfit'
  | 'lease_release';

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
