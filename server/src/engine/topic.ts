import { InOrder } from '../store/in-order.js';
import type { Store } from '../store/store.js';
import type { TopicEvent } from './api.js';
import type { BatchCache } from './batch-cache.js';
import { EngineError } from './errors.js';
import { Notifier } from './notifier.js';
import { type Addition, type Batch, RecordLog } from './record-log.js';
import { eventsOf, type StoredEvent } from './topic-event.js';

/** What one page of a reader holds, about: enough to be quick, little enough for a slow reader's memory. */
const PAGE_BYTES = 262_144;

/** Records that one read of a page asks the store for at most. It begins with one, and asks for more while they are small. */
const PAGE_RECORDS_MAX = 64;

/**
 * One topic as this server knows it: its log, how far that goes, and who wants to know when it goes further. Whatever
 * others publish is known after `refresh`.
 */
export class Topic {
  /** What its records are grouped by, and executions that wait for it are found by. */
  readonly name: string;
  readonly projectId: string;
  readonly topic: string;
  private readonly log: RecordLog<StoredEvent>;
  private readonly cache: BatchCache<StoredEvent>;
  private known = 0;
  private readonly looks = new InOrder();
  private readonly loading = new Map<number, Promise<Batch<StoredEvent> | undefined>>();
  private followers = 0;
  private readonly growth = new Notifier();

  constructor(
    id: { readonly name: string; readonly projectId: string; readonly topic: string },
    { store, cache }: { readonly store: Store; readonly cache: BatchCache<StoredEvent> },
  ) {
    this.name = id.name;
    this.projectId = id.projectId;
    this.topic = id.topic;
    this.cache = cache;
    this.log = new RecordLog(store, id.name);
  }

  /** The number of the newest event that is known of here; 0 for none. */
  get newest(): number {
    return this.known;
  }

  get isFollowed(): boolean {
    return this.followers > 0;
  }

  /** Somebody wants to hear of what others publish, until the answer is called, once. */
  follow(): () => void {
    this.followers += 1;
    return () => {
      this.followers -= 1;
    };
  }

  /** Adds events to the log; see RecordLog.add. */
  async add(addition: Addition<StoredEvent>): Promise<Batch<StoredEvent>> {
    const batch = await this.log.add(addition);
    this.cache.put(this.name, batch);
    this.goesTo(batch.first + batch.items.length - 1);
    return batch;
  }

  /** See RecordLog.settle. */
  settle(record: number): Promise<void> {
    return this.log.settle(record);
  }

  /**
   * Learns of whatever was published before the call, by whomever: also by a write of this server's that failed, and may
   * have happened since. Those who ask at the same time share one look.
   */
  refresh(): Promise<void> {
    // One that has begun may miss what came since.
    return this.looks.join(this.name, () => this.readEnd());
  }

  /** Events up to this one are deleted: they are not kept in memory either. */
  deletedTo(sequence: number): void {
    this.cache.dropTo(this.name, sequence);
  }

  /** The first event after this one that is not deleted, as far as is known. */
  async firstAfter(sequence: number): Promise<TopicEvent | undefined> {
    if (sequence >= this.newest) return undefined;
    const batch = await this.batchAt(sequence + 1);
    return batch && eventsOf(this.topic, batch, sequence + 1)[0];
  }

  /** The first event that was published then or later and is not deleted, as far as is known. */
  async firstSince(time: number): Promise<TopicEvent | undefined> {
    let found = this.newest > 0 ? await this.batchAt(this.newest) : undefined;
    if (!found || found.at < time) return undefined;
    // It is seldom far from the end: back in steps that double, until there is something earlier; then by halves.
    let earlier = 0;
    for (let step = 1; found.first - 1 > earlier; step *= 2) {
      const span: number = found.first - 1 - earlier;
      const number: number = found.first - (earlier === 0 ? Math.min(step, span) : Math.ceil(span / 2));
      const batch: Batch<StoredEvent> | undefined = await this.batchAt(number);
      // Where events are deleted, it is the first after them.
      if (batch && batch.first > number) earlier = batch.first - 1;
      if (batch && batch.at >= time) found = batch;
      else earlier = batch ? batch.first + batch.items.length - 1 : number;
    }
    return eventsOf(this.topic, found)[0];
  }

