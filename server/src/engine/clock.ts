/** Where the engine gets its time, so that tests can turn it by hand. */
export interface Clock {
  /** Milliseconds since 1970; never smaller than an answer before. */
  now(): number;
  /** Calls once, not before `at`; returns how to call it off. */
  callAt(at: number, call: () => void): () => void;
}

/** A timer of Node's can wait this long at most. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** The machine's clock, held still while it is set back. */
export function systemClock(): Clock {
  let latest = 0;
  const now = () => {
    latest = Math.max(latest, Date.now());
    return latest;
  };
  return {
    now,
    callAt(at, call) {
      let timer: NodeJS.Timeout;
      const wait = () => {
        const left = at - now();
        if (left <= 0) call();
        else timer = setTimeout(wait, Math.min(left, TIMER_MS_MAX));
      };
      timer = setTimeout(wait, Math.min(Math.max(0, at - now()), TIMER_MS_MAX));
      return () => clearTimeout(timer);
    },
  };
}
