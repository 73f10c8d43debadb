import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Action, ClaimCommand, Command, CompleteCommand } from './command.js';
import { COMMAND_TYPES } from './command.js';
import type { Decision, Snapshot } from './decision.js';
import { EXECUTION_STATUSES, type Execution, isFinal, type Lease, nextWakeAt } from './execution.js';
import { lastEvent } from './journal.js';
import { applyPatch, EMPTY_STATE, type StateDocument } from './state-document.js';
import { addFacts, type StepRecord } from './step.js';
import { transition } from './transition.js';
import { type ActionMove, type Move, moveArbitrary } from './transition-moves.mjs';

// Random commands, sensible and not, from several workers, with time going forward. Whatever is decided, the promises of
// DESIGN.md hold after each decision.

const visited = new Set<string>();

test('whatever is asked in whatever order, the promises hold', () => {
  playRandomly({ numRuns: 1_000 });
});

// The same commands each time, so that the cells below are visited by decision and not by luck.
test('whatever was asked before, the promises hold again', () => {
  playRandomly({ numRuns: 3_000, seed: 24 });
});

function playRandomly(parameters: fc.Parameters<[Move[]]>): void {
  fc.assert(
    fc.property(fc.array(moveArbitrary(), { minLength: 1, maxLength: 50, size: 'max' }), (moves) => {
      const world = new World();
      for (const move of moves) world.play(move);
    }),
    parameters,
  );
}

test.each(
  ['(none)', ...EXECUTION_STATUSES].flatMap((status) => COMMAND_TYPES.map((command) => [command, status])),
)('random commands reach the cell %s x %s', (command, status) => {
  expect(visited).toContain(`${command} x ${status}`);
});

/** One execution, all that was ever said of it, and the checks. */
class World {
  private snapshot: Snapshot | undefined;
  private at = 0;
  private cancelAsked = false;
  private readonly steps = new Map<string, StepRecord>();
  private outcomes = 0;
  private folded: StateDocument = EMPTY_STATE;
  private last: CompleteCommand | undefined;
  private toldParent = 0;
  /** The lease that a pause took from a worker which has not said since that it has let go. */
  private unheard: Lease | undefined;

  play(move: Move): void {
    this.at += move.afterMs;
    const command = this.commandOf(move);
    if (!command) return;
    const offer = move.offer ? this.claimBy(move) : undefined;
    const before = deepFreeze(this.snapshot);
    const steps = new Map(this.steps);
    visited.add(`${command.type} x ${before?.execution.status ?? '(none)'}`);
    const decision = deepFreeze(transition(before, deepFreeze(command), offer));
    expect(transition(before, command, offer), 'the same arguments give the same decision').toEqual(decision);
    expect(this.steps, 'the steps given are left alone').toEqual(steps);
    if (command.type === 'complete') this.checkFence(before, command, decision);
    if (decision.type !== 'commit') return;
    this.checkCommit(before, decision);
    this.checkLetGo(before, command, decision.next);
    this.snapshot = decision.next;
    this.checkExecution();
    if (command.type === 'complete') this.checkResent(command);
  }

