import type { ClaimCommand, Command, CreateCommand } from '../core/command.js';
import type { Decision, Effect, Rejection } from '../core/decision.js';
import { type Execution, isFinal, nextWakeAt, waitsFor } from '../core/execution.js';
import type { JournalEntry } from '../core/journal.js';
import { type IndexedField, type SearchTerm, searchTerms } from '../core/search-term.js';
import { transition } from '../core/transition.js';
import { InOrder } from '../store/in-order.js';
import { type CommitResult, type ExecutionIndex, type Store, StoreFault } from '../store/store.js';
import { EngineError } from './errors.js';
import {
  advance,
  type Loaded,
  loadedAtCreation,
  loadedFromStore,
  setTerms,
  type TermsSource,
} from './loaded.js';

/** A worker's promise to take one execution. Exactly one of its two methods is called, once. */
export interface Reservation {
  readonly claim: ClaimCommand;
  /** The lease is committed. */
  deliver(loaded: Loaded): void;
  /** It did not come to that, or only to a wait for a slot. */
  release(): void;
}

/** What the rest of the engine does about commits. */
export interface ExecutionHooks {
  /** Finds a worker that waits for an execution like this one. */
  reserve(execution: Execution): Reservation | undefined;
  /** The fields of its state by which an execution of this workflow is found. The same array until they change. */
  indexedFields(execution: Execution): readonly IndexedField[];
  /** Called after each commit, in order for each execution. */
  committed(commit: Committed): void;
  /** The store failed: the commit may have happened or not. */
  uncertain(attempted: Attempted): void;
}

/** One commit of which nobody knows whether it happened. */
export interface Attempted {
  readonly before: Execution | undefined;
  readonly attempted: Execution;
}

/** One commit, after the fact. */
export interface Committed {
  readonly before: Execution | undefined;
  readonly loaded: Loaded;
  readonly entry: JournalEntry | undefined;
  readonly effects: readonly Effect[];
}

/** A decision to commit, with the worker that waits for what it makes ready. */
type Commitment = Extract<Decision, { type: 'commit' }> & { readonly reservation?: Reservation };

/** What a command came to. */
export interface Submitted {
  readonly loaded: Loaded;
  readonly changed: boolean;
}

/** Conflicts in a row after which something else is wrong. Another server can win a few times, not for ever. */
const CONFLICTS_MAX = 50;

/**
 * The one way in which executions change: load, decide, commit, and again from the start if somebody else was faster.
 * Commands to one execution are carried out one after the other; to different ones, at once.
 */
export class Executions {
  private readonly store: Store;
  private readonly hooks: ExecutionHooks;
  private readonly cacheBytesMax: number;
  private readonly cache = new Map<string, Loaded>();
  private cacheBytes = 0;
  /** Those in the cache to which somebody else has committed since. */
  private readonly outdated = new Set<string>();
  private readonly turns = new InOrder();

  /** @param cacheBytesMax  bytes of executions kept in memory; those in use do not count against it. */
  constructor(store: Store, cacheBytesMax: number, hooks: ExecutionHooks) {
    this.store = store;
    this.cacheBytesMax = cacheBytesMax;
    this.hooks = hooks;
  }

  /** Creates an execution. `id_taken` leaves everything as it was. */
  create(command: CreateCommand): Promise<'created' | 'id_taken'> {
    // In turn, because others may know the id before the store has answered.
    return this.turns.run(command.request.id, () => this.carryOutCreation(command));
  }

  private async carryOutCreation(command: CreateCommand): Promise<'created' | 'id_taken'> {
    const decided = this.decide(undefined, command);
    if (decided.type !== 'commit') throw new Error(`a new execution cannot be ${decided.type}`);
    const { next, entry, effects, reservation } = decided;
    if (!entry) throw new Error('a new execution has a first entry');
    const loaded = loadedAtCreation(next.execution, next.state, entry);
    if ((await this.commit(undefined, loaded, decided)) === 'conflict') return 'id_taken';
    this.remember(loaded);
    this.after({ before: undefined, loaded, entry, effects }, reservation);
    return 'created';
  }

