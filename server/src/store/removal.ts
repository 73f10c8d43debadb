/** Which closed executions. */
export interface ClosedQuery {
  readonly projectId: string;
  /** `closedAt` at most, in milliseconds since 1970. */
  readonly until: number;
  readonly limit: number;
}

/** An execution that nobody commits to any more. */
export interface ClosedExecution {
  readonly id: string;
  readonly rootExecutionId: string;
}

/** What goes with an execution: its journal, its state, whatever indexes hold of it, and all records of some groups. */
export interface Removal {
  readonly executionId: string;
  readonly groups: readonly string[];
}
