import { describe, expect, test } from 'vitest';
import { MESSAGE_BYTES_MAX } from '../core/limits.js';
import { StoreFault } from '../store/store.js';
import type * as api from './api.js';
import { settled } from './hand-clock.mjs';
import { child, children, DONE, done, Harness, PROJECT, SUSPEND, state, step } from './harness.mjs';

/** Bytes of what an assignment holds, as the wire has it. */
function bytesOf({ execution, ...rest }: api.Assignment): number {
  return Buffer.byteLength(JSON.stringify({ ...rest, id: execution.id }));
}

/** All steps, fetched as a worker does. */
async function fetchAll(harness: Harness, { lease, steps }: api.Assignment): Promise<string[]> {
  const keys = steps.steps.map(({ key }) => key);
  for (let { next } = steps; next !== undefined; ) {
    const page: api.StepPage = await harness.engine.listSteps(PROJECT, lease.executionId, next);
    keys.push(...page.steps.map(({ key }) => key));
    next = page.next;
  }
  return keys;
}

describe('an assignment', () => {
  test('leaves out steps that do not fit one message beside payload and states; they can be fetched', async () => {
    const harness = await Harness.open();
    const worker = await harness.register(['order', 'child']);
    const large = (length: number) => JSON.stringify('é'.repeat(length / 2));
    await harness.invoke({
      payload: { json: large(1_900_000) },
      initialState: `{"a":${large(900_000)}}`,
    });
    const first = await harness.take(worker);
    await harness.complete(first, state(1, { b: 'x'.repeat(1_000_000) }), step('small'));
    await harness.complete(first, step('medium', large(600_000)));
    await harness.complete(first, children('all', 2), SUSPEND);
    for (const each of await harness.takeAll(worker)) await harness.complete(each, done(large(1_000_000)));
    const again = await harness.take(worker);
    expect(again.steps).toEqual({
      steps: [expect.objectContaining({ key: 'small' })],
      next: 1,
    });
    expect(bytesOf(again)).toBeLessThan(MESSAGE_BYTES_MAX);
    expect(await fetchAll(harness, again)).toEqual(['small', 'medium', 'all']);
  });

  test('without room for a single step says where to begin', async () => {
    const harness = await Harness.open();
    const worker = await harness.register(['order', 'child']);
    await harness.invoke({ payload: { json: JSON.stringify('x'.repeat(2_000_000)) } });
    const first = await harness.take(worker);
    await harness.complete(first, state(1, { b: 'x'.repeat(1_000_000) }), children('all', 2), SUSPEND);
    for (const each of await harness.takeAll(worker)) {
      await harness.complete(each, done(JSON.stringify('x'.repeat(1_000_000))));
    }
    const again = await harness.take(worker);
    expect(again.steps).toEqual({ steps: [], next: 0 });
    expect(await fetchAll(harness, again)).toEqual(['all']);
  });
});

test('outcomes that do not fit one answer come with the next ones', async () => {
  const harness = await Harness.open();
  const worker = await harness.register(['order', 'child']);
  await harness.invoke();
  const parent = await harness.take(worker);
  const keys = ['a', 'b', 'c'];
  await harness.complete(parent, ...keys.map((key) => child(key)));
  for (const each of await harness.takeAll(worker)) {
    await harness.complete(each, done(JSON.stringify('x'.repeat(900_000))));
  }
  await settled();
  const seen: string[] = [];
  let answer = await harness.complete(parent, SUSPEND);
  while (answer.outcomes.length > 0) {
    expect(answer.outcomes).toHaveLength(1);
    const { key = '' } = answer.outcomes[0] ?? {};
    seen.push(key);
    answer = await harness.complete(parent, { type: 'accept_outcome', key });
  }
  expect(seen.sort()).toEqual(keys);
  expect((await harness.complete(parent, DONE)).execution.status).toBe('completed');
});

test('what another server committed is read from where the steps that are kept end', async () => {
  const [here, there] = (await Harness.openBeside(2)) as [Harness, Harness];
  const reads: number[] = [];
  const { journal } = here.store;
  here.store.journal = (executionId, page) => {
    reads.push(page.afterEvent);
    return journal.call(here.store, executionId, page);
  };
  const executionId = await here.invoke();
  const assignment = await here.take(await here.register());
  for (let n = 0; n < 20; n++) await (n % 2 === 0 ? here : there).complete(assignment, step(`s${n}`));
  await settled();
  const { execution } = await here.complete(assignment, DONE);
  expect(execution.stepCount).toBe(20);
  const steps = await here.engine.listSteps(PROJECT, executionId, 0);
  expect(steps.steps.map(({ key }) => key)).toEqual(Array.from({ length: 20 }, (_, n) => `s${n}`));
  // All but the last: a final execution is not kept.
  expect(reads.slice(0, 10)).toEqual(reads.slice(0, 10).toSorted((a, b) => a - b));
  expect(new Set(reads.slice(1, 10)).size).toBe(9);
});

test('a read of that which fails in its middle goes on there, and adds nothing twice', async () => {
  const [here, there] = (await Harness.openBeside(2)) as [Harness, Harness];
  const executionId = await here.invoke();
  const worker = await here.register();
  await here.complete(await here.take(worker), children('all', 2), SUSPEND);
  await settled();
  const { journal } = here.store;
  let left = Number.POSITIVE_INFINITY;
  here.store.journal = async (id, page) => {
    if (id === executionId) left -= 1;
    if (left === 0) throw new StoreFault('cut off', { retryable: true });
    return journal.call(here.store, id, { ...page, entries: 1 });
  };
  const others = await there.register(['child']);
  for (const each of await there.takeAll(others)) {
    await there.complete(each, done('1'));
    await settled();
  }
  // The second of two entries.
  left = 2;
  await expect(here.engine.listSteps(PROJECT, executionId, 0)).rejects.toThrow('cut off');
  const { steps } = await here.engine.listSteps(PROJECT, executionId, 0);
  const [all] = steps;
  const result = all?.outcome?.type === 'completed' ? all.outcome.result : undefined;
  expect(JSON.parse(result && 'json' in result ? result.json : '')).toMatchObject([
    { result: 1 },
    { result: 1 },
  ]);
});
