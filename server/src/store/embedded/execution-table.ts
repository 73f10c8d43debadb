import type Database from 'libsql';
import type { Execution } from '../../core/execution.js';
import type { JsonObject } from '../../core/json.js';
import { RecentMap } from '../recent-map.js';
import type { CommitResult, ExecutionWrite, StoredExecution } from '../store.js';
import { assertSameOrigin, type Origin, originOf } from '../write-rules.js';
import {
  bodyCrc,
  type ExecutionRow,
  executionCrc,
  indexedColumns,
  type ReadExecution,
  type RowFacts,
  readExecutionRow,
} from './execution-row.js';
import type { OpenDatabase } from './open-database.js';
import { toColumn } from './sqlite-text.js';
import { type StateRow, StateTable } from './state-table.js';
import { SQL } from './statements.js';
import { type TermTable, termsVersionOf } from './term-table.js';
import { type WaitingTable, waitsForColumn } from './waiting-table.js';

/** Executions whose row need not be read before it is replaced. About 500 bytes each. */
const RECENT_EXECUTIONS = 8_192;

/** A write, with its records as text. */
export interface EncodedWrite {
  readonly write: ExecutionWrite;
  readonly body: string;
  readonly entryBody: string | undefined;
  /** See `assertWellFormed`. */
  readonly lastEvent: number;
}

/**
 * What a transaction tells of each row that it writes or removes, once. Of rows that come and go, the one that had the
 * first checksum has the second now; undefined for none.
 */
export interface Tally {
  /** The `seq` of the next execution that is created. */
  readonly nextSeq: number;
  replaceExecution(before: number | undefined, after: number | undefined): void;
  /** Of the journal. */
  replaceEntry(before: number | undefined, after: number | undefined): void;
  replaceRecord(before: number | undefined, after: number | undefined): void;
  addSchemaWrite(crc: number): void;
  /** Any other row; 0 for one without checksum, or that is removed. */
  addRow(crc: number): void;
}

/** What is known of a row without reading it: no other process writes to the file. */
interface RecentRow {
  readonly seq: number;
  readonly crc: number;
  readonly version: number;
  readonly status: Execution['status'];
  readonly queue: string;
  readonly priority: number;
  readonly readyAt: number;
  readonly closedAt: number | undefined;
  readonly facts: RowFacts;
  readonly origin: Origin;
  /** Bytes of the journal since the state's document; infinite where that was never counted. */
  readonly stateLag: number;
}

/** The tables `execution`, `state` and `journal`, as far as a commit and a load touch them. */
export class ExecutionTable {
  private readonly file: string;
  private readonly waiting: WaitingTable;
  private readonly terms: TermTable;
  private readonly states: StateTable;
  private readonly recent = new RecentMap<RecentRow>(RECENT_EXECUTIONS);
  private readonly insert: Database.Statement;
  private readonly update: Database.Statement;
  private readonly updateWake: Database.Statement;
  private readonly updateAll: Database.Statement;
  private readonly select: Database.Statement;
  private readonly selectWithState: Database.Statement;
  private readonly insertEntry: Database.Statement;

  constructor(
    { database, file }: Pick<OpenDatabase, 'database' | 'file'>,
    { waiting, terms }: { readonly waiting: WaitingTable; readonly terms: TermTable },
  ) {
    this.file = file;
    this.waiting = waiting;
    this.terms = terms;
    this.states = new StateTable(database, file);
    this.insert = database.prepare(SQL.insertExecution);
    this.update = database.prepare(SQL.updateExecution);
    this.updateWake = database.prepare(SQL.updateExecutionWake);
    this.updateAll = database.prepare(SQL.updateExecutionAll);
    this.select = database.prepare(SQL.selectExecution).raw();
    this.selectWithState = database.prepare(SQL.selectExecutionAndState).raw();
    this.insertEntry = database.prepare(SQL.insertEntry);
  }

