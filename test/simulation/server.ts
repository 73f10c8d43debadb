import type { Clock } from '../../server/src/engine/clock.js';
import { Engine } from '../../server/src/engine/engine.js';
import { type Store, StoreFault } from '../../server/src/store/store.js';
import { connect } from './faulty-store.js';
import { ConnectionLost, type World } from './world.js';

/** How long a lease lasts. */
export const LEASE_MS = 30_000;

/** One server process: an engine that can be killed at any moment. */
export class Server {
  readonly engine: Engine;
  isAlive = true;
  isUp = false;
  private proclaim: (error: ConnectionLost) => void = () => {};
  private readonly death: Promise<never>;

  constructor(world: World, store: Store) {
    const isAlive = () => this.isAlive;
    const clock: Clock = {
      now: () => world.clock.now(),
      callAt: (at, call) => world.clock.callAt(at, () => this.isAlive && call()),
    };
    const fault = (error: unknown) => {
      if (!(error instanceof StoreFault)) world.violated(`the engine failed: ${(error as Error).stack}`);
    };
    this.engine = new Engine({
      store: connect(store, world, isAlive),
      clock,
      leaseMs: LEASE_MS,
      fault,
    });
    this.death = new Promise((_, reject) => {
      this.proclaim = reject;
    });
    this.death.catch(() => {});
  }

  /** False if the store did not let it. */
  async start(): Promise<boolean> {
    try {
      await this.engine.start();
      this.isUp = true;
    } catch (error) {
      if (!(error instanceof StoreFault)) throw error;
    }
    return this.isUp;
  }

  die(): void {
    this.isAlive = false;
    this.isUp = false;
    this.proclaim(new ConnectionLost('the server died'));
  }

  /** An answer of this server's, unless it dies first. */
  whileAlive<T>(answer: Promise<T>): Promise<T> {
    return Promise.race([answer, this.death]);
  }
}
