import type { Execution, NewExecution, OutboxMessage } from '../core/execution.js';
import { isFinal } from '../core/execution.js';
import { CANCELLED } from '../core/lifecycle.js';
import type { StepOutcome } from '../core/step.js';
import type { Store } from '../store/store.js';
import type { Clock } from './clock.js';
import { EngineError } from './errors.js';
import type { Executions } from './executions.js';
import { resultOf } from './history.js';
import { stepsOf } from './loaded.js';

/** What the courier asks of the rest of the engine. */
export interface CourierPort {
  readonly store: Store;
  readonly clock: Clock;
  readonly executions: Executions;
  /** Creates a child, unless it exists. */
  startChild(child: NewExecution): Promise<void>;
  fault(error: unknown): void;
}

/** Outboxes emptied at once by a sweep, and children cancelled at once. */
const BATCH = 500;

/**
 * How often forgotten outboxes are looked for: those of a server that died, or whose delivery failed. Those that are
 * younger than that are left to the server that filled them, if there are others.
 */
const SWEEP_MS = 5_000;

/**
 * Carries messages from one execution to another: after the commit that put them in the outbox, and again until a commit
 * takes them out. Every message can be delivered twice without harm.
 */
export class Courier {
  private readonly port: CourierPort;
  private readonly underway = new Map<string, Promise<void>>();
  private sweeping = Promise.resolve();
  private callOff: (() => void) | undefined;
  private stopped = false;

  constructor(port: CourierPort) {
    this.port = port;
  }

  start(): void {
    this.sweeping = this.sweep()
      .catch(this.port.fault)
      .finally(() => {
        const { clock } = this.port;
        if (!this.stopped) this.callOff = clock.callAt(clock.now() + SWEEP_MS, () => this.start());
      });
  }

  /** Waits for what is under way. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.callOff?.();
    await this.sweeping;
    await Promise.all(this.underway.values());
  }

  /** Delivers what is in the outbox of an execution, now or after what is being delivered already. */
  collect(executionId: string): void {
    const before = this.underway.get(executionId) ?? Promise.resolve();
    const delivery = before.then(() => this.deliver(executionId)).catch(this.port.fault);
    this.underway.set(executionId, delivery);
    void delivery.finally(() => {
      if (this.underway.get(executionId) === delivery) this.underway.delete(executionId);
    });
  }

  /** Delivers what is in the outbox of an execution, unless it is being delivered. */
  collectForgotten(executionId: string): void {
    if (!this.underway.has(executionId)) this.collect(executionId);
  }

  /** Delivers all that is left, however many; what cannot be delivered is tried once, and does not hide the rest. */
  private async sweep(): Promise<void> {
    const { store, clock } = this.port;
    const until = clock.now() - (store.isShared ? SWEEP_MS : 0);
    const seen = new Set<string>();
    let tried = 0;
    while (!this.stopped) {
      const limit = BATCH + tried;
      const ids = await store.listOutboxes({ until, limit });
      const fresh = ids.filter((id) => !seen.has(id));
      tried = ids.length - fresh.length;
      for (const id of fresh) {
        seen.add(id);
        this.collectForgotten(id);
      }
      if (ids.length < limit) return;
      await Promise.all(fresh.map((id) => this.underway.get(id)));
    }
  }

  private async deliver(executionId: string): Promise<void> {
    const { executions, clock } = this.port;
    const sender = await executions.read(executionId, (loaded) => loaded.execution);
    const last = sender.outbox.at(-1);
    if (!last) return;
    for (const message of sender.outbox) await this.deliverOne(sender, message);
    await executions.submit(executionId, () => ({
      type: 'outbox_delivered',
      at: clock.now(),
      upTo: last.id,
    }));
  }

  private deliverOne(sender: Execution, message: OutboxMessage): Promise<void> {
    switch (message.type) {
      case 'start_child':
        return this.port.startChild(message.child);
      case 'child_closed':
        return this.tellParent(sender, message);
      case 'cancel_children':
        return this.cancelChildren(sender);
    }
  }

  private async tellParent(
    child: Execution,
    { executionId, stepKey }: Extract<OutboxMessage, { type: 'child_closed' }>,
  ): Promise<void> {
    const outcome = await this.outcomeOf(child);
    const { clock, executions, store } = this.port;
    const tell = executions.submit(executionId, async (parent) => {
      // A worker that holds the parent is to be sent the step as it then is.
      await stepsOf(parent, store);
      return { type: 'child_closed', at: clock.now(), stepKey, childExecutionId: child.id, outcome };
    });
    await unlessGone(tell);
  }

  private async outcomeOf(child: Execution): Promise<StepOutcome> {
    if (child.status !== 'completed') return { type: 'failed', failure: child.failure ?? CANCELLED };
    const result = await resultOf(this.port.store, child);
    return { type: 'completed', ...(result && { result }) };
  }

  private async cancelChildren(parent: Execution): Promise<void> {
    const { store, clock, executions } = this.port;
    const query = { projectId: parent.projectId, parentExecutionId: parent.id, limit: BATCH };
    let after: { createdAt: number; id: string } | undefined;
    for (;;) {
      const children = await store.list(after ? { ...query, after } : query);
      const open = children.filter((child) => !isFinal(child.status));
      await Promise.all(
        open.map(({ id }) => unlessGone(executions.submit(id, () => ({ type: 'cancel', at: clock.now() })))),
      );
      after = children.at(-1);
      if (children.length < BATCH) return;
    }
  }
}

/** A receiver that is gone, or final by now, needs no message. */
async function unlessGone(submission: Promise<unknown>): Promise<void> {
  try {
    await submission;
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
  }
}
