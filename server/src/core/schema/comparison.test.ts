import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../json.js';
import { compareSchemas } from './comparison.js';

type Row = [what: string, before: object, after: object, pointer?: string, keyword?: string];

const object = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more });
const text = { type: 'string' };
const count = { type: 'integer' };

describe('compatible', () => {
  test.each<Row>([
    ['nothing changed', object({ a: text }), object({ a: text })],
    [
      'an optional member is new',
      object({ a: text }),
      object({ a: text, b: count }),
      '/properties/b',
      'properties',
    ],
    [
      'a required member with a default is new',
      object({ a: text }),
      object({ a: text, b: { type: 'integer', default: 0 } }, { required: ['b'] }),
      '',
      'required',
    ],
    ['a member is gone', object({ a: text, b: text }), object({ a: text }), '/properties/b', 'properties'],
    [
      'a member may be missing now',
      object({ a: text }, { required: ['a'] }),
      object({ a: text }),
      '',
      'required',
    ],
    ['a type is wider', object({ a: count }), object({ a: { type: 'number' } }), '/properties/a', 'type'],
    ['null is allowed, too', object({ a: text }), object({ a: { anyOf: [text, { type: 'null' }] } })],
    ['a value is new', { enum: ['a', 'b'] }, { enum: ['a', 'b', 'c'] }, '', 'enum'],
    [
      'a bound is looser',
      { type: 'string', maxLength: 3 },
      { type: 'string', maxLength: 4 },
      '',
      'maxLength',
    ],
    ['an object is open now', object({ a: text }, { additionalProperties: false }), object({ a: text })],
    ['a branch is new', { anyOf: [text, count] }, { anyOf: [text, count, { type: 'null' }] }],
    [
      'a branch of a tagged union has an optional member more',
      { oneOf: [tagged('a'), tagged('b')] },
      { oneOf: [tagged('a'), tagged('b', { c: text })] },
    ],
    [
      'what was written out is referred to',
      object({ a: object({ n: count }) }),
      { ...object({ a: { $ref: '#/$defs/a' } }), $defs: { a: object({ n: count, m: text }) } },
    ],
    [
      'a list of itself has an optional member more',
      { $ref: '#/$defs/n', $defs: { n: object({ next: { $ref: '#/$defs/n' } }) } },
      { $ref: '#/$defs/n', $defs: { n: object({ next: { $ref: '#/$defs/n' }, n: count }) } },
    ],
  ])('if %s', (_, before, after, pointer, keyword) => {
    const { compatibility, findings } = compare(before, after);
    expect({ compatibility, findings }).toMatchObject({ compatibility: 'compatible' });
    if (pointer !== undefined) expect(findings).toContainEqual(expect.objectContaining({ pointer, keyword }));
  });
});

describe('breaking', () => {
  test.each<Row>([
    ['a required member is new', object({}), object({ a: text }, { required: ['a'] }), '', 'required'],
    ['a type is another', object({ a: text }), object({ a: count }), '/properties/a', 'type'],
    ['a type is narrower', { type: ['string', 'null'] }, text, '', 'type'],
    [
      'null is refused',
      object({ a: { anyOf: [text, { type: 'null' }] } }),
      object({ a: text }),
      '/properties/a',
      'type',
    ],
    ['null was allowed by another name', { type: 'string', nullable: true }, text, '', 'type'],
    [
      'a value is gone',
      object({ a: { enum: ['x', 'y'] } }),
      object({ a: { enum: ['x'] } }),
      '/properties/a',
      'enum',
    ],
    ['only some values are left', text, { enum: ['a'] }, '', 'enum'],
    ['a bound is tighter', { type: 'number', minimum: 0 }, { type: 'number', minimum: 1 }, '', 'minimum'],
    [
      'a bound excludes itself',
      { type: 'number', minimum: 0 },
      { type: 'number', exclusiveMinimum: 0 },
      '',
      'exclusiveMinimum',
    ],
    ['fewer items are allowed', { type: 'array' }, { type: 'array', maxItems: 3 }, '', 'maxItems'],
    ['items must differ', { type: 'array' }, { type: 'array', uniqueItems: true }, '', 'uniqueItems'],
    ['items are others', { type: 'array', items: text }, { type: 'array', items: count }, '/items', 'type'],
    [
      'an object is closed',
      object({ a: text }),
      object({ a: text }, { additionalProperties: false }),
      '',
      'additionalProperties',
    ],
    [
      'a closed object has a member less',
      object({ a: text, b: text }, { additionalProperties: false }),
      object({ a: text }, { additionalProperties: false }),
      '/properties/b',
      'properties',
    ],
  ])('if %s', (_, before, after, pointer, keyword) => {
    const { compatibility, findings } = compare(before, after);
    expect({ compatibility, findings }).toMatchObject({
      compatibility: 'breaking',
      findings: expect.arrayContaining([
        expect.objectContaining({ compatibility: 'breaking', pointer, keyword }),
      ]),
    });
  });
});

test.each<Row>([
  ['a pattern is new', text, { type: 'string', pattern: '^a' }],
  ['a format is new', text, { type: 'string', format: 'email' }],
  ['it refers to another document', text, { $ref: 'https://example.org/a' }],
  ['a part has a name of its own', object({ a: text }), object({ a: { $id: 'x', $ref: '#/$defs/b' } })],
  [
    'a condition is new',
    object({ a: text }),
    { ...object({ a: text }), if: { required: ['a'] }, else: false },
  ],
  [
    'a branch changed in a way that another one may mend',
    { anyOf: [object({ a: text }), count] },
    { anyOf: [object({ a: text }, { required: ['a'] }), count] },
  ],
  [
    'a member is new that another branch knows otherwise',
    { anyOf: [object({ a: text }, { required: ['a'] }), object({ x: text })] },
    { anyOf: [object({ a: text, x: count }, { required: ['a'] }), object({ x: text })] },
  ],
  [
    'any members were allowed, by name',
    object({ a: text }, { additionalProperties: {} }),
    object({ a: text, b: count }),
  ],
  [
    'a default may break something else',
    object({}),
    { ...object({ a: { type: 'number', default: 1 } }, { required: ['a'] }), not: { minProperties: 1 } },
  ],
  ['it goes in circles', text, { $ref: '#' }],
])('it cannot be told if %s', (_, before, after) => {
  expect(compare(before, after).compatibility).toBe('unknown');
});

test('a comparison that takes too long says so', () => {
  const wide = (n: number) => ({
    anyOf: Array.from({ length: 60 }, (_, at) =>
      object({
        [`k${at}`]: {
          anyOf: Array.from({ length: 20 }, (_, i) => object({ [`p${i}`]: { minimum: n + i } })),
        },
      }),
    ),
  });
  const { compatibility } = compare(wide(2), wide(1));
  expect(compatibility).toBe('unknown');
});

function compare(before: object, after: object) {
  return compareSchemas(before as JsonObject, after as JsonObject);
}

function tagged(tag: string, more: object = {}): object {
  return object({ tag: { const: tag }, ...more }, { required: ['tag'] });
}
