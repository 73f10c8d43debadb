import { describe, expect, test } from 'vitest';
import { openMemoryStore } from '../store/memory/memory-store.js';
import { settled } from './hand-clock.mjs';
import { accept, child, DONE, done, Harness, LEASE_MS, PROJECT, SUSPEND, step } from './harness.mjs';
import { intercepted } from './slow-store.mjs';

/** Has a worker take the execution and die with it. */
async function loseWorker(harness: Harness): Promise<void> {
  await harness.take(await harness.register());
  await harness.clock.turn(LEASE_MS + 1);
}

describe('an execution at which workers are lost', () => {
  test('is held back after five in a row, says why, and goes on when somebody says so', async () => {
    const harness = await Harness.open();
    const executionId = await harness.invoke();
    await harness.complete(await harness.take(await harness.register()), step('a'));
    await harness.clock.turn(LEASE_MS + 1);
    for (let lost = 1; lost < 5; lost++) {
      expect(await harness.status(executionId)).toBe('queued');
      await loseWorker(harness);
    }
    const parked = await harness.engine.getExecution(PROJECT, executionId);
    expect(parked).toMatchObject({
      reason: 'workers_lost',
      execution: {
        status: 'paused',
        lostLeases: 5,
        failure: { type: 'WorkersLostError', message: expect.stringContaining('5 workers in a row') },
      },
    });
    expect((await harness.eventTypes(executionId)).slice(-2)).toEqual(['worker_lost', 'workflow_pause']);
    await harness.clock.turn(3_600_000);
    expect(await harness.takeAll(await harness.register())).toEqual([]);

    await harness.engine.unpause(PROJECT, executionId);
    const { execution } = await harness.engine.getExecution(PROJECT, executionId);
    expect(execution.failure).toBeUndefined();
    const again = await harness.take(await harness.register());
    expect(again.steps.steps).toMatchObject([{ key: 'a', sequence: 1 }]);
    expect((await harness.complete(again, DONE)).execution.status).toBe('completed');
  });

  test('is not held back while each of them finishes a step', async () => {
    const harness = await Harness.open();
    const executionId = await harness.invoke();
    for (let lost = 0; lost < 12; lost++) {
      await harness.complete(await harness.take(await harness.register()), step(`s${lost}`));
      await harness.clock.turn(LEASE_MS + 1);
    }
    expect(await harness.status(executionId)).toBe('queued');
  });

  test('is given five workers more after somebody has ended the pause', async () => {
    const harness = await Harness.open();
    const executionId = await harness.invoke();
    for (let lost = 0; lost < 5; lost++) await loseWorker(harness);
    await harness.engine.unpause(PROJECT, executionId);
    for (let lost = 0; lost < 4; lost++) await loseWorker(harness);
    expect(await harness.status(executionId)).toBe('queued');
    await loseWorker(harness);
    expect(await harness.status(executionId)).toBe('paused');
  });

  test('is held back although servers are lost, too', async () => {
    const harness = await Harness.open();
    const executionId = await harness.invoke();
    for (let lost = 0; lost < 5; lost++) {
      await harness.take(await harness.register());
      await harness.engine.stop();
      await harness.restart();
      await harness.clock.turn(2 * LEASE_MS);
    }
    expect(await harness.status(executionId)).toBe('paused');
  });

  test('can be cancelled', async () => {
    const harness = await Harness.open();
    const executionId = await harness.invoke();
    for (let lost = 0; lost < 5; lost++) await loseWorker(harness);
    expect(await harness.engine.cancel(PROJECT, executionId)).toBe('cancelled');
  });
});

