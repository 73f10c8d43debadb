import { describe, expect, test } from 'vitest';
import type { PatchOperation } from '../core/state-document.js';
import type { StateNews, StateRepair } from './api.js';
import { accept, DONE, Harness, LEASE_MS, PROJECT, SUSPEND, state, step } from './harness.mjs';

function repair(expectedRevision: number, ...patch: readonly PatchOperation[]): StateRepair {
  return { expectedRevision, patch, digest: JSON.stringify(patch), reason: 'typo', author: 'ada' };
}

function put(path: string, value: number | string): PatchOperation {
  return { op: 'add', path, value };
}

/** An execution that waits to be resumed, with a state {n: 1} at revision 2. */
async function waiting(harness: Harness, workflow: object = {}): Promise<string> {
  const executionId = await harness.invoke();
  const assignment = await harness.take(await harness.register([{ id: 'order', ...workflow }]));
  const wait = { type: 'await_resume', key: 'ok' } as const;
  await harness.complete(assignment, step('a'), state(1, { n: 1 }), wait, SUSPEND);
  return executionId;
}

const schemaOf = (type: string) => JSON.stringify({ type: 'object', properties: { n: { type } } });

describe('a repair of a state', () => {
  test('is a revision that says who and why, and an outcome at its place', async () => {
    const harness = await Harness.open();
    const { engine } = harness;
    const executionId = await waiting(harness);
    expect(await engine.patchState(PROJECT, executionId, repair(2, put('/n', 5)))).toBe(3);
    expect(await harness.status(executionId)).toBe('waiting');
    expect(await engine.state(PROJECT, executionId)).toMatchObject({ json: '{"n":5}', revision: 3 });
    expect(await engine.state(PROJECT, executionId, { revision: 2 })).toMatchObject({ json: '{"n":1}' });
    const page = { afterRevision: 1, limit: 10 };
    const { revisions } = await engine.stateRevisions(PROJECT, executionId, page);
    expect(revisions).toMatchObject([
      { revision: 2, stepKey: 'a' },
      { revision: 3, patch: [put('/n', 5)], repair: { reason: 'typo', author: 'ada' } },
    ]);
    expect(revisions[0]?.repair).toBeUndefined();
    expect(await harness.eventTypes(executionId)).toContain('state_repair');
    const { steps } = await engine.listSteps(PROJECT, executionId, 0);
    expect(steps).toMatchObject([
      { key: 'a', sequence: 1 },
      { key: '', kind: 'state_repair', sequence: 2, statePatch: JSON.stringify([put('/n', 5)]) },
      { key: 'ok', sequence: 0 },
    ]);
    expect(steps[1]?.isBeforeCode).toBe(false);
  });

  test('is given to whoever goes on, and to nobody as an omitted step', async () => {
    const harness = await Harness.open();
    const { engine } = harness;
    const executionId = await harness.invoke();
    const workerId = await harness.register();
    const keys = Array.from({ length: 30 }, (_, index) => `s${index}`);
    const wait = { type: 'await_resume', key: 'ok' } as const;
    const suspend = { type: 'suspend_execution', isKept: true } as const;
    const first = await harness.take(workerId);
    await harness.complete(first, ...keys.map((key) => step(key)), state(1, { n: 1 }), wait, suspend);
    await engine.patchState(PROJECT, executionId, repair(2, put('/n', 5)));
    await engine.resume(PROJECT, executionId, { stepKey: 'ok' });
    const again = await harness.take(workerId);
    expect(again.omittedSteps).toBe(0);
    expect(again.steps.steps).toHaveLength(32);
    expect(again.state).toBe('{"n":5}');
    await harness.complete(again, accept('ok'), state(3, { n: 6 }), DONE);
    expect(await harness.status(executionId)).toBe('completed');
  });

  test('is read back by a server that knew nothing of it', async () => {
    const harness = await Harness.open();
    const executionId = await harness.invoke({ initialState: '{"n":1}' });
    await harness.engine.patchState(PROJECT, executionId, repair(1, put('/n', 5)));
    await harness.engine.stop();
    await harness.restart();
    const assignment = await harness.take(await harness.register());
    expect(assignment.steps.steps).toMatchObject([{ kind: 'state_repair', sequence: 1, isBeforeCode: true }]);
    expect(assignment.execution.stateUnsettled).toBe(true);
  });

  test('wakes nothing, and is refused while a worker holds the execution', async () => {
    const harness = await Harness.open();
    const { engine } = harness;
    const executionId = await harness.invoke();
    await harness.take(await harness.register());
    await expect(engine.patchState(PROJECT, executionId, repair(1, put('/n', 5)))).rejects.toMatchObject({
      problem: { type: 'rejected', rejection: { type: 'running' } },
    });
    await engine.pause(PROJECT, executionId);
    expect(await engine.patchState(PROJECT, executionId, repair(1, put('/n', 5)))).toBe(2);
    await harness.clock.turn(10 * LEASE_MS);
    expect(await harness.status(executionId)).toBe('paused');
  });

  test('is made once, however often it is asked for', async () => {
    const harness = await Harness.open();
    const { engine } = harness;
    const executionId = await waiting(harness);
    const asked = repair(2, put('/n', 5));
    const [one, two] = await Promise.all([1, 2].map(() => engine.patchState(PROJECT, executionId, asked)));
    expect([one, two]).toEqual([3, 3]);
    await engine.cancel(PROJECT, executionId);
    expect(await engine.patchState(PROJECT, executionId, asked)).toBe(3);
    await expect(engine.patchState(PROJECT, executionId, repair(3, put('/n', 6)))).rejects.toMatchObject({
      problem: { rejection: { type: 'closed', status: 'cancelled' } },
    });
  });

  test('that changes nothing makes no revision', async () => {
    const harness = await Harness.open();
    const executionId = await waiting(harness);
    expect(await harness.engine.patchState(PROJECT, executionId, repair(2, put('/n', 1)))).toBe(2);
    expect(await harness.eventTypes(executionId)).not.toContain('state_repair');
  });

  test('of another project is not found', async () => {
    const harness = await Harness.open();
    const executionId = await waiting(harness);
    await expect(harness.engine.patchState('p2', executionId, repair(2, put('/n', 5)))).rejects.toMatchObject(
      {
        problem: { type: 'not_found' },
      },
    );
  });

  test('is checked against the schema by which the state was changed last, not the newest', async () => {
    const harness = await Harness.open();
    const { engine } = harness;
    const executionId = await waiting(harness, { schemas: { state: schemaOf('number') } });
    await harness.register([{ schemas: { state: schemaOf('string') } }]);
    await expect(engine.patchState(PROJECT, executionId, repair(2, put('/n', 'x')))).rejects.toMatchObject({
      problem: { type: 'schema_violation', value: 'state', field: 'patch', issues: [{ path: '/n' }] },
    });
    expect((await harness.execution(executionId)).stateRevision).toBe(2);
    expect(await engine.patchState(PROJECT, executionId, repair(2, put('/n', 7)))).toBe(3);
  });

  test('of a state that no worker has changed is checked against the newest schema', async () => {
    const harness = await Harness.open();
    const { engine } = harness;
    const executionId = await harness.invoke({ initialState: '{"n":1}' });
    await harness.register([{ schemas: { state: schemaOf('string') } }]);
    await expect(engine.patchState(PROJECT, executionId, repair(1, put('/n', 2)))).rejects.toMatchObject({
      problem: { type: 'schema_violation' },
    });
    expect(await engine.patchState(PROJECT, executionId, repair(1, put('/n', 'one')))).toBe(2);
  });

  test('of a state of an earlier version is not checked against the schema of a later one', async () => {
    const harness = await Harness.open();
    const { engine } = harness;
    const executionId = await waiting(harness);
    const schemas = { state: schemaOf('string') };
    await harness.register([{ id: 'order', stateVersion: 2, schemas }]);
    expect(await engine.patchState(PROJECT, executionId, repair(2, put('/n', 7)))).toBe(3);
    const newer = await harness.invoke({ initialState: '{"n":"one"}' });
    await expect(engine.patchState(PROJECT, newer, repair(1, put('/n', 7)))).rejects.toMatchObject({
      problem: { type: 'schema_violation' },
    });
  });

  test('is told to whoever watches the state', async () => {
    const harness = await Harness.open();
    const executionId = await waiting(harness);
    const from = { afterRevision: 2, signal: new AbortController().signal };
    const news = harness.engine.watchState(PROJECT, executionId, from)[Symbol.asyncIterator]();
    const next = news.next();
    await harness.engine.patchState(PROJECT, executionId, repair(2, put('/n', 5)));
    const { value } = (await next) as { value: StateNews };
    expect(value).toMatchObject({
      type: 'revisions',
      revisions: [{ revision: 3, repair: { author: 'ada' } }],
    });
  });
});

describe('repairs on servers beside each other', () => {
  test('only one of two against the same revision happens, and the other server goes on with it', async () => {
    const [one, two] = (await Harness.openBeside(2)) as [Harness, Harness];
    const executionId = await waiting(one);
    const outcomes = await Promise.allSettled([
      one.engine.patchState(PROJECT, executionId, repair(2, put('/n', 5))),
      two.engine.patchState(PROJECT, executionId, repair(2, put('/n', 6))),
    ]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const refused = outcomes.find(({ status }) => status === 'rejected') as PromiseRejectedResult;
    expect(refused.reason).toMatchObject({ problem: { rejection: { type: 'state_revision_conflict' } } });
    await two.engine.resume(PROJECT, executionId, { stepKey: 'ok' });
    const assignment = await two.take(await two.register());
    const { json } = await one.engine.state(PROJECT, executionId);
    expect(assignment.state).toBe(json);
    expect(assignment.steps.steps.map(({ kind }) => kind)).toEqual(['run', 'state_repair', 'suspend']);
  });
});
