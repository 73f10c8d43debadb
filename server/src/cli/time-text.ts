import { type Timestamp, timestampDate } from '@bufbuild/protobuf/wkt';
import { durationText } from './duration.js';

/** A time for people: local, and how long ago. */
export function timeText(time: Timestamp | undefined, now = Date.now()): string {
  if (!time) return '-';
  const ms = timestampDate(time).getTime();
  return `${localTime(ms)} (${agoText(ms, now)})`;
}

/** How long ago a time was, or in how long it will be. */
export function agoText(ms: number, now = Date.now()): string {
  const past = now - ms;
  // The clocks of two machines differ a little: just now is just now.
  if (Math.abs(past) < 1000) return 'just now';
  return past > 0 ? `${durationText(past)} ago` : `in ${durationText(-past)}`;
}

/** The time of a recorded event, to the millisecond; with its date unless that is today. */
export function eventTimeText(time: Timestamp | undefined, now = Date.now()): string {
  if (!time) return '-';
  const ms = timestampDate(time).getTime();
  const text = `${localTime(ms)}.${String(new Date(ms).getMilliseconds()).padStart(3, '0')}`;
  return localDate(ms) === localDate(now) ? text.slice(localDate(ms).length + 1) : text;
}

/** The time between two, or a dash where one is missing. */
export function spanText(start: Timestamp | undefined, end: Timestamp | undefined): string {
  if (!start || !end) return '-';
  return durationText(timestampDate(end).getTime() - timestampDate(start).getTime());
}

function localTime(ms: number): string {
  const date = new Date(ms);
  const parts = [date.getHours(), date.getMinutes(), date.getSeconds()];
  return `${localDate(ms)} ${parts.map((part) => String(part).padStart(2, '0')).join(':')}`;
}

function localDate(ms: number): string {
  const date = new Date(ms);
  const parts = [date.getFullYear(), date.getMonth() + 1, date.getDate()];
  return parts.map((part) => String(part).padStart(2, '0')).join('-');
}
