import { describe, expect, test } from 'vitest';
import { openMemoryStore } from '../store/memory/memory-store.js';
import { StoreFault } from '../store/store.js';
import { settled } from './hand-clock.mjs';
import { child, DONE, done, Harness, LEASE_MS, PROJECT, SUSPEND, soFar, step } from './harness.mjs';
import { gated } from './slow-store.mjs';

describe('Poll', () => {
  test('answers with nothing when its time is up, and not before', async () => {
    const harness = await Harness.open();
    const polled = harness.poll(await harness.register(), { waitMs: 5_000 });
    await harness.clock.turn(4_999);
    expect(await soFar(polled)).toBe('pending');
    await harness.clock.turn(1);
    expect(await polled).toEqual([]);
  });

  test('answers with nothing when its caller is gone, and what comes then stays for others', async () => {
    const harness = await Harness.open();
    const worker = await harness.register();
    const caller = new AbortController();
    const polled = harness.poll(worker, { signal: caller.signal });
    caller.abort();
    expect(await polled).toEqual([]);
    expect(await harness.poll(worker, { signal: caller.signal })).toEqual([]);
    const executionId = await harness.invoke();
    expect(await harness.status(executionId)).toBe('queued');
    expect(await harness.take(worker)).toMatchObject({ execution: { id: executionId } });
  });

  test('several calls of one worker each get their own', async () => {
    const harness = await Harness.open();
    const worker = await harness.register();
    const polls = [harness.poll(worker), harness.poll(worker), harness.poll(worker)];
    const ids = [await harness.invoke(), await harness.invoke(), await harness.invoke()];
    const taken = (await Promise.all(polls)).map((each) => each.map(({ execution }) => execution.id));
    expect(taken).toEqual(ids.map((id) => [id]));
  });

  test('brings along what comes in the same moment, up to what it asked for', async () => {
    const harness = await Harness.open();
    const polled = harness.poll(await harness.register(), { max: 3 });
    const invoked = [1, 2, 3, 4].map(() => harness.invoke());
    expect(await polled).toHaveLength(3);
    await Promise.all(invoked);
  });

  test('waits for a commit that is under way when its time is up', async () => {
    const { store, hold, release } = gated(openMemoryStore(), 'commit');
    const harness = await Harness.open(store);
    const polled = harness.poll(await harness.register(), { waitMs: 1_000 });
    await settled();
    hold();
    const invoked = harness.invoke();
    await harness.clock.turn(1_000);
    expect(await soFar(polled)).toBe('pending');
    release();
    expect(await polled).toMatchObject([{ execution: { id: await invoked } }]);
  });

  test('answers with nothing when the commit that was under way fails', async () => {
    const { store, hold, release, fail } = gated(openMemoryStore(), 'commit');
    const harness = await Harness.open(store);
    const polled = harness.poll(await harness.register(), { waitMs: 1_000 });
    await settled();
    hold();
    const invoked = harness.invoke();
    await harness.clock.turn(1_000);
    fail(new StoreFault('out of order', { retryable: true }));
    release();
    await expect(invoked).rejects.toThrow(StoreFault);
    expect(await polled).toEqual([]);
  });

  test.each(['a worker that nobody registered', 'a worker of another project'])(
    'does not know %s',
    async (whose) => {
      const harness = await Harness.open();
      const known = await harness.register(['order'], { projectId: 'p2' });
      const worker = whose === 'a worker of another project' ? known : 'nobody';
      const problem = { type: 'not_found', resource: 'worker', id: worker };
      await expect(harness.poll(worker)).rejects.toMatchObject({ problem });
      await expect(harness.engine.extendLeases(PROJECT, worker, [])).rejects.toMatchObject({ problem });
      await expect(harness.openWork(worker)).rejects.toMatchObject({ problem });
    },
  );
});

