import type { Execution } from '../core/execution.js';
import { lastEvent } from '../core/journal.js';
import type { ExecutionWrite } from './store.js';

/**
 * Asserts what every caller of `commit` promises. A write that breaks it is a bug of the engine: an adapter that wrote it
 * would make the promise of another execution's reader untrue, so it throws before anything is written.
 * @returns the last event of the journal after the write.
 */
export function assertWellFormed({ before, execution, state, entry }: ExecutionWrite): number {
  const { id, version, eventCount } = execution;
  const replaced = before?.version ?? 0;
  if (version !== replaced + 1) throw new Error(`${id}: version ${version} cannot replace ${replaced}`);
  if (before) assertSameOrigin(execution, originOf(before));
  else if (state === undefined) throw new Error(`${id} is created without a state`);

  const endsWith = before?.eventCount ?? 0;
  const goesOn = entry ? entry.firstEvent === endsWith + 1 && entry.events.length > 0 : true;
  if (!goesOn || eventCount !== (entry ? lastEvent(entry) : endsWith)) {
    const added = entry ? `${entry.events.length} events from number ${entry.firstEvent}` : 'no events';
    throw new Error(
      `${id}: the journal ends with event ${endsWith} and cannot go on with ${added} to ${eventCount}`,
    );
  }
  return eventCount;
}

/** What executions are found by and never changes once one was created: no adapter moves it in its indexes. */
export interface Origin {
  readonly projectId: string;
  readonly workflowId: string;
  readonly createdAt: number;
  readonly parentExecutionId: string | undefined;
  readonly rootExecutionId: string;
  readonly sessionId: string;
  readonly userId: string | undefined;
  readonly idempotencyKey: string | undefined;
}

/** The origin of an execution. */
export function originOf(execution: Execution): Origin {
  const { projectId, workflowId, createdAt, rootExecutionId, sessionId, userId, idempotencyKey } = execution;
  const parentExecutionId = execution.parent?.executionId;
  return {
    projectId,
    workflowId,
    createdAt,
    parentExecutionId,
    rootExecutionId,
    sessionId,
    userId,
    idempotencyKey,
  };
}

/** Asserts that an execution is still of the origin that it was created with. */
export function assertSameOrigin(execution: Execution, origin: Origin): void {
  const isSame =
    execution.projectId === origin.projectId &&
    execution.workflowId === origin.workflowId &&
    execution.createdAt === origin.createdAt &&
    execution.parent?.executionId === origin.parentExecutionId &&
    execution.rootExecutionId === origin.rootExecutionId &&
    execution.sessionId === origin.sessionId &&
    execution.userId === origin.userId &&
    execution.idempotencyKey === origin.idempotencyKey;
  if (!isSame) throw new Error(`${execution.id}: what it was created with cannot change`);
}
