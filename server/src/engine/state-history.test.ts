import { expect, test } from 'vitest';
import { applyPatch, EMPTY_STATE, type StateDocument } from '../core/state-document.js';
import { openMemoryStore } from '../store/memory/memory-store.js';
import type { Assignment, StateNews, StateRevision } from './api.js';
import { settled } from './hand-clock.mjs';
import { DONE, Harness, PROJECT, soFar, state, step } from './harness.mjs';
import { intercepted } from './slow-store.mjs';

test('every revision can be listed, page by page, and folds to the state that it made', async () => {
  const { harness, executionId } = await counted(30);
  const revisions: StateRevision[] = [];
  for (;;) {
    const afterRevision = revisions.at(-1)?.revision ?? 0;
    const page = await harness.engine.stateRevisions(PROJECT, executionId, { afterRevision, limit: 7 });
    revisions.push(...page.revisions);
    expect(page.next).toBe(revisions.length < 31 ? revisions.length : undefined);
    if (page.next === undefined) break;
  }
  for (const afterRevision of [31, 32]) {
    const none = await harness.engine.stateRevisions(PROJECT, executionId, { afterRevision, limit: 7 });
    expect(none).toEqual({ revisions: [] });
  }
  expect(revisions.map(({ revision }) => revision)).toEqual(Array.from({ length: 31 }, (_, i) => i + 1));
  expect(revisions[0]).toMatchObject({ patch: [{ op: 'replace', path: '', value: { n: 0 } }] });
  expect(revisions[3]).toMatchObject({ stepKey: 's3' });
  let document: StateDocument = EMPTY_STATE;
  for (const { revision, patch } of revisions) {
    const folded = applyPatch(document, patch);
    if ('problem' in folded) throw new Error('no patch');
    document = folded.document;
    const { json } = await harness.engine.state(PROJECT, executionId, { revision });
    expect(JSON.stringify(document.value)).toBe(json);
  }
});

test('a watcher gets the document, then every revision in order as it is committed, and the end', async () => {
  const { harness, assignment, executionId } = await opened();
  const watching = watched(harness, executionId, 0);
  await settled();
  for (let n = 1; n <= 5; n++) await harness.complete(assignment, step(`s${n}`), state(n, { n }));
  await harness.complete(assignment, step('unchanged'));
  expect(await soFar(watching)).toBe('pending');
  await harness.complete(assignment, state(6, { n: 6 }), DONE);
  const news = await watching;
  expect(news[0]).toMatchObject({ type: 'document', state: { json: '{"n":0}', revision: 1 } });
  expect(revisionsIn(news)).toEqual([2, 3, 4, 5, 6, 7]);
});

test('a watcher goes on after any revision, and misses and repeats none', async () => {
  const { harness, executionId } = await counted(20);
  for (let after = 1; after <= 21; after++) {
    const news = await watched(harness, executionId, after);
    expect(revisionsIn(news)).toEqual(Array.from({ length: 21 - after }, (_, i) => after + 1 + i));
  }
  await expect(watched(harness, executionId, 22)).rejects.toMatchObject({
    problem: { type: 'invalid', field: 'after_revision' },
  });
});

test('a watcher that leaves is not watched for any more', async () => {
  const { harness, executionId } = await opened();
  const leave = new AbortController();
  const watching = watched(harness, executionId, 0, leave.signal);
  await settled();
  leave.abort();
  expect(await watching).toHaveLength(1);
});

