import { crc32 } from 'node:zlib';
import type { StoredRecord } from '../store.js';
import { rowDamage } from './execution-row.js';
import { fromColumn, quoted, textOf, toColumn } from './sqlite-text.js';

/** What `RECORD_ROW` selects. */
export type RecordRow = readonly [
  seq: number,
  group: ArrayBuffer,
  id: ArrayBuffer,
  version: number,
  alias: ArrayBuffer | null,
  dueAt: number | null,
  body: ArrayBuffer,
  crc: number,
];

/** The columns of a record beside its body. */
export type RecordColumns = readonly [
  group: string,
  id: string,
  version: number,
  alias: string | null,
  dueAt: number | null,
];

/** The columns of a record beside its body, in the order of the statements. */
export function recordColumns({ group, id, version, alias, dueAt }: StoredRecord): RecordColumns {
  return [
    toColumn(group),
    toColumn(id),
    version,
    alias === undefined ? null : toColumn(alias),
    dueAt ?? null,
  ];
}

/** The checksum of a row: over all that it holds. */
export function recordCrc(body: string | Uint8Array, columns: RecordColumns): number {
  return quotedRecordCrc(body, columns.map(quoted).join(' '));
}

/** The same from columns as SQLite's `quote` writes them, joined by spaces. */
export function quotedRecordCrc(body: string | Uint8Array, columns: string): number {
  return crc32(columns, crc32(body));
}

/** Checks and reads a row. */
export function readRecordRow(row: RecordRow, file: string): StoredRecord {
  const [seq, group, id, version, alias, dueAt, body, crc] = row;
  const bytes = new Uint8Array(body);
  const columns = [textOf(group), textOf(id), version, alias && textOf(alias), dueAt] as const;
  if (recordCrc(bytes, columns) !== crc) throw rowDamage(file, 'record', seq);
  return {
    group: fromColumn(group),
    id: fromColumn(id),
    version,
    ...(alias && { alias: fromColumn(alias) }),
    ...(dueAt !== null && { dueAt }),
    body: textOf(bytes),
  };
}
