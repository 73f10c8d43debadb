import { describe, expect, test } from 'vitest';
import { openMemoryStore } from '../store/memory/memory-store.js';
import { type Store, StoreFault } from '../store/store.js';
import { settled } from './hand-clock.mjs';
import { accept, child, DONE, Harness, PROJECT, SUSPEND, soFar, step } from './harness.mjs';
import { gated, intercepted } from './slow-store.mjs';
import { beside, expectWhole, Reader, readAll, rooted, withHeldCreations } from './tree-reader.mjs';

/** A server that hears of nothing, and one that works. */
async function deafAndBusy(behind = (store: Store) => store): Promise<[Harness, Harness]> {
  const [deaf, busy] = await beside(2, {
    behind(store, index) {
      if (index === 1) return store;
      store.follow = () => () => {};
      return behind(store);
    },
  });
  if (!deaf || !busy) throw new Error('there are two');
  return [deaf, busy];
}

describe('a reader at a server that hears of nothing', () => {
  test('sees all when it looks', async () => {
    const [deaf, busy] = await deafAndBusy();
    const { root, worker, parent } = await rooted(busy);
    const reader = new Reader(deaf, root);
    await settled();
    await busy.complete(parent, child('pay'), SUSPEND);
    await busy.complete(await busy.take(worker), DONE);
    await busy.complete(await busy.take(worker), accept('pay'), DONE);
    expect(await soFar(reader.ended)).toBe('pending');
    await deaf.clock.turn(30_000);
    await reader.ended;
    await expectWhole(busy, root, reader.seen);
  });

  test('sees at once what was committed before it came, beside one that waits', async () => {
    const [deaf, busy] = await deafAndBusy();
    const { root, parent } = await rooted(busy);
    const follower = new Reader(deaf, root);
    await settled();
    await busy.complete(parent, step('a'));
    expect(await readAll(deaf, root)).toHaveLength(3);
    expect(follower.seen).toHaveLength(3);
    await follower.leave();
  });
});

test('what is read in one page and placed elsewhere in parts is placed on', async () => {
  const gate = { hold() {}, release() {} };
  const [here, there] = await beside(2, {
    behind(store, index) {
      return index === 0 ? Object.assign(gate, gated(store, 'journal')).store : store;
    },
  });
  const { root, parent } = await rooted(there!);
  gate.hold();
  const reader = new Reader(here!, root);
  await settled();
  expect(await readAll(there!, root)).toHaveLength(2);
  await there!.complete(parent, step('a'));
  await there!.complete(parent, step('b'));
  gate.release();
  await settled();
  expect(reader.seen).toHaveLength(4);
  await reader.leave();
});

test('pages of news that come while nothing was found are read all', async () => {
  const { store, hold, release } = gated(openMemoryStore(), 'journal', { isLate: true });
  const { harness, root, parent } = await rooted(await Harness.open(store));
  const reader = new Reader(harness, root);
  await settled();
  expect(reader.seen).toHaveLength(2);
  hold();
  const other = readAll(harness, root);
  await settled();
  for (let number = 0; number < 600; number++) await harness.complete(parent, step(`s${number}`));
  release();
  expect(await other).toHaveLength(602);
  await settled();
  expect(reader.seen).toHaveLength(602);
  await reader.leave();
});

test('a fault that one reader meets leaves nothing out for the others', async () => {
  const { store, fail } = gated(openMemoryStore(), 'journal');
  const { harness, root, parent } = await rooted(await Harness.open(store));
  const signal = new AbortController().signal;
  const slow = harness.engine.treeEvents(PROJECT, root, { afterEvent: 0, follow: true, signal });
  const pages = slow[Symbol.asyncIterator]();
  await pages.next();
  const unlucky = new Reader(harness, root);
  await settled();
  fail(new StoreFault('out of order', { retryable: true }));
  await harness.complete(parent, step('a'));
  await expect(unlucky.ended).rejects.toThrow('out of order');
  const lucky = new Reader(harness, root);
  await settled();
  expect(lucky.seen).toHaveLength(3);
  await lucky.leave();
  expect((await pages.next()).value).toMatchObject([{ place: 3 }]);
  await pages.return?.(undefined);
});

test('executions whose news never cease do not keep the others waiting', async () => {
  let before = 0;
  let isPlaced = false;
  const store = intercepted(openMemoryStore(), async (method, call) => {
    if (method === 'commitRecord') isPlaced = true;
    const answer = await call();
    if (method === 'journal' && more && before < 500) await more(before++);
    return answer;
  });
  let more: ((number: number) => Promise<unknown>) | undefined;
  const { harness, root, worker, parent } = await rooted(await Harness.open(store));
  await harness.complete(parent, child('one'), child('other'));
  const children = await harness.takeAll(worker);
  const seen = await readAll(harness, root);
  expect(seen).toHaveLength(8);
  const follower = new Reader(harness, root, { after: seen.length });
  await settled();
  isPlaced = false;
  let beforePlaced = 0;
  more = async (number) => {
    if (!isPlaced) beforePlaced = number;
    const assignment = children[number % 2];
    if (assignment) await harness.complete(assignment, step(`s${number}`));
  };
  await harness.complete(parent, step('a'));
  await expect.poll(() => follower.seen.length, { timeout: 10_000 }).toBeGreaterThan(500);
  expect(beforePlaced).toBeLessThan(300);
  await follower.leave();
});

