import { create } from '@bufbuild/protobuf';
import { ExecutionHandle } from './execution-handle.js';
import { createExecutionId } from './execution-id.js';
import { type Schedule, ScheduleSchema } from './gen/polos/v1/schedule_pb.js';
import {
  CreateScheduleRequestSchema,
  DeleteScheduleRequestSchema,
  ListSchedulesRequestSchema,
  PauseScheduleRequestSchema,
  TriggerScheduleRequestSchema,
  UnpauseScheduleRequestSchema,
  WorkflowService,
} from './gen/polos/v1/workflow_service_pb.js';
import { pagesOf } from './pages.js';
import { fromPayload, toPayload } from './payload.js';
import { type QueueConfig, queueName } from './queue.js';
import { durationField, durationMs, toDate } from './time.js';
import type { Transport } from './transport.js';
import type { AnyWorkflow } from './workflow.js';
import { assertTarget, idOf } from './workflow-target.js';

/** What a schedule may have beside its times. */
export interface ScheduleOptions {
  /** What its executions receive as `payload` beside the times: plain JSON data. Default: nothing. */
  readonly payload?: unknown;
  /**
   * Times that no server was there for are made up, oldest first, if they are not longer ago than this, in seconds. Default
   * 86,400; 0 for none of them. At most 366 days.
   */
  readonly catchUpSeconds?: number | undefined;
  /** The queue of its executions. Default: the workflow's own. */
  readonly queue?: string | QueueConfig | undefined;
  /** Whether it starts nothing until `unpause`. Default false. */
  readonly paused?: boolean | undefined;
}

/** A schedule as the server knows it. */
export interface ScheduleInfo {
  readonly id: string;
  readonly workflowId: string;
  /** Tells several of one workflow apart; "workflow" for the one that the workflow declares. */
  readonly key: string;
  readonly cron: string;
  readonly timezone: string;
  readonly paused: boolean;
  readonly payload: unknown;
  readonly catchUpSeconds: number;
  /** Undefined for the workflow's own. */
  readonly queue: string | undefined;
  /** The next time that it starts an execution; undefined while it is paused, and where there is none. */
  readonly nextAt: Date | undefined;
  /** The last time that it started one; undefined for none. */
  readonly lastAt: Date | undefined;
  readonly createdAt: Date | undefined;
}

const { createSchedule, deleteSchedule, listSchedules, pauseSchedule, triggerSchedule, unpauseSchedule } =
  WorkflowService.method;

const REPEATABLE = { repeatable: true };

/** The rules that start executions of workflows at times. */
export class SchedulesApi {
  readonly #transport: Transport;

  /** @internal It comes from `PolosClient`. */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Creates a schedule, or replaces the one of the same workflow and key.
   * @param cron five fields: minute, hour, day of month, month, day of week.
   * @param timezone of the IANA database.
   * @param key tells several schedules of one workflow apart. At most 200 bytes.
   * @returns its id, which is the same whenever it is created.
   * @throws InvalidArgumentError for a cron expression that means nothing, and for an unknown time zone; LimitExceededError for
   * more than 10,000 in a project; SerializationError, PayloadSizeError; TypeError for what its field cannot hold.
   */
  async create(
    workflow: AnyWorkflow | string,
    cron: string,
    timezone = 'UTC',
    key = 'global',
    { payload, catchUpSeconds, queue, paused = false }: ScheduleOptions = {},
  ): Promise<string> {
    assertTarget(workflow);
    const body = toPayload(payload);
    const schedule = create(ScheduleSchema, {
      workflowId: idOf(workflow),
      ...{ cron, timezone, key, paused, queue: queueName(queue) },
      ...(body !== undefined && { payload: body }),
      ...durationField('catchUp', 'catchUpSeconds', catchUpSeconds),
    });
    const request = create(CreateScheduleRequestSchema, { schedule });
    const answer = await this.#transport.call(createSchedule, request, REPEATABLE);
    return answer.schedule?.id ?? '';
  }

  /** Lists all schedules, or those of a workflow, by workflow and key. */
  async list(workflow?: AnyWorkflow | string): Promise<ScheduleInfo[]> {
    const workflowId = workflow === undefined ? '' : idOf(workflow);
    const found: ScheduleInfo[] = [];
    const read = (pageToken: string) => {
      const request = create(ListSchedulesRequestSchema, { workflowId, pageToken });
      return this.#transport.call(listSchedules, request, REPEATABLE);
    };
    for await (const { schedules } of pagesOf(read)) found.push(...schedules.map(toScheduleInfo));
    return found;
  }

  /** Has a schedule start nothing until `unpause`. May be repeated. @throws NotFoundError. */
  async pause(scheduleId: string): Promise<void> {
    const request = create(PauseScheduleRequestSchema, { scheduleId });
    await this.#transport.call(pauseSchedule, request, REPEATABLE);
  }

  /** Has a schedule go on with its next time. What a pause left out is not made up. May be repeated. @throws NotFoundError. */
  async unpause(scheduleId: string): Promise<void> {
    const request = create(UnpauseScheduleRequestSchema, { scheduleId });
    await this.#transport.call(unpauseSchedule, request, REPEATABLE);
  }

  /**
   * Starts an execution of a schedule now, beside its times.
   * @param options.idempotencyKey one key in a project, one execution. Default: a fresh one for each call.
   * @throws NotFoundError; PayloadValidationError, StateValidationError if the workflow's schema refuses; IdempotencyMismatchError.
   */
  async trigger<TResult = unknown>(
    scheduleId: string,
    options: { readonly idempotencyKey?: string } = {},
  ): Promise<ExecutionHandle<TResult>> {
    const idempotencyKey = options.idempotencyKey ?? createExecutionId(Date.now());
    const request = create(TriggerScheduleRequestSchema, { scheduleId, idempotencyKey });
    const { executionId } = await this.#transport.call(triggerSchedule, request, REPEATABLE);
    return new ExecutionHandle(this.#transport, executionId);
  }

  /** Deletes a schedule. Executions that it started go on. May be repeated for a day. @throws NotFoundError. */
  async delete(scheduleId: string): Promise<void> {
    const request = create(DeleteScheduleRequestSchema, { scheduleId });
    await this.#transport.call(deleteSchedule, request, REPEATABLE);
  }
}

function toScheduleInfo(schedule: Schedule): ScheduleInfo {
  const { id, workflowId, key, cron, timezone, paused, queue, catchUp } = schedule;
  return {
    ...{ id, workflowId, key, cron, timezone, paused },
    payload: fromPayload(schedule.payload),
    catchUpSeconds: catchUp === undefined ? 0 : durationMs(catchUp) / 1_000,
    queue: queue || undefined,
    nextAt: toDate(schedule.nextTime),
    lastAt: toDate(schedule.lastTime),
    createdAt: toDate(schedule.createTime),
  };
}
