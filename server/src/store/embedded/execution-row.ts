import { crc32 } from 'node:zlib';
import type { Execution } from '../../core/execution.js';
import { parseExecution } from '../record-codec.js';
import { damage } from './faults.js';
import { textOf, toColumn } from './sqlite-text.js';

/** What `EXECUTION_ROW` selects. */
export type ExecutionRow = readonly [
  seq: number,
  body: ArrayBuffer,
  ready: number,
  wakeAt: number | null,
  outboxSince: number | null,
  lastEvent: number,
  stateVersion: number,
  termsVersion: number,
  waitsFor: ArrayBuffer | null,
  crc: number,
];

/** What the row of an execution holds beside the execution. */
export interface RowFacts {
  readonly ready: boolean;
  readonly wakeAt: number | null;
  readonly outboxSince: number | null;
  /** The last event of the journal; 0 if it is empty. */
  readonly lastEvent: number;
  /** The version that wrote the state last. */
  readonly stateVersion: number;
  /** The version that wrote the terms last; 0 for none. */
  readonly termsVersion: number;
  /** A JSON array of what it waits for, as the table `waiting` has it; null for nothing. */
  readonly waitsFor: string | null;
}

/** An execution as its row holds it. */
export interface ReadExecution {
  readonly seq: number;
  readonly execution: Execution;
  readonly facts: RowFacts;
  readonly crc: number;
}

/** The checksum of a row: over all that is read from it. */
export function executionCrc(body: string | Uint8Array, facts: RowFacts): number {
  const { ready, wakeAt, outboxSince, lastEvent, stateVersion, termsVersion, waitsFor } = facts;
  const numbers = `${Number(ready)},${wakeAt},${outboxSince},${lastEvent},${stateVersion},${termsVersion}`;
  return crc32(waitsFor === null ? numbers : numbers + waitsFor, crc32(body));
}

/** Checks and reads a row, which may have more columns after its own. */
export function readExecutionRow(row: readonly [...ExecutionRow, ...unknown[]], file: string): ReadExecution {
  const [seq, body, ready, wakeAt, outboxSince, lastEvent, stateVersion, termsVersion, keys, crc] = row;
  const waitsFor = keys && textOf(keys);
  const facts = {
    ready: ready === 1,
    wakeAt,
    outboxSince,
    lastEvent,
    stateVersion,
    termsVersion,
    waitsFor,
  };
  const bytes = new Uint8Array(body);
  if (executionCrc(bytes, facts) !== crc) throw rowDamage(file, 'execution', seq);
  return { seq, execution: parseExecution(textOf(bytes)), facts, crc };
}

/** The columns that repeat a part of the body for the indexes, in the order of the statements. */
export function indexedColumns(execution: Execution): (string | number | null)[] {
  const { id, rootExecutionId } = execution;
  return [
    toColumn(id),
    toColumn(execution.projectId),
    toColumn(execution.workflowId),
    execution.status,
    execution.version,
    toColumn(execution.queue),
    execution.priority,
    execution.readyAt,
    execution.createdAt,
    execution.closedAt ?? null,
    orNull(execution.parent?.executionId),
    rootExecutionId === id ? null : toColumn(rootExecutionId),
    toColumn(execution.sessionId),
    orNull(execution.userId),
  ];
}

/** The checksum of a state, a journal entry or a schema; the numbers say whose it is. */
export function bodyCrc(body: string | Uint8Array, owner: number, place: number): number {
  return crc32(`${owner},${place}`, crc32(body));
}

/** A row whose body has a checksum. */
export interface BodyRow {
  readonly file: string;
  readonly table: string;
  readonly key: number;
  readonly body: ArrayBuffer;
  readonly owner: number;
  readonly place: number;
  readonly crc: number;
}

/** The text of a row, if its checksum is that of its content; throws if not. */
export function checkedText({ file, table, key, body, owner, place, crc }: BodyRow): string {
  const bytes = new Uint8Array(body);
  if (bodyCrc(bytes, owner, place) !== crc) throw rowDamage(file, table, key);
  return textOf(bytes);
}

/** The fault for a row that is not what was written. */
export function rowDamage(file: string, table: string, key: number): Error {
  return damage(
    `${file}: table "${table}", row ${key}: the content is not what was written; the file was damaged since. ` +
      'Stop the server and restore the data directory from a backup.',
  );
}

function orNull(text: string | undefined): string | null {
  return text === undefined ? null : toColumn(text);
}
