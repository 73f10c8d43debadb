import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Harness, PROJECT, state, step } from './harness.mjs';

const NUMBER = '{"type":"number"}';
const STRING = '{"type":"string"}';

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

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
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
