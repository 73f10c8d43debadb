import { isJsonObject, type JsonObject, type JsonValue } from '../json.js';
import {
  isSchema,
  keyword,
  partsOf,
  resolve,
  type Schema,
  type SchemaDocument,
  type SchemaPart,
} from './schema-document.js';

/** What holds of a value, each by itself: a schema with what it refers to and what its `allOf` names. */
export type Facts = readonly JsonObject[];

/** The kinds of JSON values, as far as schemas tell them apart: 1.0 is an integer. */
export type Kind = 'null' | 'boolean' | 'object' | 'array' | 'string' | 'integer' | 'fraction';

const KINDS: readonly Kind[] = ['null', 'boolean', 'object', 'array', 'string', 'integer', 'fraction'];

/** No value fits. */
const NEVER: JsonObject = { enum: [] };

/** Kinds that values are told apart by, always as the same object, so that facts can be told apart by identity. */
const GROUPS: readonly (readonly [JsonObject, readonly Kind[]])[] = [
  [{ type: 'null' }, ['null']],
  [{ type: 'boolean' }, ['boolean']],
  [{ type: 'object' }, ['object']],
  [{ type: 'array' }, ['array']],
  [{ type: 'string' }, ['string']],
  [{ type: 'number' }, ['integer', 'fraction']],
];

/** What holds of a value that fits all of these schemas. What cannot be followed is left out: fewer facts, none wrong. */
export function factsOf(document: SchemaDocument, schemas: readonly Schema[]): Facts {
  const facts = new Set<JsonObject>();
  const add = (schema: Schema) => {
    if (schema === false) facts.add(NEVER);
    if (typeof schema === 'boolean' || facts.has(schema)) return;
    facts.add(schema);
    const reference = keyword(schema, '$ref');
    const target = reference === undefined ? undefined : resolve(document, reference);
    if (target) add(target.schema);
    const all = keyword(schema, 'allOf');
    if (Array.isArray(all)) for (const part of all) if (isSchema(part)) add(part);
  };
  schemas.forEach(add);
  return [...facts];
}

/** A schema for each group of kinds that is left: integers and other numbers are one. */
export function groupsOf(kinds: ReadonlySet<Kind>): readonly JsonObject[] {
  return GROUPS.filter(([, group]) => group.some((kind) => kinds.has(kind))).map(([schema]) => schema);
}

/** The kinds of values that the facts allow; none if they allow nothing. */
export function kindsOf(document: SchemaDocument, facts: Facts): ReadonlySet<Kind> {
  const kinds = new Set(KINDS);
  for (const fact of facts) {
    const allowed = kindsOfOne(document, fact);
    for (const kind of kinds) if (!allowed.has(kind)) kinds.delete(kind);
  }
  return kinds;
}

/** The kind of a value. */
export function kindOf(value: JsonValue): Kind {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'fraction';
  return typeof value as 'boolean' | 'string' | 'object';
}

/** The kinds that `type` allows; undefined without it. `nullable` is no JSON Schema, but the validator knows it. */
export function typeKinds(schema: JsonObject): ReadonlySet<Kind> | undefined {
  const type = keyword(schema, 'type');
  if (type === undefined) return undefined;
  const names = Array.isArray(type) ? type : [type];
  const kinds = names.flatMap((name) => (name === 'number' ? ['integer', 'fraction'] : [name]));
  if (keyword(schema, 'nullable') === true) kinds.push('null');
  return new Set(kinds as Kind[]);
}

/** The values that are named by `const` or `enum`; undefined without them. */
export function namedValues(schema: JsonObject): readonly JsonValue[] | undefined {
  const value = keyword(schema, 'const');
  if (value !== undefined) return [value];
  const values = keyword(schema, 'enum');
  return Array.isArray(values) ? values : undefined;
}

/** The facts' values of a keyword, where they have it. */
export function stated(facts: Facts, name: string): JsonValue[] {
  return facts.flatMap((fact) => {
    const value = keyword(fact, name);
    return value === undefined ? [] : [value];
  });
}

/** What is known of a member by this name. */
export function factsOfMember(document: SchemaDocument, facts: Facts, name: string): Facts {
  const schemas = facts.map((fact) => memberSchema(fact, name));
  return factsOf(document, schemas.filter(isSchema));
}

