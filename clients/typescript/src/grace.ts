/** How long code that seems to differ from the record may still come round, in milliseconds: it may do I/O of its own. */
export const GRACE_MS = 2_000;

/** A time limit for one reason at a time. It rings when the time is up, and starts anew for another reason. */
export class Grace {
  readonly #ms: number;
  readonly #ring: () => void;
  #reason: unknown;
  #end = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number, ring: () => void) {
    this.#ms = ms;
    this.#ring = ring;
  }

  /** Whether the time for this reason is up; its first mention starts the time. */
  isOver(reason: unknown): boolean {
    if (reason !== this.#reason) {
      this.stop();
      this.#reason = reason;
      this.#end = performance.now() + this.#ms;
      // A timer may fire up to 1 ms early.
      this.#timer = setTimeout(this.#ring, this.#ms + 1);
    }
    return performance.now() >= this.#end;
  }

  /** Forgets the reason. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#reason = undefined;
  }
}
