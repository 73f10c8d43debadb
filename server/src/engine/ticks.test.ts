import { describe, expect, test } from 'vitest';
import { CronError } from './cron-fields.js';
import { isTimezone, ticksOf } from './ticks.js';

const MINUTE = 60_000;
const DAY = 1_440 * MINUTE;

/** A minute on the wall. */
interface Wall {
  readonly minute: number;
  readonly hour: number;
  readonly day: number;
  readonly month: number;
  readonly weekday: number;
}

/** A minute of time, and what clocks on the wall show in it, as if that were UTC. */
interface Minute {
  readonly at: number;
  readonly shown: number;
  readonly wall: Wall;
}

/** A cron expression and what it means, written down apart from each other. */
const MEANINGS: readonly (readonly [cron: string, matches: (wall: Wall) => boolean])[] = [
  ['* * * * *', () => true],
  ['*/20 * * * *', ({ minute }) => minute % 20 === 0],
  ['7,37 * * * *', ({ minute }) => minute === 7 || minute === 37],
  ['30 */1 * * *', ({ minute }) => minute === 30],
  ['0 0-23 * * *', ({ minute }) => minute === 0],
  ['30 2 * * *', ({ minute, hour }) => minute === 30 && hour === 2],
  ['*/10 1,2,3 * * *', ({ minute, hour }) => minute % 10 === 0 && hour >= 1 && hour <= 3],
  ['15 */2 * * *', ({ minute, hour }) => minute === 15 && hour % 2 === 0],
  ['0,30 0 * * *', ({ minute, hour }) => minute % 30 === 0 && hour === 0],
  ['59 23 * * *', ({ minute, hour }) => minute === 59 && hour === 23],
  ['10-50/20 22-23 * * *', ({ minute, hour }) => [10, 30, 50].includes(minute) && hour >= 22],
  ['0 0 1,31 * *', ({ minute, hour, day }) => minute === 0 && hour === 0 && [1, 31].includes(day)],
  ['5 4 * * 0', ({ minute, hour, weekday }) => minute === 5 && hour === 4 && weekday === 0],
  ['5 4 * * 7', ({ minute, hour, weekday }) => minute === 5 && hour === 4 && weekday === 0],
  [
    '5 4 * * fri-SUN',
    ({ minute, hour, weekday }) => minute === 5 && hour === 4 && [5, 6, 0].includes(weekday),
  ],
  [
    '0 1 13 * FRI',
    ({ minute, hour, day, weekday }) => minute + hour === 1 && minute === 0 && (day === 13 || weekday === 5),
  ],
  [
    '0 1 */10 * TUE',
    ({ minute, hour, day, weekday }) =>
      minute === 0 && hour === 1 && ([1, 11, 21, 31].includes(day) || weekday === 2),
  ],
  ['0 1 1-31 * WED', ({ minute, hour }) => minute === 0 && hour === 1],
  [
    '0 12 29 FEB *',
    ({ minute, hour, day, month }) => minute === 0 && hour === 12 && day === 29 && month === 2,
  ],
  [
    '45 23 31 12 *',
    ({ minute, hour, day, month }) => minute === 45 && hour === 23 && day === 31 && month === 12,
  ],
  [
    '0 3 * MAR,oct-11 MON',
    ({ minute, hour, month, weekday }) =>
      minute === 0 && hour === 3 && [3, 10, 11].includes(month) && weekday === 1,
  ],
];

/** Expressions whose hour is any: they go by the hours that pass. */
const isByTheHour = (cron: string) => /^\S+ (\*|\*\/1|0-23) /.test(cron);

