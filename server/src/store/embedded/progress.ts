import type Database from 'libsql';
import { damage } from './faults.js';
import { textOf } from './sqlite-text.js';
import { SQL } from './statements.js';
import type { WatermarkRecord } from './watermark.js';

/** How much was ever committed: the one row of the table `progress`. */
export interface Progress {
  readonly storeId: string;
  /** Group commits. */
  readonly number: number;
  /** A checksum over the checksums of all rows that were ever written, in order. */
  readonly chain: number;
  readonly executions: number;
  /** The versions of all executions added up: each commit of an execution adds one. */
  readonly versions: number;
  /** Rows of the journal. */
  readonly entries: number;
  readonly schemaWrites: number;
  /** Rows of the table `record`. */
  readonly records: number;
  /** The checksums of those added up, modulo 2^32. */
  readonly recordSum: number;
}

/** What one row adds to the chain. */
export function chained(chain: number, crc: number): number {
  return Math.imul(chain ^ crc, 0x01000193) >>> 0;
}

/** The first row of a new store. */
export function insertProgress(database: Database.Database, storeId: string): void {
  database.prepare('INSERT INTO progress VALUES (1, ?, 0, 0, 0, 0, 0, 0, 0, 0)').run([storeId]);
}

/** Reads and writes the row. */
export class ProgressRow {
  private readonly select: Database.Statement;
  private readonly update: Database.Statement;
  private readonly file: string;

  constructor(database: Database.Database, file: string) {
    this.file = file;
    this.select = database.prepare(SQL.selectProgress).raw();
    this.update = database.prepare(SQL.updateProgress);
  }

  /** The row as the current transaction sees it. */
  read(): Progress {
    const row = this.select.get([]) as
      | [ArrayBuffer, number, number, number, number, number, number, number, number]
      | undefined;
    if (!row) throw damage(`${this.file}: the row of the table "progress" is missing`);
    const [id, number, chain, executions, versions, entries, schemaWrites, records, recordSum] = row;
    const storeId = textOf(id);
    return { storeId, number, chain, executions, versions, entries, schemaWrites, records, recordSum };
  }

  /** Writes the row in the current transaction. */
  write(progress: Progress): void {
    const { number, chain, executions, versions, entries, schemaWrites, records, recordSum } = progress;
    this.update.get([number, chain, executions, versions, entries, schemaWrites, records, recordSum]);
  }
}

/** What the watermark says once this much is acknowledged. */
export function watermarkOf({ storeId, number, chain }: Progress): WatermarkRecord {
  return { storeId, number, chain, pid: process.pid };
}
