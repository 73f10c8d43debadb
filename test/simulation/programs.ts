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
  /** Children that run at the same time, and whose results it waits for. */
  | {
      readonly type: 'children';
      readonly children: readonly { readonly key: string; readonly program: number }[];
    }
  /** A child that it does not wait for. */
  | { readonly type: 'detached'; readonly key: string; readonly program: number }
  /** The handler throws on its first attempt. */
  | { readonly type: 'stumble' };

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
  if (mayStart && roll < 0.3) {
    const children = Array.from({ length: random.between(1, 3) }, (_, child) => ({
      key: `${key}${child}`,
      program: program(),
    }));
    return { type: 'children', children };
  }
  if (mayStart && roll < 0.4) return { type: 'detached', key, program: program() };
  if (roll < 0.47) return { type: 'stumble' };
  const ms = random.chance(0.1) ? random.between(30_000, 50_000) : random.between(0, 3_000);
  return { type: 'step', key, ms, value: random.between(0, 99), fails: random.chance(0.1) };
}
