import { isJsonObject, type JsonObject, type JsonValue } from '../json.js';
import {
  ANNOTATIONS,
  isSchema,
  keyword,
  resolve,
  type Schema,
  type SchemaDocument,
} from './schema-document.js';

/**
 * A value with what an SDK fills in before it checks: members that the schema requires, that are missing, and that have
 * a default. Only where the schema says so plainly, in `properties`, `items` and what they refer to. The value itself if
 * nothing is missing.
 */
export function withDefaults(document: SchemaDocument, value: JsonValue): JsonValue {
  return filled(document, document.root, value);
}

/** Whether a schema with a `$ref` does nothing but refer. */
export function isPlainReference(schema: JsonObject): boolean {
  return Object.keys(schema).every((name) => name === '$ref' || ANNOTATIONS.has(name));
}

/** The default of a member that a schema requires; undefined without one. */
export function defaultOf(document: SchemaDocument, schema: JsonObject, name: string): JsonValue | undefined {
  const properties = keyword(schema, 'properties');
  const member = isJsonObject(properties) ? keyword(properties, name) : undefined;
  const own = isJsonObject(member) ? keyword(member, 'default') : undefined;
  if (own !== undefined) return own;
  const target = plainTarget(document, member);
  return target && keyword(target, 'default');
}

/**
 * Whether filling in changes nothing that another keyword of the schema looks at: then what fits without the missing
 * members fits with them, too.
 */
export function fillsSafely(document: SchemaDocument): boolean {
  const found = { isSafe: true, known: new Map<JsonObject, boolean>() };
  alters(document, document.root, found);
  return found.isSafe;
}

/** Keywords that say nothing else of an object or array in which members were filled in. */
const SAFE = new Set(
  `type properties required additionalProperties items prefixItems minItems maxItems minProperties nullable`.split(
    ' ',
  ),
);

function filled(document: SchemaDocument, schema: JsonValue | undefined, value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null) return value;
  const node = plainTarget(document, schema);
  if (!node) return value;
  if (!isJsonObject(value)) {
    const first = keyword(node, 'prefixItems');
    const start = Array.isArray(first) ? first.length : 0;
    return mapped(value as readonly JsonValue[], (item, index) =>
      index < start ? item : filled(document, keyword(node, 'items'), item),
    );
  }
  const properties = keyword(node, 'properties');
  const members = Object.entries(value).map(([name, member]): [string, JsonValue] => {
    return [name, isJsonObject(properties) ? filled(document, keyword(properties, name), member) : member];
  });
  const missing = missingMembers(document, node, value);
  const isSame = missing.length === 0 && members.every(([name, member]) => value[name] === member);
  return isSame ? value : Object.fromEntries([...members, ...missing]);
}

function missingMembers(
  document: SchemaDocument,
  node: JsonObject,
  value: JsonObject,
): [string, JsonValue][] {
  return requiredWithDefault(document, node).filter(([name]) => !Object.hasOwn(value, name));
}

function requiredWithDefault(document: SchemaDocument, node: JsonObject): [string, JsonValue][] {
  const required = keyword(node, 'required');
  if (!Array.isArray(required)) return [];
  return required.flatMap((name): [string, JsonValue][] => {
    const value = defaultOf(document, node, String(name));
    return value === undefined ? [] : [[String(name), value]];
  });
}

/** The schema, or what it refers to if it does nothing else. */
function plainTarget(document: SchemaDocument, schema: JsonValue | undefined): JsonObject | undefined {
  let node: Schema | undefined = isSchema(schema) ? schema : undefined;
  for (let hops = 0; hops < 10; hops++) {
    if (!isJsonObject(node)) return undefined;
    const reference = keyword(node, '$ref');
    if (reference === undefined) return node;
    if (!isPlainReference(node)) return undefined;
    node = resolve(document, reference)?.schema;
  }
  return undefined;
}

/** Whether filling in may change a value at this place. */
function alters(
  document: SchemaDocument,
  schema: JsonValue | undefined,
  found: { isSafe: boolean; readonly known: Map<JsonObject, boolean> },
): boolean {
  const node = plainTarget(document, schema);
  if (!node) return false;
  const known = found.known.get(node);
  if (known !== undefined) return known;
  // One that holds itself counts as altered until that is known.
  found.known.set(node, true);
  const properties = keyword(node, 'properties');
  const below = [keyword(node, 'items'), ...(isJsonObject(properties) ? Object.values(properties) : [])];
  const altered = below.map((part) => alters(document, part, found));
  const isAltered = altered.includes(true) || requiredWithDefault(document, node).length > 0;
  found.known.set(node, isAltered);
  const isPlain = Object.keys(node).every((name) => SAFE.has(name) || ANNOTATIONS.has(name));
  if (isAltered && !isPlain) found.isSafe = false;
  return isAltered;
}

function mapped(
  items: readonly JsonValue[],
  map: (item: JsonValue, index: number) => JsonValue,
): readonly JsonValue[] {
  const results = items.map(map);
  return results.every((item, index) => item === items[index]) ? items : results;
}
