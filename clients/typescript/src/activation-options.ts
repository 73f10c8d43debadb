import type { StepRecord } from './gen/polos/v1/step_pb.js';
import type { Assignment } from './gen/polos/v1/worker_service_pb.js';
import type { Journal } from './journal.js';
import type { CompletionPort } from './lease-holder.js';
import type { Logger } from './logger.js';
import type { StepRunner } from './step-runner.js';
import type { AnyWorkflow } from './workflow.js';

/** What an activation is made of. */
export interface ActivationOptions {
  readonly workflow: AnyWorkflow;
  readonly assignment: Assignment;
  /** All steps of the assignment, further pages included. */
  readonly steps: readonly StepRecord[];
  readonly port: CompletionPort;
  readonly logger: Logger;
  /** How long a lease lasts without a sign of life, in milliseconds. */
  readonly leaseMs: number;
  /** When the assignment came (performance.now). Default: now. */
  readonly receivedAt?: number;
  /** Asked at each suspension: whether the activation will be kept in memory meanwhile. Default: it will. */
  readonly isKept?: () => boolean;
  /** Bytes of one payload or result. Default 2,097,152. */
  readonly payloadBytesMax?: number;
  /** The worker's deployment, for executions that name none. */
  readonly deploymentId?: string | undefined;
  /** How long to wait before code that seems to differ from the record is called non-deterministic. Default 2,000. */
  readonly graceMs?: number;
}

/**
 * How a run of an activation ended: closed, the server has the last word (also for a retry); suspended, the code waits
 * in memory for an outcome; dropped, the lease is over and nothing more was or will be committed.
 */
export type ActivationEnd = 'closed' | 'suspended' | 'dropped';

/** What a handler that has begun works with. */
export interface Work {
  readonly journal: Journal;
  readonly runner: StepRunner;
}
