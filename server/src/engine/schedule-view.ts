/** A schedule as somebody asks for it. */
export interface ScheduleRequest {
  readonly workflowId: string;
  readonly key: string;
  readonly cron: string;
  readonly timezone: string;
  readonly paused: boolean;
  /** The text of a JSON value. */
  readonly payload?: string;
  readonly queue?: string;
  readonly catchUpMs: number;
}

/** A schedule as it is. */
export interface ScheduleView extends ScheduleRequest {
  readonly id: string;
  readonly createdAt: number;
  /** Missing while it is paused, and where no tick will ever come. */
  readonly nextAt?: number;
  readonly lastAt?: number;
}

/** Some of a project's schedules. */
export interface SchedulePage {
  readonly schedules: readonly ScheduleView[];
  /** Where the next page begins; missing at the end. */
  readonly next?: string;
}
