import { CronError } from './cron-fields.js';
import { EngineError } from './errors.js';
import { type Schedule, scheduleId, type Tick } from './schedule-record.js';
import { isTimezone, type Ticks, ticksOf } from './ticks.js';

/**
 * A tick that is not later than this is not made up, but late: somebody was there, and slow. As long as the shortest way
 * from one tick to the next, so that no second one is started with it.
 */
const LATE_MS = 60_000;

/** How many ticks to come an execution is told of. */
const UPCOMING = 5;

/**
 * The ticks of a cron expression that somebody sent.
 * @param field  where it is in what was sent, for the error.
 * @throws EngineError `invalid` for a cron expression or a time zone that is none.
 */
export function checkedTicks({ cron, timezone }: Pick<Schedule, 'cron' | 'timezone'>, field: string): Ticks {
  if (!isTimezone(timezone)) {
    const message = `"${timezone}" is no time zone of the IANA database; write one like "Europe/Berlin" or "UTC"`;
    throw new EngineError({ type: 'invalid', field: `${field}.timezone`, message });
  }
  try {
    return ticksOf(cron, timezone);
  } catch (error) {
    if (!(error instanceof CronError)) throw error;
    throw new EngineError({ type: 'invalid', field: `${field}.cron`, message: error.message });
  }
}

/** The schedule with its first tick after a time as the next; with none while it is paused. */
export function aimed(schedule: Schedule, after: number): Schedule {
  const { nextAt: _, ...rest } = schedule;
  const nextAt = schedule.paused ? undefined : ticksOf(schedule.cron, schedule.timezone).after(after);
  return nextAt === undefined ? rest : { ...rest, nextAt };
}

/**
 * What becomes of a schedule by itself: the oldest tick that is due and not too old is to be started. The same schedule if
 * nothing is due.
 */
export function ticked(schedule: Schedule, now: number): Schedule {
  const { nextAt, catchUpMs, lastAt } = schedule;
  if (nextAt === undefined || nextAt > now) return schedule;
  const oldest = now - Math.max(catchUpMs, LATE_MS);
  if (nextAt < oldest) {
    const caughtUp = aimed(schedule, oldest - 1);
    return (caughtUp.nextAt ?? Number.POSITIVE_INFINITY) > now ? caughtUp : ticked(caughtUp, now);
  }
  const starting: Tick = { at: nextAt, ...(lastAt !== undefined && { lastAt }) };
  return { ...aimed(schedule, nextAt), lastAt: nextAt, starting };
}

/** The schedule once the tick that was to be started is. */
export function withoutStarting({ starting: _, ...schedule }: Schedule): Schedule {
  return schedule;
}

/** The text of the payload that an execution of a schedule receives. */
export function tickPayload(schedule: Schedule, { at, lastAt }: Tick): string {
  const { cron, timezone, key, payload } = schedule;
  const tick = JSON.stringify({
    timestamp: timeText(at),
    lastTimestamp: lastAt === undefined ? null : timeText(lastAt),
    timezone,
    scheduleId: scheduleId(schedule),
    key,
    upcoming: ticksOf(cron, timezone).listAfter(at, UPCOMING).map(timeText),
  });
  // JSON text already: it goes in as it is.
  return payload === undefined ? tick : `${tick.slice(0, -1)},"payload":${payload}}`;
}

function timeText(at: number): string {
  return new Date(at).toISOString();
}
