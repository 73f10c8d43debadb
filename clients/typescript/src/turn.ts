/** Waits until all microtasks have run and the event loop has turned once: code that needs no I/O is idle then. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A bell that one waiter listens to. A ring that nobody waited for is kept, once. */
export class Bell {
  #rung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Forgets a ring: what it announced is about to be looked at. */
  reset(): void {
    this.#rung = false;
  }

  /** Resolves at the next ring, or at once if one was kept. */
  async wait(): Promise<undefined> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#wake = undefined;
    this.#rung = false;
    return undefined;
  }
}
