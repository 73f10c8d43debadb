import type { Random } from './random.js';

/** What a simulated handler does, one after the other. */
export type Operation =
  /** A step whose body takes a while, and comes to a value or a failure. */
  | {
      readonly type: 'step';
      readonly key: string;
      readonly ms: number;
      readonly value: number;
      readonly fails: boolean;
    }
  /** Many steps in one commit: more than are sent to a worker that has seen them and keeps the code. */
  | { readonly type: 'values'; readonly key: string; readonly count: number }
  /** What only the server can bring, all at the same time, and it waits for all of it. */
  | { readonly type: 'waits'; readonly waits: readonly AwaitedOperation[] }
  /** A child that it does not wait for. */
  | { readonly type: 'detached'; readonly key: string; readonly program: number }
  /** The handler throws on its first attempt. */
  | { readonly type: 'stumble' };

/**
 * A child's end, that of all children of a batch, a time, or somebody who resumes the step with a value: so long after the
 * code first asked for it, or the execution itself by another step. Or an event, which comes in the same ways.
 */
export type AwaitedOperation =
  | { readonly type: 'child'; readonly key: string; readonly program: number }
  | { readonly type: 'batch'; readonly key: string; readonly programs: readonly number[] }
  | { readonly type: 'told'; readonly key: string; readonly by: string; readonly value: number }
  | { readonly type: 'event'; readonly key: string; readonly afterMs: number; readonly value: number }
  | { readonly type: 'heard'; readonly key: string; readonly by: string; readonly value: number }
  | { readonly type: 'timer'; readonly key: string; readonly ms: number }
  | { readonly type: 'resume'; readonly key: string; readonly afterMs: number; readonly value: number }
  | { readonly type: 'timeout'; readonly key: string; readonly ms: number };

/** A handler. What it returns, and the state that it leaves, depend on nothing but the outcomes of its steps. */
export interface Program {
  readonly operations: readonly Operation[];
  readonly fails: boolean;
  /** Whether the end travels in one commit with the last step. */
  readonly endsWithStep: boolean;
}

/** Programs that start only those behind them, so that each ends. */
export function randomPrograms(random: Random): readonly Program[] {
  const count = random.between(2, 6);
  return Array.from({ length: count }, (_, index) => randomProgram(random, index, count));
}

function randomProgram(random: Random, index: number, count: number): Program {
  const operations = Array.from({ length: random.between(1, 4) }, (_, place) =>
    randomOperation(random, { index, count, key: `${'abcd'[place]}` }),
  );
  return { operations, fails: random.chance(0.1), endsWithStep: random.chance(0.5) };
}

function randomOperation(
  random: Random,
  { index, count, key }: { readonly index: number; readonly count: number; readonly key: string },
): Operation {
  const program = () => random.between(index + 1, count - 1);
  const mayStart = index + 1 < count;
  const roll = random.next();
  if (roll < 0.35) {
    const waits = Array.from({ length: random.between(1, 3) }, (_, place): AwaitedOperation => {
      const kind = random.pick(mayStart ? KINDS : KINDS.slice(2));
      return randomWait(random, kind, `${key}${place}`, program);
    });
    return { type: 'waits', waits };
  }
  if (mayStart && roll < 0.45) return { type: 'detached', key, program: program() };
  if (roll < 0.5) return { type: 'stumble' };
  if (roll < 0.6) return { type: 'values', key, count: random.between(15, 40) };
  const ms = random.chance(0.1) ? random.between(30_000, 50_000) : random.between(0, 3_000);
  return { type: 'step', key, ms, value: random.between(0, 99), fails: random.chance(0.1) };
}

/** The first two start others. */
const KINDS = ['child', 'batch', 'timer', 'resume', 'told', 'timeout', 'event', 'heard'] as const;

function randomWait(
  random: Random,
  type: (typeof KINDS)[number],
  key: string,
  program: () => number,
): AwaitedOperation {
  switch (type) {
    case 'child':
      return { type, key, program: program() };
    case 'batch':
      return { type, key, programs: Array.from({ length: random.between(1, 3) }, program) };
    case 'told':
    case 'heard':
      return { type, key, by: `${key}by`, value: random.between(0, 99) };
    case 'timer':
      return { type, key, ms: random.pick([0, 1, random.between(0, 40_000)]) };
    case 'resume':
    case 'event':
      return { type, key, afterMs: random.between(0, 20_000), value: random.between(0, 99) };
    case 'timeout':
      return { type, key, ms: random.between(1, 20_000) };
  }
}
