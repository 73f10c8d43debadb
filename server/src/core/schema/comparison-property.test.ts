import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JsonObject, JsonValue } from '../json.js';
import { compareSchemas } from './comparison.js';
import { withDefaults } from './defaults.js';
import { heldBy, openSchema, partsOf, type Schema, type SchemaDocument } from './schema-document.js';

test('what is called compatible is: whatever fits the older schema fits the newer one', {
  timeout: 120_000,
}, () => {
  let compatible = 0;
  fc.assert(
    fc.property(
      pairs.filter((pair) => pair.every((schema) => META.validateSchema(schema))),
      fc.array(values, { minLength: 20, maxLength: 40 }),
      ([before, after], random) => {
        if (compareSchemas(before, after).compatibility !== 'compatible') return;
        compatible += 1;
        const [fitsBefore, fitsAfter] = [validator(before), validator(after)];
        for (const value of [...random, ...near(before), ...near(after)]) {
          if (isUndeclared(before, after, value) || !fitsBefore(value)) continue;
          const filled = withDefaults(openSchema(after as JsonObject), value);
          if (fitsAfter(filled)) continue;
          throw new Error(JSON.stringify({ before, after, value, filled }));
        }
      },
    ),
    { numRuns: 1_000 },
  );
  // Else this would show nothing.
  expect(compatible).toBeGreaterThan(60);
});

const META = new Ajv2020({ strict: false, logger: false });

/** Refuses all values where the validator itself breaks, which it does for some rare schemas. */
function validator(schema: object): (value: JsonValue) => boolean {
  const ajv = new Ajv2020({
    strict: false,
    validateFormats: false,
    validateSchema: false,
    ownProperties: true,
  });
  const validate = ajv.compile(schema);
  return (value) => {
    try {
      return validate(value) as boolean;
    } catch {
      return false;
    }
  };
}

/** Whether a value has, somewhere, a member that one schema says nothing about and the other one does. */
function isUndeclared(before: JsonObject, after: JsonObject, value: JsonValue): boolean {
  const documents = [openSchema(before), openSchema(after)] as const;
  const look = (value: JsonValue, schemas: readonly (readonly Schema[])[]): boolean => {
    if (typeof value !== 'object' || value === null) return false;
    const closures = schemas.map((each, index) => closure(documents[index]!, each));
    if (Array.isArray(value)) {
      const inner = closures.map((each) => each.flatMap((schema) => below(schema, ARRAYS)));
      return value.some((item) => look(item, inner));
    }
    return Object.entries(value).some(([name, member]) => {
      const [here, there] = closures.map((each) => each.some((schema) => says(schema, name)));
      const inner = closures.map((each) => each.flatMap((schema) => below(schema, OBJECTS)));
      return (!here && there) || look(member, inner);
    });
  };
  return look(value, [[before], [after]]);
}

const OBJECTS = ['properties', 'patternProperties', 'additionalProperties', 'unevaluatedProperties'];
const ARRAYS = ['items', 'prefixItems', 'contains', 'unevaluatedItems'];

function closure(document: SchemaDocument, schemas: readonly Schema[]): JsonObject[] {
  const found = new Set<JsonObject>();
  const add = (schema: Schema) => {
    if (typeof schema === 'boolean' || found.has(schema)) return;
    found.add(schema);
    for (const part of partsOf(document, { schema, pointer: '' })?.inPlace ?? []) add(part.schema);
  };
  schemas.forEach(add);
  return [...found];
}

function below(schema: JsonObject, names: readonly string[]): Schema[] {
  return names.flatMap((name) => heldBy(name, schema[name] ?? null, '').map((part) => part.schema));
}

function says(schema: JsonObject, name: string): boolean {
  if (OBJECTS.slice(1).some((each) => each in schema)) return true;
  const { properties = {}, required = [], dependentRequired = {} } = schema as Record<string, never>;
  return (
    name in (properties as object) ||
    name in (dependentRequired as object) ||
    [...required].includes(name as never)
  );
}

const NAMES = ['a', 'b', 'c'] as const;
const scalars = fc.constantFrom<JsonValue>(null, true, false, 0, 1, 2, 1.5, -1, '', 'a', 'ab', 'b');

/** Values that hold members a, b and c only if the schemas may name them, and z, which none does. */
const { value: values } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalars,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...NAMES, 'z'), tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
}));

const bound = fc.integer({ min: 0, max: 3 });

