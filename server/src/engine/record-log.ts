import { hash } from 'node:crypto';
import { type Store, type StoredRecord, StoreFault } from '../store/store.js';
import { idOfNumber, settleRecord } from './records.js';

/** Items that were added together: the numbers from `first` on. */
export interface Batch<Item> {
  readonly first: number;
  readonly items: readonly Item[];
  /** When they were added; never smaller than of items before them. */
  readonly at: number;
  readonly mark?: string;
  /** The first number of the record that holds them: what `settle` takes. */
  readonly record: number;
  /** About how many bytes they take in the store. */
  readonly bytes: number;
}

/** What is added to a log at once. */
export interface Addition<Item> {
  /** At least one; about 4 MiB at most. */
  readonly items: readonly Item[];
  readonly at: number;
  /** Makes the addition safe to repeat: the second with the same name changes nothing. Of any length. */
  readonly name?: string;
  /** Kept with it, to tell a repetition from another use of the name. */
  readonly mark?: string;
  /** When the engine must look at it, until `settle`. */
  readonly dueAt?: number;
}

/** Attempts in a row at a number that others took. */
const CONFLICTS_MAX = 1_000;

/** What is asked for while a write is under way shares the next one, up to this. */
const GATHERED_MAX = 1_000;
const GATHERED_BYTES_MAX = 262_144;

/**
 * A list that only grows, numbered from 1 without gaps, kept as records whose id is the first number that they hold. So
 * two servers that add at once try for the same id, and one of them tries again with the next: no counter, no
 * transaction, and a reader never sees a number before all smaller ones.
 *
 * A name is kept to one addition by a claim: a record of its own that says for which id an addition of that name was
 * tried. Whoever repeats it looks there: the name is in the record with that id, or that record went to others, so that
 * it never will be there and the claim may move on, or nobody has written it yet and the repetition tries for the same id.
 */
export class RecordLog<Item> {
  private readonly store: Store;
  readonly group: string;
  /** The newest number and its time, as last seen; a write against an older end conflicts. */
  private end: { readonly newest: number; readonly at: number } | undefined;
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
    return lastOf(await this.last());
  }

  /** The newest items, those that were written together; none if there are none. */
  async last(): Promise<readonly Batch<Item>[]> {
    const [last] = await this.store.listRecords({ group: this.group, descending: true, limit: 1 });
    return last ? batchesOf(last) : [];
  }

  /** Batches from the one that holds number `from` on, oldest first: those of `limit` records. */
  async read(from: number, limit: number): Promise<readonly Batch<Item>[]> {
    const { group } = this;
    const id = idOfNumber(from);
    const records = [...(await this.store.listRecords({ group, from: id, limit }))];
    if (records[0]?.id !== id) {
      // The number is within a record, or there is none.
      const [holder] = await this.store.listRecords({ group, from: id, descending: true, limit: 1 });
      if (holder) records.unshift(holder);
    }
    return records
      .slice(0, limit)
      .flatMap((record) => batchesOf<Item>(record))
      .filter(({ first, items }) => first + items.length > from);
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
      this.end ??= await this.look();
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
  private async commit(
    gathered: readonly Pending<Item>[],
    end: { readonly newest: number; readonly at: number },
  ): Promise<boolean> {
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
    const group = `names:${this.group}`;
    for (let conflicts = 0; conflicts < CONFLICTS_MAX; conflicts++) {
      if (pending.claim) {
        const claimed = JSON.parse(pending.claim.body) as string;
        if (claimed === id) return true;
        const reading = written.get(claimed) ?? this.readRecord(claimed);
        written.set(claimed, reading);
        const batches = await reading;
        if (!batches) return false;
        const earlier = batches.get(name);
        if (earlier) return earlier;
      }
      const version = (pending.claim?.version ?? 0) + 1;
      const claim = { group, id: name, version, body: JSON.stringify(id) };
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

  private async look(): Promise<{ readonly newest: number; readonly at: number }> {
    const last = await this.last();
    return { newest: lastOf(last), at: last.at(-1)?.at ?? 0 };
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

/** A record's body. */
interface Body<Item> {
  readonly at: number;
  readonly additions: readonly { readonly name?: string; readonly mark?: string; readonly items: Item[] }[];
}

function bodyOf<Item>(at: number, gathered: readonly Pending<Item>[]): string {
  const additions = gathered.map(({ name, addition: { mark }, text }) => {
    const head = JSON.stringify({ name, mark }).slice(1, -1);
    return `{${head}${head && ','}"items":${text}}`;
  });
  return `{"at":${at},"additions":[${additions.join()}]}`;
}

function batchesOf<Item>(record: Pick<StoredRecord, 'id' | 'body'>): readonly Batch<Item>[] {
  const { at, additions } = JSON.parse(record.body) as Body<Item>;
  return placed(additions, { record: Number(record.id), at, bytes: record.body.length });
}

function batchesByName<Item>(record: StoredRecord): ReadonlyMap<string, Batch<Item>> {
  const { additions } = JSON.parse(record.body) as Body<Item>;
  const batches = batchesOf<Item>(record);
  return new Map(
    additions.flatMap(({ name }, index): [string, Batch<Item>][] => {
      const batch = batches[index];
      return name !== undefined && batch ? [[name, batch]] : [];
    }),
  );
}

/** Gives additions their numbers. */
function placed<Item>(
  additions: readonly Pick<Addition<Item>, 'items' | 'mark'>[],
  { record, at, bytes }: { readonly record: number; readonly at: number; readonly bytes: number },
): readonly Batch<Item>[] {
  const count = additions.reduce((sum, { items }) => sum + items.length, 0);
  let next = record;
  return additions.map(({ items, mark }) => {
    const first = next;
    next += items.length;
    const share = Math.ceil((bytes * items.length) / count);
    return { first, items, at, record, bytes: share, ...(mark !== undefined && { mark }) };
  });
}

/** The number of the last item; 0 for none. */
function lastOf(batches: readonly Batch<unknown>[]): number {
  const last = batches.at(-1);
  return last ? last.first + last.items.length - 1 : 0;
}

/** How many of those that wait go together: at least one. */
function countTogether(waiting: readonly { readonly text: string }[]): number {
  let bytes = 0;
  const beyond = waiting.findIndex(({ text }, index) => {
    bytes += text.length;
    return index > 0 && (bytes > GATHERED_BYTES_MAX || index === GATHERED_MAX);
  });
  return beyond < 0 ? waiting.length : beyond;
}
