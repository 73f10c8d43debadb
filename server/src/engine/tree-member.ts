import type { EventEntry, Named } from './event-pages.js';

/** What the order of a tree needs to know of a commit; not its events, since there may be many executions. */
export type Entry = Pick<EventEntry, 'at' | 'last' | 'started' | 'isFinal'>;

/**
 * An execution of a tree, as a server that puts the tree's events in order knows it. Its events are read from the journal
 * (`read`), then chosen to come next (`chosen`), then placed in the log (`placed`); each is the number of an event.
 */
export class Member {
  readonly id: string;
  readonly workflowId: string;
  /** Missing for the topmost one. */
  readonly parent: Member | undefined;
  readonly depth: number;
  /** Its events come after this one of the parent's. */
  private readonly afterEvent: number;
  placed = 0;
  chosen = 0;
  read = 0;
  /** The newest event as far as known; infinity if there may be more than is known. */
  newest = Number.POSITIVE_INFINITY;
  /** All of its events are placed, or it is gone: there is nothing to come. */
  isClosed = false;
  /** Read and not placed. */
  private readonly entries: Entry[] = [];
  private chosenEntries = 0;

  constructor({ id, workflowId }: Named, parent?: Member, afterEvent = 0) {
    this.id = id;
    this.workflowId = workflowId;
    this.parent = parent;
    this.depth = parent ? parent.depth + 1 : 0;
    this.afterEvent = afterEvent;
  }

  /** What comes next of it, if that was read. */
  get next(): Entry | undefined {
    return this.entries[this.chosenEntries];
  }

  /** Whether there may be more than was read. */
  get isBehind(): boolean {
    return !this.isClosed && this.read < this.newest;
  }

  /** Whether the events that started it were chosen. */
  get hasStarted(): boolean {
    return !this.parent || this.parent.chosen >= this.afterEvent;
  }

  /** Takes over what was read. */
  add(entries: readonly EventEntry[]): void {
    for (const { at, last, started, isFinal } of entries) {
      if (last <= this.read) continue;
      this.entries.push({ at, last, started, isFinal });
      this.read = last;
      if (isFinal) this.newest = last;
    }
  }

  /** Chooses what comes next. */
  choose(): Entry | undefined {
    const entry = this.next;
    if (!entry) return undefined;
    this.chosen = entry.last;
    this.chosenEntries += 1;
    return entry;
  }

  /** What was chosen was not placed. */
  unchoose(): void {
    this.chosen = this.placed;
    this.chosenEntries = 0;
  }

  /** Its events are placed up to this one, by whatever server. */
  place(event: number): void {
    this.placed = event;
    this.chosen = Math.max(this.chosen, event);
    this.read = Math.max(this.read, event);
    const rest = this.entries.findIndex(({ last }) => last > event);
    const done = rest < 0 ? this.entries.length : rest;
    this.entries.splice(0, done);
    this.chosenEntries = Math.max(0, this.chosenEntries - done);
  }
}