describe('a pause', () => {
  test('takes the execution from its worker, which is told, and commits nothing any more', async () => {
    const harness = await Harness.open();
    const stream = await harness.openWork(await harness.register());
    stream.session.grant(1);
    const executionId = await harness.invoke();
    await settled();
    const [running] = stream.assignments;
    await harness.engine.pause(PROJECT, executionId);
    expect(stream.notices).toMatchObject([{ executionId, leaseLost: true }]);
    await expect(harness.complete(running!, step('a'))).rejects.toMatchObject({
      problem: { rejection: { type: 'lease_lost' } },
    });
    expect(await harness.engine.getExecution(PROJECT, executionId)).toMatchObject({
      execution: { status: 'paused', lostLeases: 0 },
    });
  });

  test('keeps what comes meanwhile: children, resumes and times', async () => {
    const harness = await Harness.open();
    const worker = await harness.register(['order', 'child']);
    const executionId = await harness.invoke();
    await harness.complete(
      await harness.take(worker),
      child('pay'),
      { type: 'await_resume', key: 'approval' },
      { type: 'await_timer', key: 'nap', delayMs: 1_000 },
      SUSPEND,
    );
    const pay = await harness.take(worker);
    await harness.engine.pause(PROJECT, executionId);
    await harness.complete(pay, done('5'));
    await harness.engine.resume(PROJECT, executionId, { stepKey: 'approval', data: { json: '6' } });
    await harness.clock.turn(60_000);
    expect(await harness.status(executionId)).toBe('paused');
    expect(await harness.takeAll(worker)).toEqual([]);
    await harness.engine.unpause(PROJECT, executionId);
    const again = await harness.take(worker);
    expect(again.steps.steps).toMatchObject([
      { key: 'pay', outcome: { result: { json: '5' } } },
      { key: 'approval', outcome: { result: { json: '6' } } },
      { key: 'nap', outcome: { type: 'completed' } },
    ]);
    const { execution } = await harness.complete(
      again,
      accept('pay'),
      accept('approval'),
      accept('nap'),
      DONE,
    );
    expect(execution.status).toBe('completed');
  });

  test('and its end may be repeated, and are refused for what is final or of others', async () => {
    const harness = await Harness.open();
    const executionId = await harness.invoke();
    const { engine } = harness;
    for (const ask of [engine.pause, engine.pause, engine.unpause, engine.unpause]) {
      await ask.call(engine, PROJECT, executionId);
    }
    expect(await harness.eventTypes(executionId)).toEqual([
      'workflow_queued',
      'workflow_pause',
      'workflow_unpause',
    ]);
    for (const ask of [engine.pause, engine.unpause]) {
      const asked = ask.call(engine, 'another', executionId);
      await expect(asked).rejects.toMatchObject({ problem: { type: 'not_found' } });
    }
    await engine.cancel(PROJECT, executionId);
    for (const ask of [engine.pause, engine.unpause]) {
      const asked = ask.call(engine, PROJECT, executionId);
      await expect(asked).rejects.toMatchObject({ problem: { rejection: { type: 'closed' } } });
    }
  });

  test('of an execution that has a start delay leaves it its delay', async () => {
    const harness = await Harness.open();
    const executionId = await harness.invoke({ startDelayMs: 60_000 });
    await harness.engine.pause(PROJECT, executionId);
    await harness.engine.unpause(PROJECT, executionId);
    const worker = await harness.register();
    expect(await harness.takeAll(worker)).toEqual([]);
    await harness.clock.turn(60_000);
    expect(await harness.takeAll(worker)).toHaveLength(1);
  });

  test('is ended by another server than began it', async () => {
    const [here, there] = await Harness.openBeside(2);
    const executionId = await here!.invoke();
    await here!.engine.pause(PROJECT, executionId);
    const polled = there!.poll(await there!.register());
    await there!.engine.unpause(PROJECT, executionId);
    expect(await polled).toMatchObject([{ execution: { id: executionId } }]);
  });

  test('keeps the execution for the worker that had it until that lets go, whichever server it says so to', async () => {
    const [here, there] = await Harness.openBeside(2);
    const worker = await here!.register();
    const executionId = await here!.invoke();
    const { lease } = await here!.take(worker);
    await here!.engine.pause(PROJECT, executionId);
    await here!.engine.unpause(PROJECT, executionId);
    const seen = await there!.engine.getExecution(PROJECT, executionId);
    expect(seen).toMatchObject({ reason: 'lease_release', execution: { status: 'queued' } });
    const polled = there!.poll(await there!.register());
    const stranger = await there!.register([], { projectId: 'another' });
    await there!.engine.extendLeases('another', stranger, [], [lease]);
    await there!.engine.extendLeases(PROJECT, worker, [], [{ ...lease, token: 'forged' }]);
    await there!.engine.extendLeases(PROJECT, worker, [], [{ ...lease, executionId: 'nobody' }]);
    expect(await here!.status(executionId)).toBe('queued');
    const reports = await there!.engine.extendLeases(PROJECT, worker, [lease], [lease, lease]);
    expect(reports).toMatchObject([{ executionId, epoch: 1, held: false }]);
    expect(await polled).toMatchObject([{ lease: { executionId, epoch: 2 } }]);
    await there!.engine.extendLeases(PROJECT, worker, [], [lease]);
    expect(await here!.status(executionId)).toBe('running');
  });

  test('keeps it for a worker that says nothing until its lease would have been over, also after a restart', async () => {
    const harness = await Harness.open();
    const executionId = await harness.invoke();
    await harness.take(await harness.register());
    await harness.clock.turn(1_000);
    await harness.engine.pause(PROJECT, executionId);
    await harness.engine.stop();
    await harness.restart();
    await harness.engine.unpause(PROJECT, executionId);
    const next = await harness.register();
    await harness.clock.turn(LEASE_MS - 1_001);
    expect(await harness.takeAll(next)).toEqual([]);
    await harness.clock.turn(1);
    expect(await harness.take(next)).toMatchObject({ lease: { epoch: 2 } });
    expect((await harness.execution(executionId)).lostLeases).toBe(0);
  });

  test('that the store did not answer is carried out or not, but never half', async () => {
    const inner = openMemoryStore();
    let isDown = false;
    const harness = await Harness.open(
      intercepted(inner, async (method, call) => {
        const answer = await call();
        if (isDown && method === 'commit') throw new Error('the answer was lost');
        return answer;
      }),
    );
    const executionId = await harness.invoke();
    const held = await harness.take(await harness.register());
    isDown = true;
    await expect(harness.engine.pause(PROJECT, executionId)).rejects.toThrow('the answer was lost');
    isDown = false;
    expect(await harness.status(executionId)).toBe('paused');
    await expect(harness.complete(held, DONE)).rejects.toMatchObject({
      problem: { rejection: { type: 'lease_lost' } },
    });
  });
});
