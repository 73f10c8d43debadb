import type { Execution } from '../core/execution.js';
import type { Store } from '../store/store.js';
import type { EventCursor } from './api.js';
import type { Clock } from './clock.js';
import { Notifier } from './notifier.js';
import { hasJournal, Tree } from './tree.js';
import type { Member } from './tree-member.js';
import type { Watchers } from './watchers.js';

/** What streams over trees need. */
export interface TreePort {
  readonly store: Store;
  readonly clock: Clock;
  readonly watchers: Watchers;
}

/** At least this often all executions of a tree that is followed are looked at, in case that a change was not told of. */
const LOOK_MS = 30_000;

/** Executions looked at at once. */
const LOOKS = 16;

/** The trees that somebody on this server reads. Each is known once, however many read it; the last reader takes it along. */
export class FollowedTrees {
  private readonly port: TreePort;
  private readonly trees = new Map<string, FollowedTree>();
  private stopWatching: (() => void) | undefined;

  constructor(port: TreePort) {
    this.port = port;
  }

  enter(root: Execution): FollowedTree {
    this.stopWatching ??= this.port.watchers.watchAll(({ execution }) =>
      this.trees.get(execution.rootExecutionId)?.order.note(execution.id, execution.eventCount),
    );
    const tree = this.trees.get(root.id) ?? new FollowedTree(this.port, root);
    this.trees.set(root.id, tree);
    tree.readers += 1;
    return tree;
  }

  leave(tree: FollowedTree): void {
    tree.readers -= 1;
    if (tree.readers > 0) return;
    this.trees.delete(tree.order.root.id);
    if (this.trees.size > 0) return;
    this.stopWatching?.();
    this.stopWatching = undefined;
  }

  /** Others committed to an execution. */
  note(executionId: string): void {
    for (const { order } of this.trees.values()) order.note(executionId);
  }

  /** Others committed to whatever executions. */
  noteAll(): void {
    for (const { order } of this.trees.values()) order.noteAll();
  }
}

/** A tree for as long as somebody on this server reads it. */
export class FollowedTree {
  readonly order: Tree;
  readers = 0;
  private readonly port: TreePort;
  private readonly news = new Notifier();
  private lookAt: number;
  private looking: Promise<void> | undefined;

  constructor(port: TreePort, root: Execution) {
    this.port = port;
    this.lookAt = port.clock.now();
    this.order = new Tree(port.store, root, () => this.news.notify());
  }

  /** Whether the log has this place; undefined if that is not known before it is read. */
  has(place: number): boolean | undefined {
    return this.order.isFolded ? this.order.newest >= place : undefined;
  }

  /** Waits until the log has this place; false if the reader is to leave: nothing will come, or not at once. */
  async hasMore(place: number, { follow, signal }: Pick<EventCursor, 'follow' | 'signal'>): Promise<boolean> {
    const { order } = this;
    while (!signal.aborted) {
      if (this.has(place)) return true;
      if (!order.isIdle) await order.work();
      else if (order.open.size === 0 || !follow) return false;
      else if (this.lookAt <= this.port.clock.now()) await this.look();
      else await this.next(signal);
    }
    return false;
  }

  /** Resolves at the next sign, when it is time to look, or when the reader leaves. */
  private next(signal: AbortSignal): Promise<void> {
    const callOff = this.port.clock.callAt(this.lookAt, () => this.news.notify());
    return this.news.next(signal).finally(callOff);
  }

  private look(): Promise<void> {
    this.looking ??= this.lookAtAll().finally(() => {
      this.looking = undefined;
    });
    return this.looking;
  }

  /** Looks for news that nobody told of, and for executions that are gone: a store may delete what ended long ago. */
  private async lookAtAll(): Promise<void> {
    const { order, port } = this;
    this.lookAt = port.clock.now() + LOOK_MS;
    order.noteAll();
    const members = [...order.open.values()];
    const delivered = new Map<Member, Promise<boolean>>();
    for (let index = 0; index < members.length; index += LOOKS) {
      const some = members.slice(index, index + LOOKS);
      await Promise.all(
        some.map(async (member) => {
          if (await this.isGone(member, delivered)) order.close(member);
        }),
      );
    }
    if (!order.root.isClosed || (await hasJournal(port.store, order.root))) return;
    throw order.log.gone();
  }

  /** Of an execution that is not there: whether it was. Its parent delivers what creates it until it is there. */
  private async isGone(member: Member, delivered: Map<Member, Promise<boolean>>): Promise<boolean> {
    const { store } = this.port;
    if (await hasJournal(store, member)) return false;
    const { parent } = member;
    if (!parent) return true;
    const isDelivered = delivered.get(parent) ?? this.hasDelivered(parent);
    delivered.set(parent, isDelivered);
    return (await isDelivered) && !(await hasJournal(store, member));
  }

  private async hasDelivered({ id }: Member): Promise<boolean> {
    const stored = await this.port.store.load(id);
    const outbox = stored?.execution.outbox ?? [];
    return !outbox.some(({ type }) => type === 'start_child' || type === 'start_children');
  }
}
