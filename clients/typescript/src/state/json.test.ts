import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assertJson, JSON_DEPTH_MAX, JsonRefusal, type JsonValue, jsonEquals, toJsonText } from './json.js';

class Point {
  x = 1;
}

const cycle: { self?: unknown } = {};
cycle.self = cycle;
const sparse = [1];
sparse[2] = 3;
let endless: unknown[] = [];
for (let level = 0; level < 40; level++) endless = [endless, endless];

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

function refusal(value: unknown): JsonRefusal {
  try {
    toJsonText(value);
  } catch (error) {
    if (error instanceof JsonRefusal) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('toJsonText', () => {
  it.each([
    ['undefined in an array', { a: [undefined] }, '/a/0'],
    ['a hole in an array', { a: sparse }, '/a/1'],
    ['NaN', { a: Number.NaN }, '/a'],
    ['Infinity', [Number.POSITIVE_INFINITY], '/0'],
    ['a BigInt', { a: { b: 1n } }, '/a/b'],
    ['a function', { a: () => 1 }, '/a'],
    ['a method named toJSON', { toJSON: () => 1 }, '/toJSON'],
    ['a symbol', { a: Symbol('s') }, '/a'],
    ['a name that is a symbol', { a: { [Symbol('s')]: 1 } }, '/a'],
    ['a Date', { 'a/b': new Date(0) }, '/a~1b'],
    ['a Map', { '~': new Map() }, '/~0'],
    ['a Set', [new Set()], '/0'],
    ['a RegExp', [/x/], '/0'],
    ['a boxed number', [Object(1)], '/0'],
    ['an instance of a class', { p: new Point() }, '/p'],
    ['an array of a class of its own', { p: new (class List extends Array {})() }, '/p'],
    ['a Uint8Array', new Uint8Array(1), ''],
    ['an Error', { e: new Error('x') }, '/e'],
    ['an integer above 2^53-1', { n: 2 ** 53 }, '/n'],
    ['an integer below -(2^53-1)', { n: -(2 ** 53) }, '/n'],
    ['the largest integer that is written without an exponent', { n: 999_999_999_999_999_900_000 }, '/n'],
    ['a lone surrogate', { s: 'a\ud800' }, '/s'],
    ['a lone surrogate in a name', { s: { 'a\udc00': 1 } }, '/s/a\udc00'],
  ])('refuses %s and names the place', (_, value, path) => {
    expect(refusal(value).path).toBe(path);
  });

  it('refuses a cycle and says so', () => {
    expect(refusal({ a: cycle }).reason).toContain('cycle');
  });

  it('refuses what is nested deeper than the limit, and accepts the limit', () => {
    expect(toJsonText(nested(JSON_DEPTH_MAX))).toBeDefined();
    expect(refusal(nested(JSON_DEPTH_MAX + 1)).reason).toContain('deeper');
  });

  it('refuses a value that is small in memory and endless as text', () => {
    expect(refusal(endless).reason).toContain('1,048,576');
  });

  it.each([
    ['-0 as 0', -0, '0'],
    ['members that are undefined by leaving them out', { a: undefined, b: 1 }, '{"b":1}'],
    ['an object without a prototype', Object.assign(Object.create(null), { a: 1 }), '{"a":1}'],
    ['a member named __proto__', JSON.parse('{"__proto__":{"a":1}}'), '{"__proto__":{"a":1}}'],
    ['the largest integer', Number.MAX_SAFE_INTEGER, '9007199254740991'],
    ['a fraction', 1e-300, '1e-300'],
    ['null', null, 'null'],
  ])('writes %s', (_, value, text) => {
    expect(toJsonText(value)).toBe(text);
  });

  it('answers undefined for no value', () => {
    expect(toJsonText(undefined)).toBeUndefined();
  });

  it('accepts numbers that it writes with an exponent', () => {
    const values = [1e21, -6.02214076e23, Number.MAX_VALUE, Number.MIN_VALUE, -0];
    expect(JSON.parse(toJsonText(values) ?? '')).toEqual([1e21, -6.02214076e23, Number.MAX_VALUE, 5e-324, 0]);
  });

  it('brings back every JSON value as it was', () => {
    const values = fc.jsonValue({ noUnicodeString: false }).filter(isIJson) as fc.Arbitrary<JsonValue>;
    fc.assert(
      fc.property(values, (value) => {
        expect(jsonEquals(value, JSON.parse(toJsonText(value) ?? ''))).toBe(true);
      }),
    );
  });
});

describe('jsonEquals', () => {
  it('finds nothing that JSON cannot hold equal to anything', () => {
    expect(jsonEquals({}, new Date(0))).toBe(false);
    expect(jsonEquals({}, new Map())).toBe(false);
    expect(jsonEquals([], new (class extends Array {})())).toBe(false);
  });

  it('does not care for the order of members, and does for that of elements', () => {
    expect(jsonEquals({ a: 1, b: [1, 2] }, { b: [1, 2], a: 1 })).toBe(true);
    expect(jsonEquals([1, 2], [2, 1])).toBe(false);
  });
});

function isIJson(value: unknown): boolean {
  try {
    assertJson(value);
    return true;
  } catch {
    return false;
  }
}
