import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { applyPatch, type PatchOperation } from '../../server/src/core/state-document.js';
import { openMongoStore } from '../../server/src/store/mongo/mongo-store.js';
import {
  type ExecutionWrite,
  type Store,
  type StoredExecution,
  StoreFault,
} from '../../server/src/store/store.js';
import { ReplicaSet } from '../mongodb/replica-set.js';
import { withMongod } from '../mongodb/shared.js';
import { entry, execution as firstExecution, next } from './samples.js';

const WRITERS = 24;
const EXECUTIONS = 16;
/** How long writers have the new primary, or none, to themselves. */
const AFTERWARDS_MS = 1_500;

/** A commit, and what its writer was told of it. */
interface Outcome {
  readonly id: string;
  readonly version: number;
  /** What its entry holds, and no other; missing if it had none. */
  readonly mark: string | undefined;
  readonly result: 'committed' | 'conflict' | 'unknown';
}

withMongod(() => {
  let set: ReplicaSet;
  let stores: readonly Store[];

  beforeAll(async () => {
    set = await ReplicaSet.start({ members: 3, electionTimeoutMs: 2_000, proxied: true });
    stores = await Promise.all([1, 2].map(() => openMongoStore({ url: set.url, database: 'failover' })));
  }, 60_000);
  afterAll(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await set.stop();
  });

  /** Commits to one execution after another, until it is told to stop. */
  async function write(writer: number, outcomes: Outcome[], signal: AbortSignal): Promise<void> {
    const store = stores[writer % stores.length]!;
    for (let n = 0; !signal.aborted; n++) {
      const id = `e${(writer * 7 + n) % EXECUTIONS}`;
      const loaded = await store.load(id).catch(passOnUnlessPassing);
      if (loaded === 'unknown') continue;
      const before = loaded?.execution;
      const mark = before && n % 5 === 0 ? undefined : `${writer}-${n}`;
      const commit = nextOf(id, loaded, mark);
      const result = await store.commit(commit).catch(passOnUnlessPassing);
      outcomes.push({ id, version: commit.execution.version, mark, result });
    }
  }

  /** Each way of losing the primary; the writers go on all the while. */
  async function loseThePrimary(): Promise<void> {
    await set.stepDown();
    await delay(AFTERWARDS_MS);

    const killed = await set.primary();
    await killed.kill();
    await set.primary({ otherThan: killed });
    await delay(AFTERWARDS_MS);
    await killed.restart();
    await set.settled();

    const paused = await set.primary();
    paused.pause();
    await set.primary({ otherThan: paused });
    await delay(AFTERWARDS_MS);
    paused.resume();
    await set.settled();

    const deposed = await set.primary();
    set.isolate(deposed, { by: 'freeze', keepClients: true });
    await set.primary({ otherThan: deposed });
    await delay(AFTERWARDS_MS);
    set.heal();
    await set.settled();

    const cut = await set.primary();
    set.isolate(cut);
    await set.primary({ otherThan: cut });
    await delay(AFTERWARDS_MS);
    set.heal();
    await set.settled();
  }

  test('what writers are told is what is there in the end, however the primary is lost', async () => {
    const outcomes: Outcome[] = [];
    const over = new AbortController();
    const writing = Array.from({ length: WRITERS }, (_, writer) => write(writer, outcomes, over.signal));
    const lost = loseThePrimary().finally(() => over.abort());
    await Promise.all([lost, ...writing]);

    for (let n = 0; n < EXECUTIONS; n++) {
      const id = `e${n}`;
      const { execution: stored, state } = (await stores[n % stores.length]!.load(id))!;
      const journal = await stores[0]!.journal(id, { afterEvent: 0, entries: 1e6, bytes: 1e9 });
      expect(journal.map(({ firstEvent }) => firstEvent)).toEqual(journal.map((_, index) => index + 1));
      expect(journal).toHaveLength(stored.eventCount);
      const marks = journal.map(({ result }) => result && 'json' in result && JSON.parse(result.json));
      expect(state).toEqual({ ...FIRST_STATE, marks });
      const mine = outcomes.filter((outcome) => outcome.id === id);
      const committed = mine.filter(({ result }) => result === 'committed');
      expect(new Set(committed.map(({ version }) => version)).size).toBe(committed.length);
      expect(stored.version).toBeGreaterThanOrEqual(committed.length);
      for (const { mark, result } of mine) {
        const count = marks.filter((found) => found === mark).length;
        if (mark !== undefined && result === 'committed') expect(count).toBe(1);
        if (result === 'conflict') expect(count).toBe(0);
        expect(count).toBeLessThanOrEqual(1);
      }
    }
    expect(outcomes.filter(({ result }) => result === 'committed').length).toBeGreaterThan(100);
  }, 180_000);
});

/** Large, so that it is in a document of its own and written anew after some 30 commits; each mark is added to it. */
const FIRST_STATE = { text: 'x'.repeat(9_000), marks: [] as string[] };
const FIRST_BYTES = JSON.stringify(FIRST_STATE).length;

function nextOf(id: string, stored: StoredExecution | undefined, mark: string | undefined): ExecutionWrite {
  const before = stored?.execution;
  if (mark === undefined && before) {
    return { before, execution: next(before), index: { ready: false } };
  }
  const patch: readonly PatchOperation[] = [{ op: 'add', path: '/marks/-', value: mark ?? '' }];
  const { value: state, bytes: stateBytes } = patched(stored, patch);
  const eventCount = (before?.eventCount ?? 0) + 1;
  const execution = before
    ? next(before, { eventCount, stateBytes })
    : firstExecution({ id, eventCount, stateBytes });
  const added = entry(eventCount, { result: { json: JSON.stringify(mark ?? '') }, patch });
  return { before, execution, state, entry: added, index: { ready: false } };
}

function patched(stored: StoredExecution | undefined, patch: readonly PatchOperation[]) {
  const { execution: { stateBytes: bytes } = { stateBytes: FIRST_BYTES }, state: value = FIRST_STATE } =
    stored ?? {};
  const changed = applyPatch({ value, bytes }, patch);
  if ('problem' in changed) throw new Error(JSON.stringify(changed.problem));
  return changed.document;
}

function passOnUnlessPassing(error: unknown): 'unknown' {
  if (error instanceof StoreFault && error.retryable) return 'unknown';
  throw error;
}