/** Days around which to look: changes of the clock, a leap day, and the end of a year. */
const PLACES: readonly (readonly [timezone: string, days: readonly string[]])[] = [
  ['UTC', ['2027-12-31', '2028-02-28']],
  ['Europe/Berlin', ['2027-03-28', '2027-10-31']],
  // Winter time is the change from the standard there.
  ['Europe/Dublin', ['2027-03-28', '2027-10-31']],
  ['America/New_York', ['2027-03-14', '2027-11-07']],
  // Half an hour.
  ['Australia/Lord_Howe', ['2027-04-04', '2027-10-03']],
  // 5:45 ahead, and no changes.
  ['Asia/Kathmandu', ['2027-12-31', '2028-02-29']],
  ['Pacific/Chatham', ['2027-04-04', '2027-09-26']],
  // Midnight does not happen, or happens twice.
  ['America/Santiago', ['2027-04-04', '2027-09-05']],
  ['Asia/Beirut', ['2027-03-28', '2027-10-31']],
  ['Africa/Cairo', ['2027-04-30', '2027-10-29']],
  ['America/St_Johns', ['2027-03-14', '2027-11-07']],
  // Two hours.
  ['Antarctica/Troll', ['2027-03-28', '2027-10-31']],
  ['Africa/Casablanca', ['2027-02-07', '2027-03-14']],
  ['Pacific/Kiritimati', ['2028-02-29']],
];