  /**
   * Carries out a command. `build` is given the execution as it is now, and called again after a conflict.
   * @throws EngineError if the execution is unknown or the command is refused.
   */
  submit(
    executionId: string,
    build: (loaded: Loaded) => Command | Promise<Command>,
    reservation?: Reservation,
  ): Promise<Submitted> {
    return this.turns.run(executionId, () => this.carryOut(executionId, build, reservation));
  }

  /** The execution as it is after all commands so far, for `read` alone: this server commits nothing to it meanwhile. */
  read<T>(executionId: string, read: (loaded: Loaded) => T | Promise<T>): Promise<T> {
    return this.turns.run(executionId, async () => read(await this.loadCurrent(executionId)));
  }

  /** An execution as it is kept here; missing if it is not. On a shared store it may be outdated. */
  peek(executionId: string): Execution | undefined {
    return this.cache.get(executionId)?.execution;
  }

  /** Another server committed to an execution: what is kept of it here is outdated, and the next to ask reads the rest. */
  changedElsewhere(executionId: string): void {
    if (this.cache.has(executionId)) this.outdated.add(executionId);
  }

  private async carryOut(
    executionId: string,
    build: (loaded: Loaded) => Command | Promise<Command>,
    given: Reservation | undefined,
  ): Promise<Submitted> {
    let mayBeOutdated = this.store.isShared;
    for (let conflicts = 0; conflicts < CONFLICTS_MAX; conflicts++) {
      const isKept = this.kept(executionId) !== undefined;
      const loaded = mayBeOutdated ? await this.load(executionId) : await this.loadCurrent(executionId);
      const before = loaded.execution;
      const decided = this.decide(loaded, await build(loaded), given === undefined);
      if (decided.type !== 'commit' && mayBeOutdated && isKept) {
        // A commit would prove that the decision is against what is there. A refusal has to look.
        mayBeOutdated = false;
        continue;
      }
      if (decided.type === 'rejected') throw refused(executionId, decided.rejection);
      if (decided.type === 'unchanged') return { loaded, changed: false };
      const reservation = given ?? decided.reservation;
      const { next, entry, effects } = decided;
      if ((await this.commit(before, loaded, decided)) === 'committed') {
        advance(loaded, next.execution, next.state, entry);
        this.after({ before, loaded, entry, effects }, reservation);
        return { loaded, changed: true };
      }
      this.changedElsewhere(executionId);
    }
    throw new StoreFault(
      `execution ${executionId} changed ${CONFLICTS_MAX} times while it was being changed`,
      {
        retryable: true,
      },
    );
  }

  /** Decides, and once more with the worker that waits for what became ready. */
  private decide(
    loaded: Loaded | undefined,
    command: Command,
    mayOffer = true,
  ): Commitment | Exclude<Decision, { type: 'commit' }> {
    const decision = transition(loaded, command);
    if (decision.type !== 'commit' || !mayOffer || !decision.next.execution.ready) return decision;
    const reservation = this.hooks.reserve(decision.next.execution);
    if (!reservation) return decision;
    const offered = transition(loaded, command, reservation.claim);
    return offered.type === 'commit' ? { ...offered, reservation } : offered;
  }

  private async commit(
    before: Execution | undefined,
    loaded: Loaded,
    { next, entry, reservation }: Commitment,
  ): Promise<CommitResult> {
    const stateChanged = !before || before.stateRevision !== next.execution.stateRevision;
    const termsOf = { state: next.state, fields: this.hooks.indexedFields(next.execution) };
    const terms = changedTerms(loaded, next.execution, termsOf);
    try {
      const result = await this.store.commit({
        before,
        execution: next.execution,
        ...(stateChanged && { state: next.state.value }),
        ...(entry && { entry }),
        ...(terms && { terms }),
        index: indexOf(next.execution),
      });
      if (result !== 'committed') reservation?.release();
      else setTerms(loaded, terms ?? loaded.terms, termsOf);
      return result;
    } catch (error) {
      // Whether it happened is unknown: the next command reads it anew.
      this.forget(loaded.execution.id);
      reservation?.release();
      this.hooks.uncertain({ before, attempted: next.execution });
      throw error;
    }
  }

