import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openMemoryStore } from '../store/memory/memory-store.js';
import type { Assignment, NumberedEvent } from './api.js';
import { settled } from './hand-clock.mjs';
import { DONE, done, Harness, PROJECT, soFar, state, step } from './harness.mjs';
import { gated, intercepted, jittery } from './slow-store.mjs';

describe('the events of an execution', () => {
  test('are the same from every cursor, without gap or repetition', async () => {
    const { harness, executionId } = await executed(300);
    const all = await eventsAfter(harness, executionId, 0);
    expect(all.map(({ sequence }) => sequence)).toEqual(Array.from(all, (_, index) => index + 1));
    for (let cursor = 0; cursor <= all.length; cursor += 7) {
      expect(await eventsAfter(harness, executionId, cursor)).toEqual(all.slice(cursor));
    }
    expect(await eventsAfter(harness, executionId, all.length)).toEqual([]);
  });

  test('do not go further than the newest one', async () => {
    const { harness, executionId } = await executed(3);
    await expect(eventsAfter(harness, executionId, 99)).rejects.toMatchObject({
      problem: { type: 'cursor_unknown', cursor: 99, newest: 6 },
    });
  });

  test('that are followed from any cursor while others commit come all, once and in order', async () => {
    const asked = fc.record({
      steps: fc.integer({ min: 1, max: 30 }),
      cursors: fc.array(fc.nat(20), { maxLength: 5 }),
    });
    await fc.assert(
      fc.asyncProperty(asked, fc.nat(), async ({ steps, cursors }, seed) => {
        const harness = await Harness.open(jittery(openMemoryStore(), seed));
        const executionId = await harness.invoke();
        const assignment = await harness.take(await harness.register());
        const followers = [0, 1, 2].map((cursor) => followed(harness, executionId, cursor));
        const committed = perform(harness, assignment, steps);
        for (const cursor of cursors) {
          const { eventCount } = await harness.execution(executionId);
          followers.push(followed(harness, executionId, Math.min(cursor, eventCount)));
        }
        await committed;
        const all = (await eventsAfter(harness, executionId, 0)).map(({ sequence }) => sequence);
        for (const follower of followers) {
          const { cursor, sequences } = await follower;
          expect(sequences).toEqual(all.slice(cursor));
        }
      }),
      { numRuns: 50 },
    );
  });

  test('are read by a slow reader page by page, when it comes to them', async () => {
    let entries = 0;
    const store = intercepted(openMemoryStore(), async (method, call) => {
      const answer = await call();
      if (method === 'journal') entries += (answer as readonly unknown[]).length;
      return answer;
    });
    const harness = await Harness.open(store);
    const executionId = await harness.invoke();
    const assignment = await harness.take(await harness.register());
    const signal = new AbortController().signal;
    const events = harness.engine.events(PROJECT, executionId, { afterEvent: 2, follow: true, signal });
    const reader = events[Symbol.asyncIterator]();
    const firstPage = reader.next();
    await perform(harness, assignment, 2_000);
    expect((await firstPage).value).toHaveLength(1);
    expect(entries).toBeLessThan(300);
    const sequences = [];
    for (let page = await reader.next(); !page.done; page = await reader.next()) {
      expect(page.value.length).toBeLessThanOrEqual(3 * 256);
      sequences.push(...page.value.map(({ sequence }) => sequence));
    }
    expect(sequences).toEqual(Array.from({ length: 2_000 }, (_, index) => index + 4));
  });

  test('end when the reader leaves', async () => {
    const harness = await Harness.open();
    const executionId = await harness.invoke();
    const reader = new AbortController();
    const followed = allOf(
      harness.engine.events(PROJECT, executionId, { afterEvent: 0, follow: true, signal: reader.signal }),
    );
    expect(await soFar(followed)).toBe('pending');
    reader.abort();
    expect(await followed).toHaveLength(1);
  });
});

describe('awaiting a result', () => {
  const signal = new AbortController().signal;

  test('answers at once when the execution is final, with the result', async () => {
    const { harness, executionId } = await executed(1, '{"a":1}');
    const view = await harness.engine.awaitResult(PROJECT, executionId, { waitMs: 1_000, signal });
    expect(view).toMatchObject({ execution: { status: 'completed' }, result: { json: '{"a":1}' } });
  });

  test('answers when the execution ends, or as it is when the time is up', async () => {
    const harness = await Harness.open();
    const executionId = await harness.invoke();
    const assignment = await harness.take(await harness.register());
    const [short, long] = [1_000, 2_000].map((waitMs) =>
      harness.engine.awaitResult(PROJECT, executionId, { waitMs, signal }),
    );
    await harness.clock.turn(999);
    expect(await soFar(short!)).toBe('pending');
    await harness.clock.turn(1);
    expect(await short).toMatchObject({ execution: { status: 'running' } });
    await harness.complete(assignment, done('7'));
    expect(await long).toMatchObject({ execution: { status: 'completed' }, result: { json: '7' } });
  });

  test('answers as it is when its caller is gone', async () => {
    const harness = await Harness.open();
    const executionId = await harness.invoke();
    const caller = new AbortController();
    const awaited = harness.engine.awaitResult(PROJECT, executionId, {
      waitMs: 1_000,
      signal: caller.signal,
    });
    await settled();
    caller.abort();
    expect(await awaited).toMatchObject({ execution: { status: 'queued' } });
  });

  test('sees an end that comes while it looks', async () => {
    const { store, hold, release } = gated(openMemoryStore(), 'load');
    const harness = await Harness.open(store);
    const executionId = await harness.invoke();
    const assignment = await harness.take(await harness.register());
    await harness.restart();
    hold();
    const awaited = harness.engine.awaitResult(PROJECT, executionId, { waitMs: 1_000, signal });
    const completed = harness.complete(assignment, DONE);
    await settled();
    release();
    await completed;
    expect(await awaited).toMatchObject({ execution: { status: 'completed' } });
  });

  test('never answers an end too late or not at all, however the calls fall', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(8), async (seed, pause) => {
        const harness = await Harness.open(jittery(openMemoryStore(), seed));
        const executionId = await harness.invoke();
        const assignment = await harness.take(await harness.register());
        const completed = harness.complete(assignment, DONE);
        for (let turn = 0; turn < pause; turn++) await undefined;
        const awaited = harness.engine.awaitResult(PROJECT, executionId, { waitMs: 1_000, signal });
        await completed;
        expect(await soFar(awaited)).toMatchObject({ execution: { status: 'completed' } });
      }),
      { numRuns: 200 },
    );
  });
});

