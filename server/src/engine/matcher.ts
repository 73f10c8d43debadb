import type { ClaimCommand } from '../core/command.js';
import type { Execution } from '../core/execution.js';
import type { ReadyExecution, Store } from '../store/store.js';
import type { Clock } from './clock.js';
import type { Reservation } from './executions.js';
import { secretToken } from './ids.js';
import type { Loaded } from './loaded.js';
import { acceptsQueue, type Worker } from './workers.js';

/** A worker's open hand: a Work stream with credits, or a call of Poll. */
export interface Poller {
  readonly worker: Worker;
  /** How many more executions it takes. The matcher counts it down with each reservation. */
  capacity: number;
  deliver(loaded: Loaded): void;
  /** A reservation came to nothing; its place is free again. */
  released(): void;
}

/** What the matcher asks of the rest of the engine. */
export interface MatcherPort {
  readonly store: Store;
  readonly clock: Clock;
  readonly leaseMs: number;
  /** Commits a claim and delivers to the reservation. False if the execution could not be had (any more). */
  claim(executionId: string, reservation: Reservation): Promise<boolean>;
  /** Something failed that nobody waits for. */
  fault(error: unknown): void;
}

/** Ready executions that one look at the store brings at most. */
const BATCH = 100;

/** How long to leave the store alone after it failed. */
const RETRY_AFTER_FAULT_MS = 1_000;

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
  private readonly pumping = new Set<string>();

  constructor(port: MatcherPort) {
    this.port = port;
  }

  add(poller: Poller): void {
    for (const key of keysOf(poller.worker)) {
      const pollers = this.pollers.get(key) ?? new Set();
      pollers.add(poller);
      this.pollers.set(key, pollers);
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
    for (const key of keysOf(poller.worker)) {
      if (!this.drained.has(key)) this.pump(key);
    }
  }

  /** An execution became ready and no worker was waiting. */
  becameReady(execution: Execution): void {
    const key = keyOf(execution.projectId, execution.workflowId);
    this.drained.delete(key);
    this.pump(key);
  }

  /** A free worker for an execution that is becoming ready. */
  reserve(execution: Execution): Reservation | undefined {
    return this.reserveFor(keyOf(execution.projectId, execution.workflowId), execution);
  }

  private reserveFor(key: string, { queue }: { readonly queue: string }): Reservation | undefined {
    const pollers = this.pollers.get(key);
    if (!pollers) return undefined;
    for (const poller of pollers) {
      if (poller.capacity <= 0 || !acceptsQueue(poller.worker, queue)) continue;
      // Last served, last in the row.
      pollers.delete(poller);
      pollers.add(poller);
      poller.capacity -= 1;
      return this.reservation(poller, key);
    }
    return undefined;
  }

  private reservation(poller: Poller, key: string): Reservation {
    const { worker } = poller;
    const definition = worker.workflows.get(key.slice(key.indexOf('\0') + 1));
    const claim: ClaimCommand = {
      type: 'claim',
      at: this.port.clock.now(),
      workerId: worker.id,
      token: secretToken(),
      leaseMs: this.port.leaseMs,
      ...(definition && { defaults: definition }),
    };
    return {
      claim,
      deliver: (loaded) => poller.deliver(loaded),
      release: () => {
        poller.capacity += 1;
        poller.released();
      },
    };
  }

  private pump(key: string): void {
    if (this.pumping.has(key) || !this.hasRoom(key)) return;
    this.pumping.add(key);
    this.claimWhileRoom(key)
      .catch((error) => {
        this.port.fault(error);
        this.drained.delete(key);
        const { clock } = this.port;
        clock.callAt(clock.now() + RETRY_AFTER_FAULT_MS, () => this.pump(key));
      })
      .finally(() => this.pumping.delete(key));
  }

  private async claimWhileRoom(key: string): Promise<void> {
    const [projectId = '', workflowId = ''] = key.split('\0');
    while (this.hasRoom(key) && !this.drained.has(key)) {
      // Noted before the look, so that what becomes ready during it is not lost.
      this.drained.add(key);
      const queues = this.queuesWithRoom(key);
      const query = { projectId, workflowId, limit: BATCH, ...(queues && { queues }) };
      const ready = await this.port.store.listReady(query);
      const claimed = await Promise.all(ready.map((execution) => this.claim(key, execution)));
      const isRest = ready.length === BATCH || claimed.includes(false) || queues !== undefined;
      if (isRest) this.drained.delete(key);
      if (queues !== undefined && ready.length === 0) return;
    }
  }

  private async claim(key: string, execution: ReadyExecution): Promise<boolean> {
    const reservation = this.reserveFor(key, execution);
    if (!reservation) return false;
    try {
      const got = await this.port.claim(execution.id, reservation);
      if (!got) reservation.release();
      return got;
    } catch (error) {
      reservation.release();
      throw error;
    }
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

function keyOf(projectId: string, workflowId: string): string {
  return `${projectId}\0${workflowId}`;
}

function keysOf(worker: Worker): string[] {
  return [...worker.workflows.keys()].map((id) => keyOf(worker.registration.projectId, id));
}
