import type Database from 'libsql';
import type { Removal } from '../store.js';
import type { ExecutionTable, Tally } from './execution-table.js';
import type { RecordTable } from './record-table.js';
import { textOf, toColumn } from './sqlite-text.js';
import { SQL } from './statements.js';
import type { TermTable } from './term-table.js';
import type { WaitingTable } from './waiting-table.js';

/**
 * What one transaction removes at most, in rows of about the cost of a journal entry. It holds up the event loop for that
 * long: docs/decisions/0001-embedded-store-layout.md has figures.
 */
const ROWS_MAX = 250;

/** An execution's own row is in twelve indexes, and its state goes with it. */
const ROWS_OF_EXECUTION = 16;

/** A larger body has pages of its own, each of which is given back. */
const BYTES_PER_ROW = 4_096;

/** The tables that a removal touches. */
export interface RemovalTables {
  readonly executions: ExecutionTable;
  readonly waiting: WaitingTable;
  readonly terms: TermTable;
  readonly records: RecordTable;
}

/** An execution's row, as far as its removal has to know it. */
interface RemovableRow {
  readonly seq: number;
  readonly crc: number;
  readonly version: number;
  readonly createdAt: number;
  readonly termsVersion: number;
  readonly priority: number;
  readonly readyAt: number;
  readonly waitsFor: string | null;
}

/** Removes closed executions: all that any table has of them. A table that is added later is emptied in `removeRow`. */
export class ExecutionRemoval {
  private readonly tables: RemovalTables;
  private readonly select: Database.Statement;
  private readonly selectEntries: Database.Statement;
  private readonly deleteEntries: Database.Statement;
  private readonly deleteState: Database.Statement;
  private readonly deleteExecution: Database.Statement;

  constructor(database: Database.Database, tables: RemovalTables) {
    this.tables = tables;
    this.select = database.prepare(SQL.selectRemovable).raw();
    this.selectEntries = database.prepare(SQL.selectOldestEntries).raw();
    this.deleteEntries = database.prepare(SQL.deleteEntries);
    this.deleteState = database.prepare(SQL.deleteState);
    this.deleteExecution = database.prepare(SQL.deleteExecution);
  }

  /**
   * Removes what fits the current transaction: whole executions, and of one that is too long for it what is oldest.
   * @returns how many of the executions are gone by now, from the first on.
   */
  removeSome(removals: readonly Removal[], tally: Tally): number {
    let room = ROWS_MAX;
    for (const [index, removal] of removals.entries()) {
      room -= this.removeOne(removal, room, tally);
      if (room <= 0) return index;
    }
    return removals.length;
  }

  /** @returns how much was removed, in rows; at least `room` if that was not all. */
  private removeOne({ executionId, groups }: Removal, room: number, tally: Tally): number {
    const row = this.rowOf(executionId);
    if (!row) return 1;
    let rows = this.removeEntries(row.seq, room, tally);
    for (const group of groups) {
      if (rows < room)
        rows += this.tables.records.removeOldest(group, (bytes) => costOf(bytes), room - rows, tally);
    }
    if (rows >= room) return rows;
    this.removeRow(executionId, row, tally);
    return rows + ROWS_OF_EXECUTION;
  }

  private removeEntries(seq: number, room: number, tally: Tally): number {
    const entries = this.selectEntries.all([seq, room]) as [number, number, number][];
    let rows = 0;
    let upTo: number | undefined;
    for (const [lastEvent, bytes, crc] of entries) {
      if (rows >= room) break;
      rows += costOf(bytes);
      upTo = lastEvent;
      tally.replaceEntry(crc, undefined);
    }
    if (upTo !== undefined) this.deleteEntries.get([seq, upTo]);
    return rows;
  }

  private removeRow(executionId: string, row: RemovableRow, tally: Tally): void {
    const { seq, crc, version, createdAt, termsVersion, priority, readyAt, waitsFor } = row;
    const execution = { id: executionId, createdAt, version };
    if (termsVersion !== 0)
      this.tables.terms.write({ seq, execution, terms: [], replaced: termsVersion }, tally);
    const place = { priority, readyAt };
    const before = { ...place, facts: { waitsFor } };
    this.tables.waiting.move(
      { id: executionId, before, after: { ...place, facts: { waitsFor: null } } },
      tally,
    );
    this.deleteState.get([seq]);
    tally.addRow(0);
    this.deleteExecution.get([seq]);
    tally.replaceExecution(crc, undefined);
    this.tables.executions.forgetOne(executionId);
  }

  private rowOf(executionId: string): RemovableRow | undefined {
    const found = this.select.get([toColumn(executionId)]) as
      | [...numbers: [number, number, number, number, number, number, number], ArrayBuffer | null]
      | undefined;
    if (!found) return undefined;
    const [seq, crc, version, createdAt, priority, readyAt, termsVersion, keys] = found;
    const waitsFor = keys && textOf(keys);
    return { seq, crc, version, createdAt, priority, readyAt, termsVersion, waitsFor };
  }
}

function costOf(bytes: number): number {
  return 1 + Math.floor(bytes / BYTES_PER_ROW);
}