  private after(commit: Committed, reservation: Reservation | undefined): void {
    const { execution } = commit.loaded;
    if (isOver(execution)) this.forget(execution.id);
    else this.account(commit.loaded);
    this.hooks.committed(commit);
    // A claim may end in a wait for a slot instead of a lease.
    if (reservation && execution.lease?.token === reservation.claim.token) reservation.deliver(commit.loaded);
    else reservation?.release();
  }

  private async load(executionId: string): Promise<Loaded> {
    const kept = this.kept(executionId);
    if (kept) {
      this.cache.delete(executionId);
      this.cache.set(executionId, kept);
      return kept;
    }
    return this.loadFromStore(executionId);
  }

  /** What is kept of an execution, unless it is known to be outdated. */
  private kept(executionId: string): Loaded | undefined {
    return this.outdated.has(executionId) ? undefined : this.cache.get(executionId);
  }

  /** As `load`, but if others write to the store, too, what is kept counts only if the store still has that version. */
  private async loadCurrent(executionId: string): Promise<Loaded> {
    const kept = this.store.isShared ? this.kept(executionId) : undefined;
    if (!kept) return this.load(executionId);
    const stored = await this.loadFromStore(executionId);
    if (stored.execution.version !== kept.execution.version) return stored;
    this.forget(executionId);
    this.remember(kept);
    return kept;
  }

  private async loadFromStore(executionId: string): Promise<Loaded> {
    const stored = await this.store.load(executionId);
    if (!stored) throw new EngineError({ type: 'not_found', resource: 'execution', id: executionId });
    const { execution, state, terms = [] } = stored;
    const document = { value: state, bytes: execution.stateBytes };
    const loaded = loadedFromStore(execution, document, this.cache.get(executionId));
    setTerms(loaded, terms);
    this.forget(executionId);
    if (!isOver(execution)) this.remember(loaded);
    return loaded;
  }

  private remember(loaded: Loaded): void {
    this.cache.set(loaded.execution.id, loaded);
    this.account(loaded);
  }

  /** Counts what an execution takes by now, and makes room. */
  private account(loaded: Loaded): void {
    if (this.cache.get(loaded.execution.id) !== loaded) return;
    this.cacheBytes += loaded.cost - loaded.counted;
    loaded.counted = loaded.cost;
    this.trim();
  }

  private forget(executionId: string): void {
    const loaded = this.cache.get(executionId);
    if (!loaded) return;
    this.cache.delete(executionId);
    this.outdated.delete(executionId);
    this.cacheBytes -= loaded.counted;
    loaded.counted = 0;
  }

  /** Drops what was used longest ago. What is in use can be dropped, too: its user holds it, and others load it. */
  private trim(): void {
    for (const executionId of this.cache.keys()) {
      if (this.cacheBytes <= this.cacheBytesMax) return;
      if (!this.turns.has(executionId)) this.forget(executionId);
    }
  }
}

/** Whether no command is to be expected any more. One that has messages to deliver is needed twice for that. */
function isOver({ status, outbox }: Execution): boolean {
  return isFinal(status) && outbox.length === 0;
}

/** The terms of an execution's next version; undefined if they stay as they are. */
function changedTerms(
  { terms, termsOf: last }: Loaded,
  execution: Execution,
  { state, fields }: TermsSource,
): readonly SearchTerm[] | undefined {
  if (last?.state === state && last.fields === fields) return undefined;
  const next = searchTerms(execution, state.value, fields);
  const isSame = next.length === terms.length && next.every((term, index) => term === terms[index]);
  return isSame ? undefined : next;
}

/** What the store's indexes hold of an execution. */
function indexOf(execution: Execution): ExecutionIndex {
  const wakeAt = nextWakeAt(execution);
  const names = waitsFor(execution);
  return {
    ready: execution.ready,
    ...(wakeAt !== undefined && { wakeAt }),
    ...(execution.outbox.length > 0 && { outboxSince: execution.updatedAt }),
    ...(names.length > 0 && { waitsFor: names }),
  };
}

function refused(executionId: string, rejection: Rejection): EngineError {
  return new EngineError({ type: 'rejected', executionId, rejection });
}
