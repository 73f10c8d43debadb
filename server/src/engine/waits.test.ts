import { describe, expect, test } from 'vitest';
import { settled } from './hand-clock.mjs';
import { accept, DONE, Harness, LEASE_MS, PROJECT, SUSPEND, step } from './harness.mjs';

/** An execution that a worker's stream was given, and the stream. */
async function begun(harness: Harness) {
  const stream = await harness.openWork(await harness.register());
  stream.session.grant(1);
  const executionId = await harness.invoke();
  await settled();
  const [assignment] = stream.assignments;
  if (!assignment) throw new Error('no assignment');
  return { stream, executionId, assignment };
}

const nap = (ms: number) => ({ type: 'await_timer', key: 'nap', delayMs: ms }) as const;
const approval = { type: 'await_resume', key: 'approval' } as const;

describe('a wait for a time', () => {
  test('ends on time, and the worker that is free goes on', async () => {
    const harness = await Harness.open();
    const { stream, executionId, assignment } = await begun(harness);
    await harness.complete(assignment, nap(86_400_000), SUSPEND);
    expect((await harness.engine.getExecution(PROJECT, executionId)).reason).toBe('timer');
    stream.session.grant(1);
    await harness.clock.turn(86_399_999);
    expect(await harness.status(executionId)).toBe('waiting');
    await harness.clock.turn(1);
    expect(stream.assignments).toHaveLength(2);
    expect(stream.assignments[1]?.steps.steps).toMatchObject([{ key: 'nap', sequence: 0, outcome: {} }]);
  });

  test('holds no worker, and is told to the one that has the execution', async () => {
    const harness = await Harness.open();
    const { stream, assignment } = await begun(harness);
    await harness.complete(assignment, nap(1_000), step('a'));
    await harness.clock.turn(1_000);
    expect(stream.notices).toMatchObject([{ outcomes: [{ key: 'nap', outcome: { type: 'completed' } }] }]);
    await harness.complete(assignment, accept('nap'), DONE);
  });

  test('is answered at once where its time has come', async () => {
    const harness = await Harness.open();
    const { assignment } = await begun(harness);
    const { execution, outcomes } = await harness.complete(assignment, nap(0), SUSPEND);
    expect(execution.status).toBe('running');
    expect(outcomes).toMatchObject([{ key: 'nap', outcome: { type: 'completed' } }]);
  });

  test('ends also if the server was not there at its time', async () => {
    const harness = await Harness.open();
    const { executionId, assignment } = await begun(harness);
    await harness.complete(assignment, nap(5_000), SUSPEND);
    await harness.engine.stop();
    await harness.clock.turn(60_000);
    await harness.restart();
    expect(await harness.status(executionId)).toBe('queued');
  });

  test('ten thousand of them end on time, none early', async () => {
    const harness = await Harness.open();
    const worker = await harness.register();
    const ids = await Promise.all(Array.from({ length: 10_000 }, () => harness.invoke()));
    const assignments = await harness.takeAll(worker, ids.length);
    expect(assignments).toHaveLength(ids.length);
    for (const [index, assignment] of assignments.entries()) {
      await harness.complete(assignment, nap(10_000 + (index % 100) * 10), SUSPEND);
    }
    const statuses = async () =>
      (await harness.store.list({ projectId: PROJECT, status: 'waiting', limit: 20_000 })).length;
    await harness.clock.turn(9_999);
    expect(await statuses()).toBe(10_000);
    await harness.clock.turn(501);
    expect(await statuses()).toBe(4_900);
    await harness.clock.turn(490);
    expect(await statuses()).toBe(0);
  }, 60_000);
});

describe('a wait to be resumed', () => {
  test('ends with what was given, once', async () => {
    const harness = await Harness.open();
    const { executionId, assignment } = await begun(harness);
    await harness.complete(assignment, approval, SUSPEND);
    expect((await harness.engine.getExecution(PROJECT, executionId)).reason).toBe('resume');
    const resume = (json: string) =>
      harness.engine.resume(PROJECT, executionId, { stepKey: 'approval', data: { json } });
    await Promise.all([resume('1'), resume('1')]);
    await expect(resume('2')).rejects.toMatchObject({ problem: { rejection: { type: 'result_conflict' } } });
    const again = await harness.take(await harness.register());
    await harness.complete(again, accept('approval'), DONE);
    await resume('1');
    await expect(resume('2')).rejects.toMatchObject({ problem: { rejection: { type: 'closed' } } });
  });

  test('may be called as what every object has', async () => {
    const harness = await Harness.open();
    const { executionId, assignment } = await begun(harness);
    const keys = ['__proto__', 'constructor', 'toString'];
    const awaited = keys.map((key) => ({ type: 'await_resume', key }) as const);
    await harness.complete(assignment, ...awaited, SUSPEND);
    const { waits } = await harness.execution(executionId);
    expect(Object.keys(waits)).toEqual(keys);
    expect(Object.getPrototypeOf(waits)).toBe(Object.prototype);
    for (const stepKey of keys) await harness.engine.resume(PROJECT, executionId, { stepKey });
    const again = await harness.take(await harness.register());
    await harness.complete(again, ...keys.map(accept));
    expect((await harness.execution(executionId)).waits).toEqual({});
  });

  test('is resumed by what came before it', async () => {
    const harness = await Harness.open();
    const { executionId, assignment } = await begun(harness);
    await harness.engine.resume(PROJECT, executionId, { stepKey: 'approval', data: { json: '7' } });
    const { outcomes } = await harness.complete(assignment, approval, SUSPEND);
    expect(outcomes).toMatchObject([{ key: 'approval', outcome: { result: { json: '7' } } }]);
  });

  test('is told to the worker that has the execution, and survives the loss of its lease', async () => {
    const harness = await Harness.open();
    const { stream, executionId, assignment } = await begun(harness);
    await harness.complete(assignment, approval, step('a'));
    await harness.engine.resume(PROJECT, executionId, { stepKey: 'approval' });
    expect(stream.notices).toMatchObject([{ outcomes: [{ key: 'approval' }] }]);
    await harness.clock.turn(LEASE_MS + 1_000);
    const again = await harness.take(await harness.register());
    expect(again.steps.steps).toMatchObject([{ key: 'a' }, { key: 'approval', sequence: 0, outcome: {} }]);
  });

  test('of another project cannot be resumed', async () => {
    const harness = await Harness.open();
    const { executionId } = await begun(harness);
    await expect(harness.engine.resume('p2', executionId, { stepKey: 'approval' })).rejects.toMatchObject({
      problem: { type: 'not_found' },
    });
  });
});
