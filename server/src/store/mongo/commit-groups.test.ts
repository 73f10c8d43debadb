import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { StoreFault } from '../store.js';
import { CommitGroups, type CommitOutcome } from './commit-groups.js';
import type { CommitOperation } from './commit-operation.js';

/** Groups that are answered when the test says so. */
function open() {
  const groups: { readonly ids: string[]; readonly answer: (outcomes?: readonly CommitOutcome[]) => void }[] =
    [];
  const commits = new CommitGroups(
    (operations) =>
      new Promise((resolve) => {
        const ids = operations.map(({ id }) => id);
        groups.push({ ids, answer: (outcomes = ids.map(() => 'committed' as const)) => resolve(outcomes) });
      }),
  );
  const submit = (id: string, bytes = 1) => commits.submit({ id, bytes } as CommitOperation);
  return { groups, submit, ids: () => groups.map(({ ids }) => ids) };
}

async function turns(count = 4): Promise<void> {
  for (let turn = 0; turn < count; turn++) await nextTurn();
}

test('commits of one turn of the event loop are one group, and each has its own outcome', async () => {
  const { groups, submit } = open();
  const fault = new StoreFault('unknown', { retryable: true });
  const commits = ['a', 'b', 'c'].map((id) => submit(id));
  await turns();
  expect(groups.map(({ ids }) => ids)).toEqual([['a', 'b', 'c']]);
  groups[0]?.answer(['committed', 'conflict', fault]);
  expect(await Promise.allSettled(commits)).toEqual([
    { status: 'fulfilled', value: 'committed' },
    { status: 'fulfilled', value: 'conflict' },
    { status: 'rejected', reason: fault },
  ]);
});

test('what is asked for while a group is under way, or in answer to it, is the next one', async () => {
  const { groups, submit, ids } = open();
  const first = submit('a').then(() => void submit('d'));
  await turns();
  void submit('b');
  await turns();
  void submit('c');
  groups[0]?.answer();
  await first;
  await turns();
  expect(ids()).toEqual([['a'], ['b', 'c', 'd']]);
});

test('a group that takes its time does not hold up the next, and four are enough', async () => {
  const { groups, submit, ids } = open();
  for (const id of ['a', 'b', 'c', 'd', 'e']) {
    void submit(id);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  expect(ids()).toEqual([['a'], ['b'], ['c'], ['d']]);
  groups[1]?.answer();
  await vi.waitFor(() => expect(ids().at(-1)).toEqual(['e']));
});

test('a group has a bounded number of commits and of bytes, and one commit at least', async () => {
  const { groups, submit, ids } = open();
  const sizes = [9e6, 5e6, 3e6, 3e6];
  for (const [index, bytes] of sizes.entries()) void submit(`large ${index}`, bytes);
  for (let n = 0; n < 600; n++) void submit('small', 1);
  for (let group = 0; group < 4; group++) {
    await turns();
    groups[group]?.answer();
  }
  await turns();
  expect(ids().map((group) => group.length)).toEqual([1, 2, 500, 101]);
});
