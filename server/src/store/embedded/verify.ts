import { statSync } from 'node:fs';
import Database from 'libsql';
import type { StoredSchema } from '../store.js';
import {
  bodyCrc,
  checkedText,
  type ExecutionRow,
  indexedColumns,
  readExecutionRow,
  rowDamage,
} from './execution-row.js';
import { damage } from './faults.js';
import { PAGE_BYTES, TABLES } from './layout.js';
import type { Progress } from './progress.js';
import { schemaColumns } from './schema-table.js';
import { quoted, textOf } from './sqlite-text.js';
import { VERIFY_SQL } from './statements.js';

/** Rows read at once. A large body is left out of its batch and read alone. */
const BATCH_ROWS = 100;

/**
 * Throws unless the database file is what was written, whole: it has all its pages, its trees and indexes agree
 * (`integrity_check`), every row has the content that its checksum is of, and the rows add up to what was ever
 * committed, so that none is missing and none is an older version of itself.
 */
export function verifyDatabase(database: Database.Database, file: string, progress: Progress): void {
  verifyLength(database, file);
  verifyLayout(database, file);
  verifyTrees(database, file);
  verifyExecutions(database, file, progress);
  verifyJournal(database, file, progress);
  verifySchemas(database, file, progress);
}

function verifyLength(database: Database.Database, file: string): void {
  const [pages] = database.prepare(VERIFY_SQL.pageCount).raw().get([]) as [number];
  const { size } = statSync(file);
  const expected = pages * PAGE_BYTES;
  if (size < expected) throw damage(`${file}: the end is missing: it has ${size} bytes of ${expected}`);
}

/** An index whose definition lost a letter would still be read, and be wrong. */
function verifyLayout(database: Database.Database, file: string): void {
  const blank = new Database(':memory:');
  blank.exec(TABLES);
  const definitions = (of: Database.Database) =>
    (of.prepare(VERIFY_SQL.layout).raw().all([]) as [ArrayBuffer][]).map(([text]) => textOf(text)).join('\n');
  if (definitions(database) !== definitions(blank)) {
    throw damage(`${file}: the file is damaged: its tables are not defined as they were made`);
  }
}

function verifyTrees(database: Database.Database, file: string): void {
  const rows = database.prepare(VERIFY_SQL.integrity).raw().all([]) as [ArrayBuffer][];
  const [first] = rows.map(([text]) => textOf(text));
  if (first !== 'ok') throw damage(`${file}: the file is damaged: ${first}`);
}

type VerifiedExecution = readonly [...row: ExecutionRow, columns: ArrayBuffer];
type VerifiedState = readonly [seq: number, body: ArrayBuffer, version: number, crc: number];
type VerifiedEntry = readonly [
  number: number,
  body: ArrayBuffer,
  seq: number,
  lastEvent: number,
  crc: number,
];

/** Executions and their states, side by side: both come in the order of `seq`. */
function verifyExecutions(database: Database.Database, file: string, progress: Progress): void {
  const { executions, executionBody, states, stateBody } = VERIFY_SQL;
  const stateRows = inOrder<VerifiedState>({ database, file, table: 'state', rows: states, body: stateBody });
  const rows = { database, file, table: 'execution', rows: executions, body: executionBody };
  let count = 0;
  let versions = 0;
  for (const row of inOrder<VerifiedExecution>(rows)) {
    const version = verifyExecution(row, file);
    const [seq, , , , , , stateVersion] = row;
    verifyState(stateRows.next().value, { seq, stateVersion, file });
    count += 1;
    versions += version;
  }
  verifySum(file, 'execution', { found: count, committed: progress.executions });
  verifySum(file, 'execution', { found: versions, committed: progress.versions });
  if (!stateRows.next().done) throw damage(`${file}: table "state" has a row without an execution`);
}

