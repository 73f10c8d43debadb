import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import type { JsonValue } from '../core/json.js';
import { SchemaChecker } from './schema-checker.js';
import { costOf, patternSize, workBound, workOf } from './schema-cost.js';
import { ANSWER_MS_MAX, SchemaThread } from './schema-thread.js';

const LIST =
  '{"$ref":"#/$defs/a","$defs":{"a":{"type":"object","properties":{"next":{"$ref":"#/$defs/a"}}}}}';

// On a busy machine an ordinary check takes longer than servers allow for it.
const checker = new SchemaChecker(new SchemaThread({ ...ANSWER_MS_MAX, check: 10_000 }));
const hasty = new SchemaChecker();
afterAll(() => Promise.all([checker.close(), hasty.close()]));

async function check(schema: string, value: JsonValue, by = checker) {
  const usable = await by.use(schema, schema);
  if ('problem' in usable) throw new Error(usable.problem);
  return usable.check(value);
}

test.each<[why: string, schema: string]>([
  ['it is no JSON', '{'],
  ['it is no object', 'true'],
  ['a keyword is misused', '{"type":7}'],
  ['it refers to another document', '{"$ref":"https://example.org/schema"}'],
  ['it refers to nothing', '{"$ref":"#/$defs/nothing"}'],
  ['it is of another draft', '{"$schema":"http://json-schema.org/draft-07/schema#"}'],
  ['it has a name twice', '{"type":"string","type":"number"}'],
  [
    'it has thousands of parts',
    JSON.stringify({ anyOf: Array.from({ length: 3_000 }, () => ({ type: 'null' })) }),
  ],
  ['it is longer than 256 KiB', JSON.stringify({ description: 'x'.repeat(262_144) })],
  ['it has more bytes than characters', JSON.stringify({ description: '😀'.repeat(70_000) })],
  ['it applies itself', '{"$ref":"#"}'],
  ['it does so in a circle', '{"$ref":"#/$defs/a","$defs":{"a":{"allOf":[{"$ref":"#"}]}}}'],
  ['it asks for a promise', '{"$async":true,"type":"string"}'],
])('a schema is not used because %s', async (_, schema) => {
  expect(await checker.use(schema, schema)).toEqual({ problem: expect.any(String) });
});

test.each<[schema: string, value: JsonValue, path: string, keyword: string]>([
  ['{"type":"object","properties":{"a/b":{"type":"string"}}}', { 'a/b': 1 }, '/a~1b', 'type'],
  ['{"items":{"required":["x"]}}', [{ x: 1 }, {}], '/1', 'required'],
  ['{"additionalProperties":false}', { a: 1 }, '', 'additionalProperties'],
  [
    '{"uniqueItems":true}',
    [
      { a: 1, b: [2] },
      { b: [2], a: 1 },
    ],
    '',
    'uniqueItems',
  ],
  ['{"pattern":"^a+$"}', 'aab', '', 'pattern'],
  ['{"properties":{"a":{"pattern":"^a$"},"b":{"pattern":"^b$"}}}', { a: 'a', b: 'a' }, '/b', 'pattern'],
  ['{"patternProperties":{"^n":{"type":"number"}}}', { name: 'x' }, '/name', 'type'],
  [LIST, { next: { next: 7 } }, '/next/next', 'type'],
])('%s finds %j wrong at "%s"', async (schema, value, path, keyword) => {
  expect(await check(schema, value)).toMatchObject({ issues: [{ path, keyword }] });
});

test('at most 20 places are named, and of a large value the first', async () => {
  const schema = '{"items":{"type":"string"}}';
  const paths = async (length: number) => {
    const checked = await check(schema, Array(length).fill(1));
    return 'issues' in checked ? checked.issues.map(({ path }) => path) : checked;
  };
  expect(await paths(1_000)).toHaveLength(20);
  expect(await paths(900_000)).toEqual(['/0']);
});

test.each<[what: string, schema: object]>([
  [
    'that names what objects inherit',
    { properties: { toString: { type: 'string' } }, required: ['constructor'] },
  ],
  ['that names what objects inherit, in a large schema', { ...large(), required: ['valueOf'] }],
])('a schema %s means the members that are there', async (_, schema) => {
  const text = JSON.stringify(schema);
  expect(await check(text, {})).toMatchObject({ issues: [{ keyword: 'required' }] });
  expect(await check(text, { constructor: 1, toString: 'x', valueOf: 1 } as never)).toEqual({ issues: [] });
});

