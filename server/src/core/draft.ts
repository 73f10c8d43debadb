import type { Decision, Effect, Rejection, Snapshot } from './decision.js';
import type { EventType, ExecutionEvent, PublishedEvent } from './event.js';
import { type Execution, type FinalStatus, freeAt, type OutboxMessage, type Wait } from './execution.js';
import type { Failure } from './failure.js';
import type { JournalEntry } from './journal.js';
import type { JsonObject } from './json.js';
import type { PatchOperation, StateDocument } from './state-document.js';
import type { StateStep, StepFact, StepKind, StepOutcome } from './step.js';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;

/**
 * A decision in the making: one copy of the execution that its transition changes, and what it adds. It never leaves the
 * core; `finish` turns it into a value, and a rejection simply drops it.
 */
export class Draft {
  readonly execution: Mutable<Execution>;
  readonly at: number;
  readonly effects: Effect[] = [];
  state: StateDocument;
  input: JournalEntry['input'];
  result: JournalEntry['result'];
  private patch: PatchOperation[] | undefined;
  /** The execution's waits, once they are a copy of its own. */
  private waits: Record<string, Wait> | undefined;
  private readonly events: ExecutionEvent[] = [];
  private readonly steps: StepFact[] = [];
  private readonly firstEvent: number;
  private readonly before: Execution;

  constructor(snapshot: Snapshot, at: number) {
    this.before = snapshot.execution;
    this.execution = { ...snapshot.execution };
    this.state = snapshot.state;
    this.at = at;
    this.firstEvent = snapshot.execution.eventCount + 1;
  }

  addEvent(type: EventType, data: JsonObject, stepKey?: string): void {
    this.events.push(stepKey === undefined ? { type, data } : { type, data, stepKey });
  }

  /** The number of the event that is added next. */
  get nextEvent(): number {
    return this.firstEvent + this.events.length;
  }

  /** Adds an event of the user's. */
  publish(stepKey: string, published: PublishedEvent): void {
    this.events.push({ type: 'event_publish', data: {}, stepKey, published });
  }

  /** Notes what a step waits for. */
  setWait(key: string, wait: Wait): void {
    // Defined, because an assignment would do something else for a step that is called "__proto__".
    const property = { value: wait, enumerable: true, configurable: true, writable: true };
    Object.defineProperty(this.ownWaits(), key, property);
  }

  /** A step waits no longer. */
  endWait(key: string): void {
    delete this.ownWaits()[key];
  }

  /** One copy for each decision: one for each of a thousand steps would be a million. */
  private ownWaits(): Record<string, Wait> {
    if (!this.waits) {
      this.waits = { ...this.execution.waits };
      this.execution.waits = this.waits;
    }
    return this.waits;
  }

  /** Records that a step has its outcome. */
  addOutcomeEvent(key: string, kind: StepKind, outcome: StepOutcome, attempts: number): void {
    if (outcome.type === 'completed') {
      this.addEvent('step_finish', { kind, attempts }, key);
    } else {
      const { type, message } = outcome.failure;
      this.addEvent('step_fail', { kind, attempts, failure: { type, message } }, key);
    }
  }

  addStep(fact: StepFact): void {
    this.steps.push(fact);
  }

  /** The next place in the order of outcomes. */
  nextSequence(): number {
    this.execution.stepCount += 1;
    return this.execution.stepCount;
  }

  changeState(patch: readonly PatchOperation[], document: StateDocument): void {
    this.patch = [...(this.patch ?? []), ...patch];
    this.state = document;
    this.execution.stateRevision += 1;
    this.execution.stateBytes = document.bytes;
    this.execution.stateUpdatedAt = this.at;
  }

  /** Changes the state with an outcome that no code asked for, at its place in the order. */
  addStateOutcome(step: StateStep, patch: readonly PatchOperation[], document: StateDocument): void {
    this.leaveStateAsSettled();
    const isBeforeCode = this.execution.stateUnsettled;
    this.addStep({ type: 'state_changed', key: '', ...step, sequence: this.nextSequence(), isBeforeCode });
    this.changeState(patch, document);
  }

  /**
   * What happens is none of the code's doing, so that its state is as settled as it was: not between its attempts, nor before
   * its first commit, since it will run again.
   */
  leaveStateAsSettled(): void {
    const { stateUnsettled, lastCompletion } = this.before;
    this.execution.stateUnsettled = stateUnsettled || lastCompletion === undefined;
  }

