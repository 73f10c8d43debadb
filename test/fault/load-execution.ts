import { setTimeout as wait } from 'node:timers/promises';
import {
  type ExecutionEvent,
  NotFoundError,
  type PolosClient,
  PolosError,
  UnavailableError,
} from '@polos/sdk';
import type { LoadJournal } from './load-journal.js';

/** Every so often one has a child. */
const CHILD_EVERY = 8;
/** Every so often one is invoked over two connections at once. */
const TWICE_EVERY = 4;
/** How soon a child is looked for again that its parent has told of, and that is not there yet. */
const CHILD_PAUSE_MS = 50;

/** Every so often one has a large state, of which its steps change a little: a store may keep that apart. */
const LARGE_EVERY = 2;
const NOTE_CHARACTERS = 9_000;

/** What load_parent returns. */
export interface LoadResult {
  readonly number: number;
  /** What the steps returned; after the fourth, for one with a child, the child's number and its two. */
  readonly values: readonly string[];
}

/** A stream of events that was followed live. */
export interface FollowedEvents {
  readonly executionId: string;
  readonly events: ExecutionEvent[];
  /** When each of them was seen, in milliseconds since 1970. */
  readonly seenAt: number[];
}

/** What an execution of the load needs. */
export interface LoadExecutionParts {
  /** The one that follows it; the other one invokes it, too, where it is invoked twice. */
  readonly clients: readonly [PolosClient, PolosClient];
  readonly journal: LoadJournal;
  /** Called at every sign of life: an answer, an event. */
  readonly noteSign: () => void;
  /** Ends the waiting for what does not come. */
  readonly signal: AbortSignal;
}

/** One execution of the load, as a client sees it: invoked, followed to its end, its result read. */
export class LoadExecution {
  readonly number: number;
  readonly hasChild: boolean;
  /** In its state, and never changed. */
  readonly note: string;
  /** Its own events, and those of its child. */
  readonly followed: FollowedEvents[] = [];
  id: string | undefined;
  result: LoadResult | undefined;
  finishedAt: number | undefined;
  /** How often the SDK gave up invoking it, so that it was invoked again under its key. */
  invokedAgain = 0;
  /** The longest time between two signs of life of it, in milliseconds. */
  longestPauseMs = 0;
  readonly #parts: LoadExecutionParts;
  readonly #begunAt = Date.now();
  #signAt = performance.now();

  constructor(number: number, parts: LoadExecutionParts) {
    this.number = number;
    this.hasChild = number % CHILD_EVERY === 0;
    this.note = number % LARGE_EVERY === 0 ? 'x'.repeat(NOTE_CHARACTERS) : '';
    this.#parts = parts;
  }

  /** Resolves once its result is there. Rejects with what a client must not see. */
  async run(): Promise<void> {
    const [client, other] = this.#parts.clients;
    const callers = this.number % TWICE_EVERY === 0 ? [client, other] : [client];
    const [id, ...others] = await Promise.all(callers.map((caller) => this.#invoke(caller)));
    this.id = id!;
    for (const another of others) {
      if (another !== id) throw new Error(`one idempotency key, two executions: ${id} and ${another}`);
    }
    await this.#follow(client, this.id);
    this.result = await client.getHandle<LoadResult>(this.id).getResult();
    this.#noteSign();
    this.finishedAt = performance.now();
  }

  /** Where it is, for the message about one that does not end. */
  describe(): string {
    const seen = this.followed.map(({ executionId, events }) => {
      const last = events.at(-1);
      return `${executionId} up to event ${last?.sequence ?? 0} ${last?.type ?? ''} ${last?.stepKey ?? ''}`;
    });
    return `number ${this.number}: ${seen.join(', ') || 'not invoked'}`;
  }

  /** When each event happened and when it was seen, in seconds since the invocation, for the message about a slow one. */
  timeline(): string {
    const since = (ms: number) => ((ms - this.#begunAt) / 1_000).toFixed(1);
    const lines = this.followed.flatMap(({ executionId, events, seenAt }) => [
      `${executionId} (number ${this.number})`,
      ...events.map(({ sequence, type, stepKey = '', createdAt }, index) => {
        const at = `at ${since(createdAt?.getTime() ?? 0)} s, seen at ${since(seenAt[index]!)} s`;
        return `  ${sequence} ${type} ${stepKey} ${at}`;
      }),
    ]);
    return lines.join('\n');
  }

  async #invoke(client: PolosClient): Promise<string> {
    const { number, hasChild, note } = this;
    const options = { idempotencyKey: `load-${number}`, initialState: { note } };
    for (;;) {
      try {
        const { id } = await client.invoke('load_parent', { number, hasChild }, options);
        this.#noteSign();
        return id;
      } catch (error) {
        if (!isTrouble(error) || this.#parts.signal.aborted) throw error;
        this.invokedAgain += 1;
      }
    }
  }

  /** Reads the events to the end, and those of the child that they tell of. */
  async #follow(client: PolosClient, executionId: string): Promise<void> {
    const { journal, signal } = this.#parts;
    const followed: FollowedEvents = { executionId, events: [], seenAt: [] };
    this.followed.push(followed);
    const children: Promise<void>[] = [];
    for await (const event of client.getHandle(executionId).events({ signal })) {
      this.#noteSign();
      followed.events.push(event);
      followed.seenAt.push(Date.now());
      if (event.type === 'step_finish') journal.noteAcked(executionId, event.stepKey!);
      if (event.type === 'child_start') {
        const child = this.#followChild(client, childOf(event));
        // Awaited below; it may fail before that.
        child.catch(() => {});
        children.push(child);
      }
    }
    await Promise.all(children);
    if (signal.aborted) throw new Error('it does not end');
  }

  /** A child is made soon after its parent has committed that there is to be one. */
  async #followChild(client: PolosClient, executionId: string): Promise<void> {
    const { signal } = this.#parts;
    while (!(await exists(client, executionId)) && !signal.aborted) await wait(CHILD_PAUSE_MS);
    await this.#follow(client, executionId);
  }

  #noteSign(): void {
    const now = performance.now();
    this.longestPauseMs = Math.max(this.longestPauseMs, now - this.#signAt);
    this.#signAt = now;
    this.#parts.noteSign();
  }
}

async function exists(client: PolosClient, executionId: string): Promise<boolean> {
  try {
    await client.getExecution(executionId);
    return true;
  } catch (error) {
    if (error instanceof NotFoundError || isTrouble(error)) return false;
    throw error;
  }
}

/** What the SDK throws when it has waited long enough for a server, or for a server's answer. */
function isTrouble(error: unknown): boolean {
  const isLate = error instanceof PolosError && 'status' in error && error.status === 'DEADLINE_EXCEEDED';
  return isLate || error instanceof UnavailableError;
}

function childOf({ data }: ExecutionEvent): string {
  return (data as { readonly childExecutionId: string }).childExecutionId;
}
