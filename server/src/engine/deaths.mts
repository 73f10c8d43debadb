import { openMemoryStore } from '../store/memory/memory-store.js';
import { HandClock, settled } from './hand-clock.mjs';
import { Harness, LEASE_MS } from './harness.mjs';
import { intercepted } from './slow-store.mjs';

// For tests only; `.mts`, so that the build of `src/**/*.ts` leaves it out.

/** Whether a server dies before what it asked of the store last was done, or after it, without the answer. */
export type Moment = 'before' | 'after';

/**
 * Plays the same on one server again and again, which dies at its first call to the store, then at its second, and so on, until
 * it lives to the end. After each death another server takes over on the same store, when all leases have run out.
 * @returns how often it died.
 */
export async function atEachCall(
  moment: Moment,
  parts: {
    play(server: Harness): Promise<unknown>;
    /** `calls`: the call at which the first server died. */
    takeOver(server: Harness, calls: number): Promise<void>;
  },
): Promise<number> {
  for (let calls = 1; ; calls++) {
    const store = openMemoryStore();
    const clock = new HandClock();
    let left = calls;
    const mortal = intercepted(store, async (_, call) => {
      left -= 1;
      if (left === 0 && moment === 'after') await call();
      return left > 0 ? call() : new Promise(() => {});
    });
    const server = new Harness(mortal, clock);
    let hasEnded = false;
    const playing = server.engine
      .start()
      .then(() => parts.play(server))
      .then(() => {
        hasEnded = true;
      });
    // What failed is thrown where it is awaited; one that is dead never ends.
    playing.catch(() => {
      hasEnded = true;
    });
    while (left > 0 && !hasEnded) await settled();
    if (left > 0) {
      await playing;
      return calls - 1;
    }
    const next = new Harness(store, clock);
    await next.engine.start();
    await clock.turn(2 * LEASE_MS);
    await parts.takeOver(next, calls);
  }
}
