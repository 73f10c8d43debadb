import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type JsonValue, jsonBytes, jsonDepth, jsonEquals, parseJson, utf8Bytes } from './json.js';

describe('what JSON.parse would alter silently is refused with its place', () => {
  test.each<[text: string, kind: string, path: string]>([
    ['{"a":1,"a":2}', 'lossy', '/a'],
    ['{"a":{"b":1,"b":2}}', 'lossy', '/a/b'],
    ['[{"x":[{"a":1,"a":1}]}]', 'lossy', '/0/x/0/a'],
    ['{"\\u0061":1,"a":2}', 'lossy', '/a'],
    ['{"\\"":1,"\\"":2}', 'lossy', '/"'],
    ['{"\\\\":1,"\\\\":2}', 'lossy', '/\\'],
    ['{"a\\\\\\"":1,"a\\\\\\"":2}', 'lossy', '/a\\"'],
    ['{"a:b":":::","a:b":1}', 'lossy', '/a:b'],
    ['{"__proto__":1,"__proto__":2}', 'lossy', '/__proto__'],
    ['{"":1,"":2}', 'lossy', '/'],
    ['9007199254740992', 'lossy', ''],
    ['{"a":[-9007199254740993]}', 'lossy', '/a/0'],
    ['{"a/b":{"~":1e20}}', 'lossy', '/a~1b/~0'],
    ['[1,999999999999999900000]', 'lossy', '/1'],
    ['{"a":[1e21, 1000000000000000000000]}', 'lossy', '/a/1'],
    ['{"a":-12345678901234567890123 }', 'lossy', '/a'],
    ['[ { "a" : "]}" , "b\\"" : [ ] , "c" : { } , "a" : 1 } ]', 'lossy', '/0/a'],
    ['1e999', 'lossy', ''],
    ['{"n":-1e999}', 'lossy', '/n'],
    ['"\\ud800"', 'lossy', ''],
    ['["\\udc00\\ud800"]', 'lossy', '/0'],
    ['"\ud800"', 'lossy', ''],
    ['{"\\ud800":1}', 'lossy', ''],
    [nested(65), 'depth', '/0'.repeat(64)],
    [`{"a":${nested(64)}}`, 'depth', `/a${'/0'.repeat(63)}`],
  ])('%.40s', (text, kind, path) => {
    expect(parseJson(text)).toMatchObject({ problem: { kind, path } });
  });
});

test.each(['', ' ', '{', '[1,]', "{'a':1}", 'NaN', 'undefined', '01', '"\u0001"', '{"a":1}x', '\ufeff{}'])(
  'what is no JSON is refused: %j',
  (text) => {
    expect(parseJson(text)).toMatchObject({ problem: { kind: 'syntax' } });
  },
);

test.each<[text: string, value: JsonValue]>([
  ['{"a":{"b":1},"b":{"a":1}}', { a: { b: 1 }, b: { a: 1 } }],
  ['{"a":"b:\\"c\\":d","\\"a\\":":1}', { a: 'b:"c":d', '"a":': 1 }],
  ['{"a\\\\":1,"b":"\\\\"}', { 'a\\': 1, b: '\\' }],
  ['{"a\\\\\\\\":{"b":":"},"c":[":",{}]}', { 'a\\\\': { b: ':' }, c: [':', {}] }],
  [' [ 1 , -0.5e-3 , 9007199254740991 ] ', [1, -0.5e-3, 2 ** 53 - 1]],
  ['["\\ud83d\\ude00","😀","\\u0000","\\ue000"]', ['😀', '😀', '\0', '\ue000']],
  [
    '{"constructor":1,"toString":2,"hasOwnProperty":3}',
    { constructor: 1, toString: 2, hasOwnProperty: 3 } as never,
  ],
  ['[1e21,-6.02214076e23,1.7976931348623157e308]', [1e21, -6.02214076e23, Number.MAX_VALUE]],
  ['[5e-324,0.1,"1000000000000000000000"]', [5e-324, 0.1, '1000000000000000000000']],
  ['{"a.b":1,"$where":2,"$ref":3,"":4}', { 'a.b': 1, $where: 2, $ref: 3, '': 4 }],
])('what only looks dangerous is accepted: %s', (text, value) => {
  expect(parseJson(text)).toEqual({ value });
});

