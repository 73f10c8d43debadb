import type { Store } from '../store/store.js';
import { EventPages, type Named } from './event-pages.js';
import { PriorityQueue } from './priority-queue.js';
import { Choice } from './tree-choice.js';
import { lastPlace, type Placement, TreeLog } from './tree-log.js';
import { Member } from './tree-member.js';

/** A member's next entry, with its place in time. The member may have gone on since. */
interface Candidate {
  readonly member: Member;
  readonly at: number;
  readonly last: number;
}

/** Placements read at once when a server gets to know a tree. */
const FOLD_PAGE = 100;

/** Journals read at once. */
const READS = 16;

/** Journals read in search of something older, before what was read is chosen, and again before it is placed. */
const READS_MAX = 64;

/**
 * Puts the events of a topmost execution and of all that descends from it in one order, and keeps it in a log that all
 * servers share. An execution's events keep their order, and come after the events that started it; otherwise the order is
 * that of the times of their commits, as far as they are known when somebody wants to read on.
 *
 * Nothing but the journals says what belongs to a tree: a commit that starts children names them. So this needs to be told
 * which executions have news, but not what the news is, and being told of what was known does no harm.
 */
export class Tree {
  readonly root: Member;
  readonly log: TreeLog;
  readonly pages: EventPages;
  /** The place of the newest event that is known here to be in the log. */
  newest = 0;
  /** Those that are not closed. */
  readonly open = new Map<string, Member>();
  private readonly store: Store;
  private readonly changed: () => void;
  private readonly members = new Map<string, Member>();
  /** Those of which there may be more in their journals. */
  private readonly behind = new Set<Member>();
  /** Those of which nothing was read yet: what they have may be older than all that was. */
  private readonly fresh = new Set<Member>();
  private readonly candidates = new PriorityQueue<Candidate>(comesBefore);
  /** Whether what is in the log is known. */
  isFolded = false;
  private working: Promise<void> | undefined;

  /** @param changed  called whenever those who wait for more should look again. */
  constructor(store: Store, root: Named, changed: () => void) {
    this.store = store;
    this.changed = changed;
    this.root = this.admit(root);
    this.log = new TreeLog(store, root.id);
    this.pages = new EventPages(store);
  }

  /** Whether the log has, as far as known here, all that there is to know. */
  get isIdle(): boolean {
    return this.isFolded && !this.working && this.behind.size === 0 && this.candidates.size === 0;
  }

  /** An execution has news: it has this many events by now, or more than it had if that is not known. */
  note(executionId: string, newest = Number.POSITIVE_INFINITY): void {
    const member = this.open.get(executionId);
    if (!member || newest <= member.read) return;
    member.newest = Math.max(member.newest, newest);
    this.behind.add(member);
    this.changed();
  }

  /** Any execution may have news. */
  noteAll(): void {
    for (const executionId of this.open.keys()) this.note(executionId);
  }

  /** Gets to know the log, or brings it a bit further. Who asks while that is under way waits for the same. */
  work(): Promise<void> {
    this.working ??= this.goOn().finally(() => {
      this.working = undefined;
    });
    return this.working;
  }

  /** A member is gone from the store: nothing of it will come. */
  close(member: Member): void {
    member.isClosed = true;
    this.open.delete(member.id);
    this.behind.delete(member);
    this.fresh.delete(member);
    this.changed();
  }

  private async goOn(): Promise<void> {
    if (!this.isFolded) {
      await this.fold();
      this.isFolded = true;
      return;
    }
    const choice = new Choice(this.newest + 1);
    let isPlaced = false;
    try {
      await this.choose(choice);
      if (choice.isEmpty) return;
      const { placement } = choice;
      isPlaced = (await this.log.add(placement)) === 'committed';
      if (isPlaced) this.settle(placement);
    } finally {
      if (!isPlaced) this.undo(choice);
    }
    if (isPlaced) await this.assertNotGone(choice.placement);
    else await this.fold();
  }

  /** Takes over what is in the log, by whatever server. */
  private async fold(): Promise<void> {
    for (;;) {
      const placements = await this.log.read(this.newest + 1, FOLD_PAGE);
      if (placements.length === 0) return;
      for (const placement of placements) this.settle(placement);
    }
  }