  /** Writes one version in the current transaction. */
  write(encoded: EncodedWrite, tally: Tally): CommitResult {
    return encoded.write.before ? this.replace(encoded, tally) : this.create(encoded, tally);
  }

  /** Forgets what is known of rows: what a transaction wrote that was then rolled back is not in them. */
  forget(): void {
    this.recent.clear();
  }

  /** Forgets what is known of one row: it is being removed. */
  forgetOne(executionId: string): void {
    this.recent.delete(executionId);
  }

  /** Reads one execution and its state. */
  load(executionId: string): StoredExecution | undefined {
    const row = this.selectWithState.get([toColumn(executionId)]) as StateJoinRow | undefined;
    if (!row) return undefined;
    const { file } = this;
    const read = readExecutionRow(row, file);
    const { seq, facts } = read;
    const state = this.states.read(seq, facts, row.slice(-3) as unknown as StateRow);
    this.remember(read);
    const stored = { execution: read.execution, state };
    return facts.termsVersion === 0 ? stored : { ...stored, terms: this.terms.read(seq, facts.termsVersion) };
  }

  private create(encoded: EncodedWrite, tally: Tally): CommitResult {
    const { write, body, entryBody, lastEvent: newest } = encoded;
    const { execution, state } = write;
    const stateVersion = execution.version;
    const facts = factsOf(write, { lastEvent: newest, stateVersion, stateEvent: 0, termsVersion: 0 });
    const crc = executionCrc(body, facts);
    const { ready, wakeAt, outboxSince, lastEvent, stateEvent, termsVersion, waitsFor } = facts;
    const numbers = [Number(ready), wakeAt, outboxSince, lastEvent, stateVersion, stateEvent, termsVersion];
    const seq = tally.nextSeq;
    const columns = [seq, ...indexedColumns(execution), ...numbers, waitsFor, body, crc];
    const { changes } = this.insert.run(columns);
    if (changes === 0) return 'conflict';

    this.states.insert({ seq, version: stateVersion, state: state as JsonObject }, tally);
    this.finish({ seq, facts, crc, write, entryBody, stateLag: 0 }, tally);
    return 'committed';
  }

  private replace(encoded: EncodedWrite, tally: Tally): CommitResult {
    const { write, body, entryBody, lastEvent: newest } = encoded;
    const { execution } = write;
    const before = this.recent.get(execution.id) ?? this.readRecent(execution.id);
    if (!before || before.version !== write.before?.version) return 'conflict';

    assertSameOrigin(execution, before.origin);
    const { seq } = before;
    const { termsVersion } = before.facts;
    const { stateLag, ...state } = this.states.replace(before, encoded, tally);
    const facts = factsOf(write, { lastEvent: newest, ...state, termsVersion });
    const crc = executionCrc(body, facts);
    this.updateRow({ before, execution, facts, body, crc });
    this.finish({ seq, facts, crc, write, entryBody, before, stateLag }, tally);
    return 'committed';
  }

  /**
   * Touches no index that need not change: that is the larger part of what a commit costs. `get` runs a statement as
   * `run` does, without the 0.7 µs for an object that says how many rows changed; the group counts them once.
   */
  private updateRow(row: {
    readonly before: RecentRow;
    readonly execution: Execution;
    readonly facts: RowFacts;
    readonly body: string;
    readonly crc: number;
  }): void {
    const { before, execution, facts, body, crc } = row;
    const { seq, version: replaced } = before;
    const { status, queue, priority, readyAt, version } = execution;
    const { ready, wakeAt, outboxSince, lastEvent, stateVersion, stateEvent, termsVersion, waitsFor } = facts;
    const always = [version, lastEvent, stateVersion, stateEvent, body, crc];
    if (!isIndexedAlike(before, execution, facts)) {
      const indexed = [wakeAt, status, toColumn(queue), priority, Number(ready), readyAt, outboxSince];
      const found = [waitsFor, termsVersion, execution.closedAt ?? null];
      this.updateAll.get([...always, ...indexed, ...found, seq, replaced]);
    } else if (before.facts.wakeAt !== wakeAt) {
      this.updateWake.get([...always, wakeAt, seq, replaced]);
    } else {
      this.update.get([...always, seq, replaced]);
    }
  }

