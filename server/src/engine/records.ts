import {
  type RecordName,
  type RecordQuery,
  type Store,
  type StoredRecord,
  StoreFault,
} from '../store/store.js';

/** What a record is to hold next. */
export type NextRecord = Omit<StoredRecord, 'version'>;

/** What came of a change. */
export interface ChangedRecord {
  /** The record as it is now; undefined if there is none. */
  readonly record: StoredRecord | undefined;
  /** Whether this call wrote it. */
  readonly isChanged: boolean;
}

/** Conflicts in a row after which something else is wrong. */
const CONFLICTS_MAX = 200;

/**
 * Changes one record: loads it, has `decide` say what it is to hold next, writes that if nobody else was faster, and begins
 * again if somebody was.
 * @param decide  is given the record as it is; answers undefined to leave it so, `remove` to remove it.
 */
export async function changeRecord(
  store: Store,
  name: RecordName,
  decide: (
    stored: StoredRecord | undefined,
  ) => NextRecord | 'remove' | undefined | Promise<NextRecord | 'remove' | undefined>,
): Promise<ChangedRecord> {
  for (let conflicts = 0; conflicts < CONFLICTS_MAX; conflicts++) {
    const stored = await store.loadRecord(name);
    const next = await decide(stored);
    if (next === undefined || (next === 'remove' && !stored)) return { record: stored, isChanged: false };
    if (next === 'remove' && stored) {
      const { group, id, version } = stored;
      if ((await store.commitRecord({ remove: { group, id, version } })) === 'committed')
        return { record: undefined, isChanged: true };
    } else if (next !== 'remove') {
      const record = { ...next, version: (stored?.version ?? 0) + 1 };
      if ((await store.commitRecord({ record })) === 'committed') return { record, isChanged: true };
    }
  }
  const message = `a record of "${name.group}" changed ${CONFLICTS_MAX} times while it was being changed`;
  throw new StoreFault(message, { retryable: true });
}

/**
 * Takes away the `dueAt` of a record: what was to be done of it is done.
 * @param until  only if it is not later than this.
 */
export async function settleRecord(
  store: Store,
  name: RecordName,
  until = Number.POSITIVE_INFINITY,
): Promise<void> {
  await changeRecord(store, name, (stored) => {
    if (stored?.dueAt === undefined || stored.dueAt > until) return undefined;
    const { dueAt: _, ...rest } = stored;
    return rest;
  });
}

/** The records of a group from an id on, each once. A page is read when the one before was taken. */
export async function* recordPages(
  store: Store,
  { group, from, limit }: Pick<RecordQuery, 'group' | 'from' | 'limit'>,
): AsyncGenerator<readonly StoredRecord[]> {
  let last: string | undefined;
  for (;;) {
    const start = last ?? from;
    const found = await store.listRecords({ group, limit, ...(start !== undefined && { from: start }) });
    const isAgain = last !== undefined && found[0]?.id === last;
    yield isAgain ? found.slice(1) : found;
    if (found.length < limit) return;
    last = found.at(-1)?.id;
  }
}

/** The id of a record whose group is in the order of numbers: texts sort as these do. */
export function idOfNumber(number: number): string {
  return String(number).padStart(16, '0');
}
