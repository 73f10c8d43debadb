import type { Clock } from './clock.js';

/** Something to be woken at a time. */
export interface Due {
  readonly dueAt: number;
  /** Whether this process wrote it last, so that the others expect it to do the waking. */
  readonly isOurs: boolean;
}

/** What is due, and when to look again. */
interface DueList<Item extends Due> {
  readonly due: readonly Item[];
  /** The earliest `dueAt` not among `due`; missing if there is none. */
  readonly next?: number;
}

/** What the scheduler asks of the rest of the engine. */
export interface SchedulerPort<Item extends Due> {
  readonly clock: Clock;
  /** Whether other processes write to the store at the same time. */
  readonly isShared: boolean;
  /** What is due at or before `until`, earliest first. */
  listDue(query: { readonly until: number; readonly limit: number }): Promise<DueList<Item>>;
  /** Does what is due of it; false if nothing was. */
  wake(item: Item): Promise<boolean>;
  fault(error: unknown): void;
}

/** Woken at once. */
const BATCH = 500;

/** How long to wait after the store failed, or after what was listed as due was not. */
const RETRY_MS = 1_000;

/** At least this often the store is asked; more often if other servers may have put something there, and died. */
const LOOK_MS = 30_000;
const SHARED_LOOK_MS = 1_000;

/** How long what is due is left to the server that wrote it last, so that not all of them try at once. */
const OTHERS_GRACE_MS = 200;

/** Wakes what the store keeps with a time, when that has come: never before, and one after the other as they fall due. */
export class Scheduler<Item extends Due> {
  private readonly port: SchedulerPort<Item>;
  private timer: { readonly at: number; readonly callOff: () => void } | undefined;
  private looking = false;
  private underway: Promise<unknown> = Promise.resolve();
  private earliestNoted = Number.POSITIVE_INFINITY;
  private stopped = false;

  constructor(port: SchedulerPort<Item>) {
    this.port = port;
  }

  start(): void {
    this.look();
  }

  /** Waits for what is being woken. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.timer?.callOff();
    await this.underway;
  }

  /** Something is to be woken at this time. */
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
    this.underway = this.wakeDue()
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
    const { clock, isShared } = this.port;
    for (;;) {
      const now = clock.now();
      const { due, next = Number.POSITIVE_INFINITY } = await this.port.listDue({ until: now, limit: BATCH });
      const patience = now - OTHERS_GRACE_MS;
      const [first] = due.filter(({ isOurs, dueAt }) => !isOurs && dueAt > patience);
      const ours = due.filter(({ isOurs, dueAt }) => isOurs || dueAt <= patience);
      const others = first ? first.dueAt + OTHERS_GRACE_MS : Number.POSITIVE_INFINITY;
      const soonest = Math.min(next, others, now + (isShared ? SHARED_LOOK_MS : LOOK_MS));
      if (ours.length === 0) return soonest;
      const woken = await Promise.all(ours.map((item) => this.port.wake(item)));
      if (this.stopped || !woken.includes(true)) return Math.min(soonest, now + RETRY_MS);
    }
  }
}
