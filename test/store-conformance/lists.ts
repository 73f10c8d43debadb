import { describe, expect, test } from 'vitest';
import { EXECUTION_STATUSES } from '../../server/src/core/execution.js';
import type { ExecutionQuery, Store } from '../../server/src/store/store.js';
import type { OpenStore } from './describe-store.js';
import { AWKWARD_TEXTS, create, next, write } from './samples.js';

/** What `listReady`, `listDue`, `listOutboxes` and `list` promise. */
export function describeLists(open: OpenStore): void {
  describeReady(open);
  describeDue(open);
  describeOutboxes(open);
  describeList(open);
}

function describeReady(open: OpenStore): void {
  const BATCH = { projectId: 'default', workflowId: 'batch', limit: 100 };

  describe('ready executions', () => {
    test('come by priority, then by how long they were ready, then by id', async () => {
      const store = await open();
      await create(store, { id: 'late', readyAt: 30 });
      await create(store, { id: 'b', readyAt: 20 });
      await create(store, { id: 'a', readyAt: 20 });
      await create(store, { id: 'low', priority: -5, readyAt: 1 });
      await create(store, { id: 'high', priority: 100, readyAt: 99, queue: 'fast' });
      const ready = await store.listReady(BATCH);
      expect(ready.map(({ id }) => id)).toEqual(['high', 'a', 'b', 'late', 'low']);
      expect(ready[0]).toEqual({ id: 'high', queue: 'fast' });
      expect((await store.listReady({ ...BATCH, limit: 2 })).map(({ id }) => id)).toEqual(['high', 'a']);
    });

    test('are those of one workflow of one project', async () => {
      const store = await open();
      await create(store, { id: 'mine' });
      await create(store, { id: 'other-workflow', workflowId: 'other' });
      await create(store, { id: 'other-project', projectId: 'other' });
      expect((await store.listReady(BATCH)).map(({ id }) => id)).toEqual(['mine']);
      expect(await store.listReady({ ...BATCH, workflowId: 'none' })).toEqual([]);
    });

    test('can be asked for by queue', async () => {
      const store = await open();
      await create(store, { id: 'a', queue: 'fast' });
      await create(store, { id: 'b', queue: 'slow', priority: 9 });
      await create(store, { id: 'c', queue: 'other', priority: 10 });
      const ready = await store.listReady({ ...BATCH, queues: ['fast', 'slow', 'none'] });
      expect(ready.map(({ id }) => id)).toEqual(['b', 'a']);
      expect(await store.listReady({ ...BATCH, queues: ['none'] })).toEqual([]);
    });

    test('come and go with the commits that say so', async () => {
      const store = await open();
      const waiting = await create(store, { id: 'a', ready: false }, { ready: false });
      expect(await store.listReady(BATCH)).toEqual([]);
      const ready = next(waiting, { ready: true, queue: 'fast', priority: 3, readyAt: 7 });
      await store.commit(write(ready));
      expect(await store.listReady(BATCH)).toEqual([{ id: 'a', queue: 'fast' }]);
      await store.commit(write(next(ready, { status: 'running', ready: false })));
      expect(await store.listReady(BATCH)).toEqual([]);
    });

    test('of awkward names come back as they are', async () => {
      const store = await open();
      for (const text of AWKWARD_TEXTS)
        await create(store, { id: `id ${text}`, queue: text, workflowId: `w${text}` });
      for (const text of AWKWARD_TEXTS) {
        const found = await store.listReady({ ...BATCH, workflowId: `w${text}` });
        expect(found).toEqual([{ id: `id ${text}`, queue: text }]);
      }
    });
  });
}

async function dueIds(store: Store, until: number, limit = 10) {
  const { due, ...rest } = await store.listDue({ until, limit });
  expect(due.every(({ wakeAt, isOurs }) => wakeAt <= until && isOurs)).toBe(true);
  return { ids: due.map(({ id }) => id), ...rest };
}

