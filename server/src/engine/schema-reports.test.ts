import { describe, expect, test } from 'vitest';
import type { SchemaCheckRequest, WorkflowDefinition } from './api.js';
import { child, DONE, Harness, PROJECT, SUSPEND, state } from './harness.mjs';

const object = (properties: object, more: object = {}) =>
  JSON.stringify({ type: 'object', properties, ...more });
const V1 = object({ n: { type: 'number' } });
const STRICTER = object({ n: { type: 'number', minimum: 5 } });
const OTHER = object({ n: { type: 'string' } });

/** Registers another version, a moment later. */
async function register(harness: Harness, schemas: WorkflowDefinition['schemas'], workflow = 'order') {
  await harness.clock.turn(1);
  return (await harness.registerFully([{ id: workflow, schemas }])).schemaReports;
}

async function invokeAll(harness: Harness, states: readonly object[]): Promise<string[]> {
  const ids: string[] = [];
  for (const each of states) {
    await harness.clock.turn(1);
    ids.push(await harness.invoke({ initialState: JSON.stringify(each) }));
  }
  return ids;
}

describe('a registration says of a new schema of the state', () => {
  test('what differs, and of each execution that is not final whether its state fits', async () => {
    const harness = await Harness.open();
    await register(harness, { state: V1 });
    const [small, large] = await invokeAll(harness, [{ n: 1 }, { n: 9 }]);
    const [report] = await register(harness, { state: STRICTER });
    expect(report).toMatchObject({
      workflowId: 'order',
      kind: 'state',
      comparison: {
        compatibility: 'breaking',
        findings: [{ compatibility: 'breaking', pointer: '/properties/n', keyword: 'minimum' }],
      },
      liveStates: {
        ...{ checked: 2, breaking: 1, unchecked: 0, complete: true },
        breakingExecutions: [
          {
            executionId: small,
            status: 'queued',
            stateRevision: 1,
            issues: [{ path: '/n', keyword: 'minimum' }],
          },
        ],
      },
    });
    expect(large).toBeDefined();
  });

  test('nothing of executions that its migrations will bring to that form', async () => {
    const harness = await Harness.open();
    await register(harness, { state: V1 });
    await invokeAll(harness, [{ n: 1 }]);
    await harness.clock.turn(1);
    const workflows = [{ id: 'order', schemas: { state: OTHER }, stateVersion: 2 }];
    const { schemaReports } = await harness.registerFully(workflows);
    expect(schemaReports[0]?.liveStates).toMatchObject({ checked: 0, breaking: 0, complete: true });
  });

  test('nothing of executions if it is compatible: nobody has to look', async () => {
    const harness = await Harness.open();
    await register(harness, { state: V1 });
    await invokeAll(harness, [{ n: 1 }]);
    const more = object({ n: { type: 'number' }, m: { type: 'string', default: '' } }, { required: ['m'] });
    const [report] = await register(harness, { state: more });
    expect(report?.comparison).toMatchObject({ compatibility: 'compatible' });
    expect(report).not.toHaveProperty('liveStates');
  });

  test('whether states fit that were made before there was any', async () => {
    const harness = await Harness.open();
    await invokeAll(harness, [{ n: 'text' }, { n: 1 }]);
    const [report] = await register(harness, { state: V1 });
    expect(report).not.toHaveProperty('comparison');
    expect(report?.liveStates).toMatchObject({ checked: 2, breaking: 1, complete: true });
  });

  test('that states fit once defaults are filled in', async () => {
    const harness = await Harness.open();
    await invokeAll(harness, [{}, { list: [{}, { a: 1 }] }]);
    const item = { properties: { a: { type: 'number', default: 0 } }, required: ['a'] };
    const properties = { b: { type: 'string', default: 'x' }, list: { items: item } };
    const [report] = await register(harness, { state: object(properties, { required: ['b'] }) });
    expect(report?.liveStates).toMatchObject({ checked: 2, breaking: 0 });
  });

  test('nothing of executions that are final, of other workflows and of other projects', async () => {
    const harness = await Harness.open();
    await register(harness, { state: V1 });
    await invokeAll(harness, [{ n: 1 }]);
    const worker = await harness.register([{ schemas: { state: V1 } }]);
    await harness.complete(await harness.take(worker), DONE);
    await harness.invoke({ workflowId: 'other', initialState: '{"n":1}' });
    await harness.invoke({ projectId: 'p2', initialState: '{"n":1}' });
    const [report] = await register(harness, { state: OTHER });
    expect(report?.liveStates).toMatchObject({ checked: 0, breaking: 0, complete: true });
  });

  test('how states are by then, whatever the execution does', async () => {
    const harness = await Harness.open();
    await register(harness, { state: V1 });
    await invokeAll(harness, [{ n: 1 }, { n: 1 }, { n: 1 }]);
    const worker = await harness.register([{ schemas: { state: V1 } }]);
    await harness.complete(await harness.take(worker), state(1, { n: 7 }));
    await harness.complete(await harness.take(worker), child('c'), SUSPEND);
    const [report] = await register(harness, { state: STRICTER });
    expect(report?.liveStates).toMatchObject({ checked: 3, breaking: 2, complete: true });
  });

  test('no more than it may look at: the first 20, and that there are more', async () => {
    const harness = await Harness.open();
    await invokeAll(harness, Array(30).fill({ n: 1 }));
    const [report] = await register(harness, { state: OTHER });
    expect(report?.liveStates).toMatchObject({ checked: 30, breaking: 30, complete: true });
    expect(report?.liveStates?.breakingExecutions).toHaveLength(20);
  });

  test('that it had no time to look at all', async () => {
    const harness = await Harness.open();
    await invokeAll(harness, Array(40).fill({ n: 1 }));
    // Each read of a state takes a tenth of a second of this clock.
    const { store, clock } = harness;
    const load = store.load.bind(store);
    let now = 0;
    clock.now = () => 1_700_000_001_000 + now;
    store.load = (id) => {
      now += 100;
      return load(id);
    };
    const { schemaReports } = await harness.registerFully([{ schemas: { state: OTHER } }]);
    expect(schemaReports[0]?.liveStates).toMatchObject({ checked: 16, breaking: 16, complete: false });
  });

  test('nothing if the server cannot use it', async () => {
    const harness = await Harness.open();
    await register(harness, { state: V1 });
    const [report] = await register(harness, { state: '{"type":7}' });
    expect(report).toEqual({
      ...{
        workflowId: 'order',
        kind: 'state',
        digest: expect.any(String),
        previousDigest: expect.any(String),
      },
      problem: expect.stringContaining('/type'),
    });
  });

  test('the same from whichever server', async () => {
    const [here, there] = (await Harness.openBeside(2)) as [Harness, Harness];
    await register(here, { state: V1 });
    await invokeAll(here, [{ n: 1 }]);
    await invokeAll(there, [{ n: 2 }, { n: 9 }]);
    await here.clock.turn(2_000);
    const [report] = await register(there, { state: STRICTER });
    expect(report).toMatchObject({
      comparison: { compatibility: 'breaking' },
      liveStates: { checked: 3, breaking: 2, complete: true },
    });
  });
});

