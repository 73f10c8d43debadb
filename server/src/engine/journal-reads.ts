import type { Execution } from '../core/execution.js';
import { type JournalEntry, lastEvent } from '../core/journal.js';
import type { Store } from '../store/store.js';
import { EngineError } from './errors.js';

/** Which entries of a journal, and how many at once. */
export interface JournalPage {
  readonly afterEvent: number;
  readonly entries: number;
  readonly bytes: number;
}

/**
 * A page of the journal of an execution that is known to have events after `afterEvent`.
 * @throws EngineError `not_found` if some of them are gone: then the execution is being deleted, or was, and what is left
 *   of it is not the whole.
 */
export async function journalPage(
  store: Store,
  { id }: Pick<Execution, 'id'>,
  page: JournalPage,
): Promise<readonly JournalEntry[]> {
  const entries = await store.journal(id, page);
  const [first] = entries;
  if (first && first.firstEvent <= page.afterEvent + 1) return entries;
  throw new EngineError({ type: 'not_found', resource: 'execution', id });
}

/** Entries and bytes that one read of the journal asks for. */
const PAGE = { entries: 1_000, bytes: 4_194_304 };

/**
 * The entries of an execution's journal after event `from`, oldest first, read page by page: those of the version given,
 * and with the last of them what came since.
 * @throws as `journalPage`.
 */
export async function* readJournal(
  store: Store,
  execution: Pick<Execution, 'id' | 'eventCount'>,
  from = 0,
): AsyncGenerator<JournalEntry> {
  for (let afterEvent = from; afterEvent < execution.eventCount; ) {
    const entries = await journalPage(store, execution, { afterEvent, ...PAGE });
    for (const entry of entries) {
      yield entry;
      afterEvent = lastEvent(entry);
    }
  }
}
