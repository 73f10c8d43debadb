import { expect } from 'vitest';
import { IN_FLIGHT, type Load } from './load.js';
import { checkLoad, type LoadFigures } from './load-checks.js';
import type { LoadExecution } from './load-execution.js';
import type { Site } from './load-site.js';

/** The promise: nothing is stuck this long after faults have healed. */
export const STUCK_MS_MAX = 60_000;
/** Executions that end before the first fault, at least after the last one is healed, and at least altogether. */
const WARM_UP = IN_FLIGHT;
const COOL_DOWN = IN_FLIGHT;
export const EXECUTIONS_MIN = 400;

/** What came of a load with faults. */
export interface FaultFigures extends LoadFigures {
  readonly faults: number;
  /** The longest time without a sign of life of any execution, in milliseconds. */
  readonly longestPauseMs: number;
  /** The longest time without a sign of life of one execution, in milliseconds. */
  readonly longestPauseOfOneMs: number;
  /** From the healing until all that was under way then had ended, in milliseconds. */
  readonly finishedMs: number;
}

/** Injects faults into a site under load, and counts what was under way then. */
export class Faults {
  readonly #site: Site;
  readonly #injected: string[] = [];
  #healedAt = performance.now();
  #underwayAtHealing: readonly LoadExecution[] = [];

  constructor(site: Site) {
    this.#site = site;
  }

  /** Does something to the site, at a moment when it is busy. */
  async inject<T>(what: string, fault: () => T | Promise<T>): Promise<T> {
    const { load, journal } = this.#site;
    const { executions, invoking } = load.underway();
    const running = [...journal.read().steps.values()].filter(({ acked }) => acked === undefined).length;
    this.#injected.push(
      `${what} with ${executions.length} in flight (${invoking} in Invoke, ${running} in a step)`,
    );
    expect(executions.length).toBeGreaterThanOrEqual(IN_FLIGHT);
    expect(running).toBeGreaterThan(0);
    const result = await fault();
    this.healed();
    return result;
  }

  /** From now on nothing is wrong with the site. Need not be called after a fault that is over when `inject` is. */
  healed(): void {
    this.#healedAt = performance.now();
    this.#underwayAtHealing = this.#site.load.underway().executions;
  }

  get injected(): readonly string[] {
    return this.#injected;
  }

  /** How long what was under way when everything was healed took from then on. */
  finishedMs(): number {
    const ends = this.#underwayAtHealing.map(({ finishedAt = Number.POSITIVE_INFINITY }) => finishedAt);
    return Math.max(0, ...ends.map((end) => end - this.#healedAt));
  }
}

/**
 * Runs a load with faults in its middle, checks all promises, and prints one line about it.
 * @param scenario injects the faults and heals them; the load goes on meanwhile and afterwards.
 */
export async function underLoad(
  name: string,
  site: Site,
  scenario: (faults: Faults) => Promise<void>,
): Promise<FaultFigures> {
  const { load, journal, servers } = site;
  const faults = new Faults(site);
  load.start();
  try {
    await load.finish(WARM_UP);
    await scenario(faults);
    await load.finish(Math.max(COOL_DOWN, EXECUTIONS_MIN - load.finished));
  } finally {
    await load.stop();
  }
  const figures = await checkLoad(load, { journal, urls: servers.map(({ url }) => url) });
  const all: FaultFigures = {
    ...figures,
    faults: faults.injected.length,
    longestPauseMs: load.longestPauseMs,
    longestPauseOfOneMs: slowest(load).longestPauseMs,
    finishedMs: faults.finishedMs(),
  };
  console.log(describe(name, faults.injected, all));
  expect(site.incidents()).toEqual([]);
  expect(all.finishedMs, `the slowest:\n${slowest(load).timeline()}`).toBeLessThan(STUCK_MS_MAX);
  return all;
}

function slowest({ executions }: Load): LoadExecution {
  return executions.reduce((one, other) => (other.longestPauseMs > one.longestPauseMs ? other : one));
}

function describe(name: string, injected: readonly string[], figures: FaultFigures): string {
  const { executions, children, steps, repeatedBodies } = figures;
  return [
    `${name}: ${injected.length} faults: ${injected.join('; ')}`,
    `${executions} executions, ${children} children, ${steps} steps, ${repeatedBodies} bodies repeated before their ` +
      `step was durable`,
    `longest pause ${seconds(figures.longestPauseMs)}, of one execution ${seconds(figures.longestPauseOfOneMs)}`,
    `finished ${seconds(figures.finishedMs)} after healing`,
  ].join('; ');
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
