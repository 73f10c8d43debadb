import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { BSON } from 'mongodb';
import { describe, expect, test } from 'vitest';
import { fromBson, roughBytes, toBson, toIndexTime, toTime } from './bson-values.js';

const AWKWARD_KEYS = [
  ...['', '%', '%24', 'a.b', '.', '$set', '$ref', '$id', '$db', '_bsontype', 'toBSON', '\0', 'a\0b'],
  ...[
    '__proto__',
    'constructor',
    'valueOf',
    'length',
    'hasOwnProperty',
    '_id',
    '0',
    '00',
    '-1',
    'é',
    '\u{1F600}',
  ],
];

/** As the driver writes and reads it; the option is what it asks for its own purposes, and keys may not meet. */
function throughBson(value: unknown): unknown {
  const bytes = BSON.serialize({ value: toBson(value) }, { ignoreUndefined: true });
  return fromBson(BSON.deserialize(bytes, { fieldsAsRaw: {} }).value);
}

describe('values', () => {
  test('of any JSON, with any keys, come back through BSON, and what they are made from is left alone', () => {
    const key = fc.oneof(fc.constantFrom(...AWKWARD_KEYS), fc.string());
    const { json } = fc.letrec((tie) => ({
      json: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.oneof(fc.string(), fc.integer(), fc.maxSafeInteger(), fc.boolean(), fc.constant(null)),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.array(tie('json')),
        fc.dictionary(key, tie('json'), { noNullPrototype: true }),
      ),
    }));
    fc.assert(
      fc.property(json, (value) => {
        const text = JSON.stringify(value);
        expect(isDeepStrictEqual(throughBson(value), value)).toBe(true);
        expect(JSON.stringify(value)).toBe(text);
      }),
      { numRuns: 2_000 },
    );
  });

  test('without awkward keys are not copied', () => {
    const value = { a: [{ b: 1 }, new Uint8Array(2)] };
    expect(toBson(value)).toBe(value);
  });

  test('with an awkward key deep inside are copied in one pass', () => {
    let value: unknown = { '': 1 };
    for (let level = 0; level < 100; level++) value = { a: value };
    expect(fromBson(toBson(value))).toEqual(value);
  });

  test('that are bytes come back alone, in memory of their own', () => {
    const part = new Uint8Array(Uint8Array.of(9, 1, 2, 9).buffer, 1, 2);
    const found = throughBson({ part, empty: new Uint8Array() }) as Record<string, Uint8Array>;
    expect(found).toStrictEqual({ part: Uint8Array.of(1, 2), empty: new Uint8Array() });
    expect(found.part?.buffer.byteLength).toBe(2);
  });

  test.each([0, -1, 1_795_000_000_123, 8.64e15, 8.64e15 + 1, Number.MAX_SAFE_INTEGER, 0.5])(
    'that are times come back: %d',
    (ms) => {
      expect(fromBson(BSON.deserialize(BSON.serialize({ at: toTime(ms) })))).toEqual({ at: ms });
    },
  );

  test.each([
    [1_000, 1_000],
    [0.2, 1],
    [Number.MAX_SAFE_INTEGER, 8.64e15],
    [Number.NEGATIVE_INFINITY, -8.64e15],
  ])('that are times of an index are always a Date, never early: %d is %d', (ms, found) => {
    expect(toIndexTime(ms).getTime()).toBe(found);
  });
});

test('the size of a value is that of its text, if nothing in it is escaped', () => {
  for (const value of [{}, [], '', 0, -1.5, { a: [true, null, { b: 'c' }], d: [[], {}] }]) {
    expect(roughBytes(value)).toBe(JSON.stringify(value).length);
  }
  expect(roughBytes(false)).toBe(4);
  expect(roughBytes(new Uint8Array(4))).toBe('"AAAAAA=="'.length);
});
