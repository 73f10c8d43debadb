import { expect, test } from 'vitest';
import { mixed } from './cast.js';
import { LANGUAGES } from './languages.js';
import { declareMatrix } from './matrix-tests.js';
import { readScenarios } from './scenario-files.js';

// What differs between the stores, the runs in one language show.
const casts = LANGUAGES.flatMap((one) =>
  LANGUAGES.filter((other) => other !== one).flatMap((other) => mixed(one, other)),
);
declareMatrix(casts, ['embedded']);

test('every way to mix languages has scenarios', () => {
  const [language] = LANGUAGES;
  const scenarios = readScenarios();
  for (const cast of language === undefined ? [] : mixed(language, language)) {
    expect(scenarios.filter((scenario) => cast.suits(scenario)).length, cast.name).toBeGreaterThan(20);
  }
});
