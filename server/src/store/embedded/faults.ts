import Database from 'libsql';
import { StoreFault } from '../store.js';

/** https://www.sqlite.org/rescode.html */
const [PERM, BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN, TOOBIG, CONSTRAINT, MISMATCH] = [
  3, 5, 6, 7, 8, 10, 13, 14, 18, 19, 20,
];

/**
 * The primary codes of SQLite that do not say that the file is damaged, and what a reader should know of them. All others
 * do, be it that a table is gone or that a page makes no sense: the statements are right, they are tested.
 */
const MEANINGS: ReadonlyMap<number | undefined, { readonly meaning: string; readonly retryable: boolean }> =
  new Map([
    [PERM, { meaning: 'access was denied', retryable: true }],
    [BUSY, { meaning: 'another process has the file', retryable: true }],
    [LOCKED, { meaning: 'another process has the file', retryable: true }],
    [NOMEM, { meaning: 'memory ran out', retryable: true }],
    [READONLY, { meaning: 'the file cannot be written', retryable: true }],
    [IOERR, { meaning: 'the disk reported an error', retryable: true }],
    [FULL, { meaning: 'the disk is full', retryable: true }],
    [CANTOPEN, { meaning: 'the file cannot be opened', retryable: true }],
    [TOOBIG, { meaning: 'a value is larger than a row can be', retryable: false }],
    [CONSTRAINT, { meaning: 'a value does not fit its column', retryable: false }],
    [MISMATCH, { meaning: 'a value does not fit its column', retryable: false }],
  ]);

/** Wraps what the driver or the file system threw. Passes on faults, and bugs of our own. */
export function toFault(doing: string, error: unknown): unknown {
  if (error instanceof Database.SqliteError) {
    const { meaning, retryable } = MEANINGS.get(primaryCode(error)) ?? {
      meaning: 'the file is damaged',
      retryable: false,
    };
    const message = `${doing}: ${meaning} (${error.code}: ${error.message})`;
    return new StoreFault(message, { retryable, cause: error });
  }
  if (error instanceof Error && 'syscall' in error) {
    return new StoreFault(`${doing}: ${error.message}`, { retryable: true, cause: error });
  }
  return error;
}

/** Whether another process holds the lock of the database. */
export function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && primaryCode(error) === BUSY;
}

/** A fault that no repetition heals. */
export function damage(message: string): StoreFault {
  return new StoreFault(message, { retryable: false });
}

/** Extended codes keep the primary one in their lowest byte; the driver has no name for some of them. */
function primaryCode({ rawCode }: InstanceType<typeof Database.SqliteError>): number | undefined {
  return rawCode === undefined ? undefined : rawCode & 0xff;
}
