import { setTimeout as wait } from 'node:timers/promises';
import {
  type ExecutionEvent,
  type ExecutionHandle,
  NotFoundError,
  type PolosClient,
  PolosError,
  UnavailableError,
} from '@polos/sdk';
import { applyPatch, type StateDocument } from '../../../server/src/core/state-document.js';
import { canonical } from '../canonical-json.js';

/** What one execution left behind: all of it that does not depend on what died. */
export interface Legacy {
  readonly status: string;
  readonly state: string;
  readonly result: string;
  /** In their order, if the workflow has only one. */
  readonly events: readonly string[];
  /** By the key of a step, what the state was with its outcome: of the branch, or all of it if there is only one. */
  readonly states: Readonly<Record<string, string>>;
}

/** Events that say how an execution fared, and not what it did; and those that a commit has in want of others. */
const PASSING = /^(workflow_|worker_lost$|state_change$|step_deliver$)/;

const OUTCOMES = new Set(['step_finish', 'step_fail']);
const RETRY_MS = 50;

/** Follows an execution and what it starts to the end, resumes what is suspended, and ends pauses that nobody asked for. */
export class Followed {
  readonly id: string;
  /** Of all executions of the tree. */
  readonly events: ExecutionEvent[] = [];
  /** When the outcome of a step was first seen, by execution and key. */
  readonly recordedAt = new Map<string, number>();
  readonly #client: PolosClient;
  readonly #signal: AbortSignal;
  readonly #answers: Promise<void>[] = [];

  constructor(client: PolosClient, { id, signal }: { readonly id: string; readonly signal: AbortSignal }) {
    this.#client = client;
    this.#signal = signal;
    this.id = id;
  }

  /** Resolves once the execution is final. @throws Error if the signal comes first. */
  async run(): Promise<void> {
    const options = { descendants: true, signal: this.#signal };
    for await (const event of this.#client.getHandle(this.id).events(options)) {
      this.events.push(event);
      const { type, executionId, stepKey } = event;
      if (OUTCOMES.has(type)) this.recordedAt.set(`${executionId} ${stepKey}`, performance.now());
      const handle = this.#client.getHandle(executionId);
      if (type === 'step_suspend') this.#answer(() => handle.resume(stepKey ?? '', { resumed: [stepKey] }));
      if (type === 'workflow_pause') this.#answer(() => handle.unpause());
    }
    await Promise.all(this.#answers);
    if (this.#signal.aborted) throw new Error(`it does not end: ${this.describe()}`);
  }

  /** Where it is. */
  describe(): string {
    return this.events.map(({ sequence, type, stepKey = '' }) => `${sequence} ${type} ${stepKey}`).join(', ');
  }

  /** How many workers it lost, with its children. */
  get lost(): number {
    return this.events.filter(({ type }) => type === 'worker_lost').length;
  }

  /**
   * What each execution of the tree left behind, by its place in it.
   * @param isSequential  whether what the top one does has one order only.
   * @throws Error if what can be read now is not what was followed, or does not fit together.
   */
  async legacies(isSequential: boolean): Promise<Readonly<Record<string, Legacy>>> {
    const places = new Map([[this.id, 'top']]);
    for (const { type, executionId, stepKey, data } of this.events) {
      if (type !== 'child_start') continue;
      const { childExecutionId } = data as { readonly childExecutionId: string };
      places.set(childExecutionId, `${places.get(executionId)}/${stepKey}`);
    }
    const found: Record<string, Legacy> = {};
    for (const [id, place] of places) {
      const legacy = await this.#legacy(id, id === this.id && !isSequential);
      found[place] = replaceIds(legacy, places);
    }
    return found;
  }

  async #legacy(id: string, hasBranches: boolean): Promise<Legacy> {
    const handle = this.#client.getHandle(id);
    const events = await this.#recorded(handle);
    const documents = await documentsOf(handle);
    const { status, result } = await handle.get();
    const { value: state, revision } = await handle.state();
    if (canonical(documents.get(revision)) !== canonical(state)) {
      throw new Error(`the state of ${id} is not the sum of its revisions`);
    }
    const told = events
      .filter(({ type }) => type === 'workflow_finish' || !PASSING.test(type))
      .map(({ type, stepKey, data }) => `${type} ${stepKey ?? ''} ${canonical(timeless(data))}`);
    return {
      status,
      state: canonical(hasBranches ? { ...state, log: [...(state.log as string[])].sort() } : state),
      result: canonical(result ?? null),
      events: hasBranches ? told.sort() : told,
      states: statesOf(events, documents, hasBranches),
    };
  }

  /** Its events, which must be those that were followed, numbered without a gap, with one outcome for each step at most. */
  async #recorded(handle: ExecutionHandle): Promise<readonly ExecutionEvent[]> {
    const recorded: ExecutionEvent[] = [];
    for await (const event of handle.events({ follow: false })) recorded.push(event);
    const text = (events: readonly ExecutionEvent[]) =>
      events.map(({ sequence, type, stepKey, data }) =>
        canonical([sequence, type, stepKey ?? '', data ?? 0]),
      );
    const followed = this.events.filter(({ executionId }) => executionId === handle.id);
    if (canonical(text(followed)) !== canonical(text(recorded))) {
      throw new Error(`followed ${text(followed)}, recorded ${text(recorded)}`);
    }
    if (recorded.some(({ sequence }, index) => sequence !== index + 1)) {
      throw new Error(`the events of ${handle.id} have gaps: ${text(recorded)}`);
    }
    const keys = recorded.filter(({ type }) => OUTCOMES.has(type)).map(({ stepKey }) => stepKey);
    if (new Set(keys).size !== keys.length) throw new Error(`steps were recorded twice: ${keys}`);
    return recorded;
  }

  #answer(call: () => Promise<void>): void {
    const answer = persistently(call, this.#signal);
    // Awaited when the events are over.
    answer.catch(() => {});
    this.#answers.push(answer);
  }
}

/** Tries again what a server did not answer. */
export async function persistently<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!isTrouble(error) || signal.aborted) throw error;
      await wait(RETRY_MS);
    }
  }
}