  /**
   * Pages of the events after `sequence`: up to the newest that is known at the call, or for ever with `follow`; after 0,
   * from the first on that is not deleted. The next page is read when the one before was taken; each is about 256 KiB at
   * most, or what was published at once.
   * @throws EngineError `events_deleted` where the reader would miss some, also in the middle.
   */
  async *pages(
    sequence: number,
    { follow, signal }: { readonly follow: boolean; readonly signal: AbortSignal },
  ): AsyncGenerator<readonly TopicEvent[]> {
    const until = follow ? Number.POSITIVE_INFINITY : this.newest;
    let limit = 1;
    for (let last = sequence; last < until && !signal.aborted; ) {
      if (last >= this.newest) {
        await this.growth.next(signal);
        continue;
      }
      const { newest } = this;
      const batches = this.keptFrom(last + 1) ?? (await this.log.read(last + 1, limit));
      const page = upToBytes(batches);
      // Small records: fetch more of them at once.
      limit = page.length === batches.length ? Math.min(limit * 2, PAGE_RECORDS_MAX) : 1;
      const events = page.flatMap((batch) => eventsOf(this.topic, batch, last + 1));
      const oldest = events[0]?.sequence ?? newest + 1;
      if (last > 0 && oldest > last + 1) {
        throw new EngineError({ type: 'events_deleted', topic: this.topic, cursor: last, oldest });
      }
      last = events.at(-1)?.sequence ?? newest;
      if (events.length > 0) yield events;
    }
  }

  /** Batches in memory from the one that holds an event on, one after the other; undefined if it is not there. */
  private keptFrom(sequence: number): readonly Batch<StoredEvent>[] | undefined {
    const first = this.cache.find(this.name, sequence);
    if (!first) return undefined;
    const batches = [first];
    for (let last = first, bytes = first.bytes; bytes < PAGE_BYTES; bytes += last.bytes) {
      const next = this.cache.find(this.name, last.first + last.items.length);
      if (!next) break;
      batches.push(next);
      last = next;
    }
    return batches;
  }

  /** The batch that holds an event, or the first after it if that is deleted; read once by however many ask for it. */
  private batchAt(sequence: number): Promise<Batch<StoredEvent> | undefined> {
    const kept = this.cache.find(this.name, sequence);
    if (kept) return Promise.resolve(kept);
    const underway = this.loading.get(sequence);
    if (underway) return underway;
    const load = this.log
      .read(sequence, 1)
      .then((batches) => {
        for (const batch of batches) this.cache.put(this.name, batch);
        return batches[0];
      })
      .finally(() => this.loading.delete(sequence));
    this.loading.set(sequence, load);
    return load;
  }

  private async readEnd(): Promise<void> {
    const mayBeMore = this.known === 0 || (await this.log.hasAfter(this.known));
    if (!mayBeMore) return;
    const { batches, newest } = await this.log.last();
    for (const batch of batches) this.cache.put(this.name, batch);
    this.goesTo(newest);
  }

  private goesTo(newest: number): void {
    if (newest <= this.known) return;
    this.known = newest;
    this.growth.notify();
  }
}

/** The first batches, until about a page is reached: at least one. */
function upToBytes(batches: readonly Batch<StoredEvent>[]): readonly Batch<StoredEvent>[] {
  let bytes = 0;
  const beyond = batches.findIndex((batch, index) => {
    bytes += batch.bytes;
    return index > 0 && bytes > PAGE_BYTES;
  });
  return beyond < 0 ? batches : batches.slice(0, beyond);
}
