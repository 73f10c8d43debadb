import { StoreFault } from '../store.js';

/**
 * What the codes of faults begin with that may pass by themselves, and what a reader should know of them. All other
 * codes of SQLite say that the file is not what was written, be it that a table is gone or that a page makes no sense.
 */
const PASSING: readonly (readonly [string, string])[] = [
  ['SQLITE_FULL', 'the disk is full'],
  ['ENOSPC', 'the disk is full'],
  ['SQLITE_IOERR', 'the disk reported an error'],
  ['SQLITE_BUSY', 'another process has the file'],
  ['SQLITE_LOCKED', 'another process has the file'],
  ['SQLITE_NOMEM', 'memory ran out'],
  ['SQLITE_CANTOPEN', 'the file cannot be opened'],
  ['SQLITE_PERM', 'access was denied'],
  ['SQLITE_READONLY', 'the file cannot be written'],
  ['E', 'the file system refused'],
];

/** Codes that say that a value is larger than 1 GB, or not what its column holds. */
const UNFIT = ['SQLITE_TOOBIG', 'SQLITE_CONSTRAINT', 'SQLITE_MISMATCH'];

/** Wraps what the driver or the file system threw. Passes on faults, and bugs of our own. */
export function toFault(doing: string, error: unknown): unknown {
  const code = errorCode(error);
  if (code === undefined) return error;
  const passing = PASSING.find(([prefix]) => code.startsWith(prefix))?.[1];
  const lasting = UNFIT.some((prefix) => code.startsWith(prefix))
    ? 'a value does not fit'
    : 'the file is damaged';
  const reason = error instanceof Error ? error.message : String(error);
  return new StoreFault(`${doing}: ${passing ?? lasting} (${code}: ${reason})`, {
    retryable: passing !== undefined,
    cause: error,
  });
}

/** The code of an error of SQLite (`SQLITE_..`) or of the file system (`ENOSPC`); undefined for any other. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  const { code } = error;
  const isForeign = typeof code === 'string' && (code.startsWith('SQLITE_') || 'syscall' in error);
  return isForeign ? code : undefined;
}

/** A fault that no repetition heals. */
export function damage(message: string): StoreFault {
  return new StoreFault(message, { retryable: false });
}
