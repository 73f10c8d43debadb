import { isText } from './name.js';

/** A queue that executions wait in, by name. */
export interface QueueConfig {
  /** 1 to 200 bytes. */
  readonly name: string;
  /**
   * How many of its executions may run at once, for each concurrency key on its own: 1 to 10,000. Executions that wait for
   * something do not count. It is declared by the workers of the workflows that name the queue as theirs, and holds over
   * all of them; a caller who names the queue changes nothing in it. The newest declaration decides. Default: says nothing.
   */
  readonly concurrencyLimit?: number | undefined;
}

/** What `Queue` is made with besides its name. */
export interface QueueOptions {
  /** See `QueueConfig.concurrencyLimit`. */
  readonly concurrencyLimit?: number | undefined;
}

/**
 * A queue that several workflows share. It can be given wherever a queue is named.
 *
 * ```ts
 * const payments = new Queue('payments', { concurrencyLimit: 5 });
 * defineWorkflow({ id: 'charge', queue: payments }, ...);
 * defineWorkflow({ id: 'refund', queue: payments }, ...);
 * ```
 */
export class Queue implements QueueConfig {
  readonly name: string;
  readonly concurrencyLimit: number | undefined;

  /** @throws TypeError for a name that is none; RangeError for a limit that is no whole number from 1 to 10,000. */
  constructor(name: string, { concurrencyLimit }: QueueOptions = {}) {
    assertQueue({ name, concurrencyLimit });
    this.name = name;
    this.concurrencyLimit = concurrencyLimit;
  }

  /** The same as a plain object. */
  toConfig(): QueueConfig {
    const { name, concurrencyLimit } = this;
    return { name, ...(concurrencyLimit !== undefined && { concurrencyLimit }) };
  }
}

/** A queue's name; empty for the workflow's own. */
export function queueName(queue: string | QueueConfig | undefined): string {
  return typeof queue === 'object' ? queue.name : (queue ?? '');
}

const LIMIT_MAX = 10_000;

/** Throws for a queue that no server would take; see `Queue`. */
export function assertQueue(queue: string | QueueConfig): void {
  const { name, concurrencyLimit: limit } = typeof queue === 'string' ? { name: queue } : queue;
  if (!isText(name, 200)) throw new TypeError('a queue needs a name of 1 to 200 bytes');
  if (limit === undefined || (Number.isInteger(limit) && limit >= 1 && limit <= LIMIT_MAX)) return;
  throw new RangeError(
    `the queue "${name}" has a concurrencyLimit of ${limit}: it must be a whole number from 1 to ${LIMIT_MAX}`,
  );
}
