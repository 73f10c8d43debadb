import type { Activation } from './activation.js';

/** Activations kept in memory while they wait. One that is let go costs a replay, nothing else. */
const KEPT_MAX = 1_000;

/** Activations that wait for the server, the longest-waiting let go first. */
export class SuspendedActivations {
  readonly #byExecution = new Map<string, Activation>();

  /** Keeps an activation. */
  put(activation: Activation): void {
    this.#byExecution.delete(activation.executionId);
    this.#byExecution.set(activation.executionId, activation);
    if (this.#byExecution.size <= KEPT_MAX) return;
    for (const [executionId, oldest] of this.#byExecution) {
      this.#byExecution.delete(executionId);
      oldest.drop();
      return;
    }
  }

  /** Takes an execution's activation out, if it was kept. */
  take(executionId: string): Activation | undefined {
    const activation = this.#byExecution.get(executionId);
    this.#byExecution.delete(executionId);
    return activation;
  }

  /** Lets all go. */
  clear(): void {
    for (const activation of this.#byExecution.values()) activation.drop();
    this.#byExecution.clear();
  }
}
