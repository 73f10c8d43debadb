import type Database from 'libsql';
import type { Tally } from './execution-table.js';
import type { Transaction } from './group-commit.js';
import { chained, type Progress, ProgressRow, type RowSum, replaced, watermarkOf } from './progress.js';
import { SQL } from './statements.js';
import type { Watermark } from './watermark.js';

/** The transaction of one group of writes, with the account of what it adds. */
export class StoreTransaction implements Transaction {
  private readonly database: Database.Database;
  private readonly watermark: Watermark;
  private readonly syncLog: () => Promise<void>;
  private readonly onRollback: () => void;
  private readonly progressRow: ProgressRow;
  private readonly beginStatement: Database.Statement;
  private readonly commitStatement: Database.Statement;
  private readonly rollbackStatement: Database.Statement;
  private readonly selectChanges: Database.Statement;
  /** As of the last commit; undefined if it must be read, because it is unknown whether the last commit happened. */
  private progress: Progress | undefined;
  /** What is committed and not yet durable. */
  private unsynced: Progress | undefined;
  private current: { readonly account: Account; readonly changesBefore: number } | undefined;

  constructor(options: {
    readonly database: Database.Database;
    readonly file: string;
    readonly watermark: Watermark;
    /** Makes durable what is in the log. */
    readonly syncLog: () => Promise<void>;
    /** Called when rows that were written are gone again. */
    readonly onRollback: () => void;
  }) {
    const { database, file, watermark, syncLog, onRollback } = options;
    this.database = database;
    this.watermark = watermark;
    this.syncLog = syncLog;
    this.onRollback = onRollback;
    this.progressRow = new ProgressRow(database, file);
    this.beginStatement = database.prepare('BEGIN IMMEDIATE');
    this.commitStatement = database.prepare('COMMIT');
    this.rollbackStatement = database.prepare('ROLLBACK');
    this.selectChanges = database.prepare(SQL.selectChanges).raw();
  }

  /** What the writes of the current transaction report to. */
  get tally(): Tally {
    return this.begun().account;
  }

  begin(): void {
    // The last rollback may have failed with the disk.
    if (this.database.inTransaction) this.rollbackStatement.get([]);
    this.progress ??= this.progressRow.read();
    this.beginStatement.get([]);
    this.current = { account: new Account(this.progress), changesBefore: this.changes() };
  }

  commit(): void {
    const { account, changesBefore } = this.begun();
    const changed = this.changes() - changesBefore;
    if (changed !== account.rows) throw new Error(`${changed} rows changed, not ${account.rows}`);
    if (account.rows === 0) {
      this.rollbackStatement.get([]);
      return;
    }
    const progress = account.toProgress();
    this.progressRow.write(progress);
    this.commitStatement.get([]);
    this.progress = progress;
    this.unsynced = progress;
  }

  /**
   * The order is the promise: the log is synced, then the watermark says so, then the callers hear of it. A crash in
   * between leaves a watermark that is behind, which is harmless; one that is ahead would be a false alarm.
   */
  async sync(): Promise<void> {
    const progress = this.unsynced;
    if (!progress) return;
    this.unsynced = undefined;
    await this.syncLog();
    this.watermark.write(watermarkOf(progress));
  }

  rollback(): void {
    this.current = undefined;
    this.progress = undefined;
    this.onRollback();
    try {
      if (this.database.inTransaction) this.rollbackStatement.get([]);
    } catch {
      // The error that led here is the one to report; `begin` tries again.
    }
  }

  private begun(): { readonly account: Account; readonly changesBefore: number } {
    if (!this.current) throw new Error('no transaction has begun');
    return this.current;
  }

  /** Rows that this connection ever changed. */
  private changes(): number {
    const [changes] = this.selectChanges.get([]) as [number];
    return changes;
  }
}

/** Adds up what a transaction writes. */
class Account implements Tally {
  /** Rows written. */
  rows = 0;
  private readonly before: Progress;
  private chain: number;
  private created: number;
  private executions: RowSum;
  private entries: RowSum;
  private records: RowSum;
  private schemaWrites = 0;

  constructor(before: Progress) {
    const { chain, created, executions, entries, records } = before;
    this.before = before;
    this.chain = chain;
    this.created = created;
    this.executions = executions;
    this.entries = entries;
    this.records = records;
  }

  get nextSeq(): number {
    return this.created + 1;
  }

  replaceExecution(before: number | undefined, after: number | undefined): void {
    if (before === undefined) this.created += 1;
    this.executions = replaced(this.executions, before, after);
    this.addRow(after ?? 0);
  }

  replaceEntry(before: number | undefined, after: number | undefined): void {
    this.entries = replaced(this.entries, before, after);
    this.addRow(after ?? 0);
  }

  replaceRecord(before: number | undefined, after: number | undefined): void {
    this.records = replaced(this.records, before, after);
    this.addRow(after ?? 0);
  }

  addSchemaWrite(crc: number): void {
    this.schemaWrites += 1;
    this.addRow(crc);
  }

  addRow(crc: number): void {
    this.rows += 1;
    this.chain = chained(this.chain, crc);
  }

  /** The progress once the transaction is committed. */
  toProgress(): Progress {
    const { before, chain, created, executions, entries, records } = this;
    return {
      storeId: before.storeId,
      number: before.number + 1,
      ...{ chain, created, executions, entries, records },
      schemaWrites: before.schemaWrites + this.schemaWrites,
    };
  }
}