test('the name __proto__ is an ordinary own member', () => {
  const parsed = parseJson('{"__proto__":{"a":1}}') as { readonly value: object };
  expect(Object.keys(parsed.value)).toEqual(['__proto__']);
  expect(JSON.stringify(parsed.value)).toBe('{"__proto__":{"a":1}}');
});

test('64 levels are accepted', () => {
  expect(parseJson(nested(64))).toHaveProperty('value');
  expect(jsonDepth((parseJson(nested(64)) as { readonly value: JsonValue }).value)).toBe(64);
});

test('a text of a million brackets is refused, not overflowed on', () => {
  expect(parseJson(nested(500_000))).toMatchObject({ problem: { kind: 'depth' } });
});

test('every other value comes back as it went in', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary' }), fc.constantFrom(undefined, 2), (given, indent) => {
      const text = JSON.stringify(given, undefined, indent);
      const parsed = parseJson(text);
      if (isExact(given as JsonValue)) expect(parsed).toEqual({ value: JSON.parse(text) });
      else expect(parsed).toMatchObject({ problem: { kind: 'lossy' } });
    }),
    { numRuns: 2_000 },
  );
});

test('an object is refused exactly if two of its names are the same, however they are written', () => {
  const name = fc.string({
    unit: fc.constantFrom('a', 'b', '"', '\\', ':', '{', '\n', 'é', '😀'),
    maxLength: 3,
  });
  const members = fc.array(fc.tuple(name, fc.boolean()), { maxLength: 5 });
  fc.assert(
    fc.property(members, (given) => {
      const text = `{"in":{${given.map(([each, escaped]) => `${escaped ? inEscapes(each) : JSON.stringify(each)}:":"`)}}}`;
      const isDistinct = new Set(given.map(([each]) => each)).size === given.length;
      expect('value' in parseJson(text)).toBe(isDistinct);
    }),
    { numRuns: 2_000 },
  );
});

test('bytes are counted as UTF-8 has them', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(utf8Bytes(text)).toBe(Buffer.byteLength(text));
      expect(jsonBytes([text])).toBe(Buffer.byteLength(JSON.stringify([text])));
    }),
    { numRuns: 2_000 },
  );
  expect(utf8Bytes('\u007f\u0080\u07ff\u0800\uffff\u{10000}\u{10ffff}')).toBe(1 + 2 + 2 + 3 + 3 + 4 + 4);
});

test('equality does not look at the order of members, and at everything else', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      const same = canonical(a as JsonValue) === canonical(b as JsonValue);
      expect(jsonEquals(a as JsonValue, b as JsonValue)).toBe(same);
      expect(jsonEquals(a as JsonValue, shuffled(a as JsonValue))).toBe(true);
    }),
  );
  expect(jsonEquals({ a: 1 }, { b: 1 })).toBe(false);
  expect(jsonEquals([], {})).toBe(false);
  expect(jsonEquals({}, { toString: 1 } as never)).toBe(false);
  expect(jsonEquals({ toString: 1 } as never, { a: 1 })).toBe(false);
});

function nested(depth: number): string {
  return '['.repeat(depth) + ']'.repeat(depth);
}

/** Every character as an escape of JSON's. */
function inEscapes(text: string): string {
  const units = Array.from({ length: text.length }, (_, index) => text.charCodeAt(index));
  return `"${units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')}"`;
}

function isExact(value: JsonValue): boolean {
  if (typeof value === 'number')
    return !Number.isInteger(value) || Number.isSafeInteger(value) || Math.abs(value) >= 1e21;
  if (typeof value !== 'object' || value === null) return true;
  return Object.values(value).every(isExact);
}

function canonical(value: JsonValue): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical)}]`;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member as JsonValue)}`)}}`;
}

/** The same with every object's members in the opposite order. */
function shuffled(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(shuffled);
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, member]) => [key, shuffled(member as JsonValue)] as const)
      .reverse(),
  );
}
