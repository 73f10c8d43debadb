import { create } from '@bufbuild/protobuf';
import { type Duration, DurationSchema } from '@bufbuild/protobuf/wkt';
import { UsageError } from './usage-error.js';

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** How durations are written on the command line, for help texts. */
export const DURATION_FORM = 'like 250ms, 1.5s, 10m, 2h or 7d';

/** Reads a duration such as `1.5s`, in milliseconds, rounded up to a whole one. */
export function parseDurationMs(option: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  const ms = match ? Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS] : Number.NaN;
  if (!Number.isSafeInteger(Math.ceil(ms))) {
    throw new UsageError(`${option} "${text}" is no duration; write one ${DURATION_FORM}`);
  }
  return Math.ceil(ms);
}

/** The same as the protocol wants it. */
export function parseDuration(option: string, text: string): Duration {
  const ms = parseDurationMs(option, text);
  return create(DurationSchema, {
    seconds: BigInt(Math.floor(ms / 1000)),
    nanos: (ms % 1000) * 1_000_000,
  });
}

/** A duration for people, to two digits or so: `840 ms`, `3.2 s`, `12 min`, `5 h`, `3 days`. */
export function durationText(ms: number): string {
  const size = Math.abs(ms);
  if (size < 1000) return `${Math.round(ms)} ms`;
  if (size < 9950) return `${(ms / 1000).toFixed(1)} s`;
  if (size < 2 * UNIT_MS.m) return `${Math.round(ms / 1000)} s`;
  if (size < 2 * UNIT_MS.h) return `${Math.round(ms / UNIT_MS.m)} min`;
  if (size < 2 * UNIT_MS.d) return `${Math.round(ms / UNIT_MS.h)} h`;
  return `${Math.round(ms / UNIT_MS.d)} days`;
}
