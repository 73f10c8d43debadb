import type { Store } from '../store/store.js';

// For tests only; `.mts`, so that the build of `src/**/*.ts` leaves it out.

/** A store of which one method can be held up (its answer, if `isLate`) or made to fail, once. */
export function gated(inner: Store, method: keyof Store, { isLate = false } = {}) {
  let gate: Promise<void> | undefined;
  let open = () => {};
  let failure: unknown;
  return {
    store: intercepted(inner, async (name, call) => {
      if (name !== method) return call();
      const held = gate;
      gate = undefined;
      // What the store answers is as old as the question.
      const answer = isLate ? await call() : undefined;
      await held;
      const thrown = failure;
      failure = undefined;
      if (thrown !== undefined) throw thrown;
      return isLate ? answer : call();
    }),
    /** The next call waits. */
    hold() {
      gate = new Promise((resolve) => {
        open = resolve;
      });
    },
    /** The call that waits goes on. */
    release() {
      open();
    },
    /** The next call to go on throws this, and nothing else happens. */
    fail(error: unknown) {
      failure = error;
    },
  };
}

/** A store whose answers take a little: some turns of the promise queue, before and after, by a seed. */
export function jittery(inner: Store, seed: number): Store {
  let state = seed | 1;
  const pause = async () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    for (let turns = (state >>> 16) % 12; turns > 0; turns--) await undefined;
  };
  return intercepted(inner, async (_, call) => {
    await pause();
    const answer = await call();
    await pause();
    return answer;
  });
}

/** A store each of whose calls goes through `around`. */
export function intercepted(
  inner: Store,
  around: (method: keyof Store, call: () => Promise<unknown>, args: readonly unknown[]) => Promise<unknown>,
): Store {
  return new Proxy(inner, {
    get(target, name: keyof Store) {
      const method = target[name] as boolean | ((...args: unknown[]) => Promise<unknown>);
      if (typeof method !== 'function' || name === 'follow')
        return typeof method === 'function' ? method.bind(target) : method;
      return (...args: unknown[]) => around(name, () => method.apply(target, args), args);
    },
  });
}

/** One call of a store. */
export interface StoreCall {
  readonly method: keyof Store;
  readonly args: readonly unknown[];
}

interface Stop {
  readonly isAt: (call: StoreCall) => boolean;
  readonly isAfter: boolean;
  reached(): void;
}

/** A store's connection that can be stopped at a chosen call, and cut. */
export function breakable(inner: Store) {
  let isCut = false;
  let stop: Stop | undefined;
  let goOn = () => {};
  const stopHere = (call: StoreCall, isAfter: boolean): Promise<void> | undefined => {
    if (stop?.isAfter !== isAfter || !stop.isAt(call)) return undefined;
    stop.reached();
    stop = undefined;
    return new Promise((resolve) => {
      goOn = resolve;
    });
  };
  const stopOnce = (isAt: Stop['isAt'], isAfter: boolean): Promise<void> =>
    new Promise((reached) => {
      stop = { isAt, isAfter, reached };
    });
  return {
    store: intercepted(inner, async (method, carryOut, args) => {
      if (isCut) return forever();
      await stopHere({ method, args }, false);
      const answer = await carryOut();
      await stopHere({ method, args }, true);
      return isCut ? forever() : answer;
    }),
    /** Resolves when the first call like this has arrived, which then waits. */
    stopAt: (isAt: Stop['isAt']) => stopOnce(isAt, false),
    /** Resolves when the first call like this was carried out; its answer then waits. */
    stopAfter: (isAt: Stop['isAt']) => stopOnce(isAt, true),
    /** What waits goes on. */
    goOn: () => goOn(),
    /** From now on nothing is answered; what waits is carried out only if it goes on. */
    cut() {
      isCut = true;
    },
  };
}

function forever(): Promise<never> {
  return new Promise(() => {});
}
