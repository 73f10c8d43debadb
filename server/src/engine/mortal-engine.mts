import { type MemoryDatabase, openMemoryStore } from '../store/memory/memory-store.js';
import type { Store } from '../store/store.js';
import type { Clock } from './clock.js';
import { Engine } from './engine.js';
import type { HandClock } from './hand-clock.mjs';
import { LEASE_MS } from './harness.mjs';

// For tests only; `.mts`, so that the build of `src/**/*.ts` leaves it out.

/** When an engine's process dies: before or after its store carried out the write with this number, from 1. */
export interface Death {
  readonly write: number;
  readonly when: 'before' | 'after';
}

/** Writes of a store. */
const WRITES = new Set(['commit', 'commitRecord']);

/** An engine in a process of its own, which can be killed: then nothing of it happens any more. */
export class MortalEngine {
  readonly engine: Engine;
  readonly faults: unknown[] = [];
  isAlive = true;
  /** Writes so far. */
  writes = 0;
  private readonly death: Death | undefined;

  private constructor(database: MemoryDatabase, handClock: HandClock, death: Death | undefined) {
    this.death = death;
    const clock: Clock = {
      now: () => handClock.now(),
      callAt: (at, call) => handClock.callAt(at, () => this.isAlive && call()),
    };
    const fault = (error: unknown) => this.faults.push(error);
    const store = this.mortal(openMemoryStore(database));
    this.engine = new Engine({ store, clock, leaseMs: LEASE_MS, fault });
  }

  /** Starts one; it may die of its first writes. */
  static async start(database: MemoryDatabase, clock: HandClock, death?: Death): Promise<MortalEngine> {
    const mortal = new MortalEngine(database, clock, death);
    await mortal.engine.start();
    return mortal;
  }

  kill(): void {
    this.isAlive = false;
  }

  private mortal(store: Store): Store {
    return new Proxy(store, {
      get: (target, name: keyof Store) => {
        const method = target[name] as unknown;
        if (typeof method !== 'function' || name === 'follow') return method;
        return (...args: unknown[]) => this.call(name, () => method.apply(target, args));
      },
    });
  }

  private async call(name: string, carryOut: () => Promise<unknown>): Promise<unknown> {
    if (WRITES.has(name) && this.isAlive) {
      this.writes += 1;
      const isLast = this.writes === this.death?.write;
      if (isLast && this.death.when === 'before') this.kill();
      else if (isLast) await carryOut().finally(() => this.kill());
    }
    const answer = this.isAlive ? await carryOut() : undefined;
    return this.isAlive ? answer : new Promise(() => {});
  }
}
