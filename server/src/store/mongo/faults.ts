import { setTimeout as delay } from 'node:timers/promises';
import {
  BSON,
  MongoBulkWriteError,
  MongoClientClosedError,
  MongoError,
  MongoErrorLabel,
  MongoInvalidArgumentError,
  MongoNetworkError,
  MongoNotConnectedError,
  MongoServerError,
  MongoServerSelectionError,
  MongoTopologyClosedError,
  type WriteError,
} from 'mongodb';
import { StoreFault } from '../store.js';

/** https://www.mongodb.com/docs/manual/reference/error-codes/ */
export const DUPLICATE_KEY = 11_000;

/** A document that its collection's validator refuses. */
export const INVALID_DOCUMENT = 121;

/** Codes after which trying again may help, by what they say. Of all others MongoDB means to say the same next time. */
const PASSING: ReadonlyMap<number, string> = new Map([
  ...codes('no primary takes it now', [91, 189, 10_107, 11_600, 11_602, 13_435, 13_436, 133]),
  ...codes('a part of the cluster cannot be reached', [6, 7, 89, 9_001]),
  ...codes('it took too long', [50, 262, 24, 46]),
  ...codes('no majority confirmed it', [64, 100, 134]),
  ...codes('it was interrupted', [43, 175, 237, 11_601, 112, 225, 246, 251, 290]),
  ...codes('the cluster is being rearranged', [63, 150, 13_388]),
  ...codes('the disk is full', [14_031]),
]);

/** Those that do not pass, and that an operator or a user can do something about. */
const LASTING: ReadonlyMap<number, string> = new Map([
  ...codes('a document does not fit its collection', [INVALID_DOCUMENT]),
  ...codes('a document is larger than MongoDB allows', [10_334, 17_419, 17_420]),
  ...codes('a document is nested deeper than MongoDB allows', [15]),
  ...codes('the user may not do that', [13, 18, 8_000]),
]);

const PASSING_LABELS = [
  MongoErrorLabel.RetryableWriteError,
  MongoErrorLabel.TransientTransactionError,
  MongoErrorLabel.RetryableError,
  MongoErrorLabel.SystemOverloadedError,
];

/**
 * Wraps what the driver threw. Passes on faults, and bugs of our own.
 * @param doing  what was being done, and to which id.
 */
export function toFault(doing: string, error: unknown): unknown {
  const cause = causeOf(error);
  if (!(cause instanceof Error) || !(isOfDriver(cause) || isOfSocket(cause))) return cause;
  const message = `${doing}: ${meaningOf(cause)} (${withoutPassword(cause.message)})`;
  return new StoreFault(message, { retryable: isPassing(cause), cause });
}

/** The fault of one write of several, of which MongoDB said that it failed. */
export function faultOfWrite(
  doing: string,
  { code, errmsg }: Pick<WriteError, 'code' | 'errmsg'>,
): StoreFault {
  const message = `${doing}: ${meaningOfCode(code)} (${withoutPassword(errmsg ?? 'no message')})`;
  return new StoreFault(message, { retryable: PASSING.has(code) });
}

/** Whether trying again may help. */
export function isPassing(error: unknown): boolean {
  const cause = causeOf(error);
  if (cause instanceof StoreFault) return cause.retryable;
  if (isOfSocket(cause)) return true;
  if (!(cause instanceof MongoError)) return false;
  if (PASSING_LABELS.some((label) => cause.hasErrorLabel(label))) return true;
  if (cause instanceof MongoServerError) return PASSING.has(Number(cause.code));
  // The rest of what the driver itself reports is a matter of connections, but for what it finds wrong with a document.
  return !(cause instanceof MongoInvalidArgumentError);
}

/** How long to try again what does no harm when it happens twice. */
const TRYING_MS = 20_000;
const FIRST_PAUSE_MS = 50;

/** Does something that may happen twice, and again while MongoDB gives no answer to it. */
export async function untilAnswered<Answer>(doing: () => Promise<Answer>): Promise<Answer> {
  const since = performance.now();
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs *= 2) {
    try {
      return await doing();
    } catch (error) {
      if (!isPassing(error) || performance.now() + pauseMs > since + TRYING_MS) throw error;
      await delay(pauseMs);
    }
  }
}

/**
 * Passes on why insertions failed, unless the documents are there: one that has the name of ours is ours. Also where no majority
 * confirmed that: it could be lost again.
 */
export function passOnUnlessThere(error: unknown): void {
  const isOfWrites = error instanceof MongoBulkWriteError && !error.result.getWriteConcernError();
  const errors = isOfWrites ? [error.writeErrors].flat() : [];
  if (errors.length === 0 || !errors.every(({ code }) => code === DUPLICATE_KEY)) throw error;
}

/** A text that may name a URL, without the user and the password in it. */
export function withoutPassword(text: string): string {
  return text.replaceAll(/:\/\/[^/\s]*@/g, '://');
}

/** What made a group of writes fail as a whole; the driver wraps it. */
function causeOf(error: unknown): unknown {
  return error instanceof MongoBulkWriteError && error.errorResponse instanceof Error
    ? error.errorResponse
    : error;
}

function isOfDriver(error: unknown): boolean {
  return error instanceof MongoError || error instanceof BSON.BSONError || error instanceof RangeError;
}

/** The driver passes on as it is what breaks a connection while a large command is being sent over it. */
function isOfSocket(error: unknown): boolean {
  if (!(error instanceof Error) || isOfDriver(error)) return false;
  return 'syscall' in error || ('code' in error && /^ERR_(STREAM|SOCKET|SSL|TLS)/.test(String(error.code)));
}

function meaningOf(error: Error): string {
  if (error instanceof MongoServerError) return meaningOfCode(Number(error.code));
  if (error instanceof MongoServerSelectionError) return 'no primary can be reached';
  if (error instanceof MongoNetworkError || isOfSocket(error)) return 'the connection failed';
  if (isOfClosing(error)) return 'the store is closed';
  return error instanceof RangeError || error instanceof MongoInvalidArgumentError
    ? 'a document is larger than MongoDB allows'
    : 'the driver failed';
}

function meaningOfCode(code: number): string {
  return PASSING.get(code) ?? LASTING.get(code) ?? `MongoDB refuses it with code ${code}`;
}

function isOfClosing(error: Error): boolean {
  return (
    error instanceof MongoClientClosedError ||
    error instanceof MongoTopologyClosedError ||
    error instanceof MongoNotConnectedError
  );
}

function codes(meaning: string, numbers: readonly number[]): readonly (readonly [number, string])[] {
  return numbers.map((number) => [number, meaning] as const);
}
