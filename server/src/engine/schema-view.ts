import type { ExecutionStatus } from '../core/execution.js';
import type { SchemaComparison } from '../core/schema/comparison.js';
import type { SchemaKind, StoredSchema } from '../store/store.js';
import type { SchemaIssue } from './errors.js';

/** A registered schema, and whether Invoke checks against it. */
export interface SchemaView extends StoredSchema {
  readonly current: boolean;
}

/** A schema by the digest under which it was registered, or by its text. */
export type SchemaReference = { readonly digest: string } | { readonly text: string };

/** What is said of a schema that is new, or that the server cannot use. */
export interface SchemaReport {
  readonly workflowId: string;
  readonly kind: SchemaKind;
  readonly digest: string;
  readonly previousDigest?: string;
  readonly problem?: string;
  /** With the version before, if there is one. */
  readonly comparison?: SchemaComparison;
  /** Missing if nobody looked. */
  readonly liveStates?: LiveStates;
}

/** Which states of executions that are not final fit a schema. */
export interface LiveStates {
  readonly checked: number;
  readonly breaking: number;
  readonly unchecked: number;
  /** Whether all were looked at. */
  readonly complete: boolean;
  readonly breakingExecutions: readonly BreakingExecution[];
}

/** An execution whose state does not fit. */
export interface BreakingExecution {
  readonly executionId: string;
  readonly status: ExecutionStatus;
  readonly stateRevision: number;
  readonly issues: readonly SchemaIssue[];
}

/** Where a page of executions ends: the next one begins after this. */
export interface LivePlace {
  readonly createdAt: number;
  readonly id: string;
}

/** A question about a schema, as if it were registered. */
export interface SchemaCheckRequest {
  readonly workflowId: string;
  readonly kind: SchemaKind;
  readonly schema: SchemaReference;
  readonly limit: number;
  /** Missing for the first page. */
  readonly after?: LivePlace;
}

/** One page of the answer. */
export interface SchemaCheck {
  readonly report: SchemaReport;
  /** Missing at the end. */
  readonly next?: LivePlace;
}