test('a new schema of a payload or a result is compared, too', async () => {
  const harness = await Harness.open();
  await register(harness, { payload: V1, result: V1 });
  const reports = await register(harness, { payload: OTHER, result: object({}) });
  expect(reports.map(({ kind, comparison }) => [kind, comparison?.compatibility])).toEqual([
    ['payload', 'breaking'],
    ['result', 'compatible'],
  ]);
});

describe('a check of a schema that nobody has registered', () => {
  const asked = (text: string): SchemaCheckRequest => ({
    ...{ workflowId: 'order', kind: 'state', schema: { text }, limit: 500 },
  });

  test('answers what a registration would, and changes nothing', async () => {
    const harness = await Harness.open();
    await register(harness, { state: V1 });
    await invokeAll(harness, [{ n: 1 }, { n: 9 }]);
    const { report, next } = await harness.engine.checkSchema(PROJECT, asked(STRICTER));
    expect(report).toMatchObject({
      comparison: { compatibility: 'breaking' },
      liveStates: { checked: 2, breaking: 1, complete: true },
    });
    expect(next).toBeUndefined();
    expect(await harness.engine.listSchemas(PROJECT)).toHaveLength(1);
  });

  test('goes on from page to page, each execution once', async () => {
    const harness = await Harness.open();
    const ids = await invokeAll(harness, Array(25).fill({ n: 'x' }));
    const request = { ...asked(V1), limit: 10 };
    const seen: string[] = [];
    let page = await harness.engine.checkSchema(PROJECT, request);
    for (;;) {
      seen.push(...(page.report.liveStates?.breakingExecutions ?? []).map(({ executionId }) => executionId));
      if (!page.next) break;
      expect(page.report.liveStates?.complete).toBe(false);
      page = await harness.engine.checkSchema(PROJECT, { ...request, after: page.next });
    }
    expect(page.report.liveStates?.complete).toBe(true);
    expect(seen).toEqual(ids.reverse());
  });

  test('looks at all states, whatever the comparison says', async () => {
    const harness = await Harness.open();
    await register(harness, { state: V1 });
    await invokeAll(harness, [{ n: 1 }]);
    const { report } = await harness.engine.checkSchema(PROJECT, asked(V1));
    expect(report).toMatchObject({ comparison: { compatibility: 'compatible' }, liveStates: { checked: 1 } });
  });

  test('compares by digest or by text', async () => {
    const harness = await Harness.open();
    const [first] = await register(harness, { state: V1 });
    const { digest = '' } = first ?? {};
    const { compatibility } = await harness.engine.compareSchemas(PROJECT, { digest }, { text: OTHER });
    expect(compatibility).toBe('breaking');
    const refused = harness.engine.compareSchemas(PROJECT, { digest }, { text: '{"type":7}' });
    await expect(refused).rejects.toMatchObject({ problem: { type: 'invalid', field: 'after' } });
    const unknown = harness.engine.compareSchemas(PROJECT, { digest: 'none' }, { text: OTHER });
    await expect(unknown).rejects.toMatchObject({ problem: { type: 'not_found', resource: 'schema' } });
  });
});
