/** How often and how fast something that failed is tried again. All times in milliseconds. */
export interface RetryDelays {
  /** Delay before the first retry, doubled for each further one. */
  readonly baseDelay: number;
  /** The longest delay, before jitter. */
  readonly maxDelay: number;
}

/**
 * The delay before a retry: exponential and capped, spread by ±25 % so that what failed together does not come back
 * together.
 * @param retry 0 for the first retry.
 * @param random a number from 0 up to 1, for example from Math.random.
 * @returns milliseconds.
 */
export function retryDelayMs(delays: RetryDelays, retry: number, random: number): number {
  const exponential = Math.min(delays.baseDelay * 2 ** Math.min(retry, 50), delays.maxDelay);
  return exponential * (0.75 + random * 0.5);
}

/**
 * Waits, keeping the process alive.
 * @returns true after the time, false as soon as the signal aborts.
 */
export function pause(ms: number, signal?: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve(false);
    const timer = setTimeout(end, ms, true);
    const onAbort = () => end(false);
    signal?.addEventListener('abort', onAbort, { once: true });
    function end(waited: boolean) {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      resolve(waited);
    }
  });
}
