import type { StoredRecord } from '../store/store.js';
import type { ScheduleRequest, ScheduleView } from './api.js';
import { idOfParts } from './ids.js';
import type { NextRecord } from './records.js';

/** A schedule as the store keeps it. Times are milliseconds since 1970. */
export interface Schedule extends ScheduleRequest {
  readonly projectId: string;
  readonly createdAt: number;
  /** Whether a worker's registration declared it, so that another may take it away. */
  readonly isDeclared: boolean;
  /** The last tick that it was decided to start. */
  readonly lastAt?: number;
  /** The next tick; missing while it is paused, and where none will ever come. */
  readonly nextAt?: number;
  /** The tick whose execution may not be there yet. Whoever changes the schedule starts that first. */
  readonly starting?: Tick;
  /**
   * When it was deleted, if it was. It is kept for a while, so that a record of the same name goes on with its versions: a
   * server that was held up cannot take the new one for the old.
   */
  readonly deletedAt?: number;
}

/** A tick whose execution is started. */
export interface Tick {
  readonly at: number;
  /** The tick before it that started one. */
  readonly lastAt?: number;
}

/** The key of schedules that workers declare. */
export const DECLARED_KEY = 'workflow';

/** How far ticks are made up unless a schedule says otherwise. */
export const CATCH_UP_MS_DEFAULT = 86_400_000;

/** How long a deleted schedule is kept. */
const KEPT_MS = 86_400_000;

/** The group of a project's schedules. */
export function scheduleGroup(projectId: string): string {
  return `schedule${JSON.stringify([projectId])}`;
}

/** What the ids of the records of a workflow's schedules begin with: they are in the order of workflow and key. */
export function schedulePrefix(workflowId: string): string {
  // Sorts before all that may be in an id.
  return `${workflowId}\t`;
}

/** Which record keeps the schedule of a workflow with a key. */
export function scheduleName(
  projectId: string,
  { workflowId, key }: Pick<Schedule, 'workflowId' | 'key'>,
): { readonly group: string; readonly id: string } {
  return { group: scheduleGroup(projectId), id: schedulePrefix(workflowId) + key };
}

/** The id by which callers know a schedule: it follows from workflow and key. */
export function scheduleId({
  projectId,
  workflowId,
  key,
}: Pick<Schedule, 'projectId' | 'workflowId' | 'key'>): string {
  return idOfParts('schedule', projectId, workflowId, key);
}

/** What the store is to keep of a schedule. */
export function toScheduleRecord(schedule: Schedule): NextRecord {
  const { starting, deletedAt, nextAt } = schedule;
  const dueAt = starting?.at ?? (deletedAt === undefined ? nextAt : deletedAt + KEPT_MS);
  return {
    ...scheduleName(schedule.projectId, schedule),
    alias: scheduleId(schedule),
    ...(dueAt !== undefined && { dueAt }),
    body: JSON.stringify(schedule),
  };
}

/** Reads what the store kept. */
export function scheduleOf({ body }: StoredRecord): Schedule {
  return JSON.parse(body) as Schedule;
}

/** A schedule as callers see it. */
export function scheduleView(schedule: Schedule): ScheduleView {
  const { projectId: _, isDeclared: __, starting: ___, deletedAt: ____, ...view } = schedule;
  return { ...view, id: scheduleId(schedule) };
}
