import { afterAll, describe, test, vi } from 'vitest';
import { withMongodb } from '../mongodb/shared.js';
import type { Cast } from './cast.js';
import { findKnownFailure, readKnownFailures } from './known-failing.js';
import { Matrix } from './matrix.js';
import { playScenario } from './play.js';
import { readScenarios, type Scenario } from './scenario-files.js';
import { Stage, type StoreName } from './stage.js';

/**
 * Declares a test for each scenario with each cast that it suits on each store, and prints how they went. Playing is mostly
 * waiting, so that several go on at once.
 */
export function declareMatrix(casts: readonly Cast[], stores: readonly StoreName[]): void {
  if (casts.length === 0) return;
  // Other tests keep the machine busy meanwhile.
  vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000, maxConcurrency: 6 });
  const scenarios = readScenarios();
  const matrix = new Matrix(scenarios);
  // Not console.log: what a run is about should not look like a test's chatter.
  afterAll(() => void process.stdout.write(`\n${matrix.print()}\n`));
  for (const store of stores) {
    if (store === 'mongodb') withMongodb(() => declareOn(store, { casts, scenarios, matrix }));
    else declareOn(store, { casts, scenarios, matrix });
  }
}

function declareOn(
  store: StoreName,
  parts: {
    readonly casts: readonly Cast[];
    readonly scenarios: readonly Scenario[];
    readonly matrix: Matrix;
  },
): void {
  const { casts, scenarios, matrix } = parts;
  const knownFailures = readKnownFailures();
  const stage = new Stage(store);
  afterAll(() => stage.close());
  for (const cast of casts) {
    const column = `${cast.name} (${store})`;
    describe.concurrent(`${cast.name} on ${store}`, () => {
      for (const scenario of scenarios.filter((each) => cast.suits(each))) {
        const known = findKnownFailure(knownFailures, { scenario: scenario.name, cast: cast.name, store });
        test(`${scenario.area}: ${scenario.name}`, async () => {
          const failure = await failureOf(playScenario(scenario, cast, stage));
          const isAsKnown = known !== undefined && failure !== undefined;
          const isPassed = known === undefined && failure === undefined;
          matrix.note(column, scenario.name, isAsKnown ? 'known' : isPassed ? 'passed' : 'failed');
          if (isAsKnown || isPassed) return;
          throw failure ?? new Error('it passes: take it out of known-failing.yaml');
        });
      }
    });
  }
}

function failureOf(playing: Promise<void>): Promise<Error | undefined> {
  return playing.then(
    () => undefined,
    (error: Error) => error,
  );
}
