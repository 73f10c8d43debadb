import type { Execution } from '../core/execution.js';
import { isFinal } from '../core/execution.js';
import { type JournalEntry, lastEvent } from '../core/journal.js';
import type { Store } from '../store/store.js';
import type { EventCursor, NumberedEvent } from './api.js';
import { EngineError } from './errors.js';
import { journalPage } from './journal-reads.js';
import { Notifier } from './notifier.js';
import type { Watchers } from './watchers.js';

/** What one read of events asks the store for: enough to be quick, little enough for a slow reader's memory. */
export const EVENTS_PAGE = { entries: 256, bytes: 262_144 };

/** What following an execution needs. */
export interface FollowPort {
  readonly store: Store;
  readonly watchers: Watchers;
}

/** An execution's events from a cursor on. */
export async function* followEvents(
  port: FollowPort,
  execution: Execution,
  from: EventCursor,
): AsyncGenerator<readonly NumberedEvent[]> {
  const { afterEvent } = from;
  if (afterEvent > execution.eventCount) {
    throw new EngineError({ type: 'cursor_unknown', cursor: afterEvent, newest: execution.eventCount });
  }
  for await (const entries of followJournal(port, execution, from)) {
    const events = entries.flatMap((entry) => numbered(execution, entry));
    yield events.filter(({ sequence }) => sequence > afterEvent);
  }
}

/**
 * An execution's journal from the entry on that holds the event after the cursor. Each page is read when the one before
 * was taken, so a reader that is slow costs a page and no more; between pages it only knows how far the events go.
 */
export async function* followJournal(
  { store, watchers }: FollowPort,
  execution: Execution,
  { afterEvent, follow, signal }: EventCursor,
): AsyncGenerator<readonly JournalEntry[]> {
  const signs = new Signs(execution);
  const stopWatching = watchers.watch(execution.id, (change) => signs.seen(change.execution));
  try {
    // What was committed between the read of `execution` and the watch.
    signs.seen((await store.load(execution.id))?.execution ?? execution);
    let cursor = afterEvent;
    while (!signal.aborted) {
      if (cursor < signs.newest) {
        const entries = await journalPage(store, execution, { afterEvent: cursor, ...EVENTS_PAGE });
        cursor = entries.reduce((_, entry) => lastEvent(entry), cursor);
        yield entries;
      } else if (signs.isFinal || !follow) {
        return;
      } else {
        await signs.next(signal);
      }
    }
  } finally {
    stopWatching();
  }
}

/** The events of a journal entry, each with its number. */
export function numbered(
  { id: executionId, workflowId }: Pick<Execution, 'id' | 'workflowId'>,
  entry: JournalEntry,
): NumberedEvent[] {
  const { at, stateRevision, firstEvent } = entry;
  return entry.events.map((event, index) => {
    return { ...event, sequence: firstEvent + index, executionId, workflowId, at, stateRevision };
  });
}

/** How far an execution's events go, and a way to wait until they go further. */
class Signs {
  newest: number;
  isFinal: boolean;
  private readonly growth = new Notifier();

  constructor(execution: Execution) {
    this.newest = execution.eventCount;
    this.isFinal = isFinal(execution.status);
  }

  seen(execution: Execution): void {
    if (execution.eventCount <= this.newest) return;
    this.newest = execution.eventCount;
    this.isFinal = isFinal(execution.status);
    this.growth.notify();
  }

  /** Resolves at the next sign, or when the reader leaves. */
  next(signal: AbortSignal): Promise<void> {
    return this.growth.next(signal);
  }
}

/** The last entry of a final execution holds its result. */
export async function resultOf(store: Store, execution: Execution): Promise<JournalEntry['result']> {
  if (execution.status !== 'completed') return undefined;
  const page = { afterEvent: execution.eventCount - 1, entries: 1, bytes: 1 };
  const [entry] = await journalPage(store, execution, page);
  return entry?.result;
}
