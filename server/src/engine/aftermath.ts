import { type Execution, nextWakeAt } from '../core/execution.js';
import { recordsOf } from './assignments.js';
import type { Clock } from './clock.js';
import type { Courier } from './courier.js';
import { EngineError } from './errors.js';
import type { ExecutionScheduler } from './execution-scheduler.js';
import type { Attempted, Committed, Executions } from './executions.js';
import type { Loaded } from './loaded.js';
import type { Matcher } from './matcher.js';
import type { StateSnapshots } from './state-snapshots.js';
import type { Watchers } from './watchers.js';
import type { Workers } from './workers.js';

/** Whom commits concern. */
export interface AftermathPort {
  readonly clock: Clock;
  readonly workers: Workers;
  readonly watchers: Watchers;
  readonly executions: Executions;
  readonly matcher: Matcher;
  readonly scheduler: ExecutionScheduler;
  readonly courier: Courier;
  readonly snapshots: StateSnapshots;
}

/** How often an execution is looked for of which nobody knows what the store made of it. */
const LOOK_MS = 1_000;

/** What has to happen after each commit, and after those of which nobody knows whether they happened. */
export class Aftermath {
  private readonly port: AftermathPort;
  /** Executions as they were before a commit that the store did not answer. */
  private readonly doubtful = new Map<string, Execution>();
  private stopped = false;

  constructor(port: AftermathPort) {
    this.port = port;
  }

  stop(): void {
    this.stopped = true;
  }

  /** Carries out the effects, and tells those who follow. */
  committed({ before, loaded, entry, effects }: Committed): void {
    const { workers, watchers, snapshots } = this.port;
    const { execution } = loaded;
    if (before) this.leave(before, execution);
    if (execution.lease) workers.hold(execution.lease.workerId, execution.id, execution.epoch);
    if (entry) watchers.notify({ execution, entry });
    snapshots.committed(execution, loaded.state, entry);
    this.noteWake(execution);
    for (const effect of effects) this.carryOut(loaded, effect);
    // Filled by a server that may have died since.
    if (execution.outbox.length > 0) this.port.courier.collectForgotten(execution.id);
  }

  /**
   * The store failed in the middle of a commit. What only makes somebody look at the store is done at once: it does no
   * harm if the commit did not happen. Followers are told when the store can be read again. A message is found by the
   * courier's next sweep.
   */
  uncertain({ before, attempted }: Attempted): void {
    if (attempted.ready) this.port.matcher.becameReady(attempted);
    this.noteWake(attempted);
    if (!before || this.doubtful.has(before.id)) return;
    this.doubtful.set(before.id, before);
    this.lookLater(before);
  }

  private lookLater(before: Execution): void {
    const { clock } = this.port;
    clock.callAt(clock.now() + LOOK_MS, () => this.look(before));
  }

  private async look(before: Execution): Promise<void> {
    if (this.stopped) return;
    try {
      const execution = await this.port.executions.read(before.id, (loaded) => loaded.execution);
      this.doubtful.delete(before.id);
      this.leave(before, execution);
      this.port.watchers.notify({ execution });
    } catch (error) {
      if (error instanceof EngineError) this.doubtful.delete(before.id);
      else this.lookLater(before);
    }
  }

  private noteWake(execution: Execution): void {
    const wakeAt = nextWakeAt(execution);
    if (wakeAt !== undefined) this.port.scheduler.note(wakeAt);
  }

  /** Takes an execution from the worker that held it, if it does no longer. */
  private leave(before: Execution, { epoch, lease }: Execution): void {
    if (!before.lease || (lease && before.epoch === epoch)) return;
    this.port.workers.letGo(before.lease.workerId, before.id);
  }

  private carryOut({ execution, steps }: Loaded, effect: Committed['effects'][number]): void {
    const { matcher, courier, workers } = this.port;
    if (effect.type === 'ready') {
      if (execution.ready) matcher.becameReady(execution);
    } else if (effect.type === 'outbox') {
      courier.collect(execution.id);
    } else {
      workers.find(effect.workerId)?.sink?.notify({
        executionId: execution.id,
        epoch: effect.epoch,
        cancelRequested: effect.type === 'cancel_requested',
        leaseLost: effect.type === 'lease_revoked',
        outcomes: effect.type === 'outcome_arrived' && steps ? recordsOf(steps, [effect.stepKey]) : [],
      });
    }
  }
}
