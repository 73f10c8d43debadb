import type { Clock } from './clock.js';

/** What rounds ask of the rest of the engine. */
export interface RoundsPort {
  readonly clock: Clock;
  /** From the end of a round to the beginning of the next, on average, in milliseconds. */
  readonly intervalMs: number;
  /** One round. What fails is told to `fault`, and the next round tries it again. */
  work(round: Round): Promise<void>;
  fault(error: unknown): void;
}

/** A round under way, for the one who does its work. */
export interface Round {
  /** Whether to leave the rest to the next round, because the server stops. */
  readonly isStopped: boolean;
  /** Leaves the others some time; resolves at once if the server stops. */
  rest(ms: number): Promise<void>;
}

/** A timer that is so late says that the clock was set, or the machine slept: see `begin`. */
const LEAP_MS = 3_600_000;

/** Work that is done again and again, at moments that servers which were started together do not share. */
export class Rounds implements Round {
  private readonly port: RoundsPort;
  private underway: Promise<void> = Promise.resolve();
  private wakeUp = () => {};
  private callOff = () => {};
  private stopped = false;

  constructor(port: RoundsPort) {
    this.port = port;
  }

  get isStopped(): boolean {
    return this.stopped;
  }

  start(): void {
    const { clock, intervalMs } = this.port;
    this.planFor(clock.now() + intervalMs * (0.5 + Math.random()));
  }

  /** Waits until a round under way has come to a place where it can end. May be repeated. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.callOff();
    this.wakeUp();
    await this.underway;
  }

  rest(ms: number): Promise<void> {
    const { clock } = this.port;
    if (this.stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const callOff = clock.callAt(clock.now() + ms, resolve);
      this.wakeUp = () => {
        callOff();
        resolve();
      };
    });
  }

  private planFor(at: number): void {
    if (this.stopped) return;
    this.callOff = this.port.clock.callAt(at, () => this.begin(at));
  }

  /**
   * A clock that has leapt forward may be wrong, and what is deleted by it is gone for good: an hour later it is believed,
   * unless it was set back. Set back, it stands still here, and no round begins.
   */
  private begin(plannedAt: number): void {
    const { clock, work, fault } = this.port;
    if (clock.now() - plannedAt > LEAP_MS) {
      this.planFor(clock.now() + LEAP_MS);
      return;
    }
    this.underway = work(this)
      .catch(fault)
      .then(() => {
        if (!this.stopped) this.start();
      });
  }
}
