import fc from 'fast-check';
import type { JsonObject, JsonValue } from '../../server/src/core/json.js';

/** Names that some store, driver, language or format takes for something else than a name. */
export const AWKWARD_KEYS: readonly string[] = [
  ...['__proto__', 'constructor', 'prototype', 'toString', 'valueOf', 'hasOwnProperty', 'toJSON', 'length'],
  ...[
    'a.b',
    '.',
    '..',
    'a.',
    '$',
    '$set',
    '$where',
    '$ref',
    '$id',
    '$db',
    '$unset',
    '$[]',
    '_id',
    '_bsontype',
  ],
  ...[
    '',
    ' ',
    '0',
    '1',
    '00',
    '-',
    '-1',
    '2147483648',
    '1e3',
    '~',
    '~0',
    '~1',
    '/',
    'a/b',
    '#',
    '%',
    '%24',
    '%2E',
  ],
  ...[
    '\0',
    'a\0b',
    '\u0001',
    '\u007f',
    '\n',
    '"',
    '\\',
    "'",
    '\u2028',
    '\u2029',
    '\ufeff',
    '\uffff',
    '\ufffd',
  ],
  ...[
    'e\u0301',
    '\u00e9',
    '\u212b',
    '\u00c5',
    '\ud55c',
    '\u1112\u1161\u11ab',
    '\u{1F600}',
    '\u{10FFFF}',
    '\u{E0001}',
  ],
  ...['json', 'data', 'path', 'op', 'value', 'n', 'null', 'true', 'undefined', 'rowid', 'state', 'index'],
];

/** Numbers at the edges of what I-JSON and each store can hold. */
export const AWKWARD_NUMBERS: readonly number[] = [
  ...[0, -0, 1, -1, 0.1, -0.1, 0.5, 1 / 3, 5e-324, -5e-324, 2.2250738585072014e-308, Number.EPSILON],
  ...[2 ** 31 - 1, 2 ** 31, -(2 ** 31), -(2 ** 31) - 1, 2 ** 32, 2 ** 53 - 1, -(2 ** 53) + 1, 2 ** 52 + 0.5],
  ...[1e-7, 1e-6, 1e21, -1e21, 1.5e300, Number.MAX_VALUE, -Number.MAX_VALUE, 4.35, 123456.789e-10],
];

const text = fc.oneof(
  { weight: 3, arbitrary: fc.string({ maxLength: 8 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'grapheme', maxLength: 6 }) },
  // Every code point of all planes.
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 6 }) },
  { weight: 2, arbitrary: fc.constantFrom(...AWKWARD_KEYS) },
);

const key = fc.oneof(fc.constantFrom(...AWKWARD_KEYS), text);

const number = fc.oneof(
  fc.constantFrom(...AWKWARD_NUMBERS),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(withinIJson),
);

const scalar = fc.oneof(
  { weight: 3, arbitrary: text as fc.Arbitrary<JsonValue> },
  { weight: 3, arbitrary: number },
  { weight: 1, arbitrary: fc.constantFrom<JsonValue[]>(null, true, false) },
  { weight: 1, arbitrary: fc.constantFrom<JsonValue[]>({}, [], [[]], [{}], { '': {} }, [null]) },
);

/** Any JSON value that I-JSON (RFC 7493) allows. `Object.fromEntries` makes `__proto__` an own member. */
export const jsonValue: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue; object: JsonObject }>(
  (tie) => ({
    value: fc.oneof(
      { depthSize: 'small', maxDepth: 6 },
      scalar,
      fc.array(tie('value'), { maxLength: 4 }),
      tie('object'),
    ),
    object: fc.array(fc.tuple(key, tie('value')), { maxLength: 4 }).map(Object.fromEntries),
  }),
).value;

/** Any JSON object, as a state is one. */
export const jsonObject: fc.Arbitrary<JsonObject> = fc
  .array(fc.tuple(key, jsonValue), { maxLength: 6 })
  .map((members) => Object.fromEntries(members));

/** A key and a value: a member for an object. */
export const member = fc.tuple(key, jsonValue);

/** `levels` of nesting around a value, objects and arrays in turns. */
export function nested(levels: number, innermost: JsonValue = 1): JsonValue {
  let value = innermost;
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? { [`l${level}`]: value } : [value];
  return value;
}

/** An object with so many members. */
export function wide(count: number): JsonObject {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`${index * 7919}`, index]));
}

/** Whole numbers that are written without an exponent are integers, which have limits. */
function withinIJson(value: number): number {
  return Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < 1e21
    ? value / 1e9
    : value;
}
