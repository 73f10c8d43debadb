import { Cron } from 'croner';
import { type CronField, parseCron } from './cron-fields.js';

/** The times at which a schedule ticks, in milliseconds since 1970. */
export interface Ticks {
  /** The first tick after a time; undefined if none will ever come. */
  after(at: number): number | undefined;
  /** The first `count` of them, fewer if there are no more. */
  listAfter(at: number, count: number): readonly number[];
}

/**
 * The ticks of a cron expression in a time zone.
 *
 * croner counts them, in the five fields' plainest form: lists of numbers, and `*` only where a field restricts nothing.
 * With an hour that is restricted it then keeps to the clock on the wall: a time that a change of the clock skips ticks
 * right after the gap, one that it repeats ticks the first time. With any hour it keeps to the hours that pass.
 * @throws CronError for the expression. A zone must be known: see `isTimezone`.
 */
export function ticksOf(cron: string, timezone: string): Ticks {
  const [minute, hour, day, month, weekday] = parseCron(cron);
  const hours = hour.values.length === 24 ? '*' : listed(hour);
  const pattern = `${listed(minute)} ${hours} ${open(day)} ${open(month)} ${open(weekday)}`;
  const counter = new Cron(pattern, { timezone, mode: '5-part', fixedTimeRule: 'no-wildcard' });
  return {
    after: (at) => counter.nextRun(new Date(at))?.getTime(),
    listAfter: (at, count) => counter.nextRuns(count, new Date(at)).map((tick) => tick.getTime()),
  };
}

/** Whether a text names a time zone of the IANA database. */
export function isTimezone(timezone: string): boolean {
  // Offsets, which newer versions of ECMAScript know, are no zones.
  if (!/^[A-Za-z]/.test(timezone)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: timezone });
    return true;
  } catch {
    return false;
  }
}

function listed({ values }: CronField): string {
  return values.join();
}

function open(field: CronField): string {
  return field.isAny ? '*' : listed(field);
}
