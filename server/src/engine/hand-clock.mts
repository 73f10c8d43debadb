import type { Clock } from './clock.js';

// For tests only; `.mts`, so that the build of `src/**/*.ts` leaves it out.

interface Timer {
  readonly at: number;
  readonly call: () => void;
}

/** A clock that stands still until a test turns it. */
export class HandClock implements Clock {
  private time: number;
  private readonly timers = new Set<Timer>();

  constructor(start = 1_700_000_000_000) {
    this.time = start;
  }

  now(): number {
    return this.time;
  }

  callAt(at: number, call: () => void): () => void {
    const timer = { at, call };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  /** When the next timer is due; infinity without one. */
  nextAt(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { at } of this.timers) next = Math.min(next, at);
    return next;
  }

  /** Turns the clock on, timer by timer, and waits after each until nothing is left to do without time going on. */
  async turn(ms: number): Promise<void> {
    const end = this.time + ms;
    await settled();
    for (;;) {
      const at = this.nextAt();
      if (at > end) break;
      this.time = Math.max(this.time, at);
      for (const timer of [...this.timers].filter((each) => each.at <= this.time)) {
        if (this.timers.delete(timer)) timer.call();
      }
      await settled();
    }
    this.time = end;
    await settled();
  }
}

/** Waits until all that can go on without a timer or I/O has done so. */
export async function settled(): Promise<void> {
  // Each turn of the event loop runs all promises; the engine itself takes a turn to gather what one Poll answers.
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
}
