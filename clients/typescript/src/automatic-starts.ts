import { inspect } from 'node:util';
import { create } from '@bufbuild/protobuf';
import {
  type ScheduleDeclaration,
  ScheduleDeclarationSchema,
  type TriggerDeclaration,
  TriggerDeclarationSchema,
} from './gen/polos/v1/worker_pb.js';
import { isName, TOPIC_BYTES_MAX } from './name.js';
import { toDuration } from './time.js';

/** When a workflow starts by itself, in a time zone. */
export interface ScheduleConfig {
  /** Five fields: minute, hour, day of month, month, day of week, for example "30 3 * * MON-FRI". */
  readonly cron: string;
  /** A time zone of the IANA database. Default "UTC". */
  readonly timezone?: string | undefined;
}

/** What has executions of a workflow started without anybody's asking. Declared when a worker registers it. */
export interface AutomaticStarts {
  /**
   * Times at which it starts: a cron expression in UTC, or one with a time zone. Each time starts one execution, whose payload
   * is a `SchedulePayload`. Leaving it out takes away what was declared before; schedules that a client created stay. `true`
   * and `false` declare nothing.
   */
  readonly schedule?: string | ScheduleConfig | boolean | undefined;
  /**
   * The topic whose events start it: one execution for each event that is published from the first registration on, whose
   * payload is an `EventTriggerPayload`, or with a `batchSize` above 1 for several, whose payload is a `BatchEventPayload`. 1 to 512
   * bytes, no control characters.
   */
  readonly triggerOnEvent?: string | undefined;
  /** The most events to one execution, 1 to 1,000. Default 1. */
  readonly batchSize?: number | undefined;
  /** How long an event may wait for others to fill the batch, in seconds, 0 to 86,400. Default 1. */
  readonly batchTimeoutSeconds?: number | undefined;
}

/** What a handler receives that was started by a schedule. Times are text after RFC 3339 in UTC. */
export interface SchedulePayload<TPayload = unknown> {
  /** The time that it was to start at, however late it did. */
  readonly timestamp: string;
  /** The time before that at which the schedule started one; null for none. */
  readonly lastTimestamp: string | null;
  /** The schedule's time zone. */
  readonly timezone: string;
  /** The schedule's id. */
  readonly scheduleId: string;
  /** The schedule's key; "workflow" for the one that the workflow declares. */
  readonly key: string;
  /** The next five times, or fewer if there are no more. */
  readonly upcoming: readonly string[];
  /** What the schedule was created with; undefined for nothing. */
  readonly payload?: TPayload;
}

/** What a handler receives that was started by an event. */
export interface EventTriggerPayload<TData = unknown> {
  /** The topic that it was published to. */
  readonly topic: string;
  /** Its number within the topic: 1 for the first, no gaps. */
  readonly sequence: number;
  /** The word for what happened. */
  readonly type: string;
  /** What belongs to it; undefined for nothing. */
  readonly data?: TData;
  /** In place of `data`, where that is bytes: them in base64. */
  readonly bytes?: string;
  /** What the bytes are, as who published them says. */
  readonly encoding?: string;
  /** When it was published: text after RFC 3339. */
  readonly createTime: string;
  /** The execution that published it; undefined if a client did. */
  readonly executionId?: string;
}

/** What a handler receives that was started by several events. */
export interface BatchEventPayload<TData = unknown> {
  /** Them, oldest first. At least one. */
  readonly events: readonly EventTriggerPayload<TData>[];
}

/**
 * Refuses early what no server takes. Whether a cron expression and a time zone mean something is the server's to say.
 * @throws TypeError, RangeError.
 */
export function assertAutomaticStarts(id: string, starts: AutomaticStarts): void {
  const { schedule, triggerOnEvent: topic, batchSize, batchTimeoutSeconds } = starts;
  const rule = toRule(schedule);
  if (rule && typeof rule.cron !== 'string') {
    throw new TypeError(`the schedule of "${id}" needs a cron expression, not ${inspect(rule.cron)}`);
  }
  if (topic === undefined) {
    if (batchSize === undefined && batchTimeoutSeconds === undefined) return;
    throw new TypeError(`batchSize and batchTimeoutSeconds of "${id}" mean nothing without triggerOnEvent`);
  }
  if (!isName(topic, TOPIC_BYTES_MAX)) {
    throw new TypeError(`triggerOnEvent of "${id}" should be 1 to 512 bytes without control characters`);
  }
  const size = batchSize ?? 1;
  if (!Number.isInteger(size) || size < 1 || size > 1_000) {
    throw new RangeError(`batchSize of "${id}" should be an integer from 1 to 1,000`);
  }
  const seconds = batchTimeoutSeconds ?? 0;
  if (!(seconds >= 0 && seconds <= 86_400)) {
    throw new RangeError(`batchTimeoutSeconds of "${id}" should be a number from 0 to 86,400`);
  }
}

/** The declarations that a registration holds. */
export function toDeclarations({
  schedule,
  triggerOnEvent: topic,
  batchSize,
  batchTimeoutSeconds,
}: AutomaticStarts): { readonly schedule?: ScheduleDeclaration; readonly trigger?: TriggerDeclaration } {
  const rule = toRule(schedule);
  const timeout = batchTimeoutSeconds !== undefined && {
    batchTimeout: toDuration(batchTimeoutSeconds * 1_000),
  };
  return {
    ...(rule && {
      schedule: create(ScheduleDeclarationSchema, { cron: rule.cron, timezone: rule.timezone ?? '' }),
    }),
    ...(topic !== undefined && {
      trigger: create(TriggerDeclarationSchema, { topic, batchSize: batchSize ?? 1, ...timeout }),
    }),
  };
}

function toRule(schedule: AutomaticStarts['schedule']): ScheduleConfig | undefined {
  if (schedule === undefined || typeof schedule === 'boolean') return undefined;
  return typeof schedule === 'string' ? { cron: schedule } : schedule;
}
