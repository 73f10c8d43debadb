import { isJsonObject, type JsonValue } from '../json.js';
import {
  type Facts,
  type Kind,
  kindsOf,
  namesOf,
  prefixLength,
  requiredNames,
  stated,
  tightest,
  typeKinds,
} from './facts.js';
import { shown } from './findings.js';
import type { KeywordRule, RulePlace } from './keyword-rules.js';
import { keyword } from './schema-document.js';

/** Keywords that look at a value by itself: its kind, its size. */
export const SCALAR_RULES: readonly (readonly [string, KeywordRule])[] = [
  ['type', type],
  ['enum', onlyNamed],
  ['const', onlyNamed],
  ['minimum', (place, name) => numberBound(place, name, 'from')],
  ['exclusiveMinimum', (place, name) => numberBound(place, name, 'from')],
  ['maximum', (place, name) => numberBound(place, name, 'to')],
  ['exclusiveMaximum', (place, name) => numberBound(place, name, 'to')],
  ['multipleOf', multipleOf],
  ['minLength', (place, name) => sizeBound(place, name, ['string'], 'from')],
  ['maxLength', (place, name) => sizeBound(place, name, ['string'], 'to')],
  ['minItems', (place, name) => sizeBound(place, name, ['array'], 'from')],
  ['maxItems', (place, name) => sizeBound(place, name, ['array'], 'to')],
  ['minProperties', (place, name) => sizeBound(place, name, ['object'], 'from')],
  ['maxProperties', (place, name) => sizeBound(place, name, ['object'], 'to')],
  ['pattern', text],
  ['format', text],
];

/** Whether the facts leave values of some of these kinds. */
export function allows({ comparer, facts }: RulePlace, ...kinds: readonly Kind[]): boolean {
  const allowed = kindsOf(comparer.before, facts);
  return kinds.some((kind) => allowed.has(kind));
}

/** The fewest or the most of what a value of this kind can have, as far as the facts say. */
export function sizeOf(facts: Facts, name: string): number {
  switch (name) {
    case 'minProperties':
      return Math.max(tightest(facts, name, 'from') ?? 0, requiredNames(facts).size);
    case 'maxProperties':
      return Math.min(
        tightest(facts, name, 'to') ?? Number.POSITIVE_INFINITY,
        isClosed(facts) ? namesOf(facts).size : Number.POSITIVE_INFINITY,
      );
    case 'maxItems':
      return Math.min(
        tightest(facts, name, 'to') ?? Number.POSITIVE_INFINITY,
        stated(facts, 'items').includes(false) ? prefixLength(facts) : Number.POSITIVE_INFINITY,
      );
    default:
      return name.startsWith('min')
        ? (tightest(facts, name, 'from') ?? 0)
        : (tightest(facts, name, 'to') ?? Number.POSITIVE_INFINITY);
  }
}

function isClosed(facts: Facts): boolean {
  return facts.some(
    (fact) =>
      keyword(fact, 'additionalProperties') === false && !isJsonObject(keyword(fact, 'patternProperties')),
  );
}

function type({ comparer, facts, node, pointer, findings }: RulePlace): void {
  const wanted = typeKinds(node);
  const missing = [...kindsOf(comparer.before, facts)].filter((kind) => !wanted?.has(kind));
  const areIntegers = stated(facts, 'multipleOf').some(Number.isInteger);
  const lost =
    areIntegers && wanted?.has('integer') ? missing.filter((kind) => kind !== 'fraction') : missing;
  if (lost.length === 0) return;
  const names = lost.map((kind) => (kind === 'fraction' ? 'number' : kind));
  const what = lost.length === 7 ? 'any kind of value' : names.join(', ');
  findings.add('breaking', pointer, 'type', `it is ${shown(keyword(node, 'type'))} now; ${what} was allowed`);
}

/** Where the facts name all values, those were tried one by one: here there are others. */
function onlyNamed({ node, pointer, findings }: RulePlace, name: string): void {
  findings.add('breaking', pointer, name, `only ${shown(keyword(node, name))} is allowed now`);
}

function numberBound(place: RulePlace, name: string, side: 'from' | 'to'): void {
  const { facts, node, pointer, findings } = place;
  const wanted = keyword(node, name);
  if (typeof wanted !== 'number' || !allows(place, 'integer', 'fraction')) return;
  const sign = side === 'from' ? 1 : -1;
  const [inclusive, exclusive] =
    side === 'from' ? ['minimum', 'exclusiveMinimum'] : ['maximum', 'exclusiveMaximum'];
  const isExclusive = name === exclusive;
  const included = tightest(facts, inclusive as string, side);
  const excluded = tightest(facts, exclusive as string, side);
  const follows =
    (included !== undefined && (included - wanted) * sign >= 0 && (included !== wanted || !isExclusive)) ||
    (excluded !== undefined && (excluded - wanted) * sign >= 0);
  if (follows) return;
  const before = shown(excluded ?? included);
  findings.add('breaking', pointer, name, `the bound is ${shown(wanted)} now, and was ${before}`);
}

function multipleOf(place: RulePlace): void {
  const { facts, node, pointer, findings } = place;
  const wanted = keyword(node, 'multipleOf');
  if (typeof wanted !== 'number' || !allows(place, 'integer', 'fraction')) return;
  const known = stated(facts, 'multipleOf');
  const isMultiple = (each: JsonValue) =>
    each === wanted ||
    (Number.isSafeInteger(each) && Number.isSafeInteger(wanted) && (each as number) % wanted === 0);
  const follows = known.some(isMultiple) || (wanted === 1 && !allows(place, 'fraction'));
  if (!follows)
    findings.add('breaking', pointer, 'multipleOf', `it is ${wanted} now, and was ${shown(known[0])}`);
}

function sizeBound(place: RulePlace, name: string, kinds: readonly Kind[], side: 'from' | 'to'): void {
  const { facts, node, pointer, findings } = place;
  const wanted = keyword(node, name);
  if (typeof wanted !== 'number' || !allows(place, ...kinds)) return;
  const before = sizeOf(facts, name);
  if (side === 'from' ? before >= wanted : before <= wanted) return;
  const was = Number.isFinite(before) ? String(before) : 'without bound';
  findings.add('breaking', pointer, name, `it is ${wanted} now, and was ${was}`);
}

/** Which texts a pattern or a format allows is not looked into. */
function text(place: RulePlace, name: string): void {
  const { facts, node, pointer, findings } = place;
  if (!allows(place, 'string') || stated(facts, name).includes(keyword(node, name) ?? null)) return;
  const by = name === 'format' ? '; the server checks no formats, but the SDK may' : '';
  const message = `it cannot be told whether texts that were allowed have the ${name} ${shown(keyword(node, name))}${by}`;
  findings.add('unknown', pointer, name, message);
}