  send(message: WithoutId<OutboxMessage>): void {
    const { execution } = this;
    if (execution.outbox.length === 0) this.effects.push({ type: 'outbox' });
    execution.outboxCount += 1;
    execution.outbox = [...execution.outbox, { ...message, id: execution.outboxCount } as OutboxMessage];
  }

  /** Takes the execution from its worker, and counts the time that it ran. */
  releaseLease(): void {
    const { lease } = this.execution;
    if (!lease) return;
    this.execution.runMs += Math.max(0, this.at - lease.grantedAt);
    this.execution.lease = undefined;
  }

  /**
   * Queues the execution for any worker, now or from `readyAt` on; first for a slot, if its queue is limited. Whoever had it
   * until a pause must have let go, or its lease be over.
   */
  queue(readyAt: number): void {
    const { execution } = this;
    this.releaseLease();
    execution.status = 'queued';
    execution.readyAt = readyAt;
    execution.ready = false;
    if (freeAt(execution) > this.at) return;
    execution.revokedLease = undefined;
    if (execution.isLimited && !execution.slot?.isHeld) this.wantSlot();
    else this.makeReady();
  }

  /** Any worker may take the execution now. */
  makeReady(): void {
    this.execution.ready = true;
    this.effects.push({ type: 'ready' });
  }

  /** Begins to wait for a slot. */
  wantSlot(): void {
    const { execution } = this;
    execution.ready = false;
    execution.slotTurns = (execution.slotTurns ?? 0) + 1;
    execution.slot = { turn: execution.slotTurns, isHeld: false };
    this.addEvent('workflow_limit', { queue: execution.queue });
    this.send({ type: 'want_slot' });
  }

  /** Gives up the slot of an execution that is neither ready nor running, nor waits for one to be. */
  private leaveSlot(): void {
    const { slot, status, ready } = this.execution;
    if (!slot || status === 'running' || (status === 'queued' && (ready || !slot.isHeld))) return;
    this.execution.slot = undefined;
    if (slot.isHeld) this.send({ type: 'release_slot', turn: slot.turn });
    else this.unsendWant();
  }

  /** Takes back the message that asks for a slot: nobody has to commit that it was delivered. */
  unsendWant(): void {
    this.execution.outbox = this.execution.outbox.filter(({ type }) => type !== 'want_slot');
  }

  /** Gives the execution its final status, and tells whoever has to know. */
  close(status: FinalStatus, failure?: Failure): void {
    const { execution } = this;
    this.releaseLease();
    execution.status = status;
    execution.closedAt = this.at;
    execution.ready = false;
    execution.failure = failure;
    execution.waits = {};
    execution.resumes = undefined;
    execution.pausedFor = undefined;
    execution.keptBy = undefined;
    execution.revokedLease = undefined;
    if (execution.hasChildren && (status === 'cancelled' || status === 'timed_out')) {
      this.send({ type: 'cancel_children' });
    }
    const { parent } = execution;
    if (!parent?.waits) return;
    const { executionId, stepKey, index } = parent;
    this.send({ type: 'child_closed', executionId, stepKey, ...(index !== undefined && { index }) });
  }

  /** The decision to commit all of this. */
  finish(): Decision {
    this.leaveSlot();
    const { execution, events, steps, patch } = this;
    execution.version += 1;
    execution.updatedAt = this.at;
    const next = { execution, state: this.state };
    // The journal is keyed by events: an entry without one of its own gets one.
    if (events.length === 0 && patch) this.addEvent('state_change', {});
    if (events.length === 0 && steps.length > 0) this.addEvent('step_deliver', {});
    if (events.length === 0) return { type: 'commit', next, effects: this.effects };
    execution.eventCount += events.length;
    const entry: JournalEntry = {
      firstEvent: this.firstEvent,
      at: this.at,
      events,
      steps,
      stateRevision: execution.stateRevision,
      ...(patch && { patch }),
      ...(this.input && { input: this.input }),
      ...(this.result && { result: this.result }),
    };
    return { type: 'commit', next, entry, effects: this.effects };
  }
}

/** The decision that nothing has to change. */
export const UNCHANGED: Decision = { type: 'unchanged' };

/** The decision to refuse. */
export function reject(rejection: Rejection): Decision {
  return { type: 'rejected', rejection };
}