const { schema: schemas } = fc.letrec<{ schema: JsonObject | boolean }>((tie) => {
  const map = fc.dictionary(fc.constantFrom(...NAMES), tie('schema'), { maxKeys: 3, noNullPrototype: true });
  const list = fc.array(tie('schema'), { minLength: 1, maxLength: 3 });
  const keywords: Record<string, fc.Arbitrary<unknown>> = {
    type: fc.oneof(
      fc.constantFrom('string', 'number', 'integer', 'object', 'array', 'boolean', 'null'),
      fc.uniqueArray(fc.constantFrom('string', 'integer', 'object', 'array', 'null'), { minLength: 1 }),
    ),
    enum: fc.uniqueArray(fc.oneof(scalars, values), {
      minLength: 1,
      maxLength: 4,
      selector: (each) => JSON.stringify(each),
    }),
    const: values,
    ...{ minimum: bound, maximum: bound, exclusiveMinimum: bound, exclusiveMaximum: bound, minLength: bound },
    ...{ maxLength: bound, minItems: bound, maxItems: bound, minProperties: bound, maxProperties: bound },
    multipleOf: fc.constantFrom(1, 2, 0.5),
    pattern: fc.constantFrom('^a', 'b$'),
    required: fc.uniqueArray(fc.constantFrom(...NAMES)),
    properties: map,
    patternProperties: fc.dictionary(fc.constantFrom('^a', 'b|c'), tie('schema'), {
      maxKeys: 2,
      noNullPrototype: true,
    }),
    additionalProperties: tie('schema'),
    propertyNames: fc.oneof(
      fc.constant({ enum: ['a', 'b'] }),
      fc.constant({ maxLength: 1 }),
      fc.constant({ type: 'string' }),
    ),
    items: tie('schema'),
    prefixItems: list,
    uniqueItems: fc.boolean(),
    ...{ allOf: list, anyOf: list, oneOf: list, not: tie('schema') },
    if: tie('schema'),
    dependentRequired: fc.constantFrom({ a: ['b'] }, { b: ['c'] }),
    unevaluatedProperties: fc.boolean(),
    default: scalars,
    $ref: fc.constantFrom('#/$defs/d', '#/$defs/e'),
  };
  const some = fc.subarray(Object.keys(keywords), { minLength: 0, maxLength: 3 });
  return {
    schema: fc.oneof(
      { depthSize: 'small' },
      { weight: 1, arbitrary: fc.boolean() },
      {
        weight: 8,
        arbitrary: some.chain(
          (names) =>
            fc.record(
              Object.fromEntries(names.map((name) => [name, keywords[name]!])),
            ) as fc.Arbitrary<JsonObject>,
        ),
      },
    ),
  };
});

const documents = fc
  .record({ root: schemas, d: schemas, e: schemas })
  .map(({ root, d, e }) => withoutCircles({ root, d, e }));

/** A schema, and what some changes made of it: two schemas at random have hardly anything to do with each other. */
const pairs = fc
  .tuple(documents, schemas, fc.array(fc.nat(), { minLength: 1, maxLength: 3 }), fc.boolean())
  .map(([document, other, places, isSwapped]): [JsonObject, JsonObject] => {
    const changed = places.reduce<JsonValue>((value, place) => mutated(value, place, other), document);
    const both: [JsonObject, JsonObject] = [document, withoutCircles(changed as never)];
    return isSwapped ? [both[1], both[0]] : both;
  });

/** References only from the root into d and from d into e, so that no schema refers to itself in place. */
function withoutCircles({
  root,
  d,
  e,
  $defs,
  ...rest
}: {
  root?: JsonValue;
  d?: JsonValue;
  e?: JsonValue;
  $defs?: JsonValue;
}): JsonObject {
  const defs = ($defs ?? { d, e }) as JsonObject;
  const top = root ?? rest;
  const low = renamed(defs.e ?? true, () => '#/$defs/none');
  const middle = renamed(defs.d ?? true, () => '#/$defs/e');
  const all = { d: middle, e: low, none: true };
  return { ...(typeof top === 'object' ? (top as JsonObject) : { allOf: [top] }), $defs: all } as JsonObject;
}

function renamed(value: JsonValue, name: () => string): JsonValue {
  if (Array.isArray(value)) return value.map((each) => renamed(each, name));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, key === '$ref' ? name() : renamed(each, name)]),
  );
}

/** Leaves out, replaces or adds something, somewhere. */
function mutated(value: JsonValue, place: number, other: JsonValue): JsonValue {
  if (Array.isArray(value)) {
    if (value.length === 0) return value;
    const index = place % value.length;
    if (place % 5 === 0 && value.length > 1) return value.toSpliced(index, 1);
    return value.with(index, mutated(value[index]!, Math.floor(place / value.length), other));
  }
  if (typeof value === 'number') return place % 2 === 0 ? value + 1 : Math.max(0, value - 1);
  if (typeof value !== 'object' || value === null) return value;
  const keys = Object.keys(value);
  if (keys.length === 0 || place % 7 === 0) {
    return typeof other === 'object' && other !== null && !Array.isArray(other)
      ? { ...value, ...other }
      : value;
  }
  const key = keys[place % keys.length]!;
  const inner = (value as JsonObject)[key]!;
  if (place % 5 === 1 && key !== '$defs' && key !== 'd' && key !== 'e') {
    return Object.fromEntries(Object.entries(value).filter(([each]) => each !== key));
  }
  return { ...value, [key]: mutated(inner, Math.floor(place / keys.length), other) };
}

/** Values that a schema names, and those beside its bounds. */
function near(schema: JsonValue): JsonValue[] {
  if (typeof schema !== 'object' || schema === null) return [];
  if (Array.isArray(schema)) return schema.flatMap(near);
  const own = Object.entries(schema).flatMap(([key, value]): JsonValue[] => {
    if (key === 'enum' && Array.isArray(value)) return [...value];
    if (key === 'const') return [value];
    return typeof value === 'number' ? [value, value + 1, value - 1] : [];
  });
  return [...own, ...Object.values(schema).flatMap(near)].slice(0, 50);
}
