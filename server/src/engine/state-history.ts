import { type Execution, isFinal } from '../core/execution.js';
import type { JournalEntry } from '../core/journal.js';
import { type JsonValue, jsonBytes } from '../core/json.js';
import {
  applyPatch,
  EMPTY_STATE,
  parseState,
  replaceAll,
  type StateDocument,
} from '../core/state-document.js';
import { type Store, StoreFault } from '../store/store.js';
import type {
  StateCursor,
  StateNews,
  StatePoint,
  StateRevision,
  StateRevisionPage,
  StateView,
} from './api.js';
import { EngineError } from './errors.js';
import { followJournal } from './history.js';
import { readJournal } from './journal-reads.js';
import { inputOf, loadedFromStore } from './loaded.js';
import type { StateSnapshot, StateSnapshots } from './state-snapshots.js';
import type { Watchers } from './watchers.js';

/** What the history of states needs. */
export interface StateHistoryPort {
  readonly store: Store;
  readonly watchers: Watchers;
  readonly snapshots: StateSnapshots;
}

/** Bytes of patches that a page of revisions holds, about. */
const PAGE_BYTES_MAX = 1_048_576;

/** An execution with its state, as it is. */
export interface CurrentState {
  readonly execution: Execution;
  readonly state: StateDocument;
}

/** The states of executions as they were, and how they came to be: revision r is the initial state with the patches up to r. */
export class StateHistory {
  private readonly port: StateHistoryPort;

  constructor(port: StateHistoryPort) {
    this.port = port;
  }

  /** The state of an execution as it is, or as it was. */
  async at({ execution, state }: CurrentState, at: StatePoint | undefined): Promise<StateView> {
    const isNow =
      !at ||
      ('revision' in at ? at.revision === execution.stateRevision : at.time >= execution.stateUpdatedAt);
    if (isNow) return view(execution, state, execution.stateRevision, execution.stateUpdatedAt);
    const isPast =
      'revision' in at
        ? at.revision >= 1 && at.revision <= execution.stateRevision
        : at.time >= execution.createdAt;
    if (isPast) return this.foldTo(execution, at);
    const point = 'revision' in at ? at.revision : new Date(at.time).toISOString();
    const id = `${point} of execution ${execution.id}`;
    throw new EngineError({ type: 'not_found', resource: 'revision', id });
  }

  /** Some revisions after one, oldest first: none after the newest. */
  async revisions(
    execution: Execution,
    { afterRevision, limit }: { readonly afterRevision: number; readonly limit: number },
  ): Promise<StateRevisionPage> {
    const revisions: StateRevision[] = [];
    const isComplete = () => (revisions.at(-1)?.revision ?? afterRevision) >= execution.stateRevision;
    if (isComplete()) return { revisions };
    let bytes = 0;
    const { event } = await this.before(execution, afterRevision);
    for await (const entry of readJournal(this.port.store, execution, event)) {
      for (const revision of this.revisionsOf([entry], afterRevision)) {
        bytes += jsonBytes(revision.patch as unknown as JsonValue);
        if (revisions.length > 0 && bytes > PAGE_BYTES_MAX) return pageOf(revisions);
        revisions.push(revision);
      }
      if (isComplete()) break;
      if (revisions.length === limit) return pageOf(revisions);
    }
    return { revisions };
  }

  /** The document as it is, unless the watcher knows one, and each revision after it. */
  async *watch(
    { execution, state }: CurrentState,
    { afterRevision, signal }: StateCursor,
  ): AsyncGenerator<StateNews> {
    const newest = execution.stateRevision;
    if (afterRevision > newest) {
      throw new EngineError({
        type: 'invalid',
        field: 'after_revision',
        message: `the latest revision is ${newest}; ${afterRevision} does not exist yet`,
      });
    }
    let known = afterRevision;
    let afterEvent = execution.eventCount;
    if (afterRevision === 0) {
      yield {
        type: 'document',
        state: view(execution, state, newest, execution.stateUpdatedAt),
      };
      known = newest;
    } else {
      afterEvent = (await this.before(execution, afterRevision)).event;
    }
    const { store, watchers } = this.port;
    const entries = followJournal({ store, watchers }, execution, { afterEvent, follow: true, signal });
    for await (const page of entries) {
      const revisions = this.revisionsOf(page, known);
      if (revisions.length > 0) yield { type: 'revisions', revisions };
    }
  }

  /** The revisions that entries hold, those after one. */
  private revisionsOf(entries: readonly JournalEntry[], after: number): StateRevision[] {
    return entries.flatMap((entry) => {
      const { stateRevision: revision, at } = entry;
      const patch = entry.input ? initialPatch(entry) : entry.patch;
      if (!patch || revision <= after) return [];
      const step = entry.steps.findLast(({ type }) => type === 'recorded' || type === 'accepted');
      const made = madeBy(entry);
      return [{ revision, patch, at, ...(step && { stepKey: step.key }), ...made }];
    });
  }

  private async foldTo(execution: Execution, at: StatePoint): Promise<StateView> {
    const { snapshots, store } = this.port;
    const { id } = execution;
    const snapshot =
      'revision' in at
        ? await this.before(execution, at.revision)
        : ((await snapshots.atTime(id, at.time)) ?? (await this.initial(execution)));
    let { document, revision, at: updatedAt } = snapshot;
    for await (const entry of readJournal(store, execution, snapshot.event)) {
      const isBeyond = 'revision' in at ? entry.stateRevision > at.revision : entry.at > at.time;
      if (isBeyond) break;
      if (!entry.patch) continue;
      document = unwrap(execution, applyPatch(document, entry.patch));
      revision = entry.stateRevision;
      updatedAt = entry.at;
    }
    return view(execution, document, revision, updatedAt);
  }

  /** The document at or before a revision from which there is least to fold; before all of them for revision 0. */
  private async before(execution: Execution, revision: number): Promise<StateSnapshot> {
    if (revision === 0) return { document: EMPTY_STATE, revision: 0, event: 0, at: execution.createdAt };
    const snapshot = await this.port.snapshots.atRevision(execution.id, revision);
    return snapshot ?? this.initial(execution);
  }

  private async initial(execution: Execution): Promise<StateSnapshot> {
    const { initialState } = await inputOf(loadedFromStore(execution, EMPTY_STATE), this.port.store);
    const parsed = initialState === undefined ? { document: EMPTY_STATE } : parseState(initialState);
    return { document: unwrap(execution, parsed), revision: 1, event: 0, at: execution.createdAt };
  }
}

/** A page that is not the last one. */
function pageOf(revisions: readonly StateRevision[]): StateRevisionPage {
  const next = revisions.at(-1)?.revision;
  return { revisions, ...(next !== undefined && { next }) };
}

/** What an entry's event says of the change, if no code made it. */
function madeBy({ events }: JournalEntry): Pick<StateRevision, 'repair' | 'migration'> {
  for (const { type, data } of events) {
    if (type === 'state_repair')
      return { repair: { reason: String(data.reason), author: String(data.author) } };
    if (type !== 'state_migration') continue;
    return { migration: { fromVersion: Number(data.fromVersion), toVersion: Number(data.toVersion) } };
  }
  return {};
}

/** How revision 1 came to be. */
function initialPatch({ input }: JournalEntry): StateRevision['patch'] {
  const parsed = input?.initialState === undefined ? undefined : parseState(input.initialState);
  return replaceAll(parsed && 'document' in parsed ? parsed.document.value : {});
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
