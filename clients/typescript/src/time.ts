import { inspect } from 'node:util';
import { create } from '@bufbuild/protobuf';
import {
  type Duration,
  DurationSchema,
  type Timestamp,
  timestampDate,
  timestampFromMs,
} from '@bufbuild/protobuf/wkt';

/** A duration of the protocol in milliseconds, fractions included. */
export function durationMs(duration: Duration): number {
  return Number(duration.seconds) * 1_000 + duration.nanos / 1_000_000;
}

/** Milliseconds as a duration of the protocol; fractions are kept to the nanosecond. */
export function toDuration(ms: number): Duration {
  const seconds = Math.trunc(ms / 1_000);
  const nanos = Math.round((ms - seconds * 1_000) * 1_000_000);
  // Just below a second the rounding makes a whole one of it.
  const carry = Math.trunc(nanos / 1_000_000_000);
  return create(DurationSchema, { seconds: BigInt(seconds + carry), nanos: nanos - carry * 1_000_000_000 });
}

/** What every language can put into a duration, in seconds: more than any server takes. */
const SECONDS_MAX = 2 ** 53;

/**
 * A field that holds seconds, or none. Which of them make sense is the server's to say.
 * @param name what they are called, for errors.
 * @throws TypeError for what is no number, or none that a duration can hold.
 */
export function durationField<TField extends string>(
  field: TField,
  name: string,
  seconds: number | undefined,
): { readonly [name in TField]?: Duration } {
  if (seconds === undefined) return {};
  if (typeof seconds !== 'number' || !(Math.abs(seconds) <= SECONDS_MAX)) {
    throw new TypeError(`${name} must be a finite number of seconds, not ${inspect(seconds)}`);
  }
  return { [field]: toDuration(seconds * 1_000) } as { readonly [name in TField]?: Duration };
}

/** A time of the protocol as a Date, or undefined. */
export function toDate(timestamp: Timestamp | undefined): Date | undefined {
  return timestamp === undefined ? undefined : timestampDate(timestamp);
}

/** Milliseconds since 1970 as a time of the protocol. */
export function toTimestamp(ms: number): Timestamp {
  return timestampFromMs(ms);
}
