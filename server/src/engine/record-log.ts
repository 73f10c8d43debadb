import { hash } from 'node:crypto';
import { type Store, type StoredRecord, StoreFault } from '../store/store.js';
import {
  type Addition,
  type Batch,
  batchesByName,
  batchesOf,
  bodyOf,
  claimBody,
  claimedBy,
  endOf,
  isEmptied,
  type LogEnd,
  lastOf,
  namesGroup,
  placed,
} from './log-record.js';
import { idOfNumber, settleRecord } from './records.js';

export type { Addition, Batch } from './log-record.js';

/** Attempts in a row at a number that others took. */
const CONFLICTS_MAX = 1_000;

/** What is asked for while a write is under way shares the next one, up to this. */
const GATHERED_MAX = 1_000;
const GATHERED_BYTES_MAX = 262_144;

/**
 * A list that grows at its end, numbered from 1 without gaps, kept as records whose id is the first number that they hold. So
 * two servers that add at once try for the same id, and one of them tries again with the next: no counter, no
 * transaction, and a reader never sees a number before all smaller ones.
 *
 * A name is kept to one addition by a claim: a record of its own that says for which id an addition of that name was
 * tried. Whoever repeats it looks there: the name is in the record with that id, or that record went to others, so that
 * it never will be there and the claim may move on, or nobody has written it yet and the repetition tries for the same id.
 *
 * What is oldest may be deleted (log-trimming.ts), with the claims for it. The newest record stays, if need be emptied: by
 * it the log goes on counting.
 */
export class RecordLog<Item> {
  private readonly store: Store;
  readonly group: string;
  /** The newest number and its time, as last seen; a write against an older end conflicts. */
  private end: LogEnd | undefined;
  private waiting: Pending<Item>[] = [];
  /** By name, what is under way. */
  private readonly named = new Map<string, Promise<Batch<Item>>>();
  private isWriting = false;

  constructor(store: Store, group: string) {
    this.store = store;
    this.group = group;
  }

  /**
   * Adds items after all that are there, one addition after the other as they are asked for; answers them with their
   * numbers, also those of an earlier time. After a StoreFault it is unknown whether they were added.
   */
  add(addition: Addition<Item>): Promise<Batch<Item>> {
    if (addition.items.length === 0) throw new Error(`nothing is to be added to "${this.group}"`);
    const name = addition.name === undefined ? undefined : hash('sha256', addition.name, 'base64url');
    const underway = name === undefined ? undefined : this.named.get(name);
    if (underway) return underway;
    const added = new Promise<Batch<Item>>((resolve, reject) => {
      const text = JSON.stringify(addition.items);
      this.waiting.push({ addition, name, text, claim: undefined, resolve, reject });
    });
    if (name !== undefined) {
      this.named.set(name, added);
      const forget = () => void this.named.delete(name);
      added.then(forget, forget);
    }
    if (!this.isWriting) void this.writeWaiting();
    return added;
  }

  /** The number of the newest item; 0 for none. */
  async newest(): Promise<number> {
    return (await this.last()).newest;
  }

  /** The end of the log, and the newest items, those that were written together; none if they are deleted. */
  async last(): Promise<LogEnd & { readonly batches: readonly Batch<Item>[] }> {
    const [last] = await this.store.listRecords({ group: this.group, descending: true, limit: 1 });
    return last ? { ...endOf(last), batches: batchesOf(last) } : { newest: 0, at: 0, batches: [] };
  }

  /**
   * Batches from the one that holds number `from` on, or from the first after it if that is deleted, oldest first: those of
   * `limit` records. None only if there are none.
   */
  async read(from: number, limit: number): Promise<readonly Batch<Item>[]> {
    const records = await this.recordsFrom(from, limit);
    const [oldest, ...more] = records;
    if (oldest && more.length === 0 && isEmptied(oldest)) {
      const { newest } = endOf(oldest);
      return from > newest ? [] : this.read(newest + 1, limit);
    }
    return records
      .flatMap((record) => batchesOf<Item>(record))
      .filter(({ first, items }) => first + items.length > from);
  }

  private async recordsFrom(from: number, limit: number): Promise<readonly StoredRecord[]> {
    const { group } = this;
    const id = idOfNumber(from);
    const records = [...(await this.store.listRecords({ group, from: id, limit }))];
    if (records[0]?.id !== id) {
      // The number is within a record, or there is none.
      const [holder] = await this.store.listRecords({ group, from: id, descending: true, limit: 1 });
      if (holder) records.unshift(holder);
    }
    return records.slice(0, limit);
  }

  /** Whether there are items after this number. */
  async hasAfter(number: number): Promise<boolean> {
    const next = await this.store.listRecords({ group: this.group, from: idOfNumber(number + 1), limit: 1 });
    return next.length > 0;
  }

  /** Takes away the `dueAt` of what was written with this first number, if it still has one. */
  async settle(record: number): Promise<void> {
    await settleRecord(this.store, { group: this.group, id: idOfNumber(record) });
  }