test('a child that comes into being while it is looked for is no child that is gone', async () => {
  const held = withHeldCreations();
  let whileLooking: (() => Promise<void>) | undefined;
  const store = intercepted(held.store, async (method, call) => {
    if (method === 'load') await whileLooking?.();
    return call();
  });
  const { harness, root, parent } = await rooted(await Harness.open(store));
  held.holdCreation();
  const reader = new Reader(harness, root);
  await settled();
  await harness.complete(parent, { ...child('pay'), waits: false } as never, DONE);
  await settled();
  whileLooking = async () => {
    whileLooking = undefined;
    held.release();
    await settled();
  };
  await harness.clock.turn(30_000);
  const [pay] = await harness.takeAll(await harness.register(['child']));
  expect(await soFar(reader.ended)).toBe('pending');
  await harness.complete(pay!, DONE);
  await reader.ended;
  await expectWhole(harness, root, reader.seen);
});

describe('of what a store deleted', () => {
  /** A store that can be told that executions are gone. */
  function forgetful() {
    const gone = new Set<string>();
    const inner = openMemoryStore();
    const store = intercepted(inner, async (method, call, [first]) => {
      if (!gone.has(String(first))) return call();
      return method === 'journal' ? [] : method === 'load' ? undefined : call();
    });
    const removeLog = async (root: string) => {
      const group = `tree["${root}"]`;
      for (const { id, version } of await inner.listRecords({ group, limit: 10_000 })) {
        await inner.commitRecord({ remove: { group, id, version } });
      }
    };
    return { store, inner, gone, removeLog };
  }

  test('executions are left out, read before or never, and not waited for', async () => {
    const { store, gone } = forgetful();
    const { harness, root, worker, parent } = await rooted(await Harness.open(store));
    await harness.complete(parent, child('read'), SUSPEND);
    const read = await harness.take(worker);
    const before = await readAll(harness, root);
    await harness.complete(read, DONE);
    const again = await harness.take(worker);
    await harness.complete(again, accept('read'), child('unread'), SUSPEND);
    const unread = await harness.take(worker);
    await harness.complete(unread, DONE);
    const last = await harness.take(worker);
    // Nothing is deleted that still has its parent to tell.
    gone.add(read.execution.id).add(unread.execution.id);
    await harness.complete(last, accept('unread'), DONE);
    const reader = new Reader(harness, root);
    await reader.ended;
    const kept = before.filter(({ event }) => event.executionId === root);
    expect(kept.length).toBeLessThan(before.length);
    expect(reader.seen.slice(0, kept.length)).toEqual(kept);
    expect(reader.seen.at(-1)?.event).toMatchObject({ executionId: root, type: 'workflow_finish' });
    expect(new Set(reader.seen.map(({ event }) => event.executionId))).toEqual(new Set([root]));
    expect(await readAll(harness, root, before.length)).toEqual(reader.seen.slice(kept.length));
  });

  test('a root ends the stream over it, with nothing left behind', async () => {
    const { store, inner, gone, removeLog } = forgetful();
    const { harness, root, worker, parent } = await rooted(await Harness.open(store));
    await harness.complete(parent, { ...child('pay'), waits: false } as never, DONE);
    const pay = await harness.take(worker);
    const reader = new Reader(harness, root);
    await settled();
    gone.add(root);
    await removeLog(root);
    await harness.complete(pay, DONE);
    await expect(reader.ended).rejects.toMatchObject({ problem: { type: 'not_found', id: root } });
    expect(await inner.listRecords({ group: `tree["${root}"]`, limit: 100 })).toEqual([]);
  });

  test('a log ends a reader that was in the middle of it', async () => {
    const { store, removeLog } = forgetful();
    const { harness, root, parent } = await rooted(await Harness.open(store));
    const follower = new Reader(harness, root);
    for (let number = 0; number < 100; number++) {
      await harness.complete(parent, step(`s${number}`));
      await settled();
    }
    const { signal } = new AbortController();
    const slow = harness.engine.treeEvents(PROJECT, root, { afterEvent: 1, follow: true, signal });
    const pages = slow[Symbol.asyncIterator]();
    await pages.next();
    await removeLog(root);
    const rest = (async () => {
      while (!(await pages.next()).done);
    })();
    await expect(rest).rejects.toMatchObject({ problem: { type: 'not_found', id: root } });
    await follower.leave();
  });
});
