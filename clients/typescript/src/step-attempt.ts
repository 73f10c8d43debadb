import { InvalidStepError, StepTimeoutError } from './errors.js';
import type { StepAttempt } from './step.js';

/** One attempt of a step's function, and how long it may take. Times in milliseconds; undefined is without limit. */
export interface AttemptOptions {
  readonly key: string;
  /** 1 for the first. */
  readonly attempt: number;
  /** Aborts when the execution is cancelled or lost. */
  readonly signal: AbortSignal;
  /** For the attempt as a whole. */
  readonly timeout: number | undefined;
  /** For the time until its first heartbeat, and from each to the next. */
  readonly heartbeatTimeout: number | undefined;
}

/**
 * Makes one attempt. Once a limit has passed the attempt has failed and its signal aborts, whatever the function still does.
 * @throws StepTimeoutError, or what the function throws.
 */
export function makeAttempt(
  { key, attempt, signal: outer, timeout, heartbeatTimeout }: AttemptOptions,
  call: (attempt: StepAttempt) => Promise<unknown>,
): Promise<unknown> {
  const isLimited = timeout !== undefined || heartbeatTimeout !== undefined;
  const limit = isLimited ? new AbortController() : undefined;
  const signal = limit === undefined ? outer : AbortSignal.any([outer, limit.signal]);
  return new Promise((resolve, reject) => {
    const begin = (ms: number | undefined, excess?: string) =>
      ms === undefined
        ? undefined
        : setTimeout(() => {
            const error = new StepTimeoutError(key, ms, excess);
            limit?.abort(error);
            reject(error);
          }, ms);
    const whole = begin(timeout);
    const silence = begin(heartbeatTimeout, 'gave no heartbeat for');
    let isOver = false;
    const heartbeat = () => {
      signal.throwIfAborted();
      if (isOver)
        throw new InvalidStepError(`a heartbeat came from an attempt of step "${key}" that is over`);
      silence?.refresh();
    };
    call({ attempt, signal, heartbeat })
      .finally(() => {
        isOver = true;
        clearTimeout(whole);
        clearTimeout(silence);
      })
      .then(resolve, reject);
  });
}
