import type { Execution } from '../core/execution.js';
import type { Follower, ForeignChange, Store } from '../store/store.js';
import { arrivedSteps } from './assignments.js';
import type { Clock } from './clock.js';
import { EngineError } from './errors.js';
import type { ExecutionScheduler } from './execution-scheduler.js';
import type { Executions } from './executions.js';
import { type Loaded, stepsOf } from './loaded.js';
import type { Matcher } from './matcher.js';
import type { Slots } from './slots.js';
import type { StateIndexes } from './state-indexes.js';
import type { Topics } from './topics.js';
import type { TreeEvents } from './tree-events.js';
import type { Watchers } from './watchers.js';
import type { Workers } from './workers.js';

/** Whom the commits of other servers concern. */
export interface OtherServersPort {
  readonly store: Store;
  readonly clock: Clock;
  readonly workers: Workers;
  readonly watchers: Watchers;
  readonly executions: Executions;
  readonly matcher: Matcher;
  readonly scheduler: ExecutionScheduler;
  readonly slots: Slots;
  readonly stateIndexes: StateIndexes;
  readonly topics: Topics;
  readonly trees: TreeEvents;
  fault(error: unknown): void;
}

/** At least this often all that is followed here is looked at, in case that a change was not told of. */
const LOOK_MS = 30_000;

/**
 * What this server does about the commits of others on the same store. The store says which executions changed; what they
 * changed to is read, so that nothing depends on being told of every commit, or in time.
 */
export class OtherServers implements Follower {
  private readonly port: OtherServersPort;
  /** Executions that are being read, and whether they changed again meanwhile. */
  private readonly reading = new Map<string, { again: boolean }>();
  private stopFollowing: (() => void) | undefined;
  private callOff: (() => void) | undefined;

  constructor(port: OtherServersPort) {
    this.port = port;
  }

  start(): void {
    const { store } = this.port;
    if (!store.isShared) return;
    this.stopFollowing = store.follow(this);
    this.lookLater();
  }

  stop(): void {
    this.stopFollowing?.();
    this.callOff?.();
    this.callOff = undefined;
  }

  changed(changes: readonly ForeignChange[]): void {
    const { executions, matcher, trees } = this.port;
    trees.changedElsewhere(changes.map(({ executionId }) => executionId));
    for (const { executionId, ready } of changes) {
      executions.changedElsewhere(executionId);
      if (ready) matcher.becameReady(ready);
      if (this.concerns(executionId)) this.read(executionId);
    }
  }

  recordsChanged(groups: readonly string[]): void {
    this.port.slots.changedElsewhere(groups);
    this.port.stateIndexes.changedElsewhere(groups);
    this.port.topics.changedElsewhere(groups);
  }

  missed(): void {
    const { matcher, scheduler, clock } = this.port;
    matcher.lookAgain();
    scheduler.note(clock.now());
    this.port.trees.missed();
    this.readAll();
  }

  private lookLater(): void {
    const { clock } = this.port;
    this.callOff = clock.callAt(clock.now() + LOOK_MS, () => {
      this.readAll();
      this.lookLater();
    });
  }

  private readAll(): void {
    const { watchers, workers } = this.port;
    for (const executionId of new Set([...watchers.watched(), ...workers.held()])) this.read(executionId);
  }

  private concerns(executionId: string): boolean {
    const { watchers, workers } = this.port;
    return watchers.isWatched(executionId) || workers.holderOf(executionId) !== undefined;
  }

  private read(executionId: string): void {
    const underway = this.reading.get(executionId);
    if (underway) underway.again = true;
    else void this.readWhileChanging(executionId);
  }

  private async readWhileChanging(executionId: string): Promise<void> {
    const progress = { again: true };
    this.reading.set(executionId, progress);
    try {
      while (progress.again) {
        progress.again = false;
        await this.port.executions.read(executionId, (loaded) => this.tell(loaded));
      }
    } catch (error) {
      // Gone, or the store cannot be read now: it tells when it can be again.
      if (!(error instanceof EngineError)) this.port.fault(error);
    } finally {
      this.reading.delete(executionId);
    }
  }

  private async tell(loaded: Loaded): Promise<void> {
    const { workers, watchers, store } = this.port;
    const { execution } = loaded;
    watchers.notify({ execution });
    const holder = workers.holderOf(execution.id);
    if (!holder) return;
    const epoch = holder.running.get(execution.id) ?? 0;
    const isHeld = execution.lease?.workerId === holder.id && execution.epoch === epoch;
    if (!isHeld) {
      workers.letGo(holder.id, execution.id);
      const news = { cancelRequested: false, leaseLost: true, outcomes: [] };
      holder.sink?.notify({ executionId: execution.id, epoch, ...news });
      return;
    }
    if (!hasNews(execution)) return;
    const outcomes = arrivedSteps(await stepsOf(loaded, store), Object.keys(execution.waits));
    const cancelRequested = execution.cancelRequestedAt !== undefined;
    holder.sink?.notify({ executionId: execution.id, epoch, cancelRequested, leaseLost: false, outcomes });
  }
}

/** Whether there is something that only another server can have told, and that its worker has to hear. */
function hasNews({ cancelRequestedAt, waits }: Execution): boolean {
  return cancelRequestedAt !== undefined || Object.values(waits).some(({ arrived }) => arrived);
}
