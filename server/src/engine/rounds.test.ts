import { expect, onTestFinished, test } from 'vitest';
import type { Clock } from './clock.js';
import { HandClock, settled } from './hand-clock.mjs';
import { type Round, Rounds } from './rounds.js';

const INTERVAL_MS = 60_000;
const DAY_MS = 86_400_000;

/** Rounds by a clock that a test turns; answers the times of the rounds. */
function start(work: (round: Round) => Promise<void> = async () => {}, clock: Clock = new HandClock()) {
  const times: number[] = [];
  const faults: unknown[] = [];
  const rounds = new Rounds({
    clock,
    intervalMs: INTERVAL_MS,
    work: (round) => {
      times.push(clock.now());
      return work(round);
    },
    fault: (error) => faults.push(error),
  });
  onTestFinished(() => rounds.stop());
  rounds.start();
  return { rounds, times, faults };
}

test('rounds follow each other about once in the interval, also after one that failed', async () => {
  const clock = new HandClock();
  const { times, faults } = start(() => Promise.reject(new Error('no')), clock);
  await clock.turn(10 * INTERVAL_MS);
  expect(times.length).toBeGreaterThanOrEqual(6);
  expect(times.length).toBeLessThanOrEqual(20);
  expect(faults).toHaveLength(times.length);
});

test('a round that takes long is not joined by another', async () => {
  const clock = new HandClock();
  const { times } = start((round) => round.rest(5 * INTERVAL_MS), clock);
  await clock.turn(4 * INTERVAL_MS);
  expect(times).toHaveLength(1);
  await clock.turn(5 * INTERVAL_MS);
  expect(times).toHaveLength(2);
});

test('stopping ends a rest, and waits for what is under way', async () => {
  const clock = new HandClock();
  let seen: boolean | undefined;
  const { rounds, times } = start(async (round) => {
    await round.rest(10 * INTERVAL_MS);
    seen = round.isStopped;
  }, clock);
  await clock.turn(1.6 * INTERVAL_MS);
  expect(times).toHaveLength(1);
  expect(seen).toBeUndefined();
  await rounds.stop();
  expect(seen).toBe(true);
  await clock.turn(5 * INTERVAL_MS);
  expect(times).toHaveLength(1);
});

test('a clock that leapt forward is believed an hour later', async () => {
  const clock = new SettableClock();
  const { times } = start(undefined, clock);
  await clock.hand.turn(3 * INTERVAL_MS);
  const before = times.length;
  expect(before).toBeGreaterThan(0);
  clock.set(400 * DAY_MS);
  await clock.hand.turn(50 * 60_000);
  expect(times).toHaveLength(before);
  await clock.hand.turn(20 * 60_000);
  expect(times.length).toBeGreaterThan(before);
  expect(times[before]! - times[before - 1]!).toBeGreaterThan(400 * DAY_MS);
});

test('a clock that leapt forward and was set back in time did nothing', async () => {
  const clock = new SettableClock();
  const { times } = start(undefined, clock);
  await clock.hand.turn(3 * INTERVAL_MS);
  const before = times.length;
  clock.set(2 * DAY_MS);
  await clock.hand.turn(30 * 60_000);
  clock.set(-2 * DAY_MS);
  await clock.hand.turn(DAY_MS);
  expect(times).toHaveLength(before);
  await clock.hand.turn(2 * DAY_MS);
  expect(times.length).toBeGreaterThan(before);
});

test('a clock that is set back makes no round come early', async () => {
  const clock = new SettableClock();
  const { times } = start(undefined, clock);
  await clock.hand.turn(3 * INTERVAL_MS);
  const before = times.length;
  clock.set(-DAY_MS);
  await clock.hand.turn(DAY_MS - 10 * INTERVAL_MS);
  expect(times).toHaveLength(before);
  await clock.hand.turn(15 * INTERVAL_MS);
  expect(times.length).toBeGreaterThan(before);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
});

/** As the system's clock: somebody may set it while time passes, it is held still while it is behind, and timers look again. */
class SettableClock implements Clock {
  readonly hand = new HandClock();
  private offset = 0;
  private latest = 0;

  set(byMs: number): void {
    this.offset += byMs;
  }

  now(): number {
    this.latest = Math.max(this.latest, this.hand.now() + this.offset);
    return this.latest;
  }

  callAt(at: number, call: () => void): () => void {
    let callOff = () => {};
    const wait = () => {
      const left = at - this.now();
      if (left <= 0) call();
      else callOff = this.hand.callAt(this.hand.now() + Math.min(left, INTERVAL_MS), wait);
    };
    callOff = this.hand.callAt(this.hand.now() + Math.max(0, at - this.now()), wait);
    return () => callOff();
  }
}

test('the rounds of two that were started together are not at the same moments', async () => {
  const clock = new HandClock();
  const both = [start(undefined, clock), start(undefined, clock)];
  await clock.turn(5 * INTERVAL_MS);
  await settled();
  const [one, other] = both.map(({ times }) => new Set(times));
  expect([...one!].filter((time) => other!.has(time))).toEqual([]);
});
