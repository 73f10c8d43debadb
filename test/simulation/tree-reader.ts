import type { Execution } from '../../server/src/core/execution.js';
import type { PlacedEvent } from '../../server/src/engine/api.js';
import { ConnectionLost, PROJECT, type World } from './world.js';

/** How often a reader looks whether it should have ended, and after how many looks at a tree that did it has to have. */
const LOOK_MS = 10_000;
const LOOKS_MAX = 18;

/** Somebody who follows a tree to its end, at whatever server is up, and leaves and comes back as it pleases. */
export class TreeReader {
  /** What it was given, in the order of its places. */
  readonly events: PlacedEvent[] = [];
  private readonly world: World;
  private readonly root: string;
  private isDone = false;

  constructor(world: World, root: string) {
    this.world = world;
    this.root = root;
  }

  /** Reads on after the last event that it has, until the stream ends by itself. */
  async run(): Promise<void> {
    void this.watch();
    while (!this.isDone) {
      try {
        await this.readOn();
      } catch (error) {
        if (!this.world.mayPass(error)) throw error;
        await this.world.sleep(this.world.random.between(50, 1_000));
      }
    }
  }

  private async readOn(): Promise<void> {
    const { world, root, events } = this;
    const server = world.upServer;
    if (!server) throw new ConnectionLost('no server');
    const leaving = new AbortController();
    const from = { afterEvent: events.length, follow: true, signal: leaving.signal };
    const pages = server.engine.treeEvents(PROJECT, root, from)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const page = await server.whileAlive(pages.next());
        if (page.done) break;
        for (const event of page.value) this.take(event);
        if (world.faults && world.random.chance(0.05)) throw new ConnectionLost('the reader left');
      }
      this.isDone = true;
    } finally {
      leaving.abort();
    }
  }

  private take(placed: PlacedEvent): void {
    const { events, root, world } = this;
    if (placed.place !== events.length + 1) {
      world.violated(`11: place ${placed.place} of the tree of ${root} came after ${events.length}`);
    }
    events.push(placed);
  }

  /** A tree that has ended and is still read hangs. */
  private async watch(): Promise<void> {
    for (let looks = 0; !this.isDone; ) {
      await this.world.sleep(LOOK_MS);
      looks = this.world.isIdle && !this.world.faults ? looks + 1 : 0;
      if (looks > LOOKS_MAX)
        return this.world.violated(`24: the events of the tree of ${this.root} do not end`);
    }
  }
}

/** What is wrong with what readers of one tree were given, if it is not the same, or not all that the journals have. */
export function problemWith(
  readers: readonly Pick<TreeReader, 'events'>[],
  executions: readonly Pick<Execution, 'id' | 'eventCount' | 'parent'>[],
): string | undefined {
  const [first, ...others] = readers.map(({ events }) => events.map(nameOf));
  if (!first) return undefined;
  if (others.some((other) => other.join() !== first.join())) return 'readers saw different orders';
  const counts = new Map<string, number>();
  const starts = new Set<string>();
  const parents = new Map(executions.map(({ id, parent }) => [id, parent]));
  for (const { event } of readers[0]?.events ?? []) {
    const { executionId, sequence, type, stepKey } = event;
    const parent = parents.get(executionId);
    const mayCome = !parent || starts.has(`${parent.executionId} ${parent.stepKey}`);
    if (!mayCome) return `${nameOf({ event })} came before what started it`;
    if (sequence !== (counts.get(executionId) ?? 0) + 1) return `${nameOf({ event })} is not the next`;
    counts.set(executionId, sequence);
    if (type === 'child_start' || type === 'children_start') starts.add(`${executionId} ${stepKey}`);
  }
  const missing = executions.find(({ id, eventCount }) => counts.get(id) !== eventCount);
  return missing && `it has ${counts.get(missing.id)} events of ${missing.id}, not ${missing.eventCount}`;
}

function nameOf({ event: { executionId, sequence } }: Pick<PlacedEvent, 'event'>): string {
  return `${executionId} ${sequence}`;
}
