import type { ClientSession, Document } from 'mongodb';
import type { JournalEntry } from '../../core/journal.js';
import type { PatchOperation } from '../../core/state-document.js';
import type { ExecutionWrite } from '../store.js';
import { roughBytes } from './bson-values.js';
import { type Connection, QUERY_MS_MAX } from './connection.js';
import { type CommitToken, type EntryDocument, fromEntryDocument } from './entry-document.js';
import { untilAnswered } from './faults.js';
import { Gathering } from './gathering.js';

/** The tail of an execution begins anew when its events reach a multiple of this. */
const EVENTS_PER_CHUNK = 32;

/** An entry of more bytes than this begins a tail, so that all others together stay small. */
const ENTRY_BYTES_MAX = 8_192;

/** Executions whose tail is remembered to be large: more than run at a time. */
const LARGE_TAILS_MAX = 10_000;

/** Chunks read at once. */
const CHUNKS_PER_BATCH = 8;

/**
 * Entries that were moved out of an execution's tail. Nothing ever changes one: a tail that ends with a given event is made
 * of the same entries whoever reads it. Where the commit for which one was moved did not happen after all, the same
 * entries come again in the next chunk, which is longer.
 */
export interface ChunkDocument {
  readonly _id: { readonly execution: string; readonly lastEvent: number };
  readonly execution: string;
  readonly firstEvent: number;
  readonly lastEvent: number;
  readonly entries: readonly EntryDocument[];
}

/** What `Store.journal` is asked for. */
export interface JournalPage {
  readonly afterEvent: number;
  readonly entries: number;
  readonly bytes: number;
}

/** The tail of an execution at one version. */
interface Tail {
  readonly _id: string;
  readonly version: number;
  readonly tail: readonly EntryDocument[];
}

/**
 * The journals. The newest entries of each are the tail within the execution's document, where the commit that adds one
 * puts it. Now and then a commit first copies the tail to a chunk of its own, and then begins a new one in the same write
 * that fences it. So there is no moment at which an entry is nowhere, and who reads the tail first and then the chunks
 * misses none; some may be in both.
 */
export class Journal {
  private readonly connection: Connection;
  private readonly tails: Gathering<string, Tail | undefined>;
  private readonly chunks: Gathering<ChunkDocument, undefined>;
  private readonly largeTails = new Set<string>();

  constructor(connection: Connection) {
    this.connection = connection;
    this.tails = new Gathering({
      askAll: (ids) => this.readTails(ids),
      doing: (id) => `read the tail of ${id}`,
    });
    this.chunks = new Gathering({
      askAll: (chunks) => connection.insertMissing(connection.journal, chunks),
      doing: ({ execution }) => `move the tail of ${execution}`,
    });
  }

  /**
   * Whether the entry of a write begins a tail, so that the one before has to be moved first. That follows from the entry;
   * but while a large one is in the tail, each commit writes it again, so the next had better begin a new one, too.
   */
  beginsTail({ execution: { id }, entry }: ExecutionWrite): boolean {
    if (!entry) return false;
    const isLarge = roughBytes(entry) > ENTRY_BYTES_MAX;
    const isAfterLarge = this.largeTails.delete(id);
    if (isLarge && this.largeTails.size < LARGE_TAILS_MAX) this.largeTails.add(id);
    const before = entry.firstEvent - 1;
    return before > 0 && (isLarge || isAfterLarge || chunkOf(before) < chunkOf(before + entry.events.length));
  }

  /**
   * Copies the tail of an execution to a chunk. Doing it twice does no harm, so it is tried again where MongoDB gives no
   * answer: nobody could tell the commit for which it is done from one that may have happened.
   * @returns whether the execution is still at that version.
   */
  moveTail(executionId: string, version: number): Promise<boolean> {
    return untilAnswered(() => this.moveOnce(executionId, version));
  }

  /** See `Store.journal`. */
  read(executionId: string, page: JournalPage): Promise<readonly JournalEntry[]> {
    return this.connection.ask(`read the journal of ${executionId}`, async (session) => {
      const found = await this.connection.executions.findOne<Pick<Tail, 'tail'>>(
        { _id: executionId },
        { projection: { tail: 1 }, session, maxTimeMS: QUERY_MS_MAX },
      );
      const tail = found?.tail ?? [];
      const result = new PageOfEntries(page);
      const start = tail[0]?.firstEvent ?? 1;
      const hasRoom = start <= page.afterEvent + 1 || (await this.readChunks(executionId, result, session));
      if (hasRoom) result.addAll(tail);
      return result.entries;
    });
  }

  /**
   * The patches of the entries after one event, up to the entry that ends with another one; undefined if some of those entries
   * are gone.
   */
  patches(
    executionId: string,
    { after, upTo }: { readonly after: number; readonly upTo: number },
  ): Promise<readonly (readonly PatchOperation[])[] | undefined> {
    return this.connection.ask(`read the patches of ${executionId}`, async (session) => {
      const options = { session, maxTimeMS: QUERY_MS_MAX };
      const found = await this.connection.executions.findOne<{ readonly tail: readonly PatchOfEntry[] }>(
        { _id: executionId },
        { ...options, projection: patchesIn('tail') },
      );
      const tail = found?.tail ?? [];
      const start = tail[0]?.firstEvent ?? upTo + 1;
      if (start <= after + 1) return patchesOf(tail, { after, upTo });
      const chunks = await this.connection.journal
        .find<{ readonly entries: readonly PatchOfEntry[] }>(
          { execution: executionId, lastEvent: { $gt: after }, firstEvent: { $lte: upTo } },
          { ...options, sort: { lastEvent: 1 }, projection: patchesIn('entries') },
        )
        .toArray();
      return patchesOf([...chunks.flatMap(({ entries }) => entries), ...tail], { after, upTo });
    });
  }

