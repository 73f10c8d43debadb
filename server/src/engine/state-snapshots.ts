import type { Execution } from '../core/execution.js';
import { isFinal, statesName } from '../core/execution.js';
import { type JournalEntry, lastEvent } from '../core/journal.js';
import { type JsonValue, jsonBytes } from '../core/json.js';
import { parseState, type StateDocument } from '../core/state-document.js';
import type { Store } from '../store/store.js';
import { idOfNumber } from './records.js';

/** A state document at a revision, and the last event of the journal's entry that made it. */
export interface StateSnapshot {
  readonly document: StateDocument;
  readonly revision: number;
  readonly event: number;
  readonly at: number;
}

/** What a snapshot is kept as. */
interface SnapshotBody {
  readonly state: string;
  readonly event: number;
  readonly at: number;
}

/** Revisions after which a snapshot is worth its place: more, if it would take more than so many bytes for each of them. */
const REVISIONS_MIN = 500;
const BYTES_PER_REVISION_MAX = 200;

/** Bytes of patches beside twice those of the document, after which it is in any case. */
const PATCH_BYTES_MIN = 65_536;

/**
 * Documents as they were, kept beside the journal from time to time, so that what is asked of the past need not fold the
 * journal from its beginning. They repeat what the journal says: one that is missing costs time and nothing else, so
 * nobody waits for them to be written. They take at most about half the bytes of the patches, or 200 bytes a revision if that
 * is more: a fraction of the journal that they repeat.
 */
export class StateSnapshots {
  private readonly store: Store;
  private readonly fault: (error: unknown) => void;
  /** By execution, what came since its last snapshot, or since this server first saw it. */
  private readonly since = new Map<string, { revisions: number; bytes: number }>();

  constructor(store: Store, fault: (error: unknown) => void) {
    this.store = store;
    this.fault = fault;
  }

  /** Takes note of a commit, and of the document after it. */
  committed(execution: Execution, document: StateDocument, entry: JournalEntry | undefined): void {
    const { id } = execution;
    if (entry?.patch && execution.stateRevision > 1) this.changed(execution, document, entry);
    if (isFinal(execution.status)) this.since.delete(id);
  }

  /** The newest snapshot at or before a revision; undefined if there is none. */
  async atRevision(executionId: string, revision: number): Promise<StateSnapshot | undefined> {
    const group = statesName(executionId);
    const query = { group, from: idOfNumber(revision), descending: true, limit: 1 };
    const [record] = await this.store.listRecords(query);
    return record && snapshotOf(record);
  }

  /** The newest snapshot at or before a time; undefined if there is none. */
  async atTime(executionId: string, time: number): Promise<StateSnapshot | undefined> {
    let revision = Number.MAX_SAFE_INTEGER;
    for (;;) {
      const snapshot = await this.atRevision(executionId, revision);
      if (!snapshot || snapshot.at <= time) return snapshot;
      revision = snapshot.revision - 1;
    }
  }

  private changed(execution: Execution, document: StateDocument, entry: JournalEntry): void {
    const since = this.since.get(execution.id) ?? { revisions: 0, bytes: 0 };
    this.since.set(execution.id, since);
    since.revisions += 1;
    since.bytes += jsonBytes(entry.patch as unknown as JsonValue);
    const revisions = Math.max(REVISIONS_MIN, document.bytes / BYTES_PER_REVISION_MAX);
    if (since.revisions < revisions && since.bytes < PATCH_BYTES_MIN + 2 * document.bytes) return;
    this.since.delete(execution.id);
    const body: SnapshotBody = {
      state: JSON.stringify(document.value),
      event: lastEvent(entry),
      at: entry.at,
    };
    const place = { group: statesName(execution.id), id: idOfNumber(execution.stateRevision), version: 1 };
    // A conflict: another server wrote the same.
    this.store.commitRecord({ record: { ...place, body: JSON.stringify(body) } }).catch(this.fault);
  }
}

function snapshotOf({ id, body }: { readonly id: string; readonly body: string }): StateSnapshot | undefined {
  const { state, event, at } = JSON.parse(body) as SnapshotBody;
  const parsed = parseState(state);
  return 'document' in parsed ? { document: parsed.document, revision: Number(id), event, at } : undefined;
}
