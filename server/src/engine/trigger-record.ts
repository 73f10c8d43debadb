import type { StoredRecord } from '../store/store.js';
import type { TriggerDeclaration } from './api.js';
import type { NextRecord } from './records.js';

/** The trigger of a workflow as the store keeps it. It stays there when none is declared any more. */
export interface Trigger {
  readonly projectId: string;
  readonly workflowId: string;
  /** What is declared; missing for nothing. */
  readonly declaration?: TriggerDeclaration;
  /** The sequence of the last event that was put into a batch. */
  readonly cursor: number;
  /**
   * Batches whose executions may not be there yet. Whoever changes the trigger starts those first. They are written down
   * before the first of them is started, because the next look might put them together differently.
   */
  readonly starting?: readonly EventRange[];
  /** When to look again, in milliseconds since 1970; missing for when something is published. */
  readonly lookAt?: number;
}

/** Events of a topic that belong together, by sequence, both included. */
export interface EventRange {
  readonly first: number;
  readonly last: number;
}

/** The group of a project's triggers. */
export function triggerGroup(projectId: string): string {
  return `trigger${JSON.stringify([projectId])}`;
}

/** What the store is to keep of a trigger. */
export function toTriggerRecord(trigger: Trigger): NextRecord {
  const { projectId, workflowId, lookAt } = trigger;
  return {
    ...{ group: triggerGroup(projectId), id: workflowId },
    ...(lookAt !== undefined && { dueAt: lookAt }),
    body: JSON.stringify(trigger),
  };
}

/** Reads what the store kept. */
export function triggerOf({ body }: StoredRecord): Trigger {
  return JSON.parse(body) as Trigger;
}