test('the past of a long execution is read from a snapshot, not from the beginning', async () => {
  let entries = 0;
  const store = intercepted(openMemoryStore(), async (method, call) => {
    const answer = await call();
    if (method === 'journal') entries += (answer as readonly unknown[]).length;
    return answer;
  });
  const { harness, executionId } = await counted(1_700, store);
  await settled();
  for (const revision of [1_690, 1_200, 600, 501, 500, 3]) {
    entries = 0;
    const { json } = await harness.engine.state(PROJECT, executionId, { revision });
    expect(json).toBe(JSON.stringify({ n: revision - 1 }));
    if (revision > 1_000) expect(entries).toBeLessThanOrEqual(1_000);
    const { updatedAt } = await harness.engine.state(PROJECT, executionId, { revision });
    const then = await harness.engine.state(PROJECT, executionId, { time: updatedAt });
    expect(then.updatedAt).toBe(updatedAt);
    expect(then.revision).toBeGreaterThanOrEqual(revision);
    expect(then.revision).toBeLessThan(revision + 5);
  }
  entries = 0;
  await harness.engine.stateRevisions(PROJECT, executionId, { afterRevision: 1_650, limit: 5 });
  expect(entries).toBeLessThanOrEqual(1_000);
  expect(harness.faults).toEqual([]);
});

test('large changes are folded from a snapshot that is near', async () => {
  const { harness, assignment, executionId } = await opened();
  for (let n = 1; n <= 12; n++) {
    await harness.complete(assignment, step(`s${n}`), state(n, { n, text: 'x'.repeat(40_000) }));
  }
  await settled();
  const snapshots = await harness.store.listRecords({
    group: `state${JSON.stringify([executionId])}`,
    limit: 100,
  });
  expect(snapshots.length).toBeGreaterThanOrEqual(2);
  const { json } = await harness.engine.state(PROJECT, executionId, { revision: 9 });
  expect(JSON.parse(json)).toMatchObject({ n: 8 });
});

test('snapshots of a large document with small changes are few, and its past is read all the same', async () => {
  const harness = await Harness.open();
  const text = 'x'.repeat(160_000);
  const executionId = await harness.invoke({ initialState: JSON.stringify({ n: 0, text }) });
  const assignment = await harness.take(await harness.register());
  for (let n = 1; n <= 1_000; n++) {
    const patch = [{ op: 'replace', path: '/n', value: n }] as const;
    await harness.complete(assignment, { type: 'change_state', baseRevision: n, change: { patch } });
  }
  await settled();
  const group = `state${JSON.stringify([executionId])}`;
  const snapshots = await harness.store.listRecords({ group, limit: 100 });
  expect(snapshots.map(({ id }) => Number(id))).toEqual([802]);
  for (const revision of [2, 801, 802, 803, 1_000]) {
    const { json } = await harness.engine.state(PROJECT, executionId, { revision });
    expect(JSON.parse(json).n).toBe(revision - 1);
  }
});

/** An execution that a worker holds, with a state. */
async function opened(store = openMemoryStore()) {
  const harness = await Harness.open(store);
  const executionId = await harness.invoke({ initialState: '{"n":0}' });
  const assignment = await harness.take(await harness.register());
  return { harness, executionId, assignment };
}

/** An execution that counted in its state, and is final. */
async function counted(to: number, store = openMemoryStore()) {
  const { harness, executionId, assignment } = await opened(store);
  for (let n = 1; n <= to; n++) {
    // Not each: some revisions are of one time.
    if (n % 5 === 0) await harness.clock.turn(1);
    await count(harness, assignment, n);
  }
  await harness.complete(assignment, DONE);
  return { harness, executionId };
}

function count(harness: Harness, assignment: Assignment, n: number) {
  return harness.complete(assignment, step(`s${n}`), state(n, { n }));
}

async function watched(
  harness: Harness,
  executionId: string,
  afterRevision: number,
  signal = new AbortController().signal,
): Promise<StateNews[]> {
  const news: StateNews[] = [];
  for await (const one of harness.engine.watchState(PROJECT, executionId, { afterRevision, signal })) {
    news.push(one);
  }
  return news;
}

function revisionsIn(news: readonly StateNews[]): number[] {
  return news.flatMap((one) =>
    one.type === 'revisions' ? one.revisions.map(({ revision }) => revision) : [],
  );
}