  private settle(placement: Placement): void {
    const members: Member[] = [];
    for (const { parent, ...named } of placement.executions) {
      const member = this.members.get(named.id) ?? this.admit(named, members[parent ?? -1]);
      // What was read of it may have waited for that.
      if (parent !== undefined) this.offer(member);
      members.push(member);
    }
    for (const { execution, to } of placement.ranges) {
      const member = members[execution] as Member;
      const isOurs = member.chosen >= to;
      member.place(to);
      if (!isOurs) this.offer(member);
    }
    for (const execution of placement.final) this.close(members[execution] as Member);
    this.newest = lastPlace(placement);
    this.changed();
  }

  private admit(named: Named, parent?: Member, afterEvent?: number): Member {
    const member = new Member(named, parent, afterEvent);
    this.members.set(named.id, member);
    this.open.set(named.id, member);
    this.behind.add(member);
    this.fresh.add(member);
    return member;
  }

  /** Fills a choice with what comes next, as far as that can be told without much reading once there is something. */
  private async choose(choice: Choice): Promise<void> {
    let reads = 0;
    let readsSince = 0;
    while (!choice.isFull) {
      // News are younger than what was read, so where they never cease they do not keep it waiting.
      const mayRead = this.fresh.size > 0 || reads < READS_MAX || this.candidates.size === 0;
      if (this.behind.size > 0 && mayRead) {
        if (readsSince >= READS_MAX) return;
        const count = await this.readSome();
        reads += count;
        if (!choice.isEmpty) readsSince += count;
        continue;
      }
      const candidate = this.candidates.pop();
      if (!candidate) return;
      const { member, last } = candidate;
      if (member.next?.last === last && member.hasStarted) this.take(member, choice);
    }
  }

  private take(member: Member, choice: Choice): void {
    const { next } = member;
    if (!next) return;
    choice.add(member, next);
    member.choose();
    for (const started of next.started) {
      this.offer(this.members.get(started.id) ?? this.admit(started, member, next.last));
    }
    this.offer(member);
  }

  /** Lets a member go on: with what was read of it, or with what is to be read. */
  private offer(member: Member): void {
    const { next } = member;
    if (next) this.candidates.push({ member, at: next.at, last: next.last });
    else if (member.isBehind) this.behind.add(member);
  }

  private undo(choice: Choice): void {
    for (const member of choice.members) {
      member.unchoose();
      this.offer(member);
    }
  }

  /** Reads a page of each of some members; answers how many. */
  private async readSome(): Promise<number> {
    const members: Member[] = [];
    for (const member of this.behind) {
      members.push(member);
      if (members.length === READS) break;
    }
    const results = await Promise.allSettled(members.map((member) => this.readPage(member)));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    return members.length;
  }

  private async readPage(member: Member): Promise<void> {
    // Before the reading, so that news that come meanwhile are read, too.
    this.behind.delete(member);
    try {
      const hadNone = member.next === undefined;
      const entries = await this.pages.read(member, member.read);
      this.fresh.delete(member);
      member.add(entries);
      if (entries.length === 0 && !this.behind.has(member)) member.newest = member.read;
      if (hadNone) this.offer(member);
    } catch (error) {
      this.behind.add(member);
      throw error;
    }
  }

  /** What is placed in the log of a tree after its removal would stay for ever. */
  private async assertNotGone(placement: Placement): Promise<void> {
    const { root, store, log } = this;
    if (!root.isClosed || (await hasJournal(store, root))) return;
    await log.remove(placement);
    throw log.gone();
  }
}

/** Whether an execution is there, apart from its record. */
export async function hasJournal(store: Store, { id }: Pick<Member, 'id'>): Promise<boolean> {
  return (await store.journal(id, { afterEvent: 0, entries: 1, bytes: 1 })).length > 0;
}

/** By time; at one time the deeper one first, so that what a child came to precedes what its parent makes of it. */
function comesBefore(a: Candidate, b: Candidate): boolean {
  if (a.at !== b.at) return a.at < b.at;
  if (a.member.depth !== b.member.depth) return a.member.depth > b.member.depth;
  return a.member.id < b.member.id;
}
