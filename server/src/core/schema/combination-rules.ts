import { type JsonObject, jsonEquals } from '../json.js';
import { pointerSegments } from '../json-pointer.js';
import type { Way } from './comparison.js';
import { isPlainReference } from './defaults.js';
import { type Facts, factsOf, kindsOf, namedValues, requiredNames } from './facts.js';
import { Findings, shown } from './findings.js';
import type { KeywordRule, RulePlace } from './keyword-rules.js';
import { isSameSchema } from './same.js';
import {
  heldBy,
  isSchema,
  keyword,
  resolve,
  type SchemaDocument,
  type SchemaPart,
} from './schema-document.js';

/** Keywords that put schemas together, and those that are only compared as they stand. */
export const COMBINATION_RULES: readonly (readonly [string, KeywordRule])[] = [
  ['$ref', reference],
  ['allOf', allOf],
  ['anyOf', anyOf],
  ['oneOf', oneOf],
  ['not', asTheyStand(['not'])],
  ['if', asTheyStand(['if', 'then', 'else'])],
  ['contains', asTheyStand(['contains', 'minContains', 'maxContains'])],
  ['dependentRequired', asTheyStand(['dependentRequired'])],
  ['dependentSchemas', asTheyStand(['dependentSchemas'])],
  ['unevaluatedProperties', asAWhole],
  ['unevaluatedItems', asAWhole],
  ['dependencies', asAWhole],
  ['$dynamicRef', asAWhole],
  ['$recursiveRef', asAWhole],
];

function reference({ comparer, facts, node, pointer, findings, way }: RulePlace, name: string): void {
  const target = resolve(comparer.after, keyword(node, name) ?? '');
  if (target) comparer.part(facts, target, findings, isPlainReference(node) ? way : unfilled(way));
  else findings.add('unknown', pointer, name, `${shown(keyword(node, name))} cannot be followed`);
}

/** The same place, where nothing is filled in. */
function unfilled({ depth }: Way): Way {
  return { depth, isFilled: false };
}

function allOf({ comparer, facts, node, pointer, findings, way }: RulePlace, name: string): void {
  for (const part of partsAt(node, pointer, name)) comparer.part(facts, part, findings, unfilled(way));
}

function anyOf(place: RulePlace, name: string): void {
  const { comparer, facts, node, pointer } = place;
  if (comparer.isUnchanged(facts, node, [name])) return;
  const parts = partsAt(node, pointer, name);
  if (!areCovered(place, facts, parts)) reportUncovered(place, name, parts);
}

/** As `anyOf`, where no value can fit two of them; else only if nothing changed. */
function oneOf(place: RulePlace, name: string): void {
  const { comparer, facts, node, pointer, findings } = place;
  if (comparer.isUnchanged(facts, node, [name])) return;
  const parts = partsAt(node, pointer, name);
  if (!areApart(comparer.after, parts)) {
    findings.add('unknown', pointer, name, 'it cannot be told whether values fit just one of these');
  } else if (!areCovered(place, facts, parts)) reportUncovered(place, name, parts);
}

/** Whether whatever the facts allow fits at least one of the parts. */
function areCovered(place: RulePlace, facts: Facts, parts: readonly SchemaPart[]): boolean {
  const { comparer, findings, way } = place;
  if (comparer.allowsNothing(facts)) return true;
  if (parts.some((part) => comparer.fits(facts, part, findings, unfilled(way)))) return true;
  return comparer.cases(facts)?.every((each) => areCovered(place, each, parts)) ?? false;
}

function reportUncovered(place: RulePlace, name: string, parts: readonly SchemaPart[]): void {
  const { comparer, facts, pointer, findings, way } = place;
  const kinds = new Set(
    parts.flatMap(({ schema }) => [...kindsOf(comparer.after, factsOf(comparer.after, [schema]))]),
  );
  const lost = [...kindsOf(comparer.before, facts)].filter((kind) => !kinds.has(kind));
  if (lost.length > 0) {
    const names = lost.map((kind) => (kind === 'fraction' ? 'number' : kind));
    findings.add('breaking', pointer, name, `none of these allows ${names.join(', ')}, which was allowed`);
    return;
  }
  findings.add('unknown', pointer, name, 'it cannot be told whether what was allowed fits one of these');
  const before = facts.map((fact) => keyword(fact, name)).find(Array.isArray);
  if (before?.length !== parts.length) return;
  for (const [index, part] of parts.entries()) {
    const schema = before[index];
    if (!isSchema(schema)) continue;
    const inner = new Findings({ isReport: false });
    comparer.part(factsOf(comparer.before, [schema]), part, inner, unfilled(way));
    findings.takeOverAsUnknown(inner);
  }
}

function asTheyStand(names: readonly string[]): KeywordRule {
  return ({ comparer, facts, node, pointer, findings }, name) => {
    if (comparer.isUnchanged(facts, node, names)) return;
    findings.add('unknown', pointer, name, `it cannot be told what the new "${name}" refuses`);
  };
}

/** Keywords that depend on all others beside them. */
function asAWhole({ comparer, facts, node, pointer, findings }: RulePlace, name: string): void {
  if (facts.some((fact) => isSameSchema(comparer.before, comparer.after, fact, node))) return;
  findings.add('unknown', pointer, name, `it cannot be told what "${name}" refuses`);
}

function partsAt(node: JsonObject, pointer: string, name: string): readonly SchemaPart[] {
  return heldBy(name, keyword(node, name) ?? null, `${pointer}/${name}`);
}

/** Whether no value can fit two of the parts: they allow different kinds, or require different values of one member. */
function areApart(document: SchemaDocument, parts: readonly SchemaPart[]): boolean {
  const all = parts.map(({ schema }) => factsOf(document, [schema]));
  return all.every((a, index) => all.slice(index + 1).every((b) => twoAreApart(document, a, b)));
}

function twoAreApart(document: SchemaDocument, a: Facts, b: Facts): boolean {
  const kinds = kindsOf(document, b);
  if (![...kindsOf(document, a)].some((kind) => kinds.has(kind))) return true;
  const isObject = (facts: Facts) => [...kindsOf(document, facts)].every((kind) => kind === 'object');
  if (!isObject(a) || !isObject(b)) return false;
  const [left, right] = [tags(a), tags(b)];
  return [...left].some(([name, values]) => {
    const others = right.get(name);
    return others !== undefined && !values.some((value) => others.some((other) => jsonEquals(value, other)));
  });
}

/** Members that are required and of which the schema names all values. */
function tags(facts: Facts) {
  const required = requiredNames(facts);
  return new Map(
    facts.flatMap((fact) =>
      heldBy('properties', keyword(fact, 'properties') ?? null, '').flatMap(({ schema, pointer }) => {
        const [name = ''] = pointerSegments(pointer) ?? [];
        const values = typeof schema === 'boolean' ? undefined : namedValues(schema);
        return values && required.has(name) ? [[name, values] as const] : [];
      }),
    ),
  );
}
