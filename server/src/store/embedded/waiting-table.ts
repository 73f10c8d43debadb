import type Database from 'libsql';
import type { WaitingExecution } from '../store.js';
import type { Tally } from './execution-table.js';
import { fromColumn, toColumn } from './sqlite-text.js';
import { SQL } from './statements.js';

/** What places an execution in the table. */
export interface WaitingPlace extends Omit<WaitingExecution, 'id'> {
  readonly facts: { readonly waitsFor: string | null };
}

/** One execution that moves. */
export interface WaitingMove {
  readonly id: string;
  readonly before: WaitingPlace | undefined;
  readonly after: WaitingPlace;
}

/** Which executions wait for what. */
export class WaitingTable {
  private readonly insert: Database.Statement;
  private readonly remove: Database.Statement;
  private readonly select: Database.Statement;
  private readonly selectAfter: Database.Statement;

  constructor(database: Database.Database) {
    this.insert = database.prepare(SQL.insertWaiting);
    this.remove = database.prepare(SQL.deleteWaiting);
    this.select = database.prepare(SQL.selectWaiting).raw();
    this.selectAfter = database.prepare(SQL.selectWaitingAfter).raw();
  }

  /** Writes where an execution is now, in the current transaction. Touches no row that stays as it is. */
  move({ id, before, after }: WaitingMove, tally: Tally): void {
    const isThere = before?.priority === after.priority && before.readyAt === after.readyAt;
    if (isThere && before.facts.waitsFor === after.facts.waitsFor) return;
    const left = keysOf(before);
    const entered = keysOf(after);
    const stays = (key: string) => isThere && left.has(key) && entered.has(key);
    const run = (statement: Database.Statement, key: string, { priority, readyAt }: WaitingPlace) => {
      statement.get([key, priority, readyAt, toColumn(id)]);
      // The row says nothing that the row of its execution does not, and has no checksum.
      tally.addRow(0);
    };
    for (const key of left) if (before && !stays(key)) run(this.remove, key, before);
    for (const key of entered) if (!stays(key)) run(this.insert, key, after);
  }

  /** See `Store.listWaiting`. */
  list({ key, after, limit }: WaitingQuery): readonly WaitingExecution[] {
    const rows = after
      ? this.selectAfter.all([toColumn(key), after.priority, after.readyAt, toColumn(after.id), limit])
      : this.select.all([toColumn(key), limit]);
    return (rows as [ArrayBuffer, number, number][]).map(([id, priority, readyAt]) => {
      return { id: fromColumn(id), priority, readyAt };
    });
  }
}

/** What `listWaiting` is asked. */
export interface WaitingQuery {
  readonly key: string;
  readonly after?: WaitingExecution;
  readonly limit: number;
}

/** The column `waits_for`. Its keys are as they are in the table `waiting`, so that SQLite can compare the two. */
export function waitsForColumn(keys: readonly string[] | undefined): string | null {
  return keys === undefined || keys.length === 0 ? null : JSON.stringify(keys.map(toColumn));
}

function keysOf(place: WaitingPlace | undefined): ReadonlySet<string> {
  const keys = place?.facts.waitsFor;
  return new Set(keys ? (JSON.parse(keys) as string[]) : []);
}