/** @returns the version of the execution. */
function verifyExecution(row: VerifiedExecution, file: string): number {
  const [seq, body, ready, wakeAt, hasOutbox, lastEvent, stateVersion, crc, columns] = row;
  const { execution } = readExecutionRow(
    [seq, body, ready, wakeAt, hasOutbox, lastEvent, stateVersion, crc],
    file,
  );
  if (textOf(columns) !== indexedColumns(execution).map(quoted).join(' '))
    throw rowDamage(file, 'execution', seq);
  return execution.version;
}

function verifyState(
  row: VerifiedState | undefined,
  execution: { readonly seq: number; readonly stateVersion: number; readonly file: string },
): void {
  const { seq, stateVersion, file } = execution;
  const [key, body, version, crc] = row ?? [];
  if (key !== seq || body === undefined || version !== stateVersion) throw rowDamage(file, 'state', seq);
  if (bodyCrc(new Uint8Array(body), seq, version) !== crc) throw rowDamage(file, 'state', seq);
}

function verifyJournal(database: Database.Database, file: string, progress: Progress): void {
  const { entries, entryBody } = VERIFY_SQL;
  const rows = { database, file, table: 'journal', rows: entries, body: entryBody };
  let count = 0;
  for (const [number, body, seq, lastEvent, crc] of inOrder<VerifiedEntry>(rows)) {
    if (bodyCrc(new Uint8Array(body), seq, lastEvent) !== crc) throw rowDamage(file, 'journal', number);
    count += 1;
  }
  verifySum(file, 'journal', { found: count, committed: progress.entries });
}

function verifySchemas(database: Database.Database, file: string, progress: Progress): void {
  const rows = database.prepare(VERIFY_SQL.schemas).raw().all([]);
  let total = 0;
  for (const [index, row] of (rows as [ArrayBuffer, number, number, ArrayBuffer][]).entries()) {
    const [body, crc, writes, columns] = row;
    const key = index + 1;
    const schema = JSON.parse(
      checkedText({ file, table: 'schema', key, body, owner: 0, place: 0, crc }),
    ) as StoredSchema;
    if (textOf(columns) !== schemaColumns(schema).map(quoted).join(' ')) throw rowDamage(file, 'schema', key);
    total += writes;
  }
  verifySum(file, 'schema', { found: total, committed: progress.schemaWrites });
}

/** A table, and how to read it. */
interface TableScan {
  readonly database: Database.Database;
  readonly file: string;
  readonly table: string;
  /** Selects rows after a key: the key, then the body or null, then the rest. */
  readonly rows: string;
  /** Selects one body by key. */
  readonly body: string;
}

/** All rows of a table in the order of its key, each with its body. */
function* inOrder<Row extends readonly [number, ArrayBuffer, ...unknown[]]>(
  scan: TableScan,
): Generator<Row, undefined> {
  const { database, file, table } = scan;
  const selectRows = database.prepare(scan.rows).raw();
  const selectBody = database.prepare(scan.body).raw();
  let last = 0;
  for (;;) {
    const rows = selectRows.all([last, BATCH_ROWS]) as [number, ArrayBuffer | null, ...unknown[]][];
    for (const row of rows) {
      const [key, body, ...rest] = row;
      // A key that a flipped bit has made larger than a double holds would be found again and again.
      if (!Number.isSafeInteger(key) || key <= last) throw rowDamage(file, table, key);
      last = key;
      const [single] = body ? [body] : (selectBody.get([key]) as [ArrayBuffer | null]);
      if (!single) throw rowDamage(file, table, key);
      yield [key, single, ...rest] as unknown as Row;
    }
    if (rows.length < BATCH_ROWS) return undefined;
  }
}

function verifySum(
  file: string,
  table: string,
  sum: { readonly found: number; readonly committed: number },
): void {
  const { found, committed } = sum;
  if (found === committed) return;
  throw damage(
    `${file}: table "${table}" holds ${found} of the ${committed} writes that were committed to it`,
  );
}
