import type { Activation } from './activation.js';

/** Activations kept in memory while they wait. One that is let go costs a replay, nothing else. */
const KEPT_MAX = 1_000;

/** Steps that all of them have seen; each leaves about 150 bytes. The one that came last is kept whatever it has seen. */
const STEPS_MAX = 250_000;

/** What is needed of an activation to keep it. */
export type Suspended = Pick<Activation, 'executionId' | 'stepsSeen' | 'drop'>;

/** Activations that wait for the server, the longest-waiting let go first. */
export class SuspendedActivations<T extends Suspended = Activation> {
  readonly #byExecution = new Map<string, T>();
  #steps = 0;

  /** Keeps an activation. */
  put(activation: T): void {
    this.take(activation.executionId);
    this.#byExecution.set(activation.executionId, activation);
    this.#steps += activation.stepsSeen;
    for (const [executionId, oldest] of this.#byExecution) {
      const isFull = this.#byExecution.size > KEPT_MAX || this.#steps > STEPS_MAX;
      if (!isFull || oldest === activation) return;
      this.take(executionId);
      oldest.drop();
    }
  }

  /** Takes an execution's activation out, if it was kept. */
  take(executionId: string): T | undefined {
    const activation = this.#byExecution.get(executionId);
    if (activation === undefined) return undefined;
    this.#byExecution.delete(executionId);
    this.#steps -= activation.stepsSeen;
    return activation;
  }

  /** Lets all go. */
  clear(): void {
    for (const activation of this.#byExecution.values()) activation.drop();
    this.#byExecution.clear();
    this.#steps = 0;
  }
}