/** A child's execution is made soon after its parent's event tells of it. */
function isTrouble(error: unknown): boolean {
  const isLate = error instanceof PolosError && 'status' in error && error.status === 'DEADLINE_EXCEEDED';
  return isLate || error instanceof UnavailableError || error instanceof NotFoundError;
}

async function documentsOf(handle: ExecutionHandle): Promise<ReadonlyMap<number, unknown>> {
  const documents = new Map<number, unknown>();
  let latest: StateDocument = { value: {}, bytes: 2 };
  for await (const { revision, patch } of handle.state.revisions()) {
    const applied = applyPatch(latest, patch);
    if ('problem' in applied) throw new Error(`revision ${revision} of ${handle.id} does not apply`);
    latest = applied.document;
    documents.set(revision, latest.value);
  }
  return documents;
}

function statesOf(
  events: readonly ExecutionEvent[],
  documents: ReadonlyMap<number, unknown>,
  hasBranches: boolean,
): Readonly<Record<string, string>> {
  const states: Record<string, string> = {};
  for (const { type, stepKey = '', stateRevision } of events) {
    if (!OUTCOMES.has(type)) continue;
    const document = documents.get(stateRevision);
    states[stepKey] = canonical(hasBranches ? partOf(document as BranchedState, stepKey) : document);
  }
  return states;
}

/** What came with an event, without the time at which a wait is over. */
function timeless(data: unknown): unknown {
  if (typeof data !== 'object' || data === null || !('until' in data)) return data ?? null;
  return { ...data, until: 'a time' };
}

interface BranchedState {
  readonly own: Readonly<Record<string, unknown>>;
  readonly marks: Readonly<Record<string, unknown>>;
}

/** What the step and its branch did; what other branches have done by then is not determined. */
function partOf({ own, marks }: BranchedState, stepKey: string): unknown {
  const branch = stepKey.slice(0, stepKey.lastIndexOf('.'));
  return [marks[stepKey], own[branch], own[`error ${stepKey}`]].map((each) => each ?? null);
}

function replaceIds(legacy: Legacy, places: ReadonlyMap<string, string>): Legacy {
  let text = JSON.stringify(legacy);
  for (const [id, place] of places) text = text.replaceAll(id, place);
  return JSON.parse(text) as Legacy;
}
