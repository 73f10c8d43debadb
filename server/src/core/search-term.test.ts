import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseFieldPath } from './field-path.js';
import {
  type Comparison,
  indexedField,
  type SearchValue,
  searchTerms,
  termCondition,
} from './search-term.js';

const EXECUTION = { projectId: 'p', searchAttributes: {} };
const FIELD = indexedField('p', 'w', ['x']);

function termOf(value: SearchValue): string {
  return searchTerms(EXECUTION, { x: value }, [FIELD])[0] as string;
}

/** By bytes of UTF-8, as the stores compare. */
function isLess(a: string, b: string): boolean {
  return Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;
}

function isFound(value: SearchValue, comparison: Comparison, wanted: SearchValue): boolean {
  const found = termCondition(FIELD.prefix, comparison, wanted);
  if ('problem' in found) throw new Error(found.problem);
  const { condition } = found;
  const term = termOf(value);
  if ('is' in condition) return term === condition.is;
  return !isLess(term, condition.from) && isLess(term, condition.before);
}

/** What the comparison means. */
function holds(value: SearchValue, comparison: Comparison, wanted: SearchValue): boolean {
  if (comparison === '=') return value === wanted;
  if (typeof value !== typeof wanted) return false;
  const isSmaller =
    typeof value === 'string' ? isLess(value, wanted as string) : Number(value) < Number(wanted);
  if (value === wanted) return comparison === '<=' || comparison === '>=';
  return isSmaller === comparison.startsWith('<');
}

const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer({ min: -3, max: 3 }),
  fc.constantFrom(
    -0,
    0,
    Number.MAX_VALUE,
    -Number.MAX_VALUE,
    Number.MIN_VALUE,
    -Number.MIN_VALUE,
    2 ** 53 - 1,
  ),
);
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 4 }),
  fc.constantFrom(
    '',
    '\0',
    'a',
    'a\0',
    'a\0b',
    '\u0001',
    '\u{1F600}',
    '\uFF5E',
    '\uFFFF',
    '__proto__',
    '$gt',
    '5',
  ),
);
const longText = fc
  .tuple(fc.constantFrom(80, 126, 127, 128, 252, 253, 254, 255, 256, 257), text)
  .map(([length, tail]) => 'a'.repeat(length) + tail);
const stored = fc.oneof(number, text, longText, fc.boolean(), fc.constant(null));
const wantedRange = fc.oneof(
  number,
  text,
  longText.filter((value) => Buffer.byteLength(value) <= 256),
);

test('what the terms of a comparison find is what it means', () => {
  const comparison = fc.constantFrom<Comparison>('<', '<=', '>', '>=', '=');
  fc.assert(
    fc.property(stored, comparison, wantedRange, (value, compared, wanted) => {
      expect(isFound(value, compared, wanted)).toBe(holds(value, compared, wanted));
    }),
    { numRuns: 5_000 },
  );
});

test('each value is found as itself and as nothing else', () => {
  const values: SearchValue[] = [null, true, false, 0, 1, '0', 'true', 'null', '', 'a'];
  for (const value of values) {
    expect(values.filter((other) => isFound(other, '=', value))).toEqual([value]);
  }
  expect(isFound(-0, '=', 0)).toBe(true);
  expect(isFound(0, '=', -0)).toBe(true);
});

test('objects, arrays, what is missing and what is inside arrays have no term', () => {
  const at = (path: string[]) => indexedField('p', 'w', path);
  const fields = [
    at(['none']),
    at(['object']),
    at(['array']),
    at(['array', '0']),
    at(['array', 'length']),
    at(['toString']),
  ];
  expect(searchTerms(EXECUTION, { object: { a: 1 }, array: [1] }, fields)).toEqual([]);
  const text = '{"__proto__": {"a.b": {"$c": "found"}}}';
  expect(searchTerms(EXECUTION, JSON.parse(text), [at(['__proto__', 'a.b', '$c'])])).toHaveLength(1);
});

test('terms of one field, workflow, project or attribute are none of another', () => {
  const state = { a: { b: 'v' }, 'a/b': 'v', b: 'v' };
  const terms = [
    ...searchTerms(
      EXECUTION,
      state,
      [['a', 'b'], ['a/b'], ['b']].map((path) => indexedField('p', 'w', path)),
    ),
    ...searchTerms(EXECUTION, state, [indexedField('q', 'w', ['b']), indexedField('p', 'v', ['b'])]),
    ...searchTerms({ projectId: 'p', searchAttributes: { b: 'v', w: 'v' } }, {}, []),
  ];
  expect(new Set(terms).size).toBe(7);
});

test.each<[Comparison, SearchValue, string]>([
  ['<', null, 'null is compared with =, not with <'],
  ['>=', true, 'true is compared with =, not with >='],
  ['=', 'é'.repeat(129), 'at most 256 bytes'],
])('%s %j cannot be asked for: %s', (comparison, value, reason) => {
  expect(termCondition('p', comparison, value)).toEqual({ problem: expect.stringContaining(reason) });
});

test.each([
  ['customerId', ['customerId']],
  ['order.status', ['order', 'status']],
  ['a-b.$c._d.é.0', ['a-b', '$c', '_d', 'é', '0']],
  ['/order/status', ['order', 'status']],
  ['/a.b/c~1d/~0~01', ['a.b', 'c/d', '~~1']],
  ['/', ['']],
])('the path %s is %j', (text, path) => {
  expect(parseFieldPath(text)).toEqual({ path });
});

test.each([
  '',
  '.',
  'a.',
  '.a',
  'a..b',
  'a b',
  'a/b',
  'a"b',
  '/a~2',
  '/a~',
  'a'.repeat(257),
  '/a'.repeat(65),
])('the path %j is refused', (text) => {
  expect(parseFieldPath(text)).toEqual({ problem: expect.any(String) });
});
