import { inspect } from 'node:util';
import { create } from '@bufbuild/protobuf';
import { InvalidStepError } from './errors.js';
import { type Command, CommandSchema } from './gen/polos/v1/command_pb.js';
import { toPayload } from './payload.js';
import type { SuspendOptions, WaitDuration } from './step.js';
import { toDuration, toTimestamp } from './time.js';

const DAY_MS = 86_400_000;
/** The longest wait that the server takes. */
const WAIT_MS_MAX = 3_660 * DAY_MS;

const UNITS_MS: Readonly<Record<keyof WaitDuration, number>> = {
  seconds: 1_000,
  minutes: 60_000,
  hours: 3_600_000,
  days: DAY_MS,
  weeks: 7 * DAY_MS,
};

/**
 * Makes the command that begins a wait for a length of time.
 * @throws InvalidStepError unless the sum of the units is above 0 and at most 3,660 days.
 */
export function waitForCommand(key: string, duration: WaitDuration): Command {
  const ms = lengthMs(key, duration);
  assertLength(`the wait of step "${key}"`, ms);
  const value = { stepKey: key, delay: toDuration(ms) };
  return create(CommandSchema, { command: { case: 'timerAwaited', value } });
}

/**
 * Makes the command that begins a wait for a point in time.
 * @param time a date, or milliseconds since 1970; fractions are rounded up, because a wait never ends early.
 * @param nowMs the worker's clock.
 * @throws InvalidStepError unless it is a time from now on and at most 3,660 days away.
 */
export function waitUntilCommand(key: string, time: Date | number, nowMs: number): Command {
  const ms = time instanceof Date ? time.getTime() : time;
  if (typeof ms !== 'number' || !Number.isFinite(ms)) {
    const wanted = 'a valid Date or milliseconds since 1970';
    throw new InvalidStepError(`step "${key}" can wait until ${wanted}, not until ${shown(time)}`);
  }
  if (ms < nowMs) {
    throw new InvalidStepError(`step "${key}" cannot wait until ${shownTime(ms)}: it is in the past`);
  }
  if (ms - nowMs > WAIT_MS_MAX) {
    throw new InvalidStepError(
      `step "${key}" cannot wait until ${shownTime(ms)}: it is over 3,660 days away`,
    );
  }
  const value = { stepKey: key, fireTime: toTimestamp(Math.ceil(ms)) };
  return create(CommandSchema, { command: { case: 'timerAwaited', value } });
}

/**
 * Makes the command that begins a wait to be resumed.
 * @throws InvalidStepError for a timeout that is none; SerializationError, PayloadSizeError for the data.
 */
export function suspendCommand(key: string, options: SuspendOptions = {}): Command {
  assertMembers(key, options, ['data', 'timeout']);
  const { data, timeout } = options;
  const end = toTimeout(key, timeout);
  const payload = toPayload(data, { what: `the data of step "${key}"` });
  const value = {
    stepKey: key,
    ...(payload !== undefined && { data: payload }),
    ...end,
  };
  return create(CommandSchema, { command: { case: 'resumeAwaited', value } });
}

/**
 * The field that ends a wait after some seconds, or none.
 * @throws InvalidStepError for a timeout that is none.
 */
export function toTimeout(key: string, timeout: number | undefined) {
  if (timeout === undefined) return {};
  assertNumber(key, 'timeout', timeout);
  assertLength(`the timeout of step "${key}"`, timeout * 1_000);
  return { timeout: toDuration(timeout * 1_000) };
}

function lengthMs(key: string, duration: WaitDuration): number {
  const names = Object.keys(UNITS_MS) as (keyof WaitDuration)[];
  assertMembers(key, duration, names);
  return names.reduce((sum, name) => {
    const amount = duration[name];
    if (amount === undefined) return sum;
    assertNumber(key, name, amount);
    return sum + amount * UNITS_MS[name];
  }, 0);
}

function assertLength(what: string, ms: number): void {
  if (ms > 0 && ms <= WAIT_MS_MAX) return;
  const wanted = ms > 0 ? `at most ${WAIT_MS_MAX / 1_000} s (3,660 days)` : 'positive';
  throw new InvalidStepError(`${what} must be ${wanted}, not ${ms / 1_000} s`);
}

function assertNumber(key: string, name: string, value: unknown): void {
  if (typeof value === 'number') return;
  throw new InvalidStepError(`"${name}" of step "${key}" must be a number, not ${shown(value)}`);
}

/** A misspelt or misplaced member would otherwise be lost silently: `{ second: 5 }`, or the data itself as the options. */
export function assertMembers(key: string, value: object, names: readonly string[]): void {
  const wanted = `step "${key}" takes an object with ${names.map((name) => `"${name}"`).join(', ')}`;
  if (typeof value !== 'object' || value === null) {
    throw new InvalidStepError(`${wanted}, not ${shown(value)}`);
  }
  const unknown = Object.keys(value).find((name) => !names.includes(name));
  if (unknown !== undefined) throw new InvalidStepError(`${wanted}, not "${unknown}"`);
}

/** A number that is no time of the calendar is shown as it is. */
function shownTime(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? String(ms) : date.toISOString();
}

const SHOWN_LENGTH_MAX = 80;

/** A value as an error shows it: 80 characters at most. */
export function shown(value: unknown): string {
  return inspect(value, { depth: 1, breakLength: Number.POSITIVE_INFINITY }).slice(0, SHOWN_LENGTH_MAX);
}