describe('a Work stream', () => {
  test('gets as many executions as it granted, and more when it grants more', async () => {
    const harness = await Harness.open();
    const stream = await harness.openWork(await harness.register());
    for (let count = 0; count < 4; count++) await harness.invoke();
    expect(await received(stream)).toBe(0);
    stream.session.grant(1);
    expect(await received(stream)).toBe(1);
    stream.session.grant(2);
    expect(await received(stream)).toBe(3);
    await harness.complete(stream.assignments[0]!, DONE);
    expect(await received(stream)).toBe(3);
  });

  test('gets nothing more once it drains, and keeps its leases', async () => {
    const harness = await Harness.open();
    const stream = await harness.openWork(await harness.register());
    stream.session.grant(5);
    const executionId = await harness.invoke();
    await settled();
    stream.session.drain();
    stream.session.grant(5);
    await harness.invoke();
    expect(await received(stream)).toBe(1);
    await harness.complete(stream.assignments[0]!, DONE);
    expect(await harness.status(executionId)).toBe('completed');
  });

  test('tells its worker of a cancel request, of outcomes and of lost leases', async () => {
    const harness = await Harness.open();
    const stream = await harness.openWork(await harness.register());
    stream.session.grant(1);
    const executionId = await harness.invoke();
    await settled();
    const other = await harness.register(['child']);
    const polled = harness.poll(other);
    await harness.complete(stream.assignments[0]!, child('pay'));
    await harness.complete((await polled)[0]!, step('a'), done('5'));
    await settled();
    expect(stream.notices).toMatchObject([
      {
        executionId,
        epoch: 1,
        cancelRequested: false,
        leaseLost: false,
        outcomes: [{ key: 'pay', sequence: 0 }],
      },
    ]);
    await harness.engine.cancel(PROJECT, executionId);
    expect(stream.notices[1]).toMatchObject({
      executionId,
      epoch: 1,
      cancelRequested: true,
      leaseLost: false,
    });
    await harness.clock.turn(LEASE_MS);
    expect(stream.notices[2]).toMatchObject({
      executionId,
      epoch: 1,
      cancelRequested: false,
      leaseLost: true,
    });
  });

  test('is forgotten when it closes, and what it granted goes to nobody', async () => {
    const harness = await Harness.open();
    const worker = await harness.register();
    const stream = await harness.openWork(worker);
    stream.session.grant(5);
    expect(await harness.engine.listWorkers(PROJECT)).toMatchObject([{ id: worker, streaming: true }]);
    stream.session.close();
    expect(await harness.engine.listWorkers(PROJECT)).toEqual([]);
    const executionId = await harness.invoke();
    expect(await harness.status(executionId)).toBe('queued');
    expect(await received(await harness.openWork(worker))).toBe(0);
  });

  test('a second one of the same worker is not closed by the end of the first', async () => {
    const harness = await Harness.open();
    const worker = await harness.register();
    const first = await harness.openWork(worker);
    const second = await harness.openWork(worker);
    second.session.grant(1);
    first.session.close();
    expect(await harness.engine.listWorkers(PROJECT)).toMatchObject([{ streaming: true }]);
    await harness.invoke();
    expect(await received(second)).toBe(1);
  });
});

describe('the list of workers', () => {
  test('has a worker that polls until 70 s after its last call', async () => {
    const harness = await Harness.open();
    const worker = await harness.register();
    await harness.clock.turn(70_000);
    expect(await harness.engine.listWorkers(PROJECT)).toHaveLength(1);
    await harness.clock.turn(1);
    expect(await harness.engine.listWorkers(PROJECT)).toHaveLength(0);
    await harness.engine.extendLeases(PROJECT, worker, []);
    expect(await harness.engine.listWorkers(PROJECT)).toHaveLength(1);
  });

  test('forgets a worker of which nothing was heard for three minutes', async () => {
    const harness = await Harness.open();
    const worker = await harness.register();
    await harness.clock.turn(180_001);
    await harness.register();
    await expect(harness.poll(worker)).rejects.toMatchObject({ problem: { type: 'not_found' } });
  });

  test('counts what each of them runs', async () => {
    const harness = await Harness.open();
    const worker = await harness.register(['order', 'child']);
    const running = async () => (await harness.engine.listWorkers(PROJECT))[0]?.runningExecutions;
    await harness.invoke();
    const assignment = await harness.take(worker);
    expect(await running()).toBe(1);
    await harness.complete(assignment, child('pay', 'nobody serves this'), SUSPEND);
    expect(await running()).toBe(0);
  });
});

async function received(stream: { readonly assignments: readonly unknown[] }): Promise<number> {
  await settled();
  return stream.assignments.length;
}
