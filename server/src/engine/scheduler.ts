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

/** At least this often the store is asked; more often if other servers may have put something there, and died. */
const LOOK_MS = 30_000;
const SHARED_LOOK_MS = 1_000;

/** How long what is due is left to the server that committed to it last, so that not all of them try at once. */
const OTHERS_GRACE_MS = 200;

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
      const { due, next = Number.POSITIVE_INFINITY } = await store.listDue({ until: now, limit: BATCH });
      const patience = now - OTHERS_GRACE_MS;
      const [first] = due.filter(({ isOurs, wakeAt }) => !isOurs && wakeAt > patience);
      const ours = due.filter(({ isOurs, wakeAt }) => isOurs || wakeAt <= patience);
      const others = first ? first.wakeAt + OTHERS_GRACE_MS : Number.POSITIVE_INFINITY;
      const soonest = Math.min(next, others, now + (store.isShared ? SHARED_LOOK_MS : LOOK_MS));
      if (ours.length === 0) return soonest;
      const woken = await Promise.all(ours.map(({ id }) => wake(id)));
      if (!woken.includes(true)) return Math.min(soonest, now + RETRY_MS);
    }
  }
}
