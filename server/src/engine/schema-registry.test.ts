import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { JsonValue } from '../core/json.js';
import { Harness, PROJECT, state, step } from './harness.mjs';
import { compileSchema } from './schema-compiler.js';

const NUMBER = '{"type":"number"}';
const STRING = '{"type":"string"}';
const LIST =
  '{"$ref":"#/$defs/a","$defs":{"a":{"type":"object","properties":{"next":{"$ref":"#/$defs/a"}}}}}';

describe('registering a schema', () => {
  test('reports it when it is new, and what it replaces', async () => {
    const harness = await Harness.open();
    const register = async (payload: string) =>
      (await harness.registerFully([{ schemas: { payload } }])).schemaReports.map(
        ({ digest, previousDigest, problem }) => ({ digest, previousDigest, problem }),
      );
    const [a, b] = [digestOf(NUMBER), digestOf(STRING)];
    expect(await register(NUMBER)).toEqual([{ digest: a }]);
    expect(await register(NUMBER)).toEqual([]);
    await harness.clock.turn(1);
    expect(await register(STRING)).toEqual([{ digest: b, previousDigest: a }]);
    await harness.clock.turn(1);
    expect(await register(NUMBER)).toEqual([{ digest: a, previousDigest: b }]);
    await harness.restart();
    expect(await register(NUMBER)).toEqual([]);
    const listed = await harness.engine.listSchemas(PROJECT, 'order');
    expect(listed.map(({ digest, current }) => ({ digest, current }))).toEqual([
      { digest: a, current: true },
      { digest: b, current: false },
    ]);
    expect(await harness.engine.getSchema(PROJECT, b)).toMatchObject({ jsonSchema: STRING });
  });

  test('makes it the one that is checked against', async () => {
    const harness = await Harness.open();
    await harness.register([{ schemas: { payload: NUMBER } }]);
    await harness.clock.turn(1);
    await harness.register([{ schemas: { payload: STRING } }]);
    await harness.invoke({ payload: { json: '"text"' } });
    await expect(harness.invoke({ payload: { json: '1' } })).rejects.toMatchObject({
      problem: { type: 'schema_violation', digest: digestOf(STRING) },
    });
  });

  test('knows it by its meaning, not by how it is written', async () => {
    const harness = await Harness.open();
    await harness.register([{ schemas: { payload: '{"type":"number","minimum":1}' } }]);
    const { schemaReports } = await harness.registerFully([
      { schemas: { payload: '{ "minimum": 1, "type": "number" }' } },
    ]);
    expect(schemaReports).toEqual([]);
  });

  test('that the server cannot use reports why to every worker, and nothing is checked', async () => {
    const harness = await Harness.open();
    const register = async () =>
      (await harness.registerFully([{ schemas: { payload: '{"type":"nonsense"}' } }])).schemaReports;
    expect(await register()).toMatchObject([
      { kind: 'payload', workflowId: 'order', problem: expect.any(String) },
    ]);
    expect(await register()).toMatchObject([{ problem: expect.any(String) }]);
    await harness.restart();
    expect(await register()).toMatchObject([{ problem: expect.any(String) }]);
    await harness.invoke({ payload: { json: '7' } });
  });

  test('keeps projects apart', async () => {
    const harness = await Harness.open();
    await harness.register([{ schemas: { payload: NUMBER } }], { projectId: 'p2' });
    expect(await harness.engine.listSchemas(PROJECT)).toEqual([]);
    await expect(harness.engine.getSchema(PROJECT, digestOf(NUMBER))).rejects.toMatchObject({
      problem: { type: 'not_found', resource: 'schema' },
    });
    await harness.invoke({ payload: { json: '"text"' } });
  });
});

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
  ['it asks for a promise', '{"$async":true,"type":"string"}'],
])('a schema is not used because %s', (_, schema) => {
  expect(compileSchema(schema)).toHaveProperty('problem');
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
])('%s finds %j wrong at "%s"', (schema, value, path, keyword) => {
  const compiled = compileSchema(schema);
  if (!('schema' in compiled)) throw new Error(compiled.problem);
  expect(compiled.schema.check(value)).toMatchObject([{ path, keyword }]);
});

test('at most 20 places are named, and of a large value the first', () => {
  const compiled = compileSchema('{"items":{"type":"string"}}');
  if (!('schema' in compiled)) throw new Error(compiled.problem);
  expect(compiled.schema.check(Array(1_000).fill(1))).toHaveLength(20);
  expect(compiled.schema.check(Array(900_000).fill(1))).toMatchObject([{ path: '/0' }]);
});

// Each of these takes seconds to hours if it is checked naively; the limit leaves room for a busy machine.
test.each<[what: string, schema: string, value: JsonValue]>([
  ['a pattern that backtracks', '{"pattern":"^(a+)+$"}', `${'a'.repeat(50_000)}b`],
  [
    'a pattern that backtracks in a name',
    '{"patternProperties":{"^(a|a)*$":{}}}',
    { [`${'a'.repeat(50_000)}b`]: 1 },
  ],
  ['a pattern with nested counts', '{"pattern":"((a{1,100}){1,100}){1,100}"}', 'a'.repeat(1_000)],
  ['many equal items', '{"uniqueItems":true}', Array.from({ length: 20_000 }, (_, index) => ({ index }))],
  ['many items of many kinds', JSON.stringify({ items: { enum: kinds(900) } }), Array(900_000).fill('none')],
  [
    'many items that fit none of many schemas',
    JSON.stringify({ items: { anyOf: kinds(900) } }),
    Array(50_000).fill(0),
  ],
])('%s is checked fast', (_, schema, value) => {
  const start = performance.now();
  const compiled = compileSchema(schema);
  if ('schema' in compiled) compiled.schema.check(value);
  expect(performance.now() - start).toBeLessThan(3_000);
});

