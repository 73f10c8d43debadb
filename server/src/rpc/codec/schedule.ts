import { create } from '@bufbuild/protobuf';
import type { ScheduleRequest, ScheduleView, TriggerDeclaration } from '../../engine/api.js';
import { CATCH_UP_MS_DEFAULT } from '../../engine/schedule-record.js';
import { type Schedule, ScheduleSchema } from '../../gen/polos/v1/schedule_pb.js';
import type { ScheduleDeclaration, TriggerDeclaration as WireTrigger } from '../../gen/polos/v1/worker_pb.js';
import { invalidField } from '../refusals.js';
import { fromPayload, toPayload } from './payload.js';
import { fromDuration, toDuration, toTimestamp, toTimestampOr } from './time.js';

const KEY_DEFAULT = 'global';
const TIMEZONE_DEFAULT = 'UTC';
const BATCH_TIMEOUT_MS_DEFAULT = 1_000;

/** Reads a schedule as somebody asks for it; what only the server knows is ignored. */
export function fromSchedule(schedule: Schedule): ScheduleRequest {
  const { workflowId, key, cron, timezone, paused, queue, catchUp } = schedule;
  const payload = fromPayload(schedule.payload, 'schedule.payload');
  if (payload && !('json' in payload)) {
    throw invalidField('schedule.payload', 'it becomes a part of a JSON object: send `json`, not `data`');
  }
  return {
    workflowId,
    key: key || KEY_DEFAULT,
    cron,
    timezone: timezone || TIMEZONE_DEFAULT,
    paused,
    ...(payload && { payload: payload.json }),
    ...(queue !== '' && { queue }),
    catchUpMs: catchUp ? fromDuration(catchUp) : CATCH_UP_MS_DEFAULT,
  };
}

/** A schedule as it is. */
export function toSchedule(schedule: ScheduleView): Schedule {
  const { payload, queue, catchUpMs, nextAt, lastAt, createdAt, ...same } = schedule;
  return create(ScheduleSchema, {
    ...same,
    payload: payload === undefined ? undefined : toPayload({ json: payload }),
    queue: queue ?? '',
    catchUp: toDuration(catchUpMs),
    nextTime: toTimestampOr(nextAt),
    lastTime: toTimestampOr(lastAt),
    createTime: toTimestamp(createdAt),
  });
}

/** Reads when a workflow starts by itself. */
export function fromScheduleDeclaration({ cron, timezone }: ScheduleDeclaration) {
  return { cron, timezone: timezone || TIMEZONE_DEFAULT };
}

/** Reads which events start a workflow by themselves. */
export function fromTriggerDeclaration({ topic, batchSize, batchTimeout }: WireTrigger): TriggerDeclaration {
  const batchTimeoutMs = batchTimeout ? fromDuration(batchTimeout) : BATCH_TIMEOUT_MS_DEFAULT;
  return { topic, batchSize: batchSize || 1, batchTimeoutMs };
}
