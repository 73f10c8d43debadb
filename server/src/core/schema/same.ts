import { isJsonObject, type JsonObject, type JsonValue, jsonEquals } from '../json.js';
import {
  ANNOTATIONS,
  holdsSchemas,
  keyword,
  partsOf,
  resolve,
  type Schema,
  type SchemaDocument,
} from './schema-document.js';

/** Whether a keyword says the same in two documents, also through references. False where that cannot be told. */
export function isSame(
  before: SchemaDocument,
  after: SchemaDocument,
  name: string,
  a: JsonValue,
  b: JsonValue,
): boolean {
  return sameKeyword({ before, after, known: new Map() }, name, a, b);
}

/** Whether two parts say the same as a whole. */
export function isSameSchema(before: SchemaDocument, after: SchemaDocument, a: Schema, b: Schema): boolean {
  return sameSchema({ before, after, known: new Map() }, a, b);
}

interface Pair {
  readonly before: SchemaDocument;
  readonly after: SchemaDocument;
  /** What is being compared, or was. */
  readonly known: Map<JsonObject, Set<JsonObject>>;
}

function sameSchema(pair: Pair, a: JsonValue, b: JsonValue): boolean {
  if (!isJsonObject(a) || !isJsonObject(b)) return typeof a === 'boolean' && a === b;
  const known = pair.known.get(a) ?? new Set();
  if (known.has(b)) return true;
  pair.known.set(a, known.add(b));
  // What cannot be followed may mean something else in another document.
  if (!partsOf(pair.before, { schema: a, pointer: '' }) || !partsOf(pair.after, { schema: b, pointer: '' }))
    return false;
  const [left, right] = [meaningful(a), meaningful(b)];
  return (
    left.length === right.length &&
    left.every(
      (name) =>
        Object.hasOwn(b, name) && sameKeyword(pair, name, keyword(a, name) ?? null, keyword(b, name) ?? null),
    )
  );
}

function sameKeyword(pair: Pair, name: string, a: JsonValue, b: JsonValue): boolean {
  if (name === '$ref') {
    const [left, right] = [resolve(pair.before, a), resolve(pair.after, b)];
    return left !== undefined && right !== undefined && sameSchema(pair, left.schema, right.schema);
  }
  if (!holdsSchemas(name)) return jsonEquals(a, b);
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((schema, index) => sameSchema(pair, schema, b[index]));
  }
  if (!isMap(name)) return sameSchema(pair, a, b);
  if (!isJsonObject(a) || !isJsonObject(b)) return false;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every(
      (member) => Object.hasOwn(b, member) && sameSchema(pair, a[member] ?? null, b[member] ?? null),
    )
  );
}

function isMap(name: string): boolean {
  return ['properties', 'patternProperties', 'dependentSchemas'].includes(name);
}

function meaningful(schema: JsonObject): string[] {
  return Object.keys(schema).filter((name) => !ANNOTATIONS.has(name));
}
