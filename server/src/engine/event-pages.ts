import { FINAL_EVENT_TYPES } from '../core/event.js';
import type { Execution } from '../core/execution.js';
import type { JournalEntry } from '../core/journal.js';
import { payloadBytes } from '../core/payload.js';
import type { Store } from '../store/store.js';
import type { NumberedEvent } from './api.js';
import { EVENTS_PAGE, numbered } from './history.js';

/** The events of one commit to an execution, and what a tree of executions has to know of it. */
export interface EventEntry {
  readonly at: number;
  /** The number of its last event. */
  readonly last: number;
  readonly events: readonly NumberedEvent[];
  /** The children that it started. */
  readonly started: readonly Named[];
  /** Whether the execution is final with it. */
  readonly isFinal: boolean;
}

/** An execution by name. */
export type Named = Pick<Execution, 'id' | 'workflowId'>;

/** A part of an execution's journal that was read. */
interface Page {
  readonly entries: readonly EventEntry[];
  readonly bytes: number;
}

/** Bytes of events kept in memory beside those that are being read. */
const KEPT_BYTES_MAX = 4_194_304;

/** What an event takes besides its data. */
const EVENT_BYTES = 200;

/**
 * The journals of several executions, read page by page, the last page of each kept as long as there is room: whoever goes
 * to and fro between executions reads each page once.
 */
export class EventPages {
  private readonly store: Store;
  /** By execution; the one used longest ago first. */
  private readonly pages = new Map<string, Page>();
  private bytes = 0;

  constructor(store: Store) {
    this.store = store;
  }

  /** Some entries from the one that holds event `afterEvent + 1` on; none if that did not happen, or is gone. */
  async read(execution: Named, afterEvent: number): Promise<readonly EventEntry[]> {
    const kept = this.pages.get(execution.id);
    if (kept) {
      this.drop(execution.id, kept);
      const start = kept.entries.findIndex(({ last }) => last > afterEvent);
      if (start >= 0 && firstOf(kept.entries[0]) <= afterEvent + 1) {
        this.keep(execution.id, kept);
        return kept.entries.slice(start);
      }
    }
    const found = await this.store.journal(execution.id, { afterEvent, ...EVENTS_PAGE });
    const entries = found.map((entry) => toEventEntry(execution, entry));
    if (entries.length > 0) this.keep(execution.id, { entries, bytes: bytesOf(entries) });
    return entries;
  }

  private keep(executionId: string, page: Page): void {
    const other = this.pages.get(executionId);
    if (other) this.drop(executionId, other);
    this.pages.set(executionId, page);
    this.bytes += page.bytes;
    for (const [id, oldest] of this.pages) {
      if (this.bytes <= KEPT_BYTES_MAX) return;
      this.drop(id, oldest);
    }
  }

  private drop(executionId: string, page: Page): void {
    this.pages.delete(executionId);
    this.bytes -= page.bytes;
  }
}

function toEventEntry(execution: Named, entry: JournalEntry): EventEntry {
  const events = numbered(execution, entry);
  return {
    at: entry.at,
    last: entry.firstEvent + events.length - 1,
    events,
    started: startedBy(entry),
    isFinal: entry.events.some(({ type }) => FINAL_EVENT_TYPES.has(type)),
  };
}

/** The children of a batch are in its step's first fact, a single child is in its event. */
function startedBy({ events, steps }: JournalEntry): Named[] {
  const started: Named[] = [];
  for (const { type, data } of events) {
    if (type !== 'child_start') continue;
    started.push({ id: String(data.childExecutionId), workflowId: String(data.workflowId) });
  }
  for (const fact of steps) {
    if (!('children' in fact)) continue;
    for (const { id, workflowId } of fact.children ?? []) started.push({ id, workflowId });
  }
  return started;
}

function firstOf(entry: EventEntry | undefined): number {
  return entry ? entry.last - entry.events.length + 1 : Number.POSITIVE_INFINITY;
}

function bytesOf(entries: readonly EventEntry[]): number {
  let bytes = 0;
  for (const { events, started } of entries) {
    bytes += started.length * EVENT_BYTES;
    for (const { data, published } of events) {
      bytes += EVENT_BYTES + JSON.stringify(data).length + payloadBytes(published?.data);
    }
  }
  return bytes;
}
