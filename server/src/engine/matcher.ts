import type { ClaimCommand } from '../core/command.js';
import type { Execution } from '../core/execution.js';
import type { ReadyExecution, Store } from '../store/store.js';
import type { Clock } from './clock.js';
import type { Reservation } from './executions.js';
import { secretToken } from './ids.js';
import type { Loaded } from './loaded.js';
import type { Slots } from './slots.js';
import { canServe, type Servable, type Worker } from './workers.js';

/** A worker's open hand: a Work stream with credits, or a call of Poll. */
export interface Poller {
  readonly worker: Worker;
  /** How many more executions it takes. The matcher counts it down with each reservation. */
  capacity: number;
  deliver(loaded: Loaded): unknown;
  /** A reservation came to nothing; its place is free again. */
  released(): void;
}

/** What the matcher asks of the rest of the engine. */
export interface MatcherPort {
  readonly store: Store;
  readonly clock: Clock;
  readonly leaseMs: number;
  readonly slots: Pick<Slots, 'limitOf'>;
  /** An execution as it is known here; missing if it is not. */
  peek(executionId: string): Execution | undefined;
  /** Commits a claim and delivers to the reservation. False if the execution could not be had (any more). */
  claim(executionId: string, reservation: Reservation): Promise<boolean>;
  /** Something failed that nobody waits for. */
  fault(error: unknown): void;
}

/** Ready executions that one look at the store brings at most. */
const BATCH = 100;

/** Queues that one look at the store names at most. */
const QUEUES_MAX = 100;

/** At least this often the store is asked; more often if other servers may have put something there, and died. */
const LOOK_MS = 30_000;
const SHARED_LOOK_MS = 5_000;

/** How long to leave the store alone after it failed. */
const RETRY_MS = 1_000;

/** Executions of one workflow of which it is remembered that they want a newer worker than there is room at. */
const UNFIT_MAX = 10_000;

/** How long to leave it alone after it listed only executions that others got first. */
const LOST_MS = 25;

/**
 * Brings ready executions and free workers together. An execution that becomes ready while a worker waits is leased to
 * it in the same commit (`reserve`). Others wait in the store, and are claimed when a worker has room (`pump`).
 */
export class Matcher {
  private readonly port: MatcherPort;
  /** Pollers by workflow; each set in the order in which they are next. */
  private readonly pollers = new Map<string, Set<Poller>>();
  /** Workflows of which the store may hold ready executions; all of them until proved otherwise. */
  private readonly drained = new Set<string>();
  /** Workflows that are being pumped, and whether work or room came since the last look at the store. */
  private readonly pumping = new Map<string, { again: boolean }>();

  /**
   * By workflow, ready executions whose state is of a later version than the code of any worker with room: they are passed
   * over, so that they neither keep back those behind them nor are tried again and again.
   */
  private readonly unfit = new Map<string, Map<string, Wanted>>();

  /** How many places were taken, and as which of them each workflow was served last. */
  private served = 0;
  private readonly lastServed = new Map<string, number>();

  private callOff: (() => void) | undefined;

  constructor(port: MatcherPort) {
    this.port = port;
  }

  start(): void {
    const { clock, store } = this.port;
    this.callOff = clock.callAt(clock.now() + (store.isShared ? SHARED_LOOK_MS : LOOK_MS), () => {
      this.lookAgain();
      this.start();
    });
  }

  /** Asks the store for what became ready unnoticed. */
  lookAgain(): void {
    this.drained.clear();
    for (const key of this.pollers.keys()) this.pump(key);
  }

  stop(): void {
    this.callOff?.();
  }

  add(poller: Poller): void {
    for (const key of keysOf(poller.worker)) {
      const pollers = this.pollers.get(key) ?? new Set();
      pollers.add(poller);
      this.pollers.set(key, pollers);
      // It may be as new as those want which were passed over.
      if (this.unfit.has(key)) this.drained.delete(key);
    }
    this.roomFor(poller);
  }

  remove(poller: Poller): void {
    for (const key of keysOf(poller.worker)) {
      const pollers = this.pollers.get(key);
      pollers?.delete(poller);
      if (pollers?.size === 0) this.pollers.delete(key);
    }
  }

  /** A poller takes more than before. */
  roomFor(poller: Poller): void {
    const open = keysOf(poller.worker).filter((key) => !this.drained.has(key) || this.pumping.has(key));
    // The workflow that was served longest ago asks first, so that a busy one leaves room for the others.
    open.sort((a, b) => (this.lastServed.get(a) ?? 0) - (this.lastServed.get(b) ?? 0));
    for (const key of open) this.pump(key);
  }

