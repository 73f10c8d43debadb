import { afterAll, describe, test, vi } from 'vitest';
import { withMongodb } from '../mongodb/shared.js';
import { type Cast, oneLanguage } from './cast.js';
import { findKnownFailure, readKnownFailures } from './known-failing.js';
import { LANGUAGES } from './languages.js';
import { Matrix } from './matrix.js';
import { playScenario } from './play.js';
import { readScenarios, type Scenario } from './scenario-files.js';
import { Stage, type StoreName } from './stage.js';

// Other tests keep the machine busy meanwhile.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000, maxConcurrency: 6 });

const scenarios = readScenarios();
const knownFailures = readKnownFailures();
const matrix = new Matrix(scenarios);
afterAll(() => console.log(matrix.print()));

function playOn(store: StoreName): void {
  const stage = new Stage(store);
  afterAll(() => stage.close());
  for (const cast of LANGUAGES.map(oneLanguage)) {
    describe.concurrent(`${cast.name} on ${store}`, () => {
      for (const scenario of scenarios) {
        test(`${scenario.area}: ${scenario.name}`, () => playAsKnown(scenario, cast, stage));
      }
    });
  }
}

async function playAsKnown(scenario: Scenario, cast: Cast, stage: Stage): Promise<void> {
  const { store } = stage;
  const known = findKnownFailure(knownFailures, { scenario: scenario.name, cast: cast.name, store });
  const column = `${cast.name} ${store}`;
  const failure = await playScenario(scenario, cast, stage).then(
    () => undefined,
    (error: Error) => error,
  );
  if (known === undefined) {
    matrix.note(column, scenario.name, failure === undefined ? 'passed' : 'failed');
    if (failure !== undefined) throw failure;
  } else {
    matrix.note(column, scenario.name, failure === undefined ? 'failed' : 'known');
    if (failure === undefined) throw new Error(`it passes: take it out of known-failing.yaml`);
  }
}

playOn('embedded');
withMongodb(() => playOn('mongodb'));
