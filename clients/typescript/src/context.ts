import type { Steps } from './step.js';

/** What a workflow's handler is given: who it is, its state and its steps. */
export interface WorkflowContext<TState = Record<string, unknown>> {
  /** The workflow's id. */
  readonly workflowId: string;
  /** This execution's id, a UUID in lower case. */
  readonly executionId: string;
  /** The deployment that the caller asked for, or else the worker's; undefined for none. */
  readonly deploymentId: string | undefined;
  /** The session: the caller's, the parent's, or a fresh UUID. */
  readonly sessionId: string;
  /** The user on whose behalf it runs, if the caller said. */
  readonly userId: string | undefined;
  /** The execution that started this one, if one did. */
  readonly parentExecutionId: string | undefined;
  /** The topmost execution of the tree; this one's id if nothing started it. */
  readonly rootExecutionId: string;
  /** The workflow of the topmost execution. */
  readonly rootWorkflowId: string;
  /** How many attempts of this handler have failed before this one. */
  readonly retryCount: number;
  /** When the execution was invoked: an ISO 8601 time in UTC. */
  readonly createdAt: string;
  /** Aborts when the execution is cancelled, or when this worker may no longer run it. */
  readonly signal: AbortSignal;
  /**
   * The execution's own JSON document, durable at every step. Change it in place or assign another object. Within a
   * step's function it is a private copy, whose changes count once the step has succeeded.
   */
  state: TState;
  /** Durable steps. */
  readonly step: Steps;
}
