import { describe, expect, test } from 'vitest';
import type { Execution } from '../../server/src/core/execution.js';
import type { Store } from '../../server/src/store/store.js';
import type { OpenStore } from './describe-store.js';
import { create, createRecord, entry, execution, next, record, write } from './samples.js';

const DEFAULT = { projectId: 'default', until: 100, limit: 10 };
const WHOLE = { afterEvent: 0, entries: 10_000, bytes: 1e9 };

/** What `listProjects`, `listClosed`, `removeClosed` and `listGroups` promise. */
export function describeRemoval(open: OpenStore, reopen: (store: Store) => Promise<Store>): void {
  describe('removal', () => {
    test('projects that have executions are listed in their order, page by page', async () => {
      const store = await open();
      const projects = ['b', 'a', '\u{1F600}', '\uFF5E', 'a\0'];
      for (const [n, projectId] of [...projects, ...projects].entries())
        await create(store, { id: `e${n}`, projectId });
      expect(await store.listProjects({ limit: 3 })).toEqual(['a', 'a\0', 'b']);
      expect(await store.listProjects({ after: 'a\0', limit: 2 })).toEqual(['b', '\uFF5E']);
      expect(await store.listProjects({ after: '\uFF5E', limit: 9 })).toEqual(['\u{1F600}']);
    });

    test('what is closed and has nothing to deliver is listed, the earliest close first', async () => {
      const store = await open();
      await create(store, { id: 'open' });
      await create(store, { id: 'talking', closedAt: 1 }, { outboxSince: 1 });
      await create(store, { id: 'c', closedAt: 50 });
      await create(store, { id: 'b', closedAt: 100, rootExecutionId: 'open' });
      await create(store, { id: 'a', closedAt: 100 });
      await create(store, { id: 'late', closedAt: 101 });
      await create(store, { id: 'elsewhere', closedAt: 1, projectId: 'other' });
      const ids = ['c', 'a', 'b'];
      expect(await store.listClosed(DEFAULT)).toEqual(
        ids.map((id) => ({ id, rootExecutionId: id === 'b' ? 'open' : id })),
      );
      expect(await store.listClosed({ ...DEFAULT, limit: 2 })).toMatchObject([{ id: 'c' }, { id: 'a' }]);
      expect(await store.listClosed({ ...DEFAULT, until: 99 })).toMatchObject([{ id: 'c' }]);
      expect(await store.listClosed({ ...DEFAULT, projectId: 'none' })).toEqual([]);
    });

    test('one that is closed by a later commit, or has delivered what it had to, is listed from then on', async () => {
      const store = await open();
      const created = await create(store, { id: 'a' });
      const closed = next(created, { status: 'completed', closedAt: 7, ready: false });
      await store.commit(write(closed, { index: { outboxSince: 7 } }));
      expect(await store.listClosed(DEFAULT)).toEqual([]);
      await store.commit(write(next(closed)));
      expect(await store.listClosed(DEFAULT)).toEqual([{ id: 'a', rootExecutionId: 'a' }]);
    });

    test('an execution goes with all that is kept of it, and nothing else does', async () => {
      const store = await open();
      const filters = {
        userId: 'u',
        sessionId: 's',
        parent: { executionId: 'p', stepKey: 's', waits: true },
      };
      const given = { ...filters, rootExecutionId: 'r' };
      for (const id of ['gone', 'kept']) await close(store, { id, ...given }, 3, { waitsFor: ['event'] });
      for (const group of ['of gone', 'of gone, too', 'of kept']) {
        await createRecord(store, { group, id: '1', alias: 'a', dueAt: 1 });
        await createRecord(store, { group, id: '2' });
      }
      await store.removeClosed([{ executionId: 'gone', groups: ['of gone', 'of gone, too', 'of nobody'] }]);
      const again = await reopen(store);
      expect(await again.load('gone')).toBeUndefined();
      expect(await again.journal('gone', WHOLE)).toEqual([]);
      expect((await again.journal('kept', WHOLE)).map(({ firstEvent }) => firstEvent)).toEqual([1, 2, 3]);
      const queries = [
        {},
        { workflowId: 'batch' },
        { status: 'completed' as const },
        { parentExecutionId: 'p' },
      ];
      for (const query of [...queries, { rootExecutionId: 'r' }, { sessionId: 's' }, { userId: 'u' }]) {
        const found = await again.list({ projectId: 'default', limit: 10, ...query });
        expect(found.map(({ id }) => id)).toEqual(['kept']);
      }
      const search = { projectId: 'default', limit: 10, lookedAt: 100, terms: [{ is: 'term' }] };
      expect((await again.search(search)).executions.map(({ id }) => id)).toEqual(['kept']);
      expect((await again.listWaiting({ key: 'event', limit: 5 })).map(({ id }) => id)).toEqual(['kept']);
      expect(await again.listClosed(DEFAULT)).toMatchObject([{ id: 'kept' }]);
      expect(await again.listGroups({ prefix: 'of ', limit: 5 })).toEqual(['of kept']);
      expect(await again.listRecords({ group: 'of kept', limit: 5 })).toHaveLength(2);
      expect((await again.listDueRecords({ until: 9, limit: 5 })).due).toMatchObject([{ group: 'of kept' }]);
    });

    test('what is open, or has something to deliver, or is not there stays as it is', async () => {
      const store = await open();
      await create(store, { id: 'open' });
      await create(store, { id: 'talking', closedAt: 1 }, { outboxSince: 1 });
      await createRecord(store, { id: 'a' });
      const removals = ['open', 'talking', 'none'].map((executionId) => ({ executionId, groups: ['group'] }));
      await store.removeClosed(removals);
      await store.removeClosed([]);
      expect(await store.list({ projectId: 'default', limit: 5 })).toHaveLength(2);
      expect(await store.loadRecord({ group: 'group', id: 'a' })).toEqual(record({ id: 'a' }));
    });

    test('an id that is free again begins anew', async () => {
      const store = await open();
      const old = await close(store, { id: 'a', idempotencyKey: 'k' }, 40);
      await store.removeClosed([{ executionId: 'a', groups: [] }]);
      expect(await store.commit(write(next(old)))).toBe('conflict');
      const created = execution({ id: 'a', idempotencyKey: 'k', createdAt: 9_000 });
      expect(await store.commit(write(created, { state: { new: true } }))).toBe('committed');
      const second = next(created, { eventCount: 1 });
      expect(await store.commit(write(second, { entry: entry(1) }))).toBe('committed');
      const again = await reopen(store);
      expect(await again.load('a')).toEqual({ execution: second, state: { new: true } });
      expect(await again.journal('a', WHOLE)).toEqual([entry(1)]);
      expect(await again.listClosed(DEFAULT)).toEqual([]);
    });

    test('many go at once, long ones and short ones, while others are committed to', async () => {
      const store = await open();
      await close(store, { id: 'long' }, 700);
      const ids = Array.from({ length: 60 }, (_, n) => `short-${n}`);
      for (const id of ids) await close(store, { id }, 2);
      for (let n = 0; n < 300; n++) await createRecord(store, { group: 'of long', id: `${n}` });
      let latest = await create(store, { id: 'busy' });
      const removed = store.removeClosed([
        ...ids.map((executionId) => ({ executionId, groups: [] })),
        { executionId: 'long', groups: ['of long'] },
      ]);
      for (let n = 0; n < 20; n++) {
        latest = next(latest);
        expect(await store.commit(write(latest))).toBe('committed');
      }
      await removed;
      const again = await reopen(store);
      expect(await again.list({ projectId: 'default', limit: 100 })).toEqual([latest]);
      expect(await again.journal('long', WHOLE)).toEqual([]);
      expect(await again.listGroups({ prefix: '', limit: 5 })).toEqual([]);
    }, 60_000);

    test('groups that begin with a text are listed in their order, page by page', async () => {
      const store = await open();
      const groups = ['t["a"]', 't["b"]', 't["b","c"]', 't', 's["z"]', 'u', 't["\u{1F600}"]', 't["\uFF5E"]'];
      for (const [n, group] of [...groups, ...groups].entries())
        await createRecord(store, { group, id: `${n}` });
      for (let n = 0; n < 250; n++) await createRecord(store, { group: 't["b"]', id: `more ${n}` });
      expect(await store.listGroups({ prefix: 't[', limit: 2 })).toEqual(['t["a"]', 't["b","c"]']);
      expect(await store.listGroups({ prefix: 't[', after: 't["b","c"]', limit: 9 })).toEqual([
        't["b"]',
        't["\uFF5E"]',
        't["\u{1F600}"]',
      ]);
      expect(await store.listGroups({ prefix: 't', limit: 1 })).toEqual(['t']);
      expect(await store.listGroups({ prefix: 'v', limit: 9 })).toEqual([]);
    });
  });
}

/** Creates an execution with so many events and closes it, at 50. */
async function close(
  store: Store,
  given: Partial<Execution> & { readonly id: string },
  events: number,
  index = {},
): Promise<Execution> {
  let latest = await create(store, given);
  const versions = Array.from({ length: events }, (_, n) => {
    const isLast = n === events - 1;
    const end = isLast && ({ status: 'completed', closedAt: 50, ready: false } as const);
    latest = next(latest, { eventCount: n + 1, ...end });
    return { latest, terms: [`n ${n}`, 'term'], entry: entry(n + 1), index: isLast ? index : {} };
  });
  await Promise.all(
    versions.map(({ latest, terms, ...given }) => store.commit({ ...write(latest, given), terms })),
  );
  return latest;
}