  private commandOf(move: Move): Command | undefined {
    const { at } = this;
    const { type, key, off } = move;
    const execution = this.snapshot?.execution;
    const epoch = (execution?.epoch ?? 0) + off;
    const token = move.forged ? 'forged' : `t${epoch}`;
    switch (type) {
      case 'create':
        return this.createCommand(move);
      case 'claim':
        return this.claimBy(move);
      case 'complete': {
        const sequence = (execution?.lease?.completions ?? 0) + 1 + (move.key === 'b' ? off : 0);
        const actions = move.actions.map((action) => this.actionOf(action));
        const said = {
          actions,
          stateUnsettled: move.parent,
          recorded: this.steps,
          digest: JSON.stringify(actions),
        };
        return { type, at, epoch: move.key === 'b' ? epoch - off : epoch, token, sequence, ...said };
      }
      case 'resend':
        return this.last && { ...this.last, at, digest: off === 0 ? this.last.digest : 'other' };
      case 'extend_lease':
      case 'release_lease':
        return { type, at, epoch, token };
      case 'wake':
      case 'cancel':
        // What is open is seldom cancelled, so that it also reaches its other ends.
        return type === 'cancel' && move.delayMs === 0 && !execution?.closedAt
          ? { type: 'wake', at }
          : { type, at };
      case 'child_closed': {
        const childExecutionId = (off === 0 && execution?.waits[key]?.childExecutionId) || 'nobody';
        return { type, at, stepKey: key, childExecutionId, outcome: move.outcome };
      }
      case 'children_closed': {
        const closed = [0, 1].map((index) => {
          return { index: index + off, childExecutionId: `${key}-${index}`, outcome: move.outcome };
        });
        return { type, at, stepKey: key, recorded: this.steps.get(key), closed };
      }
      case 'event_arrived': {
        const topic = (off === 0 && execution?.waits[key]?.topic) || move.topic;
        const sequence = 1 + (move.delayMs === 0 ? 0 : this.outcomes);
        return { type, at, stepKey: key, topic, sequence, result: { json: '{}' } };
      }
      case 'pause':
      case 'unpause':
        return { type, at };
      case 'patch_state': {
        const expectedRevision = (execution?.stateRevision ?? 1) + off;
        const { patch } = move;
        const digest = JSON.stringify(patch);
        return { type, at, expectedRevision, patch, digest, reason: 'r', author: 'a' };
      }
      case 'grant_slot':
      case 'revoke_slot':
        return { type, at, turn: (execution?.slotTurns ?? 1) + off };
      case 'resume': {
        const data = move.outcome.type === 'completed' ? move.outcome.result : undefined;
        return { type, at, stepKey: key, recorded: this.steps.get(key), ...(data && { data }) };
      }
      case 'outbox_delivered':
        return {
          ...{ type, at, upTo: (execution?.outboxCount ?? 0) + off },
          answers: move.parent ? [{ stepKey: key, outcome: move.outcome }] : [],
        };
    }
  }

  private createCommand({ delayMs, parent, isLimited }: Move): Command {
    return {
      ...{ type: 'create', at: this.at, state: EMPTY_STATE, isLimited },
      request: {
        ...{
          id: 'x',
          projectId: 'p',
          workflowId: 'w',
          queue: 'q',
          sessionId: 's',
          requestDigest: 'd',
          priority: 0,
        },
        ...{
          searchAttributes: {},
          startDelayMs: delayMs,
          retryPolicy: { maxRetries: parent ? 0 : 1, baseDelayMs: 900, maxDelayMs: 900 },
        },
        ...(parent && { parent: { executionId: 'p', stepKey: 'k', waits: true }, runTimeoutMs: 50_000 }),
      },
    };
  }

  private claimBy({ worker: workerId, isLimited }: Move): ClaimCommand {
    const token = `t${(this.snapshot?.execution.epoch ?? 0) + 1}`;
    return { type: 'claim', at: this.at, workerId, token, leaseMs: 30_000, isLimited };
  }

  private actionOf(action: ActionMove): Action {
    if (action.type !== 'patch') return action;
    const baseRevision = (this.snapshot?.execution.stateRevision ?? 1) + action.off;
    return { type: 'change_state', baseRevision, change: { patch: action.patch } };
  }

  /** 5, 6: only the newest epoch commits, with its own token. */
  private checkFence(before: Snapshot | undefined, command: CompleteCommand, decision: Decision): void {
    if (decision.type === 'commit') {
      expect(before?.execution).toMatchObject({
        status: 'running',
        epoch: command.epoch,
        lease: { token: command.token },
      });
      expect(command.sequence).toBe((before?.execution.lease?.completions ?? 0) + 1);
    } else if (decision.type === 'unchanged') {
      const last = before?.execution.lastCompletion;
      expect(command.epoch).toBe(last?.epoch);
      expect(command.sequence).toBeLessThanOrEqual(last?.sequence ?? 0);
    }
  }

