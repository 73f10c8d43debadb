/** How often and how fast a handler that failed runs again. */
export interface RetryPolicy {
  /** Further attempts after the first. */
  readonly maxRetries: number;
  /** Before the first retry; doubled for each further one. */
  readonly baseDelayMs: number;
  readonly maxDelayMs: number;
}

/** What applies where neither the caller nor the workflow says otherwise. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = { maxRetries: 2, baseDelayMs: 1_000, maxDelayMs: 10_000 };

/** The delay before retry number `retry` (1 for the first). */
export function retryDelayMs(policy: RetryPolicy, retry: number): number {
  // Bounded, because 0 times infinity is no number.
  const factor = 2 ** Math.min(retry - 1, 1_000);
  return Math.min(policy.baseDelayMs * factor, policy.maxDelayMs);
}
