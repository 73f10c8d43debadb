import { timestampMs } from '@bufbuild/protobuf/wkt';
import { describe, expect, it } from 'vitest';
import { InvalidStepError, SerializationError } from './errors.js';
import type { Command } from './gen/polos/v1/command_pb.js';
import type { SuspendOptions, WaitDuration } from './step.js';
import { durationMs } from './time.js';
import { suspendCommand, waitForCommand, waitUntilCommand } from './wait-command.js';

const NOW = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;

function timerOf({ command }: Command) {
  if (command.case !== 'timerAwaited') throw new Error(`it is a ${command.case}`);
  return command.value;
}

describe('waitFor', () => {
  it.each<[WaitDuration, number]>([
    [{ seconds: 1 }, 1_000],
    [{ seconds: 0.25 }, 250],
    [{ minutes: 1.5 }, 90_000],
    [{ weeks: 1, days: 1, hours: 1, minutes: 1, seconds: 1 }, 694_861_000],
    [{ days: 1, hours: -1 }, 82_800_000],
    [{ seconds: 5, minutes: undefined }, 5_000],
    [{ days: 3_660 }, 3_660 * DAY],
    [{ seconds: 0.999_999_999_9 }, 1_000],
  ])('%j lasts the sum of its units', (duration, ms) => {
    const { stepKey, delay, fireTime } = timerOf(waitForCommand('w', duration));
    expect({ stepKey, ms: durationMs(delay!), fireTime }).toEqual({ stepKey: 'w', ms, fireTime: undefined });
  });

  it.each<[unknown, string]>([
    [{}, 'the wait of step "w" must be positive, not 0 s'],
    [{ seconds: 0 }, 'must be positive, not 0 s'],
    [{ minutes: -5 }, 'must be positive, not -300 s'],
    [{ seconds: Number.NaN }, 'must be positive, not NaN s'],
    [{ hours: Number.POSITIVE_INFINITY }, 'must be at most 316224000 s (3,660 days), not Infinity s'],
    [{ days: 3_660, seconds: 1 }, 'must be at most 316224000 s (3,660 days), not 316224001 s'],
    [{ seconds: '5' }, '"seconds" of step "w" must be a number, not \'5\''],
    [{ second: 5 }, 'takes an object with "seconds", "minutes", "hours", "days", "weeks", not "second"'],
    [5, 'takes an object with "seconds", "minutes", "hours", "days", "weeks", not 5'],
    [undefined, 'not undefined'],
    [null, 'not null'],
  ])('%j is refused with the value', (duration, text) => {
    const call = () => waitForCommand('w', duration as WaitDuration);
    expect(call).toThrow(InvalidStepError);
    expect(call).toThrow(text);
  });
});

describe('waitUntil', () => {
  it.each<[Date | number, number]>([
    [new Date(NOW + 5_000), NOW + 5_000],
    [NOW, NOW],
    [NOW + 0.5, NOW + 1],
    [new Date(NOW + 3_660 * DAY), NOW + 3_660 * DAY],
  ])('%s is a time, never an earlier one', (time, ms) => {
    const { delay, fireTime } = timerOf(waitUntilCommand('w', time, NOW));
    expect({ ms: timestampMs(fireTime!), delay }).toEqual({ ms, delay: undefined });
  });

  it.each<[unknown, string]>([
    [new Date(Number.NaN), 'a valid Date or milliseconds since 1970, not until Invalid Date'],
    [Number.NaN, 'not until NaN'],
    [Number.POSITIVE_INFINITY, 'not until Infinity'],
    ['2030-01-01', "not until '2030-01-01'"],
    [undefined, 'not until undefined'],
    [new Date(NOW - 1), 'step "w" cannot wait until 2025-12-31T23:59:59.999Z: it is in the past'],
    [-1e300, 'cannot wait until -1e+300: it is in the past'],
    [new Date(NOW + 3_660 * DAY + 1), 'it is over 3,660 days away'],
    [1e300, 'cannot wait until 1e+300: it is over 3,660 days away'],
  ])('%s is refused with the value', (time, text) => {
    const call = () => waitUntilCommand('w', time as Date, NOW);
    expect(call).toThrow(InvalidStepError);
    expect(call).toThrow(text);
  });
});

describe('suspend', () => {
  it('takes data and a timeout in seconds, and nothing of both', () => {
    const { command } = suspendCommand('s', { data: { total: 5 }, timeout: 1.5 });
    expect(command).toMatchObject({
      case: 'resumeAwaited',
      value: {
        stepKey: 's',
        data: { body: { case: 'json', value: '{"total":5}' } },
        timeout: { seconds: 1n, nanos: 500_000_000 },
      },
    });
    const bare = suspendCommand('s').command;
    expect(bare).toMatchObject({ value: { stepKey: 's' } });
    expect(bare.value).not.toHaveProperty('timeout');
    expect(bare.value).not.toHaveProperty('data');
  });

  it.each<[unknown, string]>([
    [{ timeout: 0 }, 'the timeout of step "s" must be positive, not 0 s'],
    [{ timeout: -1 }, 'must be positive, not -1 s'],
    [{ timeout: Number.NaN }, 'must be positive, not NaN s'],
    [{ timeout: 316_224_001 }, 'must be at most 316224000 s (3,660 days), not 316224001 s'],
    [{ timeout: '60' }, '"timeout" of step "s" must be a number, not \'60\''],
    [{ orderId: 5 }, 'step "s" takes an object with "data", "timeout", not "orderId"'],
    ['data', "not 'data'"],
  ])('%j is refused with the value', (options, text) => {
    const call = () => suspendCommand('s', options as SuspendOptions);
    expect(call).toThrow(InvalidStepError);
    expect(call).toThrow(text);
  });

  it('is refused data that JSON cannot hold', () => {
    const call = () => suspendCommand('s', { data: { at: new Date(0) } });
    expect(call).toThrow(SerializationError);
    expect(call).toThrow('the data of step "s" cannot be written as JSON: the value at "/at"');
  });
});
