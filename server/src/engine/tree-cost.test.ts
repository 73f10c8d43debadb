import { describe, expect, test } from 'vitest';
import { openMemoryStore } from '../store/memory/memory-store.js';
import type { Store } from '../store/store.js';
import { settled } from './hand-clock.mjs';
import { accept, child, DONE, done, Harness, PROJECT, SUSPEND, step } from './harness.mjs';
import { intercepted } from './slow-store.mjs';
import { Reader, readAll } from './tree-reader.mjs';

/** Calls of a store by method, and those that concern the logs of trees. */
class Counted {
  readonly store: Store;
  private calls = new Map<string, number>();
  entries = 0;

  constructor() {
    this.store = intercepted(openMemoryStore(), async (method, call, args) => {
      const name = groupOf(args[0])?.startsWith('tree[') ? `tree ${method}` : method;
      this.calls.set(name, this.of(name) + 1);
      const answer = await call();
      if (method === 'journal') this.entries += (answer as readonly unknown[]).length;
      return answer;
    });
  }

  of(name: string): number {
    return this.calls.get(name) ?? 0;
  }

  reset(): void {
    this.calls = new Map();
    this.entries = 0;
  }

  get all(): Record<string, number> {
    return Object.fromEntries(this.calls);
  }
}

/** The group of the records that a call is about. */
function groupOf(asked: unknown): string | undefined {
  const { group, record } = Object(asked) as { group?: string; record?: { group: string } };
  return group ?? record?.group;
}

/** A root with a batch of children that wait for a worker. */
async function withChildren(count: number) {
  const counted = new Counted();
  const harness = await Harness.open(counted.store);
  const worker = await harness.register(['order', 'child']);
  const root = await harness.invoke();
  const parent = await harness.take(worker);
  const children = Array.from({ length: count }, () => ({ workflowId: 'child', priority: 0 }));
  await harness.complete(parent, { type: 'start_children', key: 'all', waits: true, children }, SUSPEND);
  await settled();
  return { counted, harness, worker, root };
}

describe('a tree', () => {
  test('that nobody reads costs nothing', async () => {
    const { counted, harness, worker, root } = await withChildren(3);
    for (const assignment of await harness.takeAll(worker)) await harness.complete(assignment, DONE);
    await harness.complete(await harness.take(worker), accept('all'), DONE);
    await harness.clock.turn(120_000);
    expect(Object.keys(counted.all).filter((name) => name.startsWith('tree'))).toEqual([]);

    const reader = new Reader(harness, root);
    await reader.ended;
    expect(counted.of('tree commitRecord')).toBe(1);
    const second = await harness.invoke();
    const follower = new Reader(harness, second);
    await settled();
    await follower.leave();
    counted.reset();
    await harness.complete(await harness.take(worker), step('a'), DONE);
    await harness.clock.turn(120_000);
    expect(Object.keys(counted.all).filter((name) => name === 'journal' || name.startsWith('tree'))).toEqual(
      [],
    );
  });

  test('of 10,000 children that ended is read with a few calls for each of them, and the first event at once', {
    timeout: 60_000,
  }, async () => {
    const count = 10_000;
    const { counted, harness, worker, root } = await withChildren(count);
    for (let taken = 0; taken < count; ) {
      const assignments = await harness.takeAll(worker, 500);
      await Promise.all(assignments.map((assignment) => harness.complete(assignment, DONE)));
      taken += assignments.length;
    }
    await settled();
    await harness.complete(await harness.take(worker), accept('all'), DONE);

    counted.reset();
    const signal = new AbortController().signal;
    const pages = harness.engine.treeEvents(PROJECT, root, { afterEvent: 0, follow: true, signal });
    for await (const [first] of pages) {
      expect(first).toMatchObject({ place: 1 });
      break;
    }
    expect(counted.of('journal')).toBeLessThan(200);

    counted.reset();
    const events = await readAll(harness, root);
    expect(new Set(events.map(({ event }) => event.executionId)).size).toBe(count + 1);
    expect(counted.of('journal')).toBeLessThan(4 * count);
    expect(counted.of('tree commitRecord')).toBeLessThan(events.length / 100);
    expect(counted.of('tree listRecords')).toBeLessThan(events.length / 50);
    expect(counted.of('list')).toBe(0);
    expect(counted.of('load')).toBeLessThan(10);
  });

  test('of 2,000 open children costs a few calls for one more event', async () => {
    const { counted, harness, worker, root } = await withChildren(2_000);
    const reader = new Reader(harness, root);
    const assignments = await harness.takeAll(worker, 10);
    await settled();
    const known = reader.seen.length;
    expect(known).toBeGreaterThan(2_000);
    counted.reset();
    for (const assignment of assignments) {
      await harness.complete(assignment, step('a'));
      await settled();
    }
    expect(reader.seen).toHaveLength(known + assignments.length);
    expect(counted.of('journal')).toBeLessThanOrEqual(2 * assignments.length);
    expect(counted.of('tree listRecords')).toBeLessThanOrEqual(2 * assignments.length);
    expect(counted.of('load')).toBe(0);
    await reader.leave();
  });

  test('is read by a slow reader page by page, when it comes to them', async () => {
    const counted = new Counted();
    const harness = await Harness.open(counted.store);
    const worker = await harness.register(['order', 'child']);
    const root = await harness.invoke();
    const parent = await harness.take(worker);
    await harness.complete(parent, child('pay'));
    const pay = await harness.take(worker);
    const signal = new AbortController().signal;
    const events = harness.engine.treeEvents(PROJECT, root, { afterEvent: 0, follow: true, signal });
    const reader = events[Symbol.asyncIterator]();
    await reader.next();
    counted.reset();
    for (let number = 0; number < 2_000; number++) {
      await harness.complete(pay, step(`s${number}`));
      await harness.complete(parent, step(`s${number}`));
    }
    expect(counted.entries).toBe(0);
    await harness.complete(pay, done('1'));
    const places: number[] = [];
    let pageMax = 0;
    for (let page = await reader.next(); places.length < 3_000 && !page.done; page = await reader.next()) {
      places.push(...page.value.map(({ place }) => place));
      pageMax = Math.max(pageMax, page.value.length);
    }
    expect(places).toEqual(places.map((_, index) => index + (places[0] ?? 0)));
    expect(pageMax).toBeLessThanOrEqual(256);
    expect(counted.entries).toBeLessThan(3 * 4_000);
  });
});
