import { isJsonObject, type JsonObject, type JsonValue } from '../json.js';
import { pointerSegment, pointerSegments } from '../json-pointer.js';

/** A JSON Schema (2020-12), or a part of one. */
export type Schema = JsonObject | boolean;

/** A schema with the document that its references lead into. */
export interface SchemaDocument {
  readonly root: JsonObject;
  /** Whether `#/...` means a place in this document everywhere: no part of it has an `$id` of its own. */
  readonly isOne: boolean;
}

/** One part of a schema, and where it is: a JSON Pointer into the document. */
export interface SchemaPart {
  readonly schema: Schema;
  readonly pointer: string;
}

/** The parts of a schema: those for the same value, and those for the values in it and the names of its members. */
export interface SchemaParts {
  readonly inPlace: readonly SchemaPart[];
  readonly below: readonly SchemaPart[];
}

/** How keywords hold schemas: one, a list, or one for each name. */
const HOLDERS: Readonly<
  Record<string, { readonly form: 'one' | 'list' | 'map'; readonly inPlace: boolean }>
> = {
  not: { form: 'one', inPlace: true },
  if: { form: 'one', inPlace: true },
  // biome-ignore lint/suspicious/noThenProperty: it is the keyword's name.
  then: { form: 'one', inPlace: true },
  else: { form: 'one', inPlace: true },
  allOf: { form: 'list', inPlace: true },
  anyOf: { form: 'list', inPlace: true },
  oneOf: { form: 'list', inPlace: true },
  dependentSchemas: { form: 'map', inPlace: true },
  properties: { form: 'map', inPlace: false },
  patternProperties: { form: 'map', inPlace: false },
  additionalProperties: { form: 'one', inPlace: false },
  unevaluatedProperties: { form: 'one', inPlace: false },
  propertyNames: { form: 'one', inPlace: false },
  prefixItems: { form: 'list', inPlace: false },
  items: { form: 'one', inPlace: false },
  unevaluatedItems: { form: 'one', inPlace: false },
  contains: { form: 'one', inPlace: false },
};

/** Keywords that refuse nothing, as the server checks. */
export const ANNOTATIONS: ReadonlySet<string> = new Set(
  `$schema $id $comment $defs definitions title description default examples deprecated readOnly writeOnly
  contentEncoding contentMediaType contentSchema`.split(/\s+/),
);

/** Keywords that lead to schemas in other ways than by `$ref: "#/..."`. */
const UNFOLLOWED = ['$dynamicRef', '$recursiveRef', 'dependencies'];

/** Opens a schema as a document of its own. */
export function openSchema(root: JsonObject): SchemaDocument {
  return { root, isOne: Object.values(root).every((value) => !hasId(value)) };
}

/** A keyword's value; undefined if the schema does not have it. */
export function keyword(schema: JsonObject, name: string): JsonValue | undefined {
  return Object.hasOwn(schema, name) ? schema[name] : undefined;
}

/** Whether a value can be a schema. */
export function isSchema(value: JsonValue | undefined): value is Schema {
  return typeof value === 'boolean' || isJsonObject(value);
}

/** What a `$ref` leads to; undefined if that is not a place in the document. */
export function resolve(document: SchemaDocument, reference: JsonValue): SchemaPart | undefined {
  if (!document.isOne || typeof reference !== 'string') return undefined;
  const pointer = pointerOf(reference);
  const segments = pointer === undefined ? undefined : pointerSegments(pointer);
  if (pointer === undefined || !segments) return undefined;
  let value: JsonValue | undefined = document.root;
  for (const name of segments) {
    const holder: JsonValue | undefined = value;
    if (Array.isArray(holder)) value = /^\d+$/.test(name) ? holder[Number(name)] : undefined;
    else value = isJsonObject(holder) ? keyword(holder, name) : undefined;
  }
  return isSchema(value) ? { schema: value, pointer } : undefined;
}

/**
 * The parts of a schema. Undefined if some cannot be found: references into other documents, by name, or to nothing.
 */
export function partsOf(document: SchemaDocument, { schema, pointer }: SchemaPart): SchemaParts | undefined {
  const inPlace: SchemaPart[] = [];
  const below: SchemaPart[] = [];
  if (typeof schema === 'boolean') return { inPlace, below };
  for (const [name, value] of Object.entries(schema)) {
    if (UNFOLLOWED.includes(name)) return undefined;
    if (name === '$ref') {
      const target = resolve(document, value);
      if (!target) return undefined;
      inPlace.push(target);
    }
    (HOLDERS[name]?.inPlace ? inPlace : below).push(...heldBy(name, value, `${pointer}/${name}`));
  }
  return { inPlace, below };
}

/** Whether a keyword holds schemas. */
export function holdsSchemas(name: string): boolean {
  return Object.hasOwn(HOLDERS, name);
}

/** The schemas that a keyword holds, however it holds them; none for other keywords. */
export function heldBy(name: string, value: JsonValue, pointer: string): readonly SchemaPart[] {
  if (!holdsSchemas(name)) return [];
  if (HOLDERS[name]?.form === 'one') return isSchema(value) ? [{ schema: value, pointer }] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, schema]) =>
    isSchema(schema) ? [{ schema, pointer: pointer + pointerSegment(key) }] : [],
  );
}

function pointerOf(reference: string): string | undefined {
  if (reference !== '#' && !reference.startsWith('#/')) return undefined;
  try {
    return decodeURIComponent(reference.slice(1));
  } catch {
    return undefined;
  }
}

function hasId(value: JsonValue): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (isJsonObject(value) && Object.hasOwn(value, '$id')) return true;
  return Object.values(value).some(hasId);
}
