import { constants, deflateSync, inflateSync } from 'node:zlib';
import { StoreFault } from '../store.js';

/**
 * The text of a large state, as it is kept: compressed, since MongoDB writes it three times (journal, oplog, collection), and
 * each time that it is near something that changes. Quickly rather than well: 100 KB take less time than to make BSON of them.
 */
export function toStateText(json: string): Uint8Array {
  return deflateSync(json, { level: constants.Z_BEST_SPEED });
}

/**
 * The text as it was before `toStateText`.
 * @param where  what it is of, for the message.
 * @throws StoreFault if it is not what was written; it has a checksum.
 */
export function fromStateText(text: Uint8Array, where: string): string {
  try {
    return inflateSync(text).toString();
  } catch (cause) {
    const message = `${where}: the state is not what was written; restore the database from a backup`;
    throw new StoreFault(message, { retryable: false, cause });
  }
}
