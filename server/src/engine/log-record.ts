import type { StoredRecord } from '../store/store.js';

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

/** The newest number of a log, and when that was added. */
export interface LogEnd {
  /** 0 for none. */
  readonly newest: number;
  readonly at: number;
}

/** A record's body. */
interface Body<Item> {
  readonly at: number;
  readonly additions: readonly { readonly name?: string; readonly mark?: string; readonly items: Item[] }[];
  /** Once its items were deleted, the number of the last of them: the newest record stays, so that the log goes on counting. */
  readonly deletedTo?: number;
}

/** An addition on its way into a record, with its name's digest and its items as text. */
interface Encoded {
  readonly addition: Pick<Addition<unknown>, 'mark'>;
  readonly name: string | undefined;
  readonly text: string;
}

/** The body of a record that holds additions. */
export function bodyOf(at: number, gathered: readonly Encoded[]): string {
  const additions = gathered.map(({ name, addition: { mark }, text }) => {
    const head = JSON.stringify({ name, mark }).slice(1, -1);
    return `{${head}${head && ','}"items":${text}}`;
  });
  return `{"at":${at},"additions":[${additions.join()}]}`;
}

/** A record whose items are deleted. */
export function emptied(record: StoredRecord): StoredRecord {
  const { newest, at } = endOf(record);
  const body: Body<never> = { at, additions: [], deletedTo: newest };
  return { ...record, version: record.version + 1, body: JSON.stringify(body) };
}

/** Whether the items of a record are deleted. */
export function isEmptied(record: Pick<StoredRecord, 'body'>): boolean {
  return bodyFrom(record).deletedTo !== undefined;
}

/** The last number that a record holds, or held, and its time. */
export function endOf(record: Pick<StoredRecord, 'id' | 'body'>): LogEnd {
  const { at, additions, deletedTo } = bodyFrom(record);
  const count = additions.reduce((sum, { items }) => sum + items.length, 0);
  return { newest: deletedTo ?? Number(record.id) + count - 1, at };
}

/** What a record holds. */
export function batchesOf<Item>(record: Pick<StoredRecord, 'id' | 'body'>): readonly Batch<Item>[] {
  const { at, additions } = bodyFrom<Item>(record);
  return placed(additions, { record: Number(record.id), at, bytes: record.body.length });
}

/** What a record holds that has a name, by the digest of that. */
export function batchesByName<Item>(record: StoredRecord): ReadonlyMap<string, Batch<Item>> {
  const batches = batchesOf<Item>(record);
  return new Map(
    bodyFrom<Item>(record).additions.flatMap(({ name }, index): [string, Batch<Item>][] => {
      const batch = batches[index];
      return name !== undefined && batch ? [[name, batch]] : [];
    }),
  );
}

/** Gives additions their numbers. */
export function placed<Item>(
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
export function lastOf(batches: readonly Batch<unknown>[]): number {
  const last = batches.at(-1);
  return last ? last.first + last.items.length - 1 : 0;
}

/** The group of the claims for the names of a log's additions. */
export function namesGroup(group: string): string {
  return `names:${group}`;
}

/** What a claim holds: the id of the record for which an addition of the name was tried. */
export function claimBody(recordId: string): string {
  return JSON.stringify(recordId);
}

/** The id of the record that a claim is for. */
export function claimedBy({ body }: Pick<StoredRecord, 'body'>): string {
  return JSON.parse(body) as string;
}

function bodyFrom<Item>({ body }: Pick<StoredRecord, 'body'>): Body<Item> {
  return JSON.parse(body) as Body<Item>;
}
