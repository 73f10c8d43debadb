import type { Rejection } from '../core/decision.js';
import type { StateProblem } from '../core/state-document.js';

export { StoreFault } from '../store/store.js';

/** What a caller asked for and cannot have, as a value of a closed union; rpc/ maps each to a status in one table. */
export type EngineProblem =
  | { readonly type: 'rejected'; readonly executionId: string; readonly rejection: Rejection }
  | {
      readonly type: 'not_found';
      readonly resource: 'execution' | 'worker' | 'schema' | 'revision' | 'schedule';
      readonly id: string;
    }
  | { readonly type: 'cursor_unknown'; readonly cursor: number; readonly newest: number }
  /** Events of a topic after the cursor are deleted; `oldest` is the first that is there, or will be. */
  | {
      readonly type: 'events_deleted';
      readonly topic: string;
      readonly cursor: number;
      readonly oldest: number;
    }
  /** `executionId`: what the key belongs to, if it belongs to an execution that the caller may know. */
  | { readonly type: 'idempotency_mismatch'; readonly key: string; readonly executionId: string }
  | { readonly type: 'invalid'; readonly field: string; readonly message: string }
  | { readonly type: 'limit'; readonly name: string; readonly limit: number; readonly actual: number }
  | { readonly type: 'initial_state_refused'; readonly problem: StateProblem; readonly field: string }
  | {
      readonly type: 'schema_violation';
      readonly value: 'payload' | 'initial_state' | 'state';
      readonly field: string;
      readonly digest: string;
      readonly issues: readonly SchemaIssue[];
    };

/** One place where a value does not fit its schema. */
export interface SchemaIssue {
  /** JSON Pointer into the value. */
  readonly path: string;
  readonly keyword: string;
  readonly message: string;
}

/** Thrown by the engine for what the caller can mend. Nothing was created or changed. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly problem: EngineProblem;

  constructor(problem: EngineProblem) {
    super(`engine: ${problem.type}`);
    this.problem = problem;
  }
}

/** What is asked of an execution; undefined if that is gone, or refuses since it is final by now. */
export async function unlessGone<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof EngineError) return undefined;
    throw error;
  }
}
