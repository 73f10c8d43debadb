import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isFinal } from '../core/execution.js';
import { openMemoryStore } from '../store/memory/memory-store.js';
import { StoreFault } from '../store/store.js';
import { settled } from './hand-clock.mjs';
import { accept, child, DONE, Harness, PROJECT, SUSPEND, soFar, step } from './harness.mjs';
import { RandomWork, randomOf } from './random-trees.mjs';
import { gated, jittery } from './slow-store.mjs';
import { beside, expectWhole, Reader, readAll, rooted, withHeldCreations } from './tree-reader.mjs';

async function isUnderway({ store }: Harness, root: string): Promise<boolean> {
  const executions = await store.list({ projectId: PROJECT, rootExecutionId: root, limit: 10_000 });
  return executions.some(({ status, outbox }) => !isFinal(status) || outbox.length > 0);
}

describe('the events of a tree', () => {
  test('come whole and in one order, from every cursor, at every server, while the tree grows', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const random = randomOf(seed);
        const servers = await beside(1 + random(3), {
          behind: (store, index) => jittery(store, seed + index),
          skewMs: () => random(3) * random(20),
        });
        const any = () => servers[random(servers.length)] as Harness;
        const work = new RandomWork(servers, random);
        await work.start();
        const root = await any().invoke();
        const readers: { readonly after: number; readonly reader: Reader }[] = [];
        let known = 0;
        while (await isUnderway(any(), root)) {
          if (random(2) === 0) {
            const after = random(known + 1);
            readers.push({ after, reader: new Reader(any(), root, { after, follow: random(4) > 0 }) });
          }
          if (!(await work.turn())) await any().clock.turn(1_000);
          if (random(5) === 0) await readers[random(readers.length || 1)]?.reader.leave();
          for (const { reader } of readers) known = Math.max(known, reader.seen.at(-1)?.place ?? 0);
        }
        const followers = servers.map((server) => new Reader(server, root));
        for (const { ended } of followers) await ended;
        const whole = followers[0]?.seen ?? [];
        await expectWhole(any(), root, whole);
        for (const { seen } of followers) expect(seen).toEqual(whole);
        for (const { after, reader } of readers) {
          await reader.ended;
          expect(reader.seen).toEqual(whole.slice(after, after + reader.seen.length));
        }
        const last = whole.length;
        for (const after of [0, 1, random(last), random(last), last - 1, last]) {
          expect(await readAll(any(), root, after)).toEqual(whole.slice(after));
        }
        expect(servers.flatMap(({ faults }) => faults)).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});

describe('a stream over a tree', () => {
  test('shows what a child came to before what its parent makes of it, in one millisecond', async () => {
    const { harness, root, worker, parent } = await rooted();
    await harness.complete(parent, child('pay'), SUSPEND);
    await harness.complete(await harness.take(worker), DONE);
    await harness.complete(await harness.take(worker), accept('pay'), DONE);
    const order = (await readAll(harness, root)).map(({ event: { executionId, type } }) =>
      executionId === root ? type : `  ${type}`,
    );
    expect(order).toEqual([
      'workflow_queued',
      'workflow_start',
      'child_start',
      'workflow_wait',
      '  workflow_queued',
      '  workflow_start',
      '  workflow_finish',
      'step_finish',
      'workflow_ready',
      'workflow_resume',
      'workflow_finish',
    ]);
  });

  test('goes on after the root is final, until a child is that nobody waits for', async () => {
    const { harness, root, worker, parent } = await rooted();
    await harness.complete(parent, { ...child('pay'), waits: false } as never, DONE);
    const reader = new Reader(harness, root);
    const assignment = await harness.take(worker);
    expect(await soFar(reader.ended)).toBe('pending');
    await harness.complete(assignment, step('a'), DONE);
    await reader.ended;
    expect(reader.seen.at(-1)?.event).toMatchObject({ type: 'workflow_finish', sequence: 4 });
    await expectWhole(harness, root, reader.seen);
  });

  test('waits for a child that was started and does not exist yet, and for those of a batch', async () => {
    const { store, holdCreation, release } = withHeldCreations();
    const { harness, root, parent } = await rooted(await Harness.open(store));
    holdCreation();
    const asked = { workflowId: 'child', priority: 0 };
    const batch = { type: 'start_children', key: 'all', waits: false, children: [asked, asked] } as const;
    await harness.complete(parent, { ...child('pay'), waits: false } as never, batch, DONE);
    const readers = [new Reader(harness, root), new Reader(harness, root)];
    await harness.clock.turn(120_000);
    expect(await soFar(readers[0]!.ended)).toBe('pending');
    expect(readers[0]!.seen.at(-1)?.event).toMatchObject({ executionId: root, type: 'workflow_finish' });
    release();
    await settled();
    for (const assignment of await harness.takeAll(await harness.register(['child']))) {
      expect(await soFar(readers[1]!.ended)).toBe('pending');
      await harness.complete(assignment, DONE);
    }
    for (const { ended, seen } of readers) {
      await ended;
      await expectWhole(harness, root, seen);
      expect(new Set(seen.map(({ event }) => event.executionId)).size).toBe(4);
    }
  });

  test('waits for the children of a cancelled root to end', async () => {
    const { harness, root, worker, parent } = await rooted();
    await harness.complete(parent, child('pay'), SUSPEND);
    const pay = await harness.take(worker);
    const reader = new Reader(harness, root);
    await harness.engine.cancel(PROJECT, root);
    await settled();
    const types = reader.seen.slice(-2).map(({ event }) => event.type);
    expect(types.sort()).toEqual(['workflow_cancel', 'workflow_cancel_request']);
    expect(await soFar(reader.ended)).toBe('pending');
    await harness.complete(pay, { type: 'cancel_execution' });
    await reader.ended;
    await expectWhole(harness, root, reader.seen);
  });

  test.each(['commitRecord', 'listRecords', 'journal'] as const)(
    'that a fault of the store ends (%s) is continued from its cursor with what comes next',
    async (method) => {
      for (const isLate of [false, true]) {
        const { store, fail } = gated(openMemoryStore(), method, { isLate });
        const { harness, root, worker, parent } = await rooted(await Harness.open(store));
        await harness.complete(parent, step('before'));
        const first = new Reader(harness, root);
        await settled();
        await harness.complete(parent, child('pay'), SUSPEND);
        fail(new StoreFault('out of order', { retryable: true }));
        await harness.complete(await harness.take(worker), DONE);
        await expect(first.ended).rejects.toThrow('out of order');
        const second = new Reader(harness, root, { after: first.seen.length });
        await harness.restart();
        const third = new Reader(harness, root, { after: 2 });
        const again = await harness.register(['order', 'child']);
        await harness.complete(await harness.take(again), accept('pay'), DONE);
        await third.ended;
        const whole = await readAll(harness, root);
        await expectWhole(harness, root, whole);
        expect(whole.slice(0, first.seen.length)).toEqual(first.seen);
        expect(third.seen).toEqual(whole.slice(2));
        await second.leave();
        expect(second.seen).toEqual(whole.slice(first.seen.length).slice(0, second.seen.length));
      }
    },
  );

  test('begins with a topmost execution, of the own project, at a place that there is', async () => {
    const { harness, root, worker, parent } = await rooted();
    await harness.complete(parent, child('pay'), SUSPEND);
    const { execution } = await harness.take(worker);
    await expect(readAll(harness, execution.id)).rejects.toMatchObject({
      problem: { type: 'invalid', field: 'root_execution_id', message: expect.stringContaining(root) },
    });
    await expect(readAll(harness, root, 1)).rejects.toMatchObject({
      problem: { type: 'cursor_unknown', cursor: 1, newest: 0 },
    });
    expect(await readAll(harness, root)).toHaveLength(6);
    await expect(readAll(harness, root, 7)).rejects.toMatchObject({
      problem: { type: 'cursor_unknown', cursor: 7, newest: 6 },
    });
    const cursor = { afterEvent: 0, follow: false, signal: new AbortController().signal };
    const foreign = harness.engine.treeEvents('p2', root, cursor)[Symbol.asyncIterator]();
    await expect(foreign.next()).rejects.toMatchObject({ problem: { type: 'not_found', id: root } });
  });
});