/** Whether anything is said of a member of this name, if only that any others are allowed, or that cannot be told. */
export function isMentioned(document: SchemaDocument, facts: Facts, name: string): boolean {
  const seen = new Set<Schema>();
  const mentions = (part: SchemaPart): boolean => {
    const { schema } = part;
    if (typeof schema === 'boolean' || seen.has(schema)) return false;
    seen.add(schema);
    const parts = partsOf(document, part);
    return !parts || saysOf(schema, name) || parts.inPlace.some(mentions);
  };
  return facts.some((schema) => mentions({ schema, pointer: '' }));
}

/** What is known of members that no fact names. */
export function factsOfOthers(document: SchemaDocument, facts: Facts): Facts {
  const schemas = facts.filter((fact) => !isJsonObject(keyword(fact, 'patternProperties')));
  return factsOf(document, stated(schemas, 'additionalProperties').filter(isSchema));
}

/** What is known of the item at an index. */
export function factsOfItem(document: SchemaDocument, facts: Facts, index: number): Facts {
  const schemas = facts.flatMap((fact) => {
    const first = keyword(fact, 'prefixItems');
    const schema = Array.isArray(first) && index < first.length ? first[index] : keyword(fact, 'items');
    return isSchema(schema) ? [schema] : [];
  });
  return factsOf(document, schemas);
}

/** How many items are described one by one. */
export function prefixLength(facts: Facts): number {
  return Math.max(0, ...facts.map((fact) => lengthOf(keyword(fact, 'prefixItems'))));
}

/** The names of members that the facts name. */
export function namesOf(facts: Facts): ReadonlySet<string> {
  const maps = stated(facts, 'properties').filter(isJsonObject);
  return new Set(maps.flatMap((map) => Object.keys(map)));
}

/** The names of members that must be there. */
export function requiredNames(facts: Facts): ReadonlySet<JsonValue> {
  return new Set(facts.flatMap((fact) => keyword(fact, 'required') ?? []));
}

/** The tightest of a bound that a keyword states, from below or from above; undefined if none does. */
export function tightest(facts: Facts, name: string, side: 'from' | 'to'): number | undefined {
  const bounds = stated(facts, name).filter((bound) => typeof bound === 'number');
  if (bounds.length === 0) return undefined;
  return side === 'from' ? Math.max(...bounds) : Math.min(...bounds);
}

function saysOf(fact: JsonObject, name: string): boolean {
  const has = (holder: JsonValue | undefined) => isJsonObject(holder) && Object.hasOwn(holder, name);
  const required = keyword(fact, 'required');
  return (
    ['additionalProperties', 'patternProperties', 'unevaluatedProperties'].some((each) =>
      Object.hasOwn(fact, each),
    ) ||
    ['properties', 'dependentRequired', 'dependentSchemas'].some((each) => has(keyword(fact, each))) ||
    (Array.isArray(required) && required.includes(name))
  );
}

function memberSchema(fact: JsonObject, name: string): Schema | undefined {
  const named = keyword(fact, 'properties');
  const own = isJsonObject(named) ? keyword(named, name) : undefined;
  if (isSchema(own)) return own;
  // Whether the name matches a pattern is not looked at: then nothing is known.
  if (isJsonObject(keyword(fact, 'patternProperties'))) return undefined;
  const others = keyword(fact, 'additionalProperties');
  return isSchema(others) ? others : undefined;
}

/** What was found out of facts before; all kinds while one is being looked into, which is never too few. */
const kindsKnown = new WeakMap<JsonObject, ReadonlySet<Kind>>();

function kindsOfOne(document: SchemaDocument, fact: JsonObject): ReadonlySet<Kind> {
  const known = kindsKnown.get(fact);
  if (known) return known;
  kindsKnown.set(fact, new Set(KINDS));
  const values = namedValues(fact);
  const sets = [typeKinds(fact), values && new Set(values.map(kindOf))];
  for (const name of ['anyOf', 'oneOf']) {
    const branches = keyword(fact, name);
    if (!Array.isArray(branches)) continue;
    const kinds = branches
      .filter((each) => isSchema(each))
      .flatMap((branch) => [...kindsOf(document, factsOf(document, [branch]))]);
    sets.push(new Set(kinds));
  }
  const kinds = new Set(KINDS.filter((kind) => sets.every((set) => !set || set.has(kind))));
  kindsKnown.set(fact, kinds);
  return kinds;
}

function lengthOf(value: JsonValue | undefined): number {
  return Array.isArray(value) ? value.length : 0;
}
