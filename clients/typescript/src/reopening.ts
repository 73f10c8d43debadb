import { pause, retryDelayMs } from './retry.js';
import { isConnectionTrouble } from './transport.js';

/** How fast a broken stream is opened again, and how often in a row without a message. */
const DELAYS = { baseDelay: 100, maxDelay: 5_000 };
const REOPENS_MAX = 20;

/**
 * The messages of a stream that is opened again whenever it breaks. `open` must begin after the last message that was taken.
 * @throws what `open`'s stream throws, if that is no trouble of the connection, or if it stays.
 */
export async function* reopening<T>(open: () => AsyncIterable<T>, signal?: AbortSignal): AsyncGenerator<T> {
  for (let reopens = 0; signal?.aborted !== true; reopens++) {
    try {
      for await (const message of open()) {
        reopens = 0;
        yield message;
      }
      return;
    } catch (error) {
      if (!isConnectionTrouble(error) || reopens >= REOPENS_MAX) throw error;
      await pause(retryDelayMs(DELAYS, reopens, Math.random()), signal);
    }
  }
}
