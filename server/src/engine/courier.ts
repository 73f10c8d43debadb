import { childrenToCreate } from '../core/children.js';
import type { ClosedChild } from '../core/command.js';
import type { Execution, NewExecution, OutboxMessage } from '../core/execution.js';
import { isFinal, ownMember } from '../core/execution.js';
import { CANCELLED } from '../core/lifecycle.js';
import type { StepOutcome } from '../core/step.js';
import type { Store } from '../store/store.js';
import type { Resumption } from './api.js';
import type { Clock } from './clock.js';
import { EngineError, unlessGone } from './errors.js';
import type { Executions } from './executions.js';
import { resultOf } from './history.js';
import { stepsOf } from './loaded.js';
import { resumeFailure } from './resume-failure.js';
import type { Slots } from './slots.js';
import type { Topics } from './topics.js';

/** What the courier asks of the rest of the engine. */
export interface CourierPort {
  readonly store: Store;
  readonly clock: Clock;
  readonly executions: Executions;
  readonly topics: Pick<Topics, 'publishFor' | 'bring'>;
  readonly slots: Pick<Slots, 'wanted' | 'release'>;
  /** Creates a child, unless it exists. */
  startChild(child: NewExecution): Promise<void>;
  /** Resumes a step of an execution of a project. */
  resume(projectId: string, executionId: string, given: Resumption): Promise<void>;
  fault(error: unknown): void;
}

/** What became of a message that a step waits for. */
interface Answer {
  readonly stepKey: string;
  readonly outcome: StepOutcome;
}

/** What became of children of one batch, on its way to their parent. */
interface BatchNews {
  readonly closed: ClosedChild[];
  told: Promise<unknown>;
}

/** Outboxes emptied at once by a sweep, and children started or cancelled at once. */
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
  /** By parent and step, what waits for the parent's turn: children that end meanwhile come along. */
  private readonly batchNews = new Map<string, BatchNews>();
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
    // Whoever waits for a slot does not wait for what else is to be told.
    const [answers] = await Promise.all([
      this.deliverAll(
        sender,
        sender.outbox.filter((message) => !isOfSlots(message)),
      ),
      this.deliverAll(sender, sender.outbox.filter(isOfSlots)),
    ]);
    await executions.submit(executionId, async (loaded) => {
      // A worker that holds it is to be sent the steps that were answered.
      if (answers.length > 0) await stepsOf(loaded, this.port.store);
      return { type: 'outbox_delivered', at: clock.now(), upTo: last.id, answers };
    });
  }

  /** One message after the other, children that follow each other at once; answers what became of those that steps wait for. */
  private async deliverAll(sender: Execution, messages: readonly OutboxMessage[]): Promise<Answer[]> {
    const answers: Answer[] = [];
    let starting: Promise<void>[] = [];
    for (const message of messages) {
      if (message.type === 'start_child') {
        // Children that follow each other are created at the same time.
        starting.push(this.port.startChild(message.child));
        continue;
      }
      await Promise.all(starting);
      starting = [];
      if (message.type === 'resume') {
        answers.push({ stepKey: message.stepKey, outcome: await this.resume(sender, message) });
      } else {
        await this.deliverOne(sender, message);
      }
    }
    await Promise.all(starting);
    return answers;
  }

  private deliverOne(
    sender: Execution,
    message: Exclude<OutboxMessage, { type: 'resume' | 'start_child' }>,
  ): Promise<void> {
    const { topics, slots } = this.port;
    switch (message.type) {
      case 'start_children':
        return this.startChildren(sender, message);
      case 'child_closed':
        return this.tellParent(sender, message);
      case 'cancel_children':
        return this.cancelChildren(sender);
      case 'publish_event':
        return topics.publishFor(sender, message);
      case 'await_event':
        return topics.bring(sender.id);
      case 'want_slot':
        return slots.wanted(sender);
      case 'release_slot':
        return slots.release(sender, message.turn);
    }
  }

  /** Answers what became of it. */
  private async resume(
    { projectId }: Execution,
    { executionId, suspendedStepKey, data }: Extract<OutboxMessage, { type: 'resume' }>,
  ): Promise<StepOutcome> {
    try {
      await this.port.resume(projectId, executionId, { stepKey: suspendedStepKey, ...(data && { data }) });
      return { type: 'completed' };
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      return { type: 'failed', failure: resumeFailure(error.problem, { executionId, suspendedStepKey }) };
    }
  }

  private async startChildren(
    parent: Execution,
    { stepKey, event }: Extract<OutboxMessage, { type: 'start_children' }>,
  ): Promise<void> {
    const page = { afterEvent: event - 1, entries: 1, bytes: 1 };
    const [entry] = await this.port.store.journal(parent.id, page);
    for (const fact of entry?.steps ?? []) {
      if (fact.key !== stepKey || !('children' in fact) || !fact.children) continue;
      const children = childrenToCreate(parent, stepKey, fact.children, fact.type === 'pending');
      for (let start = 0; start < children.length; start += BATCH) {
        await Promise.all(children.slice(start, start + BATCH).map((child) => this.port.startChild(child)));
      }
    }
  }

  private async tellParent(
    child: Execution,
    { executionId, stepKey, index }: Extract<OutboxMessage, { type: 'child_closed' }>,
  ): Promise<void> {
    const outcome = await this.outcomeOf(child);
    const { clock, executions, store } = this.port;
    if (index !== undefined) {
      await this.tellBatchParent(executionId, stepKey, { index, childExecutionId: child.id, outcome });
      return;
    }
    const tell = executions.submit(executionId, async (parent) => {
      // A worker that holds the parent is to be sent the step as it then is.
      if (isWaiting(parent.execution, stepKey)) await stepsOf(parent, store);
      return { type: 'child_closed', at: clock.now(), stepKey, childExecutionId: child.id, outcome };
    });
    await unlessGone(tell);
  }

  /** Resolves once the parent knows; children that end while it is its turn are told to it at once. */
  private tellBatchParent(executionId: string, stepKey: string, closed: ClosedChild): Promise<unknown> {
    const { clock, executions, store } = this.port;
    const key = JSON.stringify([executionId, stepKey]);
    const waiting = this.batchNews.get(key);
    if (waiting) {
      waiting.closed.push(closed);
      return waiting.told;
    }
    const news: BatchNews = { closed: [closed], told: Promise.resolve() };
    this.batchNews.set(key, news);
    const leave = () => {
      if (this.batchNews.get(key) === news) this.batchNews.delete(key);
    };
    const tell = executions.submit(executionId, async (parent) => {
      const isOpen = isWaiting(parent.execution, stepKey);
      const recorded = isOpen ? (await stepsOf(parent, store)).get(stepKey) : undefined;
      leave();
      return { type: 'children_closed', at: clock.now(), stepKey, closed: news.closed, recorded };
    });
    news.told = unlessGone(tell).finally(leave);
    return news.told;
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

function isOfSlots({ type }: OutboxMessage): boolean {
  return type === 'want_slot' || type === 'release_slot';
}

/** Otherwise the journal, which may be long, need not be read: there is nobody to be told. */
function isWaiting({ waits }: Execution, stepKey: string): boolean {
  return ownMember(waits, stepKey)?.arrived === false;
}
