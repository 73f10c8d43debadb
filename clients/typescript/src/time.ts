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

/**
 * Milliseconds as a duration of the protocol.
 * @param ms at least 0; fractions are kept to the nanosecond.
 */
export function toDuration(ms: number): Duration {
  const seconds = Math.floor(ms / 1_000);
  const nanos = Math.round((ms - seconds * 1_000) * 1_000_000);
  // Just below a second the rounding makes a whole one of it.
  const carry = nanos === 1_000_000_000 ? 1 : 0;
  return create(DurationSchema, { seconds: BigInt(seconds + carry), nanos: carry === 1 ? 0 : nanos });
}

/** A time of the protocol as a Date, or undefined. */
export function toDate(timestamp: Timestamp | undefined): Date | undefined {
  return timestamp === undefined ? undefined : timestampDate(timestamp);
}

/** Milliseconds since 1970 as a time of the protocol. */
export function toTimestamp(ms: number): Timestamp {
  return timestampFromMs(ms);
}