test('a large schema is checked like a small one', async () => {
  const text = JSON.stringify(large());
  expect(await check(text, { p7: 'x' })).toEqual({ issues: [] });
  expect(await check(text, { p7: 7 })).toMatchObject({ issues: [{ path: '/p7', keyword: 'type' }] });
});

test('a pattern that only backtracking can check is left to the SDK', async () => {
  expect(await check('{"pattern":"^(?=a)b"}', 'x')).toEqual({ issues: [] });
});

test('a value that takes too long says so, and others are checked meanwhile and after it', async () => {
  const schema = JSON.stringify({
    anyOf: [{ items: { $ref: '#' } }, { items: { $ref: '#' } }],
    not: { const: 0 },
  });
  const value = Array.from({ length: 60 }).reduce<JsonValue>((inner) => [inner], 0);
  let isOver = false;
  const slow = Promise.resolve(check(schema, value)).finally(() => {
    isOver = true;
  });
  expect(await check('{"type":"string"}', 1)).toMatchObject({ issues: [{ keyword: 'type' }] });
  expect(isOver).toBe(false);
  expect(await slow).toEqual({ unchecked: expect.any(String) });
  expect(await check(JSON.stringify(large()), { p7: 7 })).toMatchObject({ issues: [{ path: '/p7' }] });
});

test('what takes too long again and again is not tried any more', async () => {
  const schema = JSON.stringify({ ...doubling(40), title: 'again' });
  const answers: unknown[] = [];
  for (let time = 0; time < 4; time++) answers.push(await check(schema, 7, hasty));
  expect(answers.at(-1)).toEqual({ unchecked: 'its checks took too long 3 times' });
});

test.each<[schema: object, value: JsonValue, work: number]>([
  [{ type: 'string' }, 'text', 2],
  [{ items: { type: 'string' } }, ['a', 'b'], 6],
  [{ properties: { a: { enum: [1, 2, 3] } } }, { a: 1 }, 7],
  [{ allOf: [{ $ref: '#/$defs/a' }, { $ref: '#/$defs/a' }], $defs: { a: { const: 1 } } }, 1, 11],
])('the work of checking by %j the value %j is known before', (schema, value, work) => {
  const answer = costOf(schema as never);
  if (!('cost' in answer)) throw new Error(answer.refused);
  expect(workOf(answer.cost, value)).toBe(work);
});

test('by its bytes alone no value is taken for less work than it is', () => {
  const schema = {
    properties: { list: { items: { properties: { name: { pattern: '^a+$' } } }, uniqueItems: true } },
    patternProperties: { '^x': { enum: [1, 2, 3] } },
  };
  const answer = costOf(schema as never);
  if (!('cost' in answer)) throw new Error(answer.refused);
  const { cost } = answer;
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (value, item) => {
      for (const each of [value, { list: [item, value], x: value }] as JsonValue[]) {
        const bytes = Buffer.byteLength(JSON.stringify(each));
        expect(workBound(cost, bytes)).toBeGreaterThanOrEqual(workOf(cost, each));
      }
    }),
  );
});

test.each<[pattern: string, size: number]>([
  ['^a+$', 4],
  ['[a-z]{3}', 3],
  ['(ab){1,10}', 30],
  ['((a{1,100}){1,100}){1,100}', 1_010_100],
])('the pattern %s becomes as large as %d', (pattern, size) => {
  expect(patternSize(pattern)).toBe(size);
});

function large(): object {
  return {
    properties: Object.fromEntries(
      Array.from({ length: 400 }, (_, index) => [`p${index}`, { type: 'string' }]),
    ),
  };
}

/** Few parts, and 2^levels checks of one value. */
function doubling(levels: number): object {
  const $defs: Record<string, object> = { a0: { type: 'string' } };
  for (let level = 1; level <= levels; level++) {
    const below = { $ref: `#/$defs/a${level - 1}` };
    $defs[`a${level}`] = { anyOf: [below, { title: 'again', ...below }] };
  }
  return { $defs, $ref: `#/$defs/a${levels}` };
}
