import { statSync } from 'node:fs';
import Database from 'libsql';
import { parseExecution } from '../record-codec.js';
import type { StoredSchema } from '../store.js';
import { bodyCrc, checkedText, executionCrc, indexedColumns, rowDamage } from './execution-row.js';
import { damage } from './faults.js';
import { PAGE_BYTES, TABLES } from './layout.js';
import { type PackedRow, packedRows } from './packed-rows.js';
import { type Progress, type RowSum, replaced } from './progress.js';
import { quotedRecordCrc } from './record-row.js';
import { schemaColumns } from './schema-table.js';
import { quoted, textOf } from './sqlite-text.js';
import { INDEXED_TEXT, RECORD_TEXT, VERIFY_SQL } from './statements.js';

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
  verifyIndexTable(database, file, 'waiting');
  verifyIndexTable(database, file, 'terms');
  verifyJournal(database, file, progress);
  verifySchemas(database, file, progress);
  verifyRecords(database, file, progress);
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

/** Executions and their states, side by side: both come in the order of `seq`. */
function verifyExecutions(database: Database.Database, file: string, progress: Progress): void {
  const bodiesOf = (name: string) =>
    packedRows({ database, file, name, key: 'seq', numbers: ['version', 'crc'] });
  const states = bodiesOf('state');
  const termLists = bodiesOf('term_list');
  const executions = packedRows({
    database,
    file,
    name: 'execution',
    key: 'seq',
    numbers: ['ready', 'wake_at', 'outbox_since', 'last_event', 'state_version', 'terms_version', 'crc'],
    text: `${INDEXED_TEXT} || char(10) || ifnull(waits_for, '')`,
  });
  let found = NOTHING;
  for (const row of executions) {
    found = replaced(found, undefined, verifyExecution(row, file));
    if (row.key > progress.created) throw rowDamage(file, 'execution', row.key);
    const [, , , , stateVersion, termsVersion] = row.numbers;
    verifyBody(states.next().value, { table: 'state', seq: row.key, version: stateVersion, file });
    if (termsVersion !== 0) {
      verifyBody(termLists.next().value, { table: 'term_list', seq: row.key, version: termsVersion, file });
    }
  }
  verifySum(file, 'execution', found, progress.executions);
  if (!states.next().done) throw damage(`${file}: table "state" has a row without an execution`);
  if (!termLists.next().done) throw damage(`${file}: table "term_list" has a row without an execution`);
}

/** @returns the checksum of the row. */
function verifyExecution({ key, body, numbers, text }: PackedRow, file: string): number {
  const [ready, wakeAt = null, outboxSince = null, lastEvent, stateVersion, termsVersion, crc] = numbers;
  // What it waits for is JSON, in which a new line is escaped.
  const indexedEnd = text.lastIndexOf('\n');
  const facts = {
    ready: ready === 1,
    wakeAt,
    outboxSince,
    lastEvent: Number(lastEvent),
    stateVersion: Number(stateVersion),
    termsVersion: Number(termsVersion),
    waitsFor: text.slice(indexedEnd + 1) || null,
  };
  const actual = executionCrc(body, facts);
  if (actual !== crc) throw rowDamage(file, 'execution', key);
  const execution = parseExecution(textOf(body));
  const indexed = indexedColumns(execution).map(quoted).join(' ');
  if (text.slice(0, indexedEnd) !== indexed) throw rowDamage(file, 'execution', key);
  return actual;
}

/** The indexes of what executions wait for, and of their terms, are tables, which `integrity_check` knows nothing of. */
function verifyIndexTable(database: Database.Database, file: string, which: 'waiting' | 'terms'): void {
  const table = which === 'terms' ? 'term' : which;
  const counts = database.prepare(VERIFY_SQL[which]).raw().get([]) as [number, number, number];
  const [rows, keys, keysFound] = counts;
  if (rows === keys && keys === keysFound) return;
  throw damage(
    `${file}: table "${table}" has ${rows} rows, of which ${keysFound} are among the ${keys} it should have`,
  );
}

/** What an execution has in another table, under the same key. */
function verifyBody(
  row: PackedRow | undefined,
  expected: {
    readonly table: string;
    readonly seq: number;
    readonly version: number | null | undefined;
    readonly file: string;
  },
): void {
  const { table, seq, version, file } = expected;
  const isThere = row?.key === seq && row.numbers[0] === version;
  if (!isThere || bodyCrc(row.body, seq, Number(version)) !== row.numbers[1])
    throw rowDamage(file, table, seq);
}

function verifyJournal(database: Database.Database, file: string, progress: Progress): void {
  const numbers = ['seq', 'last_event', 'crc'];
  let found = NOTHING;
  for (const row of packedRows({ database, file, name: 'journal', key: 'number', numbers })) {
    const [seq, lastEvent, crc] = row.numbers;
    const actual = bodyCrc(row.body, Number(seq), Number(lastEvent));
    if (actual !== crc) throw rowDamage(file, 'journal', row.key);
    found = replaced(found, undefined, actual);
  }
  verifySum(file, 'journal', found, progress.entries);
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
  if (total === progress.schemaWrites) return;
  throw damage(
    `${file}: table "schema" holds ${total} of the ${progress.schemaWrites} writes that were committed to it`,
  );
}

function verifyRecords(database: Database.Database, file: string, progress: Progress): void {
  let found = NOTHING;
  for (const row of packedRows({
    database,
    file,
    name: 'record',
    key: 'seq',
    numbers: ['crc'],
    text: RECORD_TEXT,
  })) {
    const crc = quotedRecordCrc(row.body, row.text);
    if (crc !== row.numbers[0]) throw rowDamage(file, 'record', row.key);
    found = replaced(found, undefined, crc);
  }
  verifySum(file, 'record', found, progress.records);
}

const NOTHING: RowSum = { count: 0, sum: 0 };

/** Rows come and go, so that their number alone says little: the sum of their checksums says which they are. */
function verifySum(file: string, table: string, found: RowSum, committed: RowSum): void {
  if (found.count === committed.count && found.sum === committed.sum) return;
  throw damage(
    `${file}: table "${table}" holds ${found.count} rows with the checksum ${found.sum}, but ${committed.count} with the ` +
      `checksum ${committed.sum} were committed to it`,
  );
}