describe('the state', () => {
  test('can be read as it was at every revision and at every time', async () => {
    const harness = await Harness.open();
    const created = harness.clock.now();
    const executionId = await harness.invoke({ initialState: '{"n":0}' });
    const assignment = await harness.take(await harness.register());
    for (let n = 1; n <= 20; n++) {
      await harness.clock.turn(10);
      await harness.complete(assignment, state(n, { n, list: Array(n).fill(n) }), step(`s${n}`));
    }
    const text = (n: number) => (n === 0 ? '{"n":0}' : JSON.stringify({ n, list: Array(n).fill(n) }));
    const check = async (n: number, isFinal: boolean) => {
      const expected = {
        json: text(n),
        revision: n + 1,
        updatedAt: created + 10 * n,
        bytes: text(n).length,
        final: isFinal,
      };
      expect(await harness.engine.state(PROJECT, executionId, { revision: n + 1 })).toEqual(expected);
      expect(await harness.engine.state(PROJECT, executionId, { time: created + 10 * n })).toEqual(expected);
      expect(await harness.engine.state(PROJECT, executionId, { time: created + 10 * n + 9 })).toEqual(
        expected,
      );
    };
    for (let n = 0; n <= 20; n++) await check(n, false);
    await harness.complete(assignment, DONE);
    await harness.restart();
    for (let n = 0; n <= 20; n++) await check(n, n === 20);
    expect(await harness.engine.state(PROJECT, executionId)).toMatchObject({ revision: 21, json: text(20) });
  });

  test.each([{ revision: 3 }, { revision: 0 }, { revision: -1 }, { time: 1 }])(
    'was never there at %j',
    async (at) => {
      const harness = await Harness.open();
      const executionId = await harness.invoke({ initialState: '{"n":0}' });
      await harness.complete(await harness.take(await harness.register()), state(1, { n: 1 }));
      await expect(harness.engine.state(PROJECT, executionId, at)).rejects.toMatchObject({
        problem: { type: 'not_found', resource: 'revision' },
      });
    },
  );

  test('of an execution that was given none is empty', async () => {
    const harness = await Harness.open();
    const executionId = await harness.invoke();
    expect(await harness.engine.state(PROJECT, executionId)).toMatchObject({
      json: '{}',
      revision: 1,
      bytes: 2,
    });
  });
});

test('the steps of an execution are read page by page, in the order of replay', async () => {
  const harness = await Harness.open();
  const executionId = await harness.invoke();
  const assignment = await harness.take(await harness.register());
  const large = JSON.stringify('x'.repeat(300_000));
  for (let n = 0; n < 10; n++) await harness.complete(assignment, step(`s${n}`, large));
  await harness.restart();
  const keys: string[] = [];
  const sizes: number[] = [];
  for (let offset: number | undefined = 0; offset !== undefined; ) {
    const page = await harness.engine.listSteps(PROJECT, executionId, offset);
    keys.push(...page.steps.map(({ key }) => key));
    sizes.push(page.steps.length);
    offset = page.next;
  }
  expect(keys).toEqual(Array.from({ length: 10 }, (_, n) => `s${n}`));
  expect(sizes).toEqual([3, 3, 3, 1]);
});

async function executed(steps: number, json = '1') {
  const harness = await Harness.open();
  const executionId = await harness.invoke();
  const assignment = await harness.take(await harness.register());
  await perform(harness, assignment, steps, json);
  return { harness, executionId };
}

/** Records steps, a few in a completion, and completes with the last. */
async function perform(harness: Harness, assignment: Assignment, steps: number, json = '1'): Promise<void> {
  for (let recorded = 0; recorded < steps; ) {
    const count = Math.min(1 + (recorded % 3), steps - recorded);
    const actions = Array.from({ length: count }, (_, index) => step(`s${recorded + index}`));
    recorded += count;
    await harness.complete(assignment, ...actions, ...(recorded === steps ? [done(json)] : []));
  }
}

function eventsAfter(harness: Harness, executionId: string, afterEvent: number): Promise<NumberedEvent[]> {
  const signal = new AbortController().signal;
  return allOf(harness.engine.events(PROJECT, executionId, { afterEvent, follow: false, signal }));
}

async function followed(harness: Harness, executionId: string, cursor: number) {
  const signal = new AbortController().signal;
  const events = await allOf(
    harness.engine.events(PROJECT, executionId, { afterEvent: cursor, follow: true, signal }),
  );
  return { cursor, sequences: events.map(({ sequence }) => sequence) };
}

async function allOf(pages: AsyncIterable<readonly NumberedEvent[]>): Promise<NumberedEvent[]> {
  const events: NumberedEvent[] = [];
  for await (const page of pages) events.push(...page);
  return events;
}