  private finish(
    written: {
      readonly seq: number;
      readonly facts: RowFacts;
      readonly crc: number;
      readonly write: ExecutionWrite;
      readonly entryBody: string | undefined;
      readonly before?: RecentRow;
      readonly stateLag: number;
    },
    tally: Tally,
  ): void {
    const { seq, facts, crc, write, entryBody, before, stateLag } = written;
    const { execution, terms } = write;
    if (entryBody !== undefined) {
      const entryCrc = bodyCrc(entryBody, seq, facts.lastEvent);
      this.insertEntry.get([seq, facts.lastEvent, entryBody, entryCrc]);
      tally.replaceEntry(undefined, entryCrc);
    }
    tally.replaceExecution(before?.crc, crc);
    const { origin } = before ?? {};
    const after = this.remember({ seq, crc, execution, facts }, { origin, stateLag });
    const waits = before?.facts.waitsFor ?? facts.waitsFor;
    if (waits !== null) this.waiting.move({ id: execution.id, before, after }, tally);
    const replaced = before?.facts.termsVersion ?? 0;
    if (terms) this.terms.write({ seq, execution, terms, replaced }, tally);
  }

  /** As it was counted, if the row is the one that was written last. */
  private lagOf({ id, version }: Execution, { stateEvent }: RowFacts): number {
    if (stateEvent === 0) return 0;
    const recent = this.recent.get(id);
    return recent?.version === version ? recent.stateLag : Number.POSITIVE_INFINITY;
  }

  private read(executionId: string): ReadExecution | undefined {
    const row = this.select.get([toColumn(executionId)]) as ExecutionRow | undefined;
    return row && readExecutionRow(row, this.file);
  }

  private readRecent(executionId: string): RecentRow | undefined {
    const read = this.read(executionId);
    return read && this.remember(read);
  }

  private remember(
    { seq, crc, execution, facts }: ReadExecution,
    known: { readonly origin?: Origin | undefined; readonly stateLag?: number } = {},
  ): RecentRow {
    const { version, status, queue, priority, readyAt, closedAt } = execution;
    const { origin = originOf(execution), stateLag = this.lagOf(execution, facts) } = known;
    const row = { seq, crc, version, status, queue, priority, readyAt, closedAt, facts, origin, stateLag };
    this.recent.set(execution.id, row);
    return row;
  }
}

type StateJoinRow = readonly [...ExecutionRow, ...StateRow];

/** @param kept  what there is in the other tables; the terms as before, if the write has none. */
function factsOf(
  { index, terms, execution }: ExecutionWrite,
  kept: Pick<RowFacts, 'lastEvent' | 'stateVersion' | 'stateEvent' | 'termsVersion'>,
): RowFacts {
  const { ready, wakeAt = null, outboxSince = null } = index;
  const termsVersion = terms ? termsVersionOf(terms, execution) : kept.termsVersion;
  return { ...kept, ready, wakeAt, outboxSince, termsVersion, waitsFor: waitsForColumn(index.waitsFor) };
}

function isIndexedAlike(before: RecentRow, execution: Execution, facts: RowFacts): boolean {
  return (
    before.status === execution.status &&
    before.queue === execution.queue &&
    before.priority === execution.priority &&
    before.readyAt === execution.readyAt &&
    before.closedAt === execution.closedAt &&
    before.facts.ready === facts.ready &&
    before.facts.outboxSince === facts.outboxSince &&
    before.facts.waitsFor === facts.waitsFor &&
    before.facts.termsVersion === facts.termsVersion
  );
}