function describeDue(open: OpenStore): void {
  describe('due executions', () => {
    test('come by time, then by id, with the time of the next', async () => {
      const store = await open();
      await create(store, { id: 'never' });
      await create(store, { id: 'c' }, { wakeAt: 20 });
      await create(store, { id: 'b' }, { wakeAt: 10 });
      await create(store, { id: 'a' }, { wakeAt: 10 });
      await create(store, { id: 'd' }, { wakeAt: 30 });
      const due = (until: number, limit = 10) => dueIds(store, until, limit);
      expect(await due(9)).toEqual({ ids: [], next: 10 });
      expect(await due(10)).toEqual({ ids: ['a', 'b'], next: 20 });
      expect(await due(29)).toEqual({ ids: ['a', 'b', 'c'], next: 30 });
      expect(await due(30)).toEqual({ ids: ['a', 'b', 'c', 'd'] });
      expect(await due(30, 1)).toEqual({ ids: ['a'], next: 10 });
      expect(await due(30, 3)).toEqual({ ids: ['a', 'b', 'c'], next: 30 });
    });

    test('are none, with no next, where nothing has a time', async () => {
      const store = await open();
      await create(store, { id: 'never' });
      expect(await dueIds(store, Number.MAX_SAFE_INTEGER)).toEqual({ ids: [] });
    });

    test('are as the last commit says', async () => {
      const store = await open();
      const first = await create(store, { id: 'a' }, { wakeAt: 10 });
      await store.commit(write(next(first), { index: { wakeAt: 50 } }));
      expect(await dueIds(store, 10)).toEqual({ ids: [], next: 50 });
      await store.commit(write(next(next(first))));
      expect(await dueIds(store, 99)).toEqual({ ids: [] });
    });
  });
}

function describeOutboxes(open: OpenStore): void {
  test('outboxes are listed as long as the last commit says that they hold something', async () => {
    const store = await open();
    const first = await create(store, { id: 'a' }, { outboxSince: 10 });
    await create(store, { id: 'b' }, { outboxSince: 20 });
    await create(store, { id: 'c' });
    const since = async (until: number, limit = 10) =>
      [...(await store.listOutboxes({ until, limit }))].sort();
    expect(await since(9)).toEqual([]);
    expect(await since(10)).toEqual(['a']);
    expect(await since(20)).toEqual(['a', 'b']);
    expect(await since(20, 1)).toHaveLength(1);
    await store.commit(write(next(first)));
    expect(await since(20)).toEqual(['b']);
  });
}