  /** The initial state that an execution was created with, as text; undefined if its first entry is gone, or has none. */
  initialState(executionId: string): Promise<string | undefined> {
    return this.connection.ask(`read the input of ${executionId}`, async (session) => {
      const options = { session, maxTimeMS: QUERY_MS_MAX };
      const found = await this.connection.executions.findOne<Pick<Tail, 'tail'>>(
        { _id: executionId },
        { ...options, projection: { _id: 1, tail: { $slice: 1 } } },
      );
      let [first] = found?.tail ?? [];
      if (first?.firstEvent !== 1) {
        const chunk = await this.connection.journal.findOne(
          { execution: executionId, lastEvent: { $gte: 1 } },
          { ...options, sort: { lastEvent: 1 }, projection: { _id: 1, entries: { $slice: 1 } } },
        );
        [first] = chunk?.entries ?? [];
      }
      return first?.firstEvent === 1 ? fromEntryDocument(first).input?.initialState : undefined;
    });
  }

  /** The commit that wrote the entry with a given first event; undefined if there is no such entry. */
  async commitOf(
    executionId: string,
    firstEvent: number,
    session: ClientSession,
  ): Promise<CommitToken | undefined> {
    const chunk = await this.connection.journal.findOne(
      { execution: executionId, lastEvent: { $gte: firstEvent } },
      { sort: { lastEvent: 1 }, session, maxTimeMS: QUERY_MS_MAX },
    );
    return chunk?.entries.find((entry) => entry.firstEvent === firstEvent)?.commit;
  }

  private async moveOnce(executionId: string, version: number): Promise<boolean> {
    const found = await this.tails.ask(executionId);
    if (found?.version !== version) return false;
    const { tail } = found;
    const [first, last] = [tail[0], tail.at(-1)];
    if (!first || !last) return true;
    await this.chunks.ask({
      _id: { execution: executionId, lastEvent: last.lastEvent },
      execution: executionId,
      firstEvent: first.firstEvent,
      lastEvent: last.lastEvent,
      entries: tail,
    });
    return true;
  }

  private async readChunks(
    executionId: string,
    page: PageOfEntries,
    session: ClientSession,
  ): Promise<boolean> {
    const cursor = this.connection.journal.find(
      { execution: executionId, lastEvent: { $gt: page.afterEvent } },
      { sort: { lastEvent: 1 }, batchSize: CHUNKS_PER_BATCH, session, maxTimeMS: QUERY_MS_MAX },
    );
    for await (const { entries } of cursor) {
      if (!page.addAll(entries)) return false;
    }
    return true;
  }

  private readTails(ids: readonly string[]): Promise<readonly (Tail | undefined)[]> {
    return this.connection.inSession(async (session) => {
      const options = { projection: { version: 1, tail: 1 }, session, maxTimeMS: QUERY_MS_MAX };
      const found = await this.connection.executions
        .find<Tail>({ _id: { $in: [...ids] } }, options)
        .toArray();
      const byId = new Map(found.map((tail) => [tail._id, tail]));
      return ids.map((id) => byId.get(id));
    });
  }
}

/** A page that is being filled. */
class PageOfEntries {
  readonly entries: JournalEntry[] = [];
  readonly afterEvent: number;
  private readonly limit: JournalPage;
  private bytes = 0;
  private lastEvent: number;

  constructor(page: JournalPage) {
    this.limit = page;
    this.afterEvent = page.afterEvent;
    this.lastEvent = page.afterEvent;
  }

  /**
   * Adds what of the entries is asked for and not there yet.
   * @returns whether there is room for more.
   */
  addAll(documents: readonly EntryDocument[]): boolean {
    for (const document of documents) {
      if (document.lastEvent <= this.lastEvent) continue;
      if (this.entries.length >= this.limit.entries) return false;
      const { lastEvent } = document;
      const entry = fromEntryDocument(document);
      this.bytes += roughBytes(entry);
      if (this.entries.length > 0 && this.bytes > this.limit.bytes) return false;
      this.entries.push(entry);
      this.lastEvent = lastEvent;
    }
    return true;
  }
}

/** Of an entry's document, where it is and its patch. */
type PatchOfEntry = Pick<EntryDocument, 'firstEvent' | 'lastEvent' | 'patch'>;

function patchesIn(field: 'tail' | 'entries'): Document {
  return { [`${field}.firstEvent`]: 1, [`${field}.lastEvent`]: 1, [`${field}.patch`]: 1 };
}

/** Of entries in their order, some of them twice. */
function patchesOf(
  entries: readonly PatchOfEntry[],
  { after, upTo }: { readonly after: number; readonly upTo: number },
): readonly (readonly PatchOperation[])[] | undefined {
  const patches: (readonly PatchOperation[])[] = [];
  let last = after;
  for (const { firstEvent, lastEvent, patch } of entries) {
    if (lastEvent <= last || lastEvent > upTo) continue;
    if (firstEvent !== last + 1) return undefined;
    if (patch !== undefined) patches.push(JSON.parse(patch));
    last = lastEvent;
  }
  return last === upTo ? patches : undefined;
}

function chunkOf(event: number): number {
  return Math.floor(event / EVENTS_PER_CHUNK);
}