  private async writeWaiting(): Promise<void> {
    this.isWriting = true;
    while (this.waiting.length > 0) {
      const gathered = this.waiting.splice(0, countTogether(this.waiting));
      try {
        await this.write(gathered);
      } catch (error) {
        this.end = undefined;
        // Those that have their answer already keep it.
        for (const { reject } of gathered) reject(error);
      }
    }
    this.isWriting = false;
  }

  private async write(gathered: readonly Pending<Item>[]): Promise<void> {
    let left = gathered;
    for (let conflicts = 0; conflicts < CONFLICTS_MAX; conflicts++) {
      this.end ??= await this.last();
      const end = this.end;
      const written: Written<Item> = new Map();
      const claims = await Promise.all(
        left.map((pending) => this.claim(pending, idOfNumber(end.newest + 1), written)),
      );
      left = left.filter((_, index) => claims[index] !== 'answered');
      if (left.length === 0) return;
      if (!claims.includes('outdated') && (await this.commit(left, end))) return;
      this.end = undefined;
    }
    throw this.contended();
  }

  /** Writes one record, or finds that its number is taken. */
  private async commit(gathered: readonly Pending<Item>[], end: LogEnd): Promise<boolean> {
    const first = end.newest + 1;
    const at = gathered.reduce((latest, { addition }) => Math.max(latest, addition.at), end.at);
    const due = gathered.flatMap(({ addition: { dueAt } }) => dueAt ?? []);
    const body = bodyOf(at, gathered);
    const dueAt = due.length > 0 && { dueAt: Math.min(...due) };
    const record = { group: this.group, id: idOfNumber(first), version: 1, body, ...dueAt };
    if ((await this.store.commitRecord({ record })) !== 'committed') return false;
    const additions = gathered.map(({ addition }) => addition);
    const batches = placed(additions, { record: first, at, bytes: body.length });
    this.end = { newest: lastOf(batches), at };
    for (const [index, batch] of batches.entries()) gathered[index]?.resolve(batch);
    return true;
  }

  /**
   * Keeps the name of an addition to the record `id`, unless it has been added. A failure is its own, and no other's.
   * @param written  the records that this round has read, by id.
   * @returns whether it may be written; `outdated` if the log has grown, so that `id` is not its end.
   */
  private async claim(
    pending: Pending<Item>,
    id: string,
    written: Written<Item>,
  ): Promise<'free' | 'outdated' | 'answered'> {
    try {
      const claimed =
        pending.name === undefined || (await this.claimName(pending.name, pending, id, written));
      if (typeof claimed === 'object') pending.resolve(claimed);
      else return claimed ? 'free' : 'outdated';
    } catch (error) {
      pending.reject(error);
    }
    return 'answered';
  }

  /** What was added under a name; or else whether it may be written. */
  private async claimName(
    name: string,
    pending: Pending<Item>,
    id: string,
    written: Written<Item>,
  ): Promise<Batch<Item> | boolean> {
    const group = namesGroup(this.group);
    for (let conflicts = 0; conflicts < CONFLICTS_MAX; conflicts++) {
      if (pending.claim) {
        const claimed = claimedBy(pending.claim);
        if (claimed === id) return true;
        const reading = written.get(claimed) ?? this.readRecord(claimed);
        written.set(claimed, reading);
        const batches = await reading;
        const earlier = batches?.get(name);
        if (earlier) return earlier;
        // Beyond the end, the end is further by now. Before it, there was a record which is deleted.
        if (!batches && claimed > id) return false;
      }
      const version = (pending.claim?.version ?? 0) + 1;
      const claim = { group, id: name, version, body: claimBody(id) };
      if ((await this.store.commitRecord({ record: claim })) === 'committed') {
        pending.claim = claim;
        return true;
      }
      pending.claim = await this.store.loadRecord({ group, id: name });
    }
    throw this.contended();
  }

  private async readRecord(id: string): Promise<ReadonlyMap<string, Batch<Item>> | undefined> {
    const record = await this.store.loadRecord({ group: this.group, id });
    return record && batchesByName(record);
  }

  private contended(): StoreFault {
    const message = `"${this.group}" was added to ${CONFLICTS_MAX} times while it was being added to`;
    return new StoreFault(message, { retryable: true });
  }
}

/** An addition that waits to be written. */
interface Pending<Item> {
  readonly addition: Addition<Item>;
  /** The digest of its name. */
  readonly name: string | undefined;
  /** Its items. */
  readonly text: string;
  /** What is known of the claim for its name. */
  claim: StoredRecord | undefined;
  readonly resolve: (batch: Batch<Item>) => void;
  readonly reject: (error: unknown) => void;
}

/** Records by id, each read once: the batches in it that have a name, by that; undefined if there is no such record. */
type Written<Item> = Map<string, Promise<ReadonlyMap<string, Batch<Item>> | undefined>>;

/** How many of those that wait go together: at least one. */
function countTogether(waiting: readonly { readonly text: string }[]): number {
  let bytes = 0;
  const beyond = waiting.findIndex(({ text }, index) => {
    bytes += text.length;
    return index > 0 && (bytes > GATHERED_BYTES_MAX || index === GATHERED_MAX);
  });
  return beyond < 0 ? waiting.length : beyond;
}