function describeList(open: OpenStore): void {
  const ids = async (store: Store, query: Partial<ExecutionQuery>) =>
    (await store.list({ projectId: 'default', limit: 100, ...query })).map(({ id }) => id);

  /** Two trees in one project, and one execution in another. */
  async function openWithTrees(): Promise<Store> {
    const store = await open();
    const child = (parent: string) => ({ executionId: parent, stepKey: 'step', waits: true });
    await create(store, { id: 'root', createdAt: 10, sessionId: 's1', userId: 'ann', status: 'waiting' });
    await create(store, { id: 'child', createdAt: 20, rootExecutionId: 'root', parent: child('root') });
    await create(store, {
      id: 'leaf',
      createdAt: 20,
      rootExecutionId: 'root',
      parent: child('child'),
      userId: 'bob',
    });
    await create(store, { id: 'alone', createdAt: 30, workflowId: 'other', sessionId: 's1', userId: 'ann' });
    await create(store, { id: 'early', createdAt: 5, status: 'failed' });
    await create(store, { id: 'foreign', createdAt: 40, projectId: 'other', sessionId: 's1', userId: 'ann' });
    return store;
  }

  describe('the list', () => {
    test('holds the executions of a project, newest first, then by id', async () => {
      const store = await openWithTrees();
      expect(await ids(store, {})).toEqual(['alone', 'leaf', 'child', 'root', 'early']);
      expect(await ids(store, { projectId: 'other' })).toEqual(['foreign']);
      expect(await ids(store, { projectId: 'none' })).toEqual([]);
    });

    test.each<{ readonly query: Partial<ExecutionQuery>; readonly found: readonly string[] }>([
      { query: { workflowId: 'batch' }, found: ['leaf', 'child', 'root', 'early'] },
      { query: { status: 'queued' }, found: ['alone', 'leaf', 'child'] },
      { query: { workflowId: 'batch', status: 'queued' }, found: ['leaf', 'child'] },
      { query: { workflowId: 'batch', status: 'timed_out' }, found: [] },
      { query: { parentExecutionId: 'root' }, found: ['child'] },
      { query: { parentExecutionId: 'leaf' }, found: [] },
      { query: { rootExecutionId: 'root' }, found: ['leaf', 'child', 'root'] },
      { query: { rootExecutionId: 'root', limit: 2 }, found: ['leaf', 'child'] },
      { query: { rootExecutionId: 'root', status: 'waiting' }, found: ['root'] },
      { query: { rootExecutionId: 'root', status: 'queued', userId: 'bob' }, found: ['leaf'] },
      { query: { rootExecutionId: 'root', after: { createdAt: 20, id: 'child' } }, found: ['root'] },
      { query: { rootExecutionId: 'root', after: { createdAt: 10, id: 'root' } }, found: [] },
      { query: { rootExecutionId: 'child' }, found: [] },
      { query: { rootExecutionId: 'foreign' }, found: [] },
      { query: { sessionId: 's1' }, found: ['alone', 'root'] },
      { query: { userId: 'ann' }, found: ['alone', 'root'] },
      { query: { userId: 'ann', workflowId: 'other', sessionId: 's1' }, found: ['alone'] },
      { query: { createdFrom: 10, createdBefore: 30 }, found: ['leaf', 'child', 'root'] },
      { query: { createdFrom: 20, createdBefore: 20 }, found: [] },
      {
        query: { status: 'queued', createdBefore: 30, after: { createdAt: 20, id: 'leaf' } },
        found: ['child'],
      },
    ])('with $query holds $found', async ({ query, found }) => {
      const store = await openWithTrees();
      expect(await ids(store, query)).toEqual(found);
    });

    test('goes on after any place in it, page by page', async () => {
      const store = await open();
      for (let n = 0; n < 10; n++) await create(store, { id: `e${n}`, createdAt: Math.floor(n / 4) });
      const found: string[][] = [];
      let after: ExecutionQuery['after'];
      do {
        const page = await store.list({ projectId: 'default', limit: 3, ...(after && { after }) });
        found.push(page.map(({ id }) => id));
        const last = page.at(-1);
        after = last && { createdAt: last.createdAt, id: last.id };
      } while (after);
      expect(found).toEqual([['e9', 'e8', 'e7'], ['e6', 'e5', 'e4'], ['e3', 'e2', 'e1'], ['e0'], []]);
    });

    test('follows an execution through its statuses', async () => {
      const store = await open();
      let latest = await create(store, { id: 'a' });
      for (const status of EXECUTION_STATUSES) {
        latest = next(latest, { status });
        await store.commit(write(latest));
        for (const asked of EXECUTION_STATUSES) {
          expect(await ids(store, { status: asked })).toEqual(asked === status ? ['a'] : []);
          expect(await ids(store, { status: asked, workflowId: 'batch' })).toEqual(
            asked === status ? ['a'] : [],
          );
        }
      }
    });

    test('orders ids by code point', async () => {
      const store = await open();
      for (const id of ['\u{1F600}', '\uFF5E', 'z', 'a', 'B']) await create(store, { id });
      expect(await ids(store, {})).toEqual(['\u{1F600}', '\uFF5E', 'z', 'a', 'B']);
    });

    test('finds awkward names', async () => {
      const store = await open();
      for (const [index, text] of AWKWARD_TEXTS.entries()) {
        const id = `e${index}`;
        await create(store, {
          id,
          sessionId: text,
          userId: text,
          projectId: `p${text}`,
        });
      }
      for (const [index, text] of AWKWARD_TEXTS.entries()) {
        const projectId = `p${text}`;
        expect(await ids(store, { projectId, sessionId: text })).toEqual([`e${index}`]);
        expect(await ids(store, { projectId, userId: text })).toEqual([`e${index}`]);
      }
    });
  });
}
