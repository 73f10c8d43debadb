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
  /** A name for it that no other item has. */
  keyOf(item: Item): string;
  /** Does what is due of it; false if nothing was. */
  wake(item: Item): Promise<boolean>;
  fault(error: unknown): void;
}

/** Listed at once. */
const BATCH = 500;

/** How long before something is due it is listed, so that it is woken on time whatever the store's answer takes. */
const AHEAD_MS = 100;

/** How long to wait after the store failed, or after what was listed as due was not. */
const RETRY_MS = 1_000;

/** At least this often the store is asked; more often if other servers may have put something there, and died. */
const LOOK_MS = 30_000;
const SHARED_LOOK_MS = 1_000;

/** How long what is due is left to the server that wrote it last, so that not all of them try at once. */
const OTHERS_GRACE_MS = 200;

/** Something that was listed: it waits for its time, or is being woken. */
interface Listed {
  readonly callOff: () => void;
  /** Whether something was due of it. */
  readonly done: Promise<boolean>;
}

/** Wakes what the store keeps with a time, when that has come: never before, and none waits for another to be woken. */
export class Scheduler<Item extends Due> {
  private readonly port: SchedulerPort<Item>;
  private readonly listed = new Map<string, Listed>();
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
    for (const { callOff } of this.listed.values()) callOff();
    await this.underway;
    await this.allDone();
  }

  /** Something is to be woken at this time. */
  note(at: number): void {
    this.lookAt(at - AHEAD_MS);
  }

  private lookAt(at: number): void {
    if (this.looking) {
      this.earliestNoted = Math.min(this.earliestNoted, at);
      return;
    }
    if (this.stopped || (this.timer && this.timer.at <= at)) return;
    this.timer?.callOff();
    this.timer = { at, callOff: this.port.clock.callAt(at, () => this.look()) };
  }

  private look(): void {
    if (this.looking || this.stopped) return;
    this.looking = true;
    this.timer = undefined;
    this.earliestNoted = Number.POSITIVE_INFINITY;
    this.underway = this.list()
      .catch((error) => {
        this.port.fault(error);
        return this.port.clock.now() + RETRY_MS;
      })
      .then((next) => {
        this.looking = false;
        this.lookAt(Math.min(next, this.earliestNoted));
      });
  }

  /** Has what is due, or soon will be, woken at its time; answers when to look again. */
  private async list(): Promise<number> {
    const { clock, isShared, keyOf } = this.port;
    const now = clock.now();
    // What is being woken while the store answers may be in the answer as it was before.
    const before = new Set(this.listed.keys());
    const query = { until: now + AHEAD_MS, limit: BATCH + before.size };
    const { due, next = Number.POSITIVE_INFINITY } = await this.port.listDue(query);
    if (this.stopped) return Number.POSITIVE_INFINITY;
    const patience = now - OTHERS_GRACE_MS;
    let soonest = now + (isShared ? SHARED_LOOK_MS : LOOK_MS);
    for (const item of due) {
      const key = keyOf(item);
      if (!item.isOurs && item.dueAt > patience) soonest = Math.min(soonest, item.dueAt + OTHERS_GRACE_MS);
      else if (!before.has(key) && !this.listed.has(key)) this.wakeOnTime(key, item);
    }
    if (next > now) return Math.min(soonest, next - AHEAD_MS);
    // More is due than is woken at once.
    const wereDue = await this.allDone();
    return wereDue.includes(true) ? now : Math.min(soonest, now + RETRY_MS);
  }

  private wakeOnTime(key: string, item: Item): void {
    const { clock } = this.port;
    let callOff = () => {};
    const isTime = new Promise<void>((resolve) => {
      if (item.dueAt <= clock.now()) return resolve();
      const noTimer = clock.callAt(item.dueAt, resolve);
      callOff = () => {
        noTimer();
        resolve();
      };
    });
    const done = isTime
      .then(() => !this.stopped && this.port.wake(item))
      .catch((error) => {
        this.port.fault(error);
        return false;
      })
      .then((wasDue) => {
        this.listed.delete(key);
        // More of it may be due already.
        this.lookAt(clock.now() + (wasDue ? 0 : RETRY_MS));
        return wasDue;
      });
    this.listed.set(key, { callOff, done });
  }

  private allDone(): Promise<readonly boolean[]> {
    return Promise.all(Array.from(this.listed.values(), ({ done }) => done));
  }
}
