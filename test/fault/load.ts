import { setMaxListeners } from 'node:events';
import type { PolosClient } from '@polos/sdk';
import { LoadExecution } from './load-execution.js';
import type { LoadJournal } from './load-journal.js';

/** Executions in flight, always. */
export const IN_FLIGHT = 64;
/** Beside those, one is invoked this often whatever becomes of the others: as long as nothing ends, too. */
const ARRIVAL_MS = 500;
/** How long to wait for an execution to end, from the end of the load on, or for the load to go on. */
const LIMIT_MS = 60_000;
/** The same once an execution has failed, so that nothing can be right any more. */
const LIMIT_FAILED_MS = 5_000;

/** What the load needs. */
export interface LoadParts {
  /** Each with a connection of its own. */
  readonly clients: readonly PolosClient[];
  readonly journal: LoadJournal;
}

/** What is under way at a moment. */
export interface Underway {
  readonly executions: readonly LoadExecution[];
  /** How many of them are not acknowledged yet. */
  readonly invoking: number;
}

/** Keeps executions in flight, and knows what became of each. */
export class Load {
  readonly executions: LoadExecution[] = [];
  /** What a client was told that it must not be told, in words. */
  readonly failures: string[] = [];
  /** How many have ended well. */
  finished = 0;
  /** The longest time in which nobody saw a sign of life of any execution, in milliseconds. */
  longestPauseMs = 0;
  readonly #parts: LoadParts;
  readonly #underway = new Map<LoadExecution, Promise<void>>();
  readonly #giveUp = new AbortController();
  #arrivals: NodeJS.Timeout | undefined;
  #isOffering = false;
  #signAt = 0;
  #wake: () => void = () => {};

  constructor(parts: LoadParts) {
    this.#parts = parts;
    setMaxListeners(0, this.#giveUp.signal);
  }

  /** Begins. */
  start(): void {
    this.#isOffering = true;
    this.#signAt = performance.now();
    for (let lane = 0; lane < IN_FLIGHT; lane++) this.#begin({ again: true });
    this.#arrivals = setInterval(() => this.#begin({ again: false }), ARRIVAL_MS);
  }

  /** What is under way now. */
  underway(): Underway {
    const executions = [...this.#underway.keys()];
    return { executions, invoking: executions.filter(({ id }) => id === undefined).length };
  }

  /** Resolves once this many more executions have ended. */
  async finish(count: number): Promise<void> {
    const target = this.finished + count;
    const limit = AbortSignal.timeout(LIMIT_MS);
    limit.addEventListener('abort', () => this.#wake());
    while (this.finished < target) {
      if (limit.aborted)
        throw new Error(`the load stands still at ${this.finished} of ${target}: ${this.#oldest()}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Invokes no more, and resolves once everything under way has ended or failed. */
  async stop(): Promise<void> {
    this.#isOffering = false;
    clearInterval(this.#arrivals);
    const limitMs = this.failures.length > 0 ? LIMIT_FAILED_MS : LIMIT_MS;
    const giveUp = setTimeout(() => this.#giveUp.abort(), limitMs);
    while (this.#underway.size > 0) await Promise.all(this.#underway.values());
    clearTimeout(giveUp);
  }

  #oldest(): string {
    const [oldest] = this.#underway.keys();
    return oldest?.describe() ?? 'nothing is under way';
  }

  #begin({ again }: { readonly again: boolean }): void {
    const { clients, journal } = this.#parts;
    const number = this.executions.length;
    const execution = new LoadExecution(number, {
      clients: [clients[number % clients.length]!, clients[(number + 1) % clients.length]!],
      journal,
      noteSign: () => this.#noteSign(),
      signal: this.#giveUp.signal,
    });
    this.executions.push(execution);
    this.#underway.set(execution, this.#carry(execution, again));
  }

  async #carry(execution: LoadExecution, again: boolean): Promise<void> {
    try {
      await execution.run();
      this.finished += 1;
    } catch (error) {
      this.failures.push(`${execution.describe()}: ${String(error)}`);
    }
    this.#underway.delete(execution);
    this.#wake();
    if (again && this.#isOffering) this.#begin({ again });
  }

  #noteSign(): void {
    const now = performance.now();
    this.longestPauseMs = Math.max(this.longestPauseMs, now - this.#signAt);
    this.#signAt = now;
  }
}
