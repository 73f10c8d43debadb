import type { Execution } from '../core/execution.js';
import { isFinal } from '../core/execution.js';
import { type JournalEntry, lastEvent } from '../core/journal.js';
import { applyPatch, EMPTY_STATE, parseState, type StateDocument } from '../core/state-document.js';
import { type Store, StoreFault } from '../store/store.js';
import type { EventCursor, NumberedEvent, StatePoint, StateView } from './api.js';
import { EngineError } from './errors.js';
import { inputOf, loadedFromStore, readJournal } from './loaded.js';
import type { Watchers } from './watchers.js';

/** What one read of events asks the store for: enough to be quick, little enough for a slow reader's memory. */
const EVENTS_PAGE = { entries: 256, bytes: 262_144 };

/**
 * An execution's events from a cursor on. Each page is read when the one before was taken, so a reader that is slow
 * costs a page and no more; between pages it only knows how far the events go.
 */
export async function* followEvents(
  { store, watchers }: { readonly store: Store; readonly watchers: Watchers },
  execution: Execution,
  { afterEvent, follow, signal }: EventCursor,
): AsyncGenerator<readonly NumberedEvent[]> {
  if (afterEvent > execution.eventCount) {
    throw new EngineError({ type: 'cursor_unknown', cursor: afterEvent, newest: execution.eventCount });
  }
  const signs = new Signs(execution, signal);
  const stopWatching = watchers.watch(execution.id, (change) => signs.seen(change.execution));
  try {
    // What was committed between the read of `execution` and the watch.
    signs.seen((await store.load(execution.id))?.execution ?? execution);
    let cursor = afterEvent;
    while (!signal.aborted) {
      if (cursor < signs.newest) {
        const entries = await store.journal(execution.id, { afterEvent: cursor, ...EVENTS_PAGE });
        const events = entries
          .flatMap((entry) => numbered(execution, entry))
          .filter((event) => event.sequence > cursor);
        cursor = events.at(-1)?.sequence ?? signs.newest;
        if (events.length > 0) yield events;
      } else if (signs.isFinal || !follow) {
        return;
      } else {
        await signs.next();
      }
    }
  } finally {
    stopWatching();
    signs.dispose();
  }
}

/** The state of an execution as it is, or as it was. */
export async function stateAt(
  store: Store,
  execution: Execution,
  state: StateDocument,
  at: StatePoint | undefined,
): Promise<StateView> {
  const isNow =
    !at || ('revision' in at ? at.revision === execution.stateRevision : at.time >= execution.stateUpdatedAt);
  if (isNow) return view(execution, state, execution.stateRevision, execution.stateUpdatedAt);
  const missing = new EngineError({
    type: 'not_found',
    resource: 'revision',
    id: `${'revision' in at ? at.revision : new Date(at.time).toISOString()} of execution ${execution.id}`,
  });
  const isPast =
    'revision' in at
      ? at.revision >= 1 && at.revision <= execution.stateRevision
      : at.time >= execution.createdAt;
  if (!isPast) throw missing;
  return foldTo(store, execution, at);
}

/** Revision r is the initial state with the patches up to r. */
async function foldTo(store: Store, execution: Execution, at: StatePoint): Promise<StateView> {
  const { initialState } = await inputOf(loadedFromStore(execution, EMPTY_STATE), store);
  let document = unwrap(
    execution,
    initialState === undefined ? { document: EMPTY_STATE } : parseState(initialState),
  );
  let revision = 1;
  let updatedAt = execution.createdAt;
  for await (const entry of readJournal(store, execution.id)) {
    const isBeyond = 'revision' in at ? entry.stateRevision > at.revision : entry.at > at.time;
    if (isBeyond) break;
    if (!entry.patch) continue;
    document = unwrap(execution, applyPatch(document, entry.patch));
    revision = entry.stateRevision;
    updatedAt = entry.at;
  }
  return view(execution, document, revision, updatedAt);
}

function unwrap(execution: Execution, result: ReturnType<typeof parseState>): StateDocument {
  if ('document' in result) return result.document;
  const message = `the journal of execution ${execution.id} has a change of state that cannot be applied`;
  throw new StoreFault(message, { retryable: false });
}

function view(execution: Execution, document: StateDocument, revision: number, updatedAt: number): StateView {
  const isLatest = revision === execution.stateRevision;
  return {
    json: JSON.stringify(document.value),
    revision,
    updatedAt,
    bytes: document.bytes,
    final: isLatest && isFinal(execution.status),
  };
}

function numbered(execution: Execution, entry: JournalEntry): NumberedEvent[] {
  const { id: executionId, workflowId } = execution;
  const { at, stateRevision, firstEvent } = entry;
  return entry.events.map((event, index) => {
    return { ...event, sequence: firstEvent + index, executionId, workflowId, at, stateRevision };
  });
}

/** How far an execution's events go, and a way to wait until they go further. */
class Signs {
  newest: number;
  isFinal: boolean;
  private wake: () => void = () => {};
  private readonly signal: AbortSignal;
  private readonly abort = () => this.wake();

  constructor(execution: Execution, signal: AbortSignal) {
    this.newest = execution.eventCount;
    this.isFinal = isFinal(execution.status);
    this.signal = signal;
    signal.addEventListener('abort', this.abort);
  }

  seen(execution: Execution): void {
    if (execution.eventCount <= this.newest) return;
    this.newest = execution.eventCount;
    this.isFinal = isFinal(execution.status);
    this.wake();
  }

  /** Resolves at the next sign, or when the reader leaves. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
      if (this.signal.aborted) resolve();
    });
  }

  dispose(): void {
    this.signal.removeEventListener('abort', this.abort);
  }
}

/** The last entry of a final execution holds its result. */
export async function resultOf(store: Store, execution: Execution): Promise<JournalEntry['result']> {
  if (execution.status !== 'completed') return undefined;
  const page = { afterEvent: execution.eventCount - 1, entries: 1, bytes: 1 };
  const [entry] = await store.journal(execution.id, page);
  return entry && lastEvent(entry) === execution.eventCount ? entry.result : undefined;
}
