import { describe, expect, test } from 'vitest';
import type { WorkerAction } from './api.js';
import { settled } from './hand-clock.mjs';
import { accept, DONE, Harness, PROJECT, SUSPEND, state, step } from './harness.mjs';

/** Registers a worker whose code wants states of this version. */
function register(harness: Harness, stateVersion: number, more: object = {}): Promise<string> {
  return harness.register([{ id: 'order', stateVersion, ...more }]);
}

function migrate(baseRevision: number, fromVersion: number, toVersion: number, value: object): WorkerAction {
  const document = { value: value as never, bytes: Buffer.byteLength(JSON.stringify(value)) };
  return { type: 'migrate_state', baseRevision, fromVersion, toVersion, document };
}

/** An execution of version 1 that a worker left waiting, resumed: ready. */
async function ready(harness: Harness): Promise<string> {
  const executionId = await harness.invoke();
  const wait = { type: 'await_resume', key: 'ok' } as const;
  const assignment = await harness.take(await register(harness, 1));
  await harness.complete(assignment, step('a'), state(1, { n: 1 }), wait, SUSPEND);
  await harness.engine.resume(PROJECT, executionId, { stepKey: 'ok' });
  return executionId;
}

describe('a migration of a state', () => {
  test('is committed first of all, answered with its record, and listed as what it is', async () => {
    const harness = await Harness.open();
    const { engine } = harness;
    const executionId = await ready(harness);
    const assignment = await harness.take(await register(harness, 3));
    expect(assignment.execution.stateVersion).toBe(1);
    const { outcomes } = await harness.complete(assignment, migrate(2, 1, 3, { count: 1 }));
    const record = { key: '', kind: 'state_migration', sequence: 2, fromVersion: 1, toVersion: 3 };
    expect(outcomes[0]).toMatchObject({ ...record, isBeforeCode: false });
    expect(outcomes[1]).toMatchObject({ key: 'ok', sequence: 0 });
    const again = await harness.completeAs(assignment.lease, 1, [migrate(2, 1, 3, { count: 1 })]);
    expect(again.outcomes[0], 'a lost answer').toMatchObject(record);
    await harness.complete(assignment, accept('ok'), DONE);
    const page = await engine.stateRevisions(PROJECT, executionId, { afterRevision: 2, limit: 10 });
    expect(page.revisions).toMatchObject([{ revision: 3, migration: { fromVersion: 1, toVersion: 3 } }]);
    expect(await engine.state(PROJECT, executionId)).toMatchObject({ json: '{"count":1}' });
  });

  test('is refused as a whole if it breaks the schema of its worker', async () => {
    const harness = await Harness.open();
    await ready(harness);
    const schema = JSON.stringify({ type: 'object', required: ['count'] });
    const assignment = await harness.take(await register(harness, 2, { schemas: { state: schema } }));
    await expect(harness.complete(assignment, migrate(2, 1, 2, { n: 1 }))).rejects.toMatchObject({
      problem: { type: 'schema_violation', value: 'state', field: 'commands[0].state_migrated' },
    });
    const { executionId } = assignment.lease;
    expect(await harness.execution(executionId)).toMatchObject({ stateRevision: 2, stateVersion: 1 });
    const failure = { type: 'StateMigrationError', message: 'no count', retryable: false };
    await harness.completeAs(assignment.lease, 1, [{ type: 'park_execution', failure }]);
    expect(await harness.engine.getExecution(PROJECT, executionId)).toMatchObject({
      reason: 'state_misfit',
      execution: { status: 'paused', failure },
    });
    await harness.engine.unpause(PROJECT, executionId);
    expect((await harness.take(await register(harness, 2))).state).toBe('{"n":1}');
  });
});

describe('executions of a later version than some workers', () => {
  test('begin with the version that was registered last, and are given to none that is older', async () => {
    const harness = await Harness.open();
    const old = await register(harness, 1);
    const recent = await register(harness, 2);
    const executionId = await harness.invoke();
    expect(await harness.execution(executionId)).toMatchObject({ stateVersion: 2 });
    expect(await harness.takeAll(old)).toEqual([]);
    expect((await harness.take(recent)).lease.executionId).toBe(executionId);
  });

  test('are not offered to an old worker that waits when they become ready', async () => {
    const harness = await Harness.open();
    const old = await harness.openWork(await register(harness, 1));
    const recent = await harness.openWork(await register(harness, 2));
    old.session.grant(10);
    recent.session.grant(1);
    await Promise.all([harness.invoke(), harness.invoke()]);
    await settled();
    expect([old.assignments.length, recent.assignments.length]).toEqual([0, 1]);
    recent.session.grant(1);
    await settled();
    expect([old.assignments.length, recent.assignments.length]).toEqual([0, 2]);
  });

  test('say that no worker is there for them', async () => {
    const harness = await Harness.open();
    const recent = await harness.openWork(await register(harness, 2));
    const executionId = await harness.invoke();
    recent.session.close();
    await harness.openWork(await register(harness, 1));
    expect(await harness.engine.getExecution(PROJECT, executionId)).toMatchObject({ reason: 'no_worker' });
  });

  test('keep nobody back who comes after them, and are there for the first new worker', async () => {
    const harness = await Harness.open();
    const recent = await harness.openWork(await register(harness, 2));
    const blocked = await Promise.all(Array.from({ length: 250 }, () => harness.invoke({ priority: 10 })));
    recent.session.close();
    await register(harness, 1);
    const behind = await Promise.all(Array.from({ length: 5 }, () => harness.invoke()));
    const old = await harness.openWork(await register(harness, 1));
    old.session.grant(100);
    await harness.clock.turn(1_000);
    expect(old.assignments.map(({ lease }) => lease.executionId).sort()).toEqual(behind.sort());
    const mended = await harness.openWork(await register(harness, 2));
    mended.session.grant(300);
    await harness.clock.turn(1_000);
    expect(mended.assignments.map(({ lease }) => lease.executionId).sort()).toEqual(blocked.sort());
    expect(old.assignments).toHaveLength(5);
  });

  test('are known as such to a server that never saw them', async () => {
    const [one, two] = (await Harness.openBeside(2)) as [Harness, Harness];
    await register(one, 2);
    const executionId = await one.invoke();
    const old = await two.openWork(await register(two, 1));
    old.session.grant(1);
    await two.clock.turn(10_000);
    expect(old.assignments).toEqual([]);
    const recent = await two.openWork(await register(two, 2));
    recent.session.grant(1);
    await two.clock.turn(10_000);
    expect(recent.assignments.map(({ lease }) => lease.executionId)).toEqual([executionId]);
  });

  test('take no slot of a limited queue from those that somebody serves', async () => {
    const harness = await Harness.open();
    const limited = { queue: 'order', queueConcurrencyLimit: 1 };
    const recent = await harness.openWork(await register(harness, 2, limited));
    await harness.invoke();
    recent.session.close();
    const old = await harness.openWork(await register(harness, 1, limited));
    old.session.grant(1);
    const executionId = await harness.invoke();
    await harness.clock.turn(120_000);
    expect(old.assignments.map(({ lease }) => lease.executionId)).toEqual([executionId]);
  });
});
