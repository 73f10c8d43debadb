import { expect } from 'vitest';
import { MemoryDatabase, openMemoryStore } from '../store/memory/memory-store.js';
import type { Store } from '../store/store.js';
import type { Assignment, PlacedEvent } from './api.js';
import { HandClock } from './hand-clock.mjs';
import { Harness, PROJECT } from './harness.mjs';
import { intercepted } from './slow-store.mjs';

// For tests only; `.mts`, so that the build of `src/**/*.ts` leaves it out.

/** How the servers of a test differ. */
export interface Differences {
  /** What a server sees of the database. */
  behind?(store: Store, index: number): Store;
  /** How far a server's clock is ahead, in milliseconds. */
  skewMs?(index: number): number;
}

/** Engines beside each other on one database, as if each were in a process of its own. */
export async function beside(
  count: number,
  { behind = (store) => store, skewMs = () => 0 }: Differences = {},
): Promise<Harness[]> {
  const database = new MemoryDatabase();
  const clock = new HandClock();
  const servers = Array.from({ length: count }, (_, index) => {
    const store = behind(openMemoryStore(database), index);
    return new Harness(store, new SkewedClock(clock, skewMs(index)));
  });
  for (const server of servers) await server.engine.start();
  return servers;
}

/** A clock that is ahead of another one. */
class SkewedClock extends HandClock {
  private readonly other: HandClock;
  private readonly aheadMs: number;

  constructor(other: HandClock, aheadMs: number) {
    super();
    this.other = other;
    this.aheadMs = aheadMs;
  }

  override now(): number {
    return this.other.now() + this.aheadMs;
  }

  override callAt(at: number, call: () => void): () => void {
    return this.other.callAt(at - this.aheadMs, call);
  }

  override turn(ms: number): Promise<void> {
    return this.other.turn(ms);
  }
}

/** One reader, and what it got so far. */
export class Reader {
  readonly seen: PlacedEvent[] = [];
  readonly ended: Promise<void>;
  private readonly leaving = new AbortController();

  constructor({ engine }: Harness, root: string, { after = 0, follow = true } = {}) {
    const cursor = { afterEvent: after, follow, signal: this.leaving.signal };
    this.ended = this.read(engine.treeEvents(PROJECT, root, cursor));
    this.ended.catch(() => undefined);
  }

  async leave(): Promise<void> {
    this.leaving.abort();
    await this.ended;
  }

  private async read(pages: AsyncIterable<readonly PlacedEvent[]>): Promise<void> {
    for await (const page of pages) this.seen.push(...page);
  }
}

/** All that a tree has by now, after a place. */
export async function readAll(server: Harness, root: string, after = 0): Promise<PlacedEvent[]> {
  const reader = new Reader(server, root, { after, follow: false });
  await reader.ended;
  return reader.seen;
}

/** What all executions of a tree recorded is there: once, in order, a child's after what started it. */
export async function expectWhole(
  server: Harness,
  root: string,
  events: readonly PlacedEvent[],
): Promise<void> {
  expect(events.map(({ place }) => place)).toEqual(events.map((_, index) => index + 1));
  const executions = await server.store.list({ projectId: PROJECT, rootExecutionId: root, limit: 10_000 });
  for (const { id, eventCount, parent } of executions) {
    const own = events.filter(({ event }) => event.executionId === id);
    expect(own.map(({ event }) => event.sequence)).toEqual(
      Array.from({ length: eventCount }, (_, i) => i + 1),
    );
    if (!parent) continue;
    const start = events.find(
      ({ event: { executionId, type, stepKey } }) =>
        executionId === parent.executionId && stepKey === parent.stepKey && /^child(ren)?_start$/.test(type),
    );
    expect(start?.place).toBeLessThan(own[0]?.place ?? 0);
  }
  expect(events).toHaveLength(executions.reduce((sum, { eventCount }) => sum + eventCount, 0));
}

/** A root that a worker has taken. */
export async function rooted(given?: Harness) {
  const harness = given ?? (await Harness.open());
  const worker = await harness.register(['order', 'child']);
  const root = await harness.invoke();
  const parent: Assignment = await harness.take(worker);
  return { harness, root, worker, parent };
}

/** A store that can hold up what creates executions with a parent. */
export function withHeldCreations() {
  let gate: Promise<void> | undefined;
  let release = () => {};
  const store = intercepted(openMemoryStore(), async (method, call, [write]) => {
    const isCreation = method === 'commit' && !(write as { before?: unknown }).before;
    if (isCreation) await gate;
    return call();
  });
  const holdCreation = () => {
    gate = new Promise((resolve) => {
      release = resolve;
    });
  };
  return { store, holdCreation, release: () => release() };
}
