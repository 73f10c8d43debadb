/** A schema that costs much if it is taken as it comes, and a value for it. */
export interface HostileSchema {
  readonly name: string;
  /** A JSON Schema (2020-12). */
  readonly schema: object;
  /** What to check against it; what is refused by its schema is sent all the same. */
  readonly value: unknown;
  /** What is to come of it: the schema is refused for this reason, or the value is accepted or refused (or either). */
  readonly outcome: RegExp | 'accepted' | 'refused' | 'either';
}

const TEXT = { type: 'string' };

/** The ways in which somebody else's schema can hold up a server. */
export const HOSTILE_SCHEMAS: readonly HostileSchema[] = [
  {
    name: 'a pattern that backtracks',
    schema: { pattern: '^(a+)+$' },
    value: `${'a'.repeat(1_000_000)}b`,
    outcome: 'refused',
  },
  {
    name: 'the same in names of members',
    schema: { patternProperties: { '^(a|a)*$': false } },
    value: { [`${'a'.repeat(500_000)}b`]: 1 },
    outcome: 'accepted',
  },
  {
    name: 'patterns with nested counts',
    schema: { anyOf: numbered(100, (n) => ({ pattern: `((x|${n}){1,30}){1,30}y` })) },
    value: 'x'.repeat(200_000),
    outcome: 'either',
  },
  {
    name: '20,000 properties',
    schema: { properties: members(20_000, () => ({})) },
    value: {},
    outcome: /objects and arrays/,
  },
  {
    name: '1,900 properties',
    schema: { properties: members(1_900, () => TEXT) },
    value: { p7: 7 },
    outcome: 'either',
  },
  {
    name: 'a large part that is referred to 900 times',
    schema: {
      $defs: { large: { properties: members(900, () => TEXT) } },
      properties: members(900, () => ({ $ref: '#/$defs/large' })),
    },
    value: { p7: { p7: 7 } },
    outcome: 'either',
  },
  {
    name: 'uniqueItems on 20,000 objects',
    schema: { uniqueItems: true },
    value: numbered(20_000, (index) => ({ index })),
    outcome: 'accepted',
  },
  {
    name: 'uniqueItems at every level',
    schema: { uniqueItems: true, items: { $ref: '#' } },
    value: numbered(60, (a) => numbered(20, (b) => numbered(50, (c) => `${a} ${b} ${c}`))),
    outcome: 'accepted',
  },
  {
    name: 'nested 60 deep',
    schema: nested(29, (inner) => ({ items: inner }), {}),
    value: [],
    outcome: 'accepted',
  },
  {
    name: 'nested deeper than JSON may be',
    schema: nested(70, (not) => ({ not }), {}),
    value: 1,
    outcome: /nested deeper/,
  },
  { name: 'a reference to itself', schema: { $ref: '#' }, value: 1, outcome: /applies itself/ },
  {
    name: 'a circle of references',
    schema: {
      $ref: '#/$defs/a',
      $defs: { a: { allOf: [{ $ref: '#/$defs/b' }] }, b: { anyOf: [{ $ref: '#/$defs/a' }] } },
    },
    value: 1,
    outcome: /applies itself/,
  },
  {
    name: 'a circle of references by name',
    schema: { $dynamicAnchor: 'a', $dynamicRef: '#a' },
    value: 1,
    outcome: 'accepted',
  },
  {
    name: 'allOf that doubles with each reference',
    schema: doubling(40, 'allOf'),
    value: 'text',
    outcome: 'accepted',
  },
  {
    name: 'anyOf that doubles with each reference',
    schema: doubling(40, 'anyOf'),
    value: 7,
    outcome: 'accepted',
  },
  {
    name: 'a choice that doubles with each level of the value',
    schema: { anyOf: [{ items: { $ref: '#' } }, { items: { $ref: '#' } }], not: { const: 0 } },
    value: nested(60, (inner) => [inner], 0),
    outcome: 'either',
  },
  {
    name: 'an enum of 30,000 texts for 6,000 items',
    schema: { items: { enum: numbered(25_000, (n) => `v${n}`).concat('x') } },
    value: Array(6_000).fill('x'),
    outcome: 'accepted',
  },
  {
    name: 'an enum of objects for 60,000 objects',
    schema: { items: { enum: numbered(900, (a) => ({ a })) } },
    value: Array(60_000).fill({ a: 899 }),
    outcome: 'either',
  },
  {
    name: '200 properties for 300,000 objects',
    schema: { items: { properties: members(190, () => TEXT) } },
    value: Array(300_000).fill({}),
    outcome: 'accepted',
  },
  {
    name: 'oneOf 900 for 50,000 items',
    schema: { items: { oneOf: numbered(900, (n) => ({ const: n })) } },
    value: Array(50_000).fill(899),
    outcome: 'either',
  },
  {
    name: 'unevaluatedProperties 500 times',
    schema: {
      allOf: numbered(500, (n) => ({ properties: { [`p${n}`]: true }, unevaluatedProperties: true })),
      unevaluatedProperties: false,
    },
    value: members(20_000, () => 1),
    outcome: 'either',
  },
  {
    name: 'as many values as fit',
    schema: { enum: numbered(40_000, (n) => n) },
    value: -1,
    outcome: 'either',
  },
];

function numbered<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

function members(count: number, make: () => unknown): Record<string, unknown> {
  return Object.fromEntries(numbered(count, (index) => [`p${index}`, make()]));
}

function nested(depth: number, around: (inner: unknown) => object, inner: unknown): object {
  return depth === 1 ? around(inner) : around(nested(depth - 1, around, inner));
}

/** Few parts, and 2^levels checks of one value. */
function doubling(levels: number, keyword: 'allOf' | 'anyOf'): object {
  const $defs: Record<string, object> = { a0: TEXT };
  for (let level = 1; level <= levels; level++) {
    const below = { $ref: `#/$defs/a${level - 1}` };
    $defs[`a${level}`] = { [keyword]: [below, { title: 'again', ...below }] };
  }
  return { $defs, $ref: `#/$defs/a${levels}` };
}