describe.each(PLACES)('in %s', (timezone, days) => {
  const formatter = new Intl.DateTimeFormat('en-US', {
    ...{ timeZone: timezone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric' },
    ...{ hour: 'numeric', minute: 'numeric' },
  });
  const wallTime = (at: number): number => {
    const shown = Object.fromEntries(
      formatter.formatToParts(at).map(({ type, value }) => [type, Number(value)]),
    );
    const { year = 0, month = 0, day = 0, hour = 0, minute = 0 } = shown;
    return Date.UTC(year, month - 1, day, hour, minute);
  };
  const wallOf = (shown: number): Wall => {
    const date = new Date(shown);
    return {
      ...{ minute: date.getUTCMinutes(), hour: date.getUTCHours(), weekday: date.getUTCDay() },
      ...{ day: date.getUTCDate(), month: date.getUTCMonth() + 1 },
    };
  };

  /** Minute by minute, by the promise in schedule.proto. */
  function expectedTicks(
    cron: string,
    matches: (wall: Wall) => boolean,
    minutes: readonly Minute[],
  ): number[] {
    const ticks: number[] = [];
    let latest = minutes[0]?.shown ?? 0;
    for (const { at, shown, wall } of minutes.slice(1)) {
      let isTick = matches(wall);
      if (!isByTheHour(cron)) {
        if (shown <= latest) isTick = false;
        for (let skipped = latest + MINUTE; skipped < shown; skipped += MINUTE)
          isTick ||= matches(wallOf(skipped));
      }
      latest = Math.max(latest, shown);
      if (isTick) ticks.push(at);
    }
    return ticks;
  }

  test.each(days)('all expressions tick around %s as promised', (day) => {
    const from = Date.parse(day) - 2 * DAY;
    const to = Date.parse(day) + 2 * DAY;
    const minutes = Array.from({ length: (to - from) / MINUTE }, (_, index) => {
      const at = from + index * MINUTE;
      const shown = wallTime(at);
      return { at, shown, wall: wallOf(shown) };
    });
    for (const [cron, matches] of MEANINGS) {
      const ticks = ticksOf(cron, timezone);
      const got: number[] = [];
      for (let at = ticks.after(from); at !== undefined && at < to; at = ticks.after(at)) got.push(at);
      const times = (list: readonly number[]) => list.map((at) => new Date(at).toISOString());
      expect(times(got), `${cron} in ${timezone}`).toEqual(times(expectedTicks(cron, matches, minutes)));
    }
  });
});

test('ticks begin after the time that is named, to the millisecond', () => {
  const ticks = ticksOf('* * * * *', 'UTC');
  const noon = Date.UTC(2027, 0, 1, 12);
  expect(ticks.after(noon - 1)).toBe(noon);
  expect(ticks.after(noon)).toBe(noon + MINUTE);
  expect(ticks.after(noon + 1)).toBe(noon + MINUTE);
  expect(ticks.after(noon + MINUTE - 1)).toBe(noon + MINUTE);
  expect(ticks.listAfter(noon, 3)).toEqual([1, 2, 3].map((minute) => noon + minute * MINUTE));
});

test.each([
  ['0 0 30 2 *', undefined],
  ['0 0 31 4,6,9,11 *', undefined],
  ['0 0 29 2 *', Date.UTC(2104, 1, 29)],
])('%s ticks next after 2096-02-29 when it can', (cron, next) => {
  const ticks = ticksOf(cron, 'UTC');
  expect(ticks.after(Date.UTC(2096, 1, 29))).toBe(next);
  expect(ticks.listAfter(Date.UTC(2096, 1, 29), 5)).toHaveLength(next === undefined ? 0 : 5);
});

test.each([
  ['', 'it has 0 fields, not five'],
  ['*', 'it has one field, not five'],
  ['* * * *', 'it has 4 fields, not five'],
  ['0 0 * * * *', 'it has 6 fields, not five'],
  ['0 0 0 * * * 2027', 'it has 7 fields, not five'],
  ['@daily', 'names for whole expressions are not known'],
  ['60 * * * *', 'its minute, "60", should be 0 to 59'],
  ['* 24 * * *', 'its hour, "24", should be 0 to 23'],
  ['* * 0 * *', 'its day of month, "0", should be 1 to 31'],
  ['* * 32 * *', 'its day of month, "32", should be 1 to 31'],
  ['* * * 13 *', 'its month, "13", should be 1 to 12, or JAN to DEC'],
  ['* * * MON *', 'its month, "MON", should be 1 to 12, or JAN to DEC'],
  ['* * * * 8', 'its day of week, "8", should be 0 to 7, or SUN to SAT'],
  ['* * * * MONDAY', 'its day of week, "MONDAY", should be'],
  ['5-1 * * * *', 'its minute, "5-1", is a range that ends before it begins'],
  ['* * * * FRI-MON', 'its day of week, "FRI-MON", is a range that ends'],
  ['5/15 * * * *', 'its minute, "5/15", has a step without a range: write "5-59/15" or "*/15"'],
  ['*/0 * * * *', 'its minute, "*/0", has a step that should be 1 to 59'],
  ['*/60 * * * *', 'its minute, "*/60", has a step that should be 1 to 59'],
  ['* */24 * * *', 'its hour, "*/24", has a step that should be 1 to 23'],
  ['-5 * * * *', 'its minute, "-5", is no value'],
  ['1,,2 * * * *', 'its minute, "", is no value'],
  ['1.5 * * * *', 'its minute, "1.5", is no value'],
  ['* * ? * *', 'its day of month, "?", is no value'],
  ['* * L * *', 'its day of month, "L", should be 1 to 31'],
  ['* * 15W * *', 'its day of month, "15W", is no value'],
  ['* * * * 5#2', 'its day of week, "5#2", is no value'],
  ['* * * * 5L', 'its day of week, "5L", is no value'],
  ['* * * * +MON', 'its day of week, "+MON", is no value'],
  ['H * * * *', 'its minute, "H", should be 0 to 59'],
  ['* * * * \u0661', 'is no value'],
])('%j is refused, with the reason and an example', (cron, reason) => {
  const parse = () => ticksOf(cron, 'UTC');
  expect(parse).toThrow(CronError);
  expect(parse).toThrow(reason);
  expect(parse).toThrow('write five fields like "30 3 * * MON-FRI"');
});

test('white space around and between fields is as good as one blank', () => {
  const noon = Date.UTC(2027, 0, 1, 12);
  expect(ticksOf(' 0\t3  * *\t* ', 'UTC').after(noon)).toBe(Date.UTC(2027, 0, 2, 3));
});

test.each([
  ['UTC', true],
  ['Etc/GMT+5', true],
  ['Europe/Berlin', true],
  ['America/Argentina/Buenos_Aires', true],
  ['Europe/Nowhere', false],
  ['+01:00', false],
  ['-05', false],
  ['UTC+1', false],
  ['', false],
  ['Europe/Berlin ', false],
])('%j is a time zone: %s', (timezone, isOne) => {
  expect(isTimezone(timezone)).toBe(isOne);
});