test.each<[what: string, schema: string, value: JsonValue]>([
  ['a pattern that only backtracking can check', '{"pattern":"^(?=a)b"}', 'x'],
  ['a schema that refers to itself', '{"$ref":"#"}', 7],
  ['one that does so in a circle', '{"$ref":"#/$defs/a","$defs":{"a":{"allOf":[{"$ref":"#"}]}}}', 7],
  ['one that does so by name', '{"$dynamicAnchor":"a","$dynamicRef":"#a"}', 7],
  ['one that doubles with each reference', doubling(40), 7],
  [
    'one that doubles with each level of the value',
    '{"anyOf":[{"items":{"$ref":"#"}},{"items":{"$ref":"#"}}],"not":{"const":0}}',
    nested(60, 0),
  ],
])('%s is left to the SDK', (_, schema, value) => {
  const compiled = compileSchema(schema);
  if (!('schema' in compiled)) throw new Error(compiled.problem);
  expect(compiled.schema.check(value)).toEqual([]);
});

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Few parts, and 2^levels checks of one value. */
function doubling(levels: number): string {
  const $defs: Record<string, object> = { a0: { type: 'string' } };
  for (let level = 1; level <= levels; level++) {
    const below = { $ref: `#/$defs/a${level - 1}` };
    $defs[`a${level}`] = { anyOf: [below, { title: 'again', ...below }] };
  }
  return JSON.stringify({ $defs, $ref: `#/$defs/a${levels}` });
}

function nested(depth: number, inner: JsonValue): JsonValue {
  return depth === 0 ? inner : [nested(depth - 1, inner)];
}

/** Schemas, and values, that are all different. */
function kinds(count: number): object[] {
  return Array.from({ length: count }, (_, index) => ({ const: index + 1 }));
}

describe('a state that a worker commits', () => {
  // Canonical, as their digests are made.
  const V1 = '{"properties":{"n":{"type":"number"}},"required":["n"],"type":"object"}';
  const V2 = '{"properties":{"n":{"type":"string"}},"required":["n"],"type":"object"}';

  test('is checked against the schema that the worker declared, and refused as a whole', async () => {
    const harness = await Harness.open();
    const executionId = await harness.invoke({ initialState: '{"n":1}' });
    const assignment = await harness.take(await harness.register([{ schemas: { state: V1 } }]));
    await harness.complete(assignment, step('a'), state(1, { n: 2 }));
    await expect(harness.complete(assignment, step('b'), state(2, { n: 'x' }))).rejects.toMatchObject({
      problem: {
        type: 'schema_violation',
        value: 'state',
        field: 'commands[1].state_changed',
        digest: digestOf(V1),
        issues: [{ path: '/n', keyword: 'type' }],
      },
    });
    const { json, revision } = await harness.engine.state(PROJECT, executionId);
    expect({ json, revision }).toEqual({ json: '{"n":2}', revision: 2 });
    const { steps } = await harness.engine.listSteps(PROJECT, executionId, 0);
    expect(steps.map(({ key }) => key)).toEqual(['a']);
  });

  test('is checked where a patch leads, not the patch', async () => {
    const harness = await Harness.open();
    await harness.invoke({ initialState: '{"n":1}' });
    const assignment = await harness.take(await harness.register([{ schemas: { state: V1 } }]));
    const patch = [{ op: 'remove', path: '/n' }] as const;
    const removal = { type: 'change_state', baseRevision: 1, change: { patch } } as const;
    await expect(harness.complete(assignment, removal)).rejects.toMatchObject({
      problem: { issues: [{ keyword: 'required' }] },
    });
  });

  test('is not checked against the schema of a newer deployment', async () => {
    const harness = await Harness.open();
    await harness.invoke({ initialState: '{"n":1}' });
    const old = await harness.register([{ schemas: { state: V1 } }]);
    const assignment = await harness.take(old);
    await harness.clock.turn(1);
    await harness.register([{ schemas: { state: V2 } }]);
    await harness.complete(assignment, state(1, { n: 2 }));
    await expect(harness.complete(assignment, state(2, { n: 'x' }))).rejects.toMatchObject({
      problem: { digest: digestOf(V1) },
    });
  });

  test('is checked by whichever server the worker turns to', async () => {
    const [here, there] = (await Harness.openBeside(2)) as [Harness, Harness];
    await here.invoke({ initialState: '{"n":1}' });
    const worker = await here.register([{ schemas: { state: V1 } }]);
    const assignment = await there.take(worker);
    await expect(there.complete(assignment, state(1, { n: 'x' }))).rejects.toMatchObject({
      problem: { type: 'schema_violation', digest: digestOf(V1) },
    });
  });
});
