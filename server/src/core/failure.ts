import type { Payload } from './payload.js';

/** Why an attempt, a step or an execution failed. The engine reads `retryable` and passes the rest on. */
export interface Failure {
  readonly type: string;
  readonly message: string;
  readonly stack?: string;
  readonly retryable: boolean;
  readonly cause?: Failure;
  readonly details?: Payload;
  readonly stepKey?: string;
}
