import { setTimeout as delay } from 'node:timers/promises';

const PAUSE_MS = 50;

/** How long to ask for something, in milliseconds. */
export interface UntilOptions {
  readonly limitMs?: number;
  readonly pauseMs?: number;
}

/**
 * Asks again and again until there is an answer; a question that fails has none yet. For other programs, which
 * tell nobody when something is so.
 * @param what  what is waited for, for the message.
 */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined>,
  { limitMs = 60_000, pauseMs = PAUSE_MS }: UntilOptions = {},
): Promise<T> {
  const endsAt = performance.now() + limitMs;
  let cause: unknown;
  while (performance.now() < endsAt) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      cause = error;
    }
    await delay(pauseMs);
  }
  throw new Error(`waited ${limitMs} ms in vain for ${what}`, { cause });
}