  private checkCommit(
    before: Snapshot | undefined,
    { next, entry, effects }: Extract<Decision, { type: 'commit' }>,
  ): void {
    const { execution, state } = next;
    const old = before?.execution;
    expect(execution.version).toBe((old?.version ?? 0) + 1);
    if (old && isFinal(old.status)) {
      expect(execution, '19: final is final').toEqual({ ...old, ...changedByDelivery(execution) });
    }
    expect(execution.epoch - (old?.epoch ?? 0)).toBeOneOf([0, 1]);
    expect(effects.filter(({ type }) => type === 'outbox').length).toBeLessThanOrEqual(1);
    expect(execution.eventCount, '10').toBe(entry ? lastEvent(entry) : old?.eventCount);
    if (!entry) {
      expect(state).toBe(before?.state);
      expect(execution.stepCount).toBe(old?.stepCount);
      return;
    }
    expect(entry.firstEvent, '10: no gap').toBe((old?.eventCount ?? 0) + 1);
    expect(entry.events.length).toBeGreaterThan(0);
    for (const fact of entry.steps) {
      const known = this.steps.get(fact.key);
      if (fact.type !== 'accepted') expect(known?.outcome, `3: ${fact.key} has one outcome`).toBeUndefined();
      if (fact.type === 'child_closed') expect(known?.batch?.[fact.index]?.outcome, '15').toBeUndefined();
      if (fact.type === 'gathered') expect(known?.batch?.every(({ outcome }) => outcome)).toBe(true);
      if (fact.type === 'accepted') expect(known).toMatchObject({ sequence: 0, outcome: {} });
      if ('sequence' in fact) expect(fact.sequence, 'no gap in the order of outcomes').toBe(++this.outcomes);
      addFacts(this.steps, { ...entry, steps: [fact] });
    }
    expect(execution.stepCount).toBe(this.outcomes);
    expect(entry.stateRevision).toBe(execution.stateRevision);
    expect(execution.stateRevision - (old?.stateRevision ?? 1)).toBe(entry.patch ? 1 : 0);
    const folded = applyPatch(this.folded, entry.patch ?? []);
    this.folded = 'document' in folded ? folded.document : EMPTY_STATE;
    expect(state, '9: the state is the fold of its patches').toEqual(this.folded);
    expect(execution.stateBytes).toBe(Buffer.byteLength(JSON.stringify(state.value)));
    const sent = execution.outbox.filter(({ id }) => id > (old?.outboxCount ?? 0));
    this.toldParent += sent.filter(({ type }) => type === 'child_closed').length;
    const heldBefore = old?.slot?.isHeld && old.slot.turn;
    const heldNow = execution.slot?.isHeld && execution.slot.turn;
    const released = sent.flatMap((message) => (message.type === 'release_slot' ? [message.turn] : []));
    expect(released, '17: a slot is given back with the commit that gives it up').toEqual(
      heldBefore && heldBefore !== heldNow ? [heldBefore] : [],
    );
  }

  /** 3, 4: what a pause took from its worker goes to another one once the worker has let go, or its lease would be over. */
  private checkLetGo(before: Snapshot | undefined, { type }: Command, { execution }: Snapshot): void {
    if (type === 'pause') this.unheard = before?.execution.lease ?? this.unheard;
    if (type === 'release_lease') this.unheard = undefined;
    if (!execution.ready && execution.epoch === (before?.execution.epoch ?? 0)) return;
    if (this.unheard) expect(this.at, '3, 4').toBeGreaterThanOrEqual(this.unheard.expiresAt);
    this.unheard = undefined;
  }

