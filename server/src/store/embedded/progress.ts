import type Database from 'libsql';
import { damage } from './faults.js';
import { textOf } from './sqlite-text.js';
import { SQL } from './statements.js';
import type { WatermarkRecord } from './watermark.js';

/** What was committed: the one row of the table `progress`. */
export interface Progress {
  readonly storeId: string;
  /** Group commits. */
  readonly number: number;
  /** A checksum over the checksums of all rows that were ever written, in order. */
  readonly chain: number;
  /** Executions that were ever created: the `seq` of the newest. */
  readonly created: number;
  readonly executions: RowSum;
  /** Of the journal. */
  readonly entries: RowSum;
  readonly records: RowSum;
  readonly schemaWrites: number;
}

/** The rows of a table that come and go: how many there are, and their checksums added up modulo 2^32. */
export interface RowSum {
  readonly count: number;
  readonly sum: number;
}

/** What one row adds to the chain. */
export function chained(chain: number, crc: number): number {
  return Math.imul(chain ^ crc, 0x01000193) >>> 0;
}

/** A sum in which a row that had the first checksum has the second now; undefined for none. */
export function replaced(
  { count, sum }: RowSum,
  before: number | undefined,
  after: number | undefined,
): RowSum {
  return {
    count: count + Number(after !== undefined) - Number(before !== undefined),
    sum: (sum + (after ?? 0) - (before ?? 0)) >>> 0,
  };
}

/** The first row of a new store. */
export function insertProgress(database: Database.Database, storeId: string): void {
  database.prepare('INSERT INTO progress VALUES (1, ?, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)').run([storeId]);
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
    const row = this.select.get([]) as ProgressColumns | undefined;
    if (!row) throw damage(`${this.file}: the row of the table "progress" is missing`);
    const [id, number, chain, created, executions, executionSum, entries, entrySum, ...more] = row;
    const [records, recordSum, schemaWrites] = more;
    return {
      storeId: textOf(id),
      number,
      chain,
      created,
      executions: { count: executions, sum: executionSum },
      entries: { count: entries, sum: entrySum },
      records: { count: records, sum: recordSum },
      schemaWrites,
    };
  }

  /** Writes the row in the current transaction. */
  write({ number, chain, created, executions, entries, records, schemaWrites }: Progress): void {
    const sums = [executions, entries, records].flatMap(({ count, sum }) => [count, sum]);
    this.update.get([number, chain, created, ...sums, schemaWrites]);
  }
}

type ProgressColumns = [
  storeId: ArrayBuffer,
  number: number,
  chain: number,
  created: number,
  executions: number,
  executionSum: number,
  entries: number,
  entrySum: number,
  records: number,
  recordSum: number,
  schemaWrites: number,
];

/** What the watermark says once this much is acknowledged. */
export function watermarkOf({ storeId, number, chain }: Progress): WatermarkRecord {
  return { storeId, number, chain, pid: process.pid };
}
