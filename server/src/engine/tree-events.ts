import type { Execution } from '../core/execution.js';
import type { EventCursor, PlacedEvent } from './api.js';
import { EngineError } from './errors.js';
import { type FollowedTree, FollowedTrees, type TreePort } from './followed-trees.js';
import { lastPlace, type Placement } from './tree-log.js';

/** Placements that a reader reads from the log at once. */
const LOG_PAGE = 16;

/** Ranges of events whose journals are read at once. */
const READS = 16;

/** The events of topmost executions with those of all that descends from them. */
export class TreeEvents {
  private readonly followed: FollowedTrees;

  constructor(port: TreePort) {
    this.followed = new FollowedTrees(port);
  }

  /** See `Follower.changed`. */
  changedElsewhere(executionIds: Iterable<string>): void {
    for (const executionId of executionIds) this.followed.note(executionId);
  }

  /** See `Follower.missed`. */
  missed(): void {
    this.followed.noteAll();
  }

  /**
   * The events of a tree from a cursor on, which is a place in the order of the tree. Each page is read when the one before
   * was taken. What is gone from the store is left out, and its places with it.
   */
  async *read(execution: Execution, cursor: EventCursor): AsyncGenerator<readonly PlacedEvent[]> {
    const { id, rootExecutionId } = execution;
    if (rootExecutionId !== id) {
      const message = `execution ${id} was started by another; the topmost one of its tree is ${rootExecutionId}`;
      throw new EngineError({ type: 'invalid', field: 'root_execution_id', message });
    }
    const tree = this.followed.enter(execution);
    try {
      yield* from(tree, cursor);
    } finally {
      this.followed.leave(tree);
    }
  }
}

async function* from(tree: FollowedTree, cursor: EventCursor): AsyncGenerator<readonly PlacedEvent[]> {
  const { log } = tree.order;
  const { afterEvent, follow, signal } = cursor;
  if (afterEvent > 0) {
    const newest = await log.newest();
    if (afterEvent > newest) throw new EngineError({ type: 'cursor_unknown', cursor: afterEvent, newest });
  }
  if (!follow) tree.order.noteAll();
  let next = afterEvent + 1;
  let placements: readonly Placement[] = [];
  const holder = afterEvent > 0 ? await log.holderOf(next) : undefined;
  if (holder && lastPlace(holder) >= next) placements = [holder];
  while (!signal.aborted) {
    const isThere = tree.has(next);
    if (placements.length === 0 && isThere !== false) placements = await log.read(next, LOG_PAGE);
    if (placements.length === 0 && isThere) throw log.gone();
    if (placements.length === 0 && !(await tree.hasMore(next, { follow, signal }))) return;
    for (const placement of placements) {
      yield* eventsOf(tree, placement, next);
      next = lastPlace(placement) + 1;
    }
    placements = [];
  }
}

/** The events of a placement from a place on. */
async function* eventsOf(
  { order: { pages } }: FollowedTree,
  { first, executions, ranges }: Placement,
  start: number,
): AsyncGenerator<readonly PlacedEvent[]> {
  let place = first;
  for (let index = 0; index < ranges.length; index += READS) {
    const some = ranges.slice(index, index + READS).flatMap(({ execution, from, to }) => {
      const firstPlace = place;
      place += to - from + 1;
      const named = executions[execution];
      return named && place > start
        ? { named, from: from + Math.max(0, start - firstPlace), to, last: place - 1 }
        : [];
    });
    // Once for each execution; then they are among the pages.
    const firstReads = new Map(some.map(({ named, from }) => [named.id, { named, from }] as const).reverse());
    await Promise.all(Array.from(firstReads.values(), ({ named, from }) => pages.read(named, from - 1)));
    for (const { named, from, to, last } of some) {
      for (let after = from - 1; after < to; ) {
        const entries = await pages.read(named, after);
        const events = entries
          .flatMap((entry) => entry.events)
          .filter(({ sequence }) => sequence > after && sequence <= to)
          .map((event) => ({ place: last - to + event.sequence, event }));
        if (events.length > 0) yield events;
        after = entries.at(-1)?.last ?? to;
      }
    }
  }
}
