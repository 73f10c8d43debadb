import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Execution } from '../../server/src/core/execution.js';
import type { TermCondition } from '../../server/src/core/search-term.js';
import type { ExecutionPlace, ExecutionSearch, Store } from '../../server/src/store/store.js';
import type { OpenStore } from './describe-store.js';
import { AWKWARD_TEXTS, create, execution, next, write } from './samples.js';

const ALL = { projectId: 'default', terms: [], limit: 1_000, lookedAt: 1_000_000 };

/** What `search` promises. */
export function describeSearches(open: OpenStore, reopen: (store: Store) => Promise<Store>): void {
  const ids = async (store: Store, search: Partial<ExecutionSearch>) => {
    const { executions, stoppedAt } = await store.search({ ...ALL, ...search });
    expect(stoppedAt).toBeUndefined();
    return executions.map(({ id }) => id);
  };
  const withTerm = (store: Store, term: string) => ids(store, { terms: [{ is: term }] });

  async function createWith(
    store: Store,
    terms: readonly string[],
    given: Partial<Execution> & { readonly id: string },
  ): Promise<Execution> {
    const created = execution(given);
    expect(await store.commit({ ...write(created), terms })).toBe('committed');
    return created;
  }

  async function change(store: Store, before: Execution, terms?: readonly string[]): Promise<Execution> {
    const after = next(before);
    expect(await store.commit({ ...write(after), ...(terms && { terms }) })).toBe('committed');
    return after;
  }

  describe('executions with terms', () => {
    test('are found by each of them, newest first, and by no other', async () => {
      const store = await open();
      await createWith(store, ['a=1', 'b=2'], { id: 'one', createdAt: 10 });
      await createWith(store, ['a=1'], { id: 'two', createdAt: 30 });
      await createWith(store, ['a=12'], { id: 'three', createdAt: 20 });
      await create(store, { id: 'none' });
      expect(await withTerm(store, 'a=1')).toEqual(['two', 'one']);
      expect(await withTerm(store, 'b=2')).toEqual(['one']);
      expect(await withTerm(store, 'a=')).toEqual([]);
      expect(await ids(store, { terms: [{ is: 'a=1' }, { is: 'b=2' }] })).toEqual(['one']);
      expect(await ids(store, { terms: [{ is: 'a=1' }], createdFrom: 11 })).toEqual(['two']);
      expect(await ids(store, { terms: [{ is: 'a=1' }], status: 'failed' })).toEqual([]);
    });

    test('are found by ranges of them, each for one term', async () => {
      const store = await open();
      await createWith(store, ['a', 'z'], { id: 'around', createdAt: 1 });
      await createWith(store, ['m'], { id: 'within', createdAt: 2 });
      await createWith(store, ['f', 'm'], { id: 'both', createdAt: 3 });
      const range = (from: string, before: string) => ids(store, { terms: [{ from, before }] });
      expect(await range('b', 'y')).toEqual(['both', 'within']);
      expect(await range('m', 'n')).toEqual(['both', 'within']);
      expect(await range('a', 'm')).toEqual(['both', 'around']);
      expect(await range('a', 'a')).toEqual([]);
      expect(await ids(store, { terms: [{ from: 'e', before: 'g' }, { is: 'm' }] })).toEqual(['both']);
      expect(
        await ids(store, {
          terms: [
            { from: 'e', before: 'g' },
            { from: 'l', before: 'n' },
          ],
        }),
      ).toEqual(['both']);
    });

    test('keep them until a commit says otherwise', async () => {
      const store = await open();
      let latest = await createWith(store, ['x', 'y'], { id: 'a' });
      latest = await change(store, latest);
      expect([await withTerm(store, 'x'), await withTerm(store, 'y')]).toEqual([['a'], ['a']]);
      latest = await change(store, latest, ['y', 'z']);
      expect([await withTerm(store, 'x'), await withTerm(store, 'y')]).toEqual([[], ['a']]);
      expect((await store.load('a'))?.terms).toEqual(['y', 'z']);
      latest = await change(store, latest, []);
      expect([await withTerm(store, 'y'), await withTerm(store, 'z')]).toEqual([[], []]);
      expect(await store.load('a')).not.toHaveProperty('terms');
      latest = await change(store, latest, []);
      latest = await change(store, latest, ['x']);
      expect(await withTerm(store, 'x')).toEqual(['a']);
      await store.commit(write(next(latest, { status: 'completed', closedAt: 5_000 })));
      expect(await ids(store, { terms: [{ is: 'x' }], status: 'completed' })).toEqual(['a']);
    });

    test('are not found by what a conflict would have written', async () => {
      const store = await open();
      const first = await createWith(store, ['x'], { id: 'a' });
      await change(store, first);
      expect(await store.commit({ ...write(next(first)), terms: ['y'] })).toBe('conflict');
      expect(await store.commit({ ...write(execution({ id: 'a' })), terms: ['y'] })).toBe('conflict');
      expect([await withTerm(store, 'x'), await withTerm(store, 'y')]).toEqual([['a'], []]);
    });

    test('may have a hundred, awkward ones too, also after the store was opened again', async () => {
      const store = await open();
      const latest = await createWith(store, AWKWARD_TEXTS, { id: 'all' });
      let again = await reopen(store);
      for (const text of AWKWARD_TEXTS) {
        expect(await withTerm(again, text)).toEqual(['all']);
        expect(await ids(again, { terms: [{ from: text, before: `${text}\0` }] })).toEqual(['all']);
      }
      expect((await again.load('all'))?.terms).toEqual(AWKWARD_TEXTS);
      const hundred = Array.from({ length: 100 }, (_, n) => `t${n}`);
      await change(again, latest, hundred);
      again = await reopen(again);
      expect(await withTerm(again, 't99')).toEqual(['all']);
      for (const terms of [
        [...hundred, 'more'],
        ['x', 'x'],
      ]) {
        await expect(again.commit({ ...write(execution({ id: 'b' })), terms })).rejects.toThrow('found by');
      }
    });
  });

  describe('a search', () => {
    test('knows when executions changed and when they were closed', async () => {
      const store = await open();
      await create(store, { id: 'open', createdAt: 1, updatedAt: 10 });
      await create(store, { id: 'closed', createdAt: 2, updatedAt: 20, closedAt: 20, status: 'failed' });
      expect(await ids(store, { updatedFrom: 10, updatedBefore: 20 })).toEqual(['open']);
      expect(await ids(store, { updatedFrom: 11 })).toEqual(['closed']);
      expect(await ids(store, { closedBefore: 100 })).toEqual(['closed']);
      expect(await ids(store, { closedFrom: 20, closedBefore: 21 })).toEqual(['closed']);
      expect(await ids(store, { closedFrom: 21 })).toEqual([]);
    });

    test('finds the root of a tree where it belongs', async () => {
      const store = await open();
      await createWith(store, ['x'], { id: 'root', createdAt: 1 });
      for (let n = 0; n < 5; n++) {
        const parent = { executionId: 'root', stepKey: 's', waits: true };
        const given = { id: `child${n}`, createdAt: 2 + n, rootExecutionId: 'root', parent };
        await createWith(store, n === 3 ? ['x'] : [], given);
      }
      const found = await walk(store, { ...ALL, rootExecutionId: 'root', terms: [{ is: 'x' }], lookedAt: 2 });
      expect(found).toEqual(['child3', 'root']);
    });

    test('looks at few executions for a page, and says where it stopped, until it has seen all', async () => {
      const store = await open();
      const given = fc.sample(sample, { numRuns: 60, seed: 7 });
      for (const [n, { terms, ...rest }] of given.entries()) {
        await createWith(store, terms, { id: `e${n}`, createdAt: n >> 1, ...rest });
      }
      await fc.assert(
        fc.asyncProperty(searched, async (search) => {
          const { limit, lookedAt } = ALL;
          const expected = await ids(store, { ...search, limit, lookedAt });
          expect(await walk(store, { ...ALL, ...search })).toEqual(expected);
        }),
        { numRuns: 40 },
      );
    });
  });
}