  /** An execution of a workflow became ready and no worker was waiting. */
  becameReady({ projectId, workflowId }: Pick<Execution, 'projectId' | 'workflowId'>): void {
    const key = keyOf(projectId, workflowId);
    this.drained.delete(key);
    this.pump(key);
  }

  /** A free worker for an execution that is becoming ready. */
  reserve(execution: Execution): Reservation | undefined {
    const key = keyOf(execution.projectId, execution.workflowId);
    // The free worker is about to get what has waited longer. This one waits its turn.
    if (this.pumping.has(key)) return undefined;
    const poller = this.nextFor(key, execution);
    return (
      poller && {
        claim: this.claimFor(poller, key, execution.queue),
        deliver: (loaded) => poller.deliver(loaded),
        release: () => {
          this.giveBack(poller);
          // For what became ready while the place was taken.
          this.roomFor(poller);
        },
      }
    );
  }

  /** The worker that keeps the execution if it has room, else the one whose turn it is; one place of it is taken. */
  private nextFor(key: string, wanted: Wanted): Poller | undefined {
    const pollers = this.pollers.get(key);
    if (!pollers) return undefined;
    const keeper = wanted.keptBy?.workerId;
    let chosen: Poller | undefined;
    for (const poller of pollers) {
      if (poller.capacity <= 0 || !canServe(poller.worker, wanted)) continue;
      const isKeeper = poller.worker.id === keeper;
      if (isKeeper || !chosen) chosen = poller;
      if (isKeeper || keeper === undefined) break;
    }
    if (!chosen) return undefined;
    // Last served, last in the row.
    pollers.delete(chosen);
    pollers.add(chosen);
    chosen.capacity -= 1;
    this.served += 1;
    this.lastServed.set(key, this.served);
    return chosen;
  }

  private claimFor({ worker }: Poller, key: string, queue: string): ClaimCommand {
    const [projectId = '', workflowId = ''] = key.split('\0');
    const definition = worker.workflows.get(workflowId);
    const isLimited = this.port.slots.limitOf(projectId, queue) !== undefined;
    const stateVersion = definition?.stateVersion;
    return {
      type: 'claim',
      at: this.port.clock.now(),
      workerId: worker.id,
      token: secretToken(),
      leaseMs: this.port.leaseMs,
      ...(definition && { defaults: definition }),
      ...(isLimited && { isLimited }),
      ...(stateVersion !== undefined && { stateVersion }),
    };
  }

  private giveBack(poller: Poller): void {
    poller.capacity += 1;
    poller.released();
  }

  private pump(key: string): void {
    const underway = this.pumping.get(key);
    if (underway) underway.again = true;
    else if (this.hasRoom(key)) this.claimWhileRoom(key).catch((error) => this.pumpAfter(key, error));
  }

  private pumpAfter(key: string, error: unknown): void {
    this.port.fault(error);
    this.drained.delete(key);
    this.pumpLater(key, RETRY_MS);
  }

  private pumpLater(key: string, ms: number): void {
    const { clock } = this.port;
    clock.callAt(clock.now() + ms, () => this.pump(key));
  }

  private async claimWhileRoom(key: string): Promise<void> {
    const progress = { again: true };
    this.pumping.set(key, progress);
    try {
      while (progress.again && this.hasRoom(key)) {
        progress.again = false;
        if (await this.claimSome(key)) progress.again = true;
      }
    } finally {
      // In the same turn as the last look at `again` and the room: whatever comes after it pumps anew.
      this.pumping.delete(key);
    }
  }

  /** One look at the store; true if another one would find more. */
  private async claimSome(key: string): Promise<boolean> {
    // Noted before the look, so that what becomes ready during it is not lost.
    this.drained.add(key);
    const wanted = this.queuesWithRoom(key);
    const passedOver = this.unfitCount(key);
    const claimed: boolean[] = [];
    let isRest = wanted !== undefined;
    for (const queues of wanted ? chunksOf(wanted) : [undefined]) {
      const ready = await this.listReady(key, queues);
      const outcomes = await Promise.all(ready.map((execution) => this.claim(key, execution)));
      claimed.push(...outcomes.filter((outcome) => outcome !== 'passed_over'));
      isRest ||= ready.length >= BATCH || outcomes.includes('passed_over');
    }
    if (isRest || claimed.includes(false)) this.drained.delete(key);
    // Behind those that were passed over for the first time there may be others.
    const isFurther = this.unfitCount(key) > passedOver;
    if (claimed.includes(true) || isFurther) return !this.drained.has(key);
    if (claimed.length > 0) this.pumpLater(key, LOST_MS);
    return false;
  }

