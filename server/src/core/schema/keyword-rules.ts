import type { JsonObject } from '../json.js';
import { COMBINATION_RULES } from './combination-rules.js';
import type { Comparer, Way } from './comparison.js';
import type { Facts } from './facts.js';
import type { Findings } from './findings.js';
import { SCALAR_RULES } from './scalar-rules.js';
import { STRUCTURE_RULES } from './structure-rules.js';

/** A part of the newer schema, and what is known of the values that should fit it. */
export interface RulePlace {
  readonly comparer: Comparer;
  readonly facts: Facts;
  readonly node: JsonObject;
  readonly pointer: string;
  readonly findings: Findings;
  readonly way: Way;
}

/** Finds whether a keyword of the newer schema follows from the facts; adds what does not to the findings. */
export type KeywordRule = (place: RulePlace, name: string) => void;

/** The rules, by keyword. Keywords without one refuse nothing: annotations, and what no validator knows. */
export const KEYWORD_RULES: ReadonlyMap<string, KeywordRule> = new Map([
  ...SCALAR_RULES,
  ...STRUCTURE_RULES,
  ...COMBINATION_RULES,
]);