/** The ids on all pages of a search. */
async function walk(store: Store, search: ExecutionSearch): Promise<readonly string[]> {
  const found: string[] = [];
  let after: ExecutionPlace | undefined;
  for (let pages = 0; pages < 200; pages++) {
    const page = await store.search({ ...search, ...(after && { after }) });
    found.push(...page.executions.map(({ id }) => id));
    const { stoppedAt = page.executions.length === search.limit ? page.executions.at(-1) : undefined } = page;
    if (!stoppedAt) return found;
    if (after && stoppedAt.createdAt === after.createdAt) expect(stoppedAt.id < after.id).toBe(true);
    else if (after) expect(stoppedAt.createdAt).toBeLessThan(after.createdAt);
    after = { createdAt: stoppedAt.createdAt, id: stoppedAt.id };
  }
  throw new Error('the search does not end');
}

const term = fc.constantFrom('a', 'b', 'c', 'c\0', '\u{1F600}', '\uFF5E');
const condition: fc.Arbitrary<TermCondition> = fc.oneof(
  fc.record({ is: term }),
  fc.record({ from: term, before: term }),
);
const workflowId = fc.constantFrom('v', 'w');
const status = fc.constantFrom('queued' as const, 'failed' as const);
const sample = fc.record({ terms: fc.uniqueArray(term, { maxLength: 4 }), workflowId, status });
const searched = fc
  .record(
    {
      terms: fc.array(condition, { maxLength: 3 }),
      limit: fc.integer({ min: 1, max: 5 }),
      lookedAt: fc.integer({ min: 1, max: 20 }),
      workflowId,
      status,
      createdFrom: fc.nat({ max: 10 }),
      createdBefore: fc.integer({ min: 15, max: 40 }),
      updatedFrom: fc.constantFrom(0, 5_000),
    },
    { requiredKeys: ['terms', 'limit', 'lookedAt'] },
  )
  .map((search) => search as Partial<ExecutionSearch>);