  private checkExecution(): void {
    const execution = this.snapshot?.execution;
    if (!execution) return;
    const { status, lease, ready, cancelRequestedAt, closedAt, parent, outbox, outboxCount } = execution;
    expect(lease !== undefined, 'a lease is held while running, and only then').toBe(status === 'running');
    if (ready) expect(status).toBe('queued');
    this.checkSlot(execution);
    expect(execution.pausedFor !== undefined).toBe(status === 'paused');
    expect(execution.lostInARow ?? 0, 'it is not tried for ever').toBeLessThanOrEqual(
      status === 'paused' ? 5 : 4,
    );
    expect(closedAt !== undefined).toBe(isFinal(status));
    this.cancelAsked ||= cancelRequestedAt !== undefined;
    if (this.cancelAsked) expect(status, '18: cancel is sticky').toBeOneOf(['running', 'cancelled']);
    expect(this.toldParent, '15: the parent is told once').toBe(parent && isFinal(status) ? 1 : 0);
    expect(outbox.at(-1)?.id ?? 0).toBeLessThanOrEqual(outboxCount);
    const asks = outbox.filter(({ type }) => type === 'want_slot');
    if (execution.slot?.isHeld !== false) expect(asks, 'only who waits for a slot asks for one').toEqual([]);
    for (const [key, { arrived }] of Object.entries(execution.waits)) {
      expect(this.steps.get(key)).toMatchObject({ sequence: 0 });
      expect(this.steps.get(key)?.outcome !== undefined).toBe(arrived);
    }
    const pending = [...this.steps.values()].filter(({ sequence }) => sequence === 0).map(({ key }) => key);
    if (!isFinal(status)) expect(Object.keys(execution.waits).sort()).toEqual(pending.sort());
    this.checkWake();
  }

  /** 17: what is ready or runs in a limited queue holds a slot; every slot that was held is given back once. */
  private checkSlot({ isLimited, slot, status, ready }: Execution): void {
    const mayRun = ready || status === 'running';
    if (isLimited && mayRun) expect(slot?.isHeld).toBe(true);
    if (slot?.isHeld) expect(mayRun).toBe(true);
    else if (slot) expect({ status, ready }).toEqual({ status: 'queued', ready: false });
  }

  /** The engine looks again exactly when something is due: not before, and not in vain. */
  private checkWake(): void {
    const { snapshot, at } = this;
    if (!snapshot) return;
    const wakeAt = nextWakeAt(snapshot.execution);
    const { status, ready, waits, slot } = snapshot.execution;
    const endsByItself = Object.values(waits).some(({ arrived, until }) => !arrived && until !== undefined);
    const isTimed = status === 'running' || (status === 'queued' && !ready && !slot) || endsByItself;
    expect(wakeAt !== undefined).toBe(isTimed);
    if (wakeAt === undefined) {
      expect(transition(snapshot, { type: 'wake', at: at + 1e9 }).type).toBe('unchanged');
      return;
    }
    expect(Number.isFinite(wakeAt)).toBe(true);
    const { cancelRequestedAt = Number.POSITIVE_INFINITY } = snapshot.execution;
    expect(wakeAt, '18: and has its effect within 60 s').toBeLessThanOrEqual(cancelRequestedAt + 60_000);
    if (wakeAt > at) expect(transition(snapshot, { type: 'wake', at: wakeAt - 1 }).type).toBe('unchanged');
    expect(transition(snapshot, { type: 'wake', at: Math.max(at, wakeAt) }).type).toBe('commit');
  }

  /** 7: a completion that is sent again changes nothing. */
  private checkResent(command: CompleteCommand): void {
    this.last = command;
    const again = { ...command, at: this.at + 1, recorded: this.steps };
    expect(transition(this.snapshot, again)).toEqual({ type: 'unchanged' });
    expect(transition(this.snapshot, { ...again, digest: 'other' })).toMatchObject({
      rejection: { type: 'result_conflict' },
    });
  }
}

/** What still changes in a final execution: messages leave it. */
function changedByDelivery({ version, updatedAt, outbox }: Snapshot['execution']) {
  return { version, updatedAt, outbox };
}

function deepFreeze<T>(value: T): T {
  // Bytes cannot be frozen; steps are checked by comparison.
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  if (value instanceof Uint8Array || value instanceof Map) return value;
  Object.freeze(value);
  for (const [name, each] of Object.entries(value)) if (name !== 'recorded') deepFreeze(each);
  return value;
}
