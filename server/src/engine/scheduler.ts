import type { Store } from '../store/store.js';
import type { Clock } from './clock.js';

/** What the scheduler asks of the rest of the engine. */
export interface SchedulerPort {
  readonly store: Store;
  readonly clock: Clock;
  /** Does what is due of an execution; false if nothing was. */
  wake(executionId: string): Promise<boolean>;
  fault(error: unknown): void;
}

/** Executions woken at once. */
const BATCH = 500;

/** How long to wait after the store failed, or after executions that were listed as due and were not. */
const RETRY_MS = 1_000;

/** At least this often the store is asked, so that what another server put there is found. */
const LOOK_MS = 30_000;

/** Wakes executions when their time has come: never before, and one after the other as they fall due. */
export class Scheduler {
  private readonly port: SchedulerPort;
  private timer: { readonly at: number; readonly callOff: () => void } | undefined;
  private looking = false;
  private earliestNoted = Number.POSITIVE_INFINITY;
  private stopped = false;

  constructor(port: SchedulerPort) {
    this.port = port;
  }

  start(): void {
    this.look();
  }

  stop(): void {
    this.stopped = true;
    this.timer?.callOff();
  }

  /** An execution is to be woken at this time. */
  note(at: number): void {
    if (this.looking) this.earliestNoted = Math.min(this.earliestNoted, at);
    else this.lookAt(at);
  }

  private lookAt(at: number): void {
    if (this.stopped || (this.timer && this.timer.at <= at)) return;
    this.timer?.callOff();
    this.timer = { at, callOff: this.port.clock.callAt(at, () => this.look()) };
  }

  private look(): void {
    if (this.looking || this.stopped) return;
    this.looking = true;
    this.timer = undefined;
    this.earliestNoted = Number.POSITIVE_INFINITY;
    this.wakeDue()
      .catch((error) => {
        this.port.fault(error);
        return this.port.clock.now() + RETRY_MS;
      })
      .then((next) => {
        this.looking = false;
        this.lookAt(Math.min(next, this.earliestNoted));
      });
  }

  /** Wakes all that is due now; answers when to look again. */
  private async wakeDue(): Promise<number> {
    const { store, clock, wake } = this.port;
    for (;;) {
      const now = clock.now();
      const due = await store.listDue({ until: now, limit: BATCH });
      if (due.ids.length === 0) return Math.min(due.next ?? Number.POSITIVE_INFINITY, now + LOOK_MS);
      const woken = await Promise.all(due.ids.map(wake));
      if (!woken.includes(true)) return now + RETRY_MS;
    }
  }
}
