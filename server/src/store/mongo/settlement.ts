import { setTimeout as delay } from 'node:timers/promises';
import type { ClientSession } from 'mongodb';
import { StoreFault } from '../store.js';
import type { CommitOutcome } from './commit-groups.js';
import type { CommitOperation } from './commit-operation.js';
import type { Attempt, CommitWriter } from './commit-writer.js';
import { type Connection, QUERY_MS_MAX } from './connection.js';
import { type CommitToken, type EntryDocument, isSameToken } from './entry-document.js';
import { isPassing, toFault, withoutPassword } from './faults.js';
import type { Journal } from './journal.js';

/** How long to find out what became of a commit. An election takes about 12 s. */
const SETTLING_MS = 20_000;

const FIRST_PAUSE_MS = 20;
const PAUSE_MS_MAX = 1_000;

/** What is there of an execution, as far as it tells of a commit. */
interface Trace {
  readonly _id: string;
  readonly version: number;
  readonly commit: CommitToken;
  readonly tail: readonly Pick<EntryDocument, 'firstEvent' | 'commit'>[];
}

/** What the trace of a commit says; `absent`: it did not happen, and still may. */
type Verdict = CommitOutcome | 'absent';

/** A group of commits with what is certain of them so far. */
export interface UnsettledGroup {
  readonly operations: readonly CommitOperation[];
  readonly attempts: readonly Attempt[];
  /** When they were asked for first, by `performance.now()`. */
  readonly since: number;
}

/**
 * Finds out what became of commits that MongoDB gave no answer for: the connection broke, the primary changed, no majority
 * confirmed. Each is looked for by its token, and asked for again where the execution is still at the version that it
 * replaces; the version lets it happen once, however often it is asked for. Whatever is read was confirmed by a majority,
 * and stays.
 */
export class Settlement {
  private readonly connection: Connection;
  private readonly journal: Journal;
  private readonly writer: CommitWriter;

  constructor(connection: Connection, journal: Journal, writer: CommitWriter) {
    this.connection = connection;
    this.journal = journal;
    this.writer = writer;
  }

  /** Settles what is unknown, or says in a fault that it still is. */
  async settle(group: UnsettledGroup, session: ClientSession): Promise<readonly CommitOutcome[]> {
    const settled = new Map<CommitOperation, CommitOutcome>();
    for (const [index, operation] of group.operations.entries()) {
      const attempt = group.attempts[index];
      if (attempt !== undefined && attempt !== 'unknown') settled.set(operation, attempt);
    }
    let cause: unknown;
    let pauseMs = FIRST_PAUSE_MS;
    while (settled.size < group.operations.length && performance.now() < group.since + SETTLING_MS) {
      const open = group.operations.filter((operation) => !settled.has(operation));
      try {
        await this.settleSome(open, settled, session);
      } catch (error) {
        cause = error;
        if (!isPassing(error)) break;
      }
      if (settled.size === group.operations.length) break;
      await delay(pauseMs);
      pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX);
    }
    return group.operations.map((operation) => settled.get(operation) ?? unsettled(operation, cause));
  }

  private async settleSome(
    open: readonly CommitOperation[],
    settled: Map<CommitOperation, CommitOutcome>,
    session: ClientSession,
  ): Promise<void> {
    const traces = await this.tracesOf(open, session);
    const absent: CommitOperation[] = [];
    for (const operation of open) {
      const verdict = await this.judge(operation, traces.get(operation.id), session);
      if (verdict === 'absent') absent.push(operation);
      else settled.set(operation, verdict);
    }
    for (const [operation, attempt] of await this.writeAgain(absent, session)) {
      // A conflict may be one with itself: the trace will tell.
      if (attempt !== 'unknown' && attempt !== 'conflict') settled.set(operation, attempt);
    }
  }

  private async tracesOf(
    operations: readonly CommitOperation[],
    session: ClientSession,
  ): Promise<ReadonlyMap<string, Trace>> {
    const projection = { version: 1, commit: 1, 'tail.firstEvent': 1, 'tail.commit': 1 };
    const found = await this.connection.executions
      .find<Trace>(
        { _id: { $in: operations.map(({ id }) => id) } },
        { projection, session, maxTimeMS: QUERY_MS_MAX },
      )
      .toArray();
    return new Map(found.map((trace) => [trace._id, trace]));
  }

  private async judge(
    { id, replaces, token, firstEvent }: CommitOperation,
    trace: Trace | undefined,
    session: ClientSession,
  ): Promise<Verdict> {
    if (!trace) return replaces === 0 ? 'absent' : overtaken(id, 'it is gone');
    if (isSameToken(trace.commit, token)) return 'committed';
    if (trace.version <= replaces) return 'absent';
    if (trace.version === replaces + 1) return 'conflict';
    if (firstEvent === undefined) return overtaken(id, 'others committed to it');
    const [oldest] = trace.tail;
    const commit =
      oldest && oldest.firstEvent <= firstEvent
        ? trace.tail.find((entry) => entry.firstEvent === firstEvent)?.commit
        : await this.journal.commitOf(id, firstEvent, session);
    return isSameToken(commit, token) ? 'committed' : 'conflict';
  }

  /** What is wrong with one of several must not fail the others: then each is written alone. */
  private async writeAgain(
    operations: readonly CommitOperation[],
    session: ClientSession,
  ): Promise<readonly (readonly [CommitOperation, Attempt])[]> {
    if (operations.length === 0) return [];
    try {
      const attempts = await this.writer.write(operations, session);
      return operations.map((operation, index) => [operation, attempts[index] ?? 'unknown']);
    } catch (error) {
      const [only] = operations;
      if (!only || isPassing(error)) throw error;
      if (operations.length === 1) return [[only, asFault(only, error)]];
    }
    const attempts: (readonly [CommitOperation, Attempt])[] = [];
    for (const operation of operations) attempts.push(...(await this.writeAgain([operation], session)));
    return attempts;
  }
}

function asFault({ id }: CommitOperation, error: unknown): StoreFault {
  const fault = toFault(`commit ${id}`, error);
  if (!(fault instanceof StoreFault)) throw fault;
  return fault;
}

function overtaken(id: string, how: string): StoreFault {
  const message = `commit ${id}: the answer was lost, and whether it happened cannot be told any more because ${how}`;
  return new StoreFault(message, { retryable: true });
}

function unsettled({ id }: CommitOperation, cause: unknown): StoreFault {
  const why = cause instanceof Error ? withoutPassword(cause.message) : 'there was no answer';
  const message = `commit ${id}: whether it happened could not be found out in ${SETTLING_MS / 1000} s (${why})`;
  return new StoreFault(message, { retryable: cause === undefined || isPassing(cause), cause });
}