  private async listReady(
    key: string,
    queues: readonly string[] | undefined,
  ): Promise<readonly ReadyExecution[]> {
    const { store } = this.port;
    const [projectId = '', workflowId = ''] = key.split('\0');
    const limit = BATCH + this.unfitCount(key);
    const ready = await store.listReady({ projectId, workflowId, limit, ...(queues && { queues }) });
    if (ready.length < limit && !queues) this.forgetTaken(key, ready);
    if (!store.isShared || ready.length < BATCH) return ready;
    // There is enough for all servers: each begins at another place, so that they do not try for the same ones.
    const start = Math.floor(Math.random() * BATCH);
    return [...ready.slice(start), ...ready.slice(0, start)];
  }

  private async claim(key: string, execution: ReadyExecution): Promise<boolean | 'passed_over'> {
    const wanted = this.wanted(key, execution);
    if (!this.isFitWithRoom(key, wanted)) return 'passed_over';
    const poller = this.nextFor(key, wanted);
    if (!poller) return false;
    const release = () => this.giveBack(poller);
    const deliver = (loaded: Loaded) => poller.deliver(loaded);
    try {
      const got = await this.port.claim(execution.id, {
        claim: this.claimFor(poller, key, execution.queue),
        deliver,
        release,
      });
      if (got) this.unfit.get(key)?.delete(execution.id);
      else release();
      return got;
    } catch (error) {
      release();
      throw error;
    }
  }

  /** What is known of a ready execution that decides who may take it; remembered if nobody with room may. */
  private wanted(key: string, { id, queue }: ReadyExecution): Wanted {
    const known = this.unfit.get(key)?.get(id);
    if (known) return known;
    const [projectId = '', workflowId = ''] = key.split('\0');
    const { stateVersion, keptBy } = this.port.peek(id) ?? {};
    const wanted: Wanted = { projectId, workflowId, queue, ...(keptBy && { keptBy }) };
    if (stateVersion === undefined) return wanted;
    const versioned = { ...wanted, stateVersion };
    if (!this.isFitWithRoom(key, versioned)) this.passOver(key, id, versioned);
    return versioned;
  }

  /** Whether a worker that has room is as new as an execution wants, or there is no room at all. */
  private isFitWithRoom(key: string, wanted: Wanted): boolean {
    let hasRoom = false;
    for (const { capacity, worker } of this.pollers.get(key) ?? []) {
      if (capacity <= 0) continue;
      hasRoom = true;
      if (canServe(worker, wanted)) return true;
    }
    return !hasRoom;
  }

  private unfitCount(key: string): number {
    return this.unfit.get(key)?.size ?? 0;
  }

  private passOver(key: string, executionId: string, wanted: Wanted): void {
    const unfit = this.unfit.get(key) ?? new Map<string, Wanted>();
    if (unfit.size < UNFIT_MAX) unfit.set(executionId, wanted);
    this.unfit.set(key, unfit);
  }

  /** Forgets those passed over that are not ready any more: somebody else has them. */
  private forgetTaken(key: string, ready: readonly ReadyExecution[]): void {
    const unfit = this.unfit.get(key);
    if (!unfit) return;
    const ids = new Set(ready.map(({ id }) => id));
    for (const id of unfit.keys()) if (!ids.has(id)) unfit.delete(id);
    if (unfit.size === 0) this.unfit.delete(key);
  }

  private hasRoom(key: string): boolean {
    for (const poller of this.pollers.get(key) ?? []) {
      if (poller.capacity > 0) return true;
    }
    return false;
  }

  /** The queues that those with room are restricted to; missing if one of them takes from any. */
  private queuesWithRoom(key: string): readonly string[] | undefined {
    const queues = new Set<string>();
    for (const { capacity, worker } of this.pollers.get(key) ?? []) {
      if (capacity <= 0) continue;
      if (worker.registration.queues.length === 0) return undefined;
      for (const queue of worker.registration.queues) queues.add(queue);
    }
    return [...queues];
  }
}

/** What of an execution decides who may take it, and who should. */
type Wanted = Servable & Pick<Execution, 'keptBy'>;

/** Queues in portions that the store looks for at once. */
function chunksOf(queues: readonly string[]): string[][] {
  const chunks: string[][] = [];
  for (let start = 0; start < queues.length; start += QUEUES_MAX) {
    chunks.push(queues.slice(start, start + QUEUES_MAX));
  }
  return chunks;
}

function keyOf(projectId: string, workflowId: string): string {
  return `${projectId}\0${workflowId}`;
}

function keysOf(worker: Worker): string[] {
  return [...worker.workflows.keys()].map((id) => keyOf(worker.registration.projectId, id));
}
