import type Database from 'libsql';
import type {
  CommitResult,
  DueRecords,
  RecordName,
  RecordQuery,
  RecordWrite,
  StoredRecord,
} from '../store.js';
import { compareText } from '../text-order.js';
import type { Tally } from './execution-table.js';
import { type RecordRow, readRecordRow, recordColumns, recordCrc } from './record-row.js';
import { fromColumn, textOf, toColumn } from './sqlite-text.js';
import { SQL } from './statements.js';

/** What a write has to know of the row that it replaces. */
interface RowFacts {
  readonly seq: number;
  readonly version: number;
  readonly alias: string | null;
  readonly dueAt: number | null;
  readonly crc: number;
}

/** The table `record`. */
export class RecordTable {
  private readonly file: string;
  private readonly selectFacts: Database.Statement;
  private readonly insert: Database.Statement;
  private readonly update: Database.Statement;
  private readonly updateAll: Database.Statement;
  private readonly delete: Database.Statement;
  private readonly select: Database.Statement;
  private readonly selectByAlias: Database.Statement;
  private readonly selectAll: Database.Statement;
  private readonly selectFrom: Database.Statement;
  private readonly selectBack: Database.Statement;
  private readonly selectBackFrom: Database.Statement;
  private readonly selectNextGroup: Database.Statement;
  private readonly selectGroupAt: Database.Statement;
  private readonly selectSizes: Database.Statement;
  private readonly selectDue: Database.Statement;
  private readonly selectDueAfter: Database.Statement;

  constructor(database: Database.Database, file: string) {
    this.file = file;
    this.selectFacts = database.prepare(SQL.selectRecordFacts).raw();
    this.insert = database.prepare(SQL.insertRecord);
    this.update = database.prepare(SQL.updateRecord);
    this.updateAll = database.prepare(SQL.updateRecordAll);
    this.delete = database.prepare(SQL.deleteRecord);
    this.select = database.prepare(SQL.selectRecord).raw();
    this.selectByAlias = database.prepare(SQL.selectRecordByAlias).raw();
    this.selectAll = database.prepare(SQL.selectRecords).raw();
    this.selectFrom = database.prepare(SQL.selectRecordsFrom).raw();
    this.selectBack = database.prepare(SQL.selectRecordsBack).raw();
    this.selectBackFrom = database.prepare(SQL.selectRecordsBackFrom).raw();
    this.selectNextGroup = database.prepare(SQL.selectNextGroup).raw();
    this.selectGroupAt = database.prepare(SQL.selectGroupAt).raw();
    this.selectSizes = database.prepare(SQL.selectRecordSizes).raw();
    this.selectDue = database.prepare(SQL.selectDueRecords).raw();
    this.selectDueAfter = database.prepare(SQL.selectDueRecordsAfter).raw();
  }

  /**
   * Writes or removes one record in the current transaction.
   * @param replaced  what the write replaces; see `assertWellFormedRecord`.
   */
  write(
    write: RecordWrite,
    { group, id, version }: Pick<StoredRecord, 'group' | 'id' | 'version'>,
    tally: Tally,
  ): CommitResult {
    const before = this.factsOf(group, id);
    if ((before?.version ?? 0) !== version) return 'conflict';
    const crc = 'record' in write ? recordCrc(write.record.body, recordColumns(write.record)) : undefined;
    if (!this.writeRow(write, before, crc)) return 'conflict';
    tally.replaceRecord(before?.crc, crc);
    return 'committed';
  }

  /** See `Store.loadRecord`. */
  load(name: RecordName): StoredRecord | undefined {
    const row =
      'id' in name
        ? this.select.get([toColumn(name.group), toColumn(name.id)])
        : this.selectByAlias.get([toColumn(name.group), toColumn(name.alias)]);
    return row ? readRecordRow(row as RecordRow, this.file) : undefined;
  }

  /** See `Store.listRecords`. */
  list({ group, from, descending = false, limit }: RecordQuery): readonly StoredRecord[] {
    const [selectAll, selectFrom] = descending
      ? [this.selectBack, this.selectBackFrom]
      : [this.selectAll, this.selectFrom];
    const rows =
      from === undefined
        ? selectAll.all([toColumn(group), limit])
        : selectFrom.all([toColumn(group), toColumn(from), limit]);
    return (rows as RecordRow[]).map((row) => readRecordRow(row, this.file));
  }

  /** See `Store.listGroups`. */
  listGroups(query: {
    readonly prefix: string;
    readonly after?: string;
    readonly limit: number;
  }): readonly string[] {
    const { prefix, after = '', limit } = query;
    const isFromFirst = compareText(after, prefix) < 0;
    const groups: string[] = [];
    if (isFromFirst && this.selectGroupAt.get([toColumn(prefix)])) groups.push(prefix);
    let last = isFromFirst ? prefix : after;
    while (groups.length < limit) {
      const [next] = this.selectNextGroup.get([toColumn(last)]) as [ArrayBuffer | null];
      if (!next) break;
      last = fromColumn(next);
      if (!last.startsWith(prefix)) break;
      groups.push(last);
    }
    return groups;
  }

  /**
   * Removes the first records of a group in the current transaction, until they cost `room` or more by `costOf`.
   * @returns what they cost.
   */
  removeOldest(group: string, costOf: (bytes: number) => number, room: number, tally: Tally): number {
    const rows = this.selectSizes.all([toColumn(group), room]) as [number, number, number][];
    let cost = 0;
    for (const [seq, bytes, crc] of rows) {
      if (cost >= room) break;
      cost += costOf(bytes);
      this.delete.get([seq]);
      tally.replaceRecord(crc, undefined);
    }
    return cost;
  }

  /** See `Store.listDueRecords`. */
  listDue(until: number, limit: number): DueRecords {
    const rows = this.selectDue.all([until, limit]) as [ArrayBuffer, ArrayBuffer, number][];
    const [group, id, dueAt] = rows.at(-1) ?? [
      new ArrayBuffer(0),
      new ArrayBuffer(0),
      Number.MIN_SAFE_INTEGER,
    ];
    const after = this.selectDueAfter.get([dueAt, textOf(group), textOf(id)]) as [number] | undefined;
    const due = rows.map((row) => {
      return { group: fromColumn(row[0]), id: fromColumn(row[1]), dueAt: row[2], isOurs: true };
    });
    return { due, ...(after && { next: after[0] }) };
  }

  private factsOf(group: string, id: string): RowFacts | undefined {
    const row = this.selectFacts.get([toColumn(group), toColumn(id)]) as
      | [number, number, ArrayBuffer | null, number | null, number]
      | undefined;
    if (!row) return undefined;
    const [seq, version, alias, dueAt, crc] = row;
    return { seq, version, alias: alias && textOf(alias), dueAt, crc };
  }

  /** @returns false if another record of the group has the alias. */
  private writeRow(write: RecordWrite, before: RowFacts | undefined, crc = 0): boolean {
    if ('remove' in write) {
      this.delete.get([before?.seq ?? null]);
      return true;
    }
    const { body } = write.record;
    const [group, id, version, alias, dueAt] = recordColumns(write.record);
    if (!before) return this.insert.run([group, id, version, alias, dueAt, body, crc]).changes > 0;
    const { seq } = before;
    if (before.alias !== alias || before.dueAt !== dueAt) {
      return this.updateAll.run([version, body, crc, alias, dueAt, seq]).changes > 0;
    }
    this.update.get([version, body, crc, seq]);
    return true;
  }
}
