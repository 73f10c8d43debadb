import type Database from 'libsql';
import type { JournalEntry } from '../../core/journal.js';
import { parseEntry } from '../record-codec.js';
import { checkedText } from './execution-row.js';
import { toColumn } from './sqlite-text.js';
import { SQL } from './statements.js';

/** Which part of a journal to read. */
export interface JournalPage {
  readonly afterEvent: number;
  readonly entries: number;
  readonly bytes: number;
}

/** Reads the journals of executions. */
export class JournalTable {
  private readonly file: string;
  private readonly selectSeq: Database.Statement;
  private readonly selectSizes: Database.Statement;
  private readonly selectEntries: Database.Statement;

  constructor(database: Database.Database, file: string) {
    this.file = file;
    this.selectSeq = database.prepare(SQL.selectSeq).raw();
    this.selectSizes = database.prepare(SQL.selectEntrySizes).raw();
    this.selectEntries = database.prepare(SQL.selectEntries).raw();
  }

  /** See `Store.journal`. Sizes are read first, so that a page of large entries is never in memory beyond its bound. */
  read(executionId: string, page: JournalPage): readonly JournalEntry[] {
    const found = this.selectSeq.get([toColumn(executionId)]) as [number] | undefined;
    if (!found) return [];
    const [seq] = found;
    const end = this.endOfPage(seq, page);
    if (end === undefined) return [];
    const rows = this.selectEntries.all([seq, page.afterEvent, end]) as [
      number,
      number,
      ArrayBuffer,
      number,
    ][];
    const { file } = this;
    return rows.map(([number, lastEvent, body, crc]) =>
      parseEntry(
        checkedText({ file, table: 'journal', key: number, body, owner: seq, place: lastEvent, crc }),
      ),
    );
  }

  /** The last event of the last entry that fits. */
  private endOfPage(seq: number, { afterEvent, entries, bytes }: JournalPage): number | undefined {
    const sizes = this.selectSizes.all([seq, afterEvent, entries]) as [number, number][];
    let end: number | undefined;
    let total = 0;
    for (const [lastEvent, size] of sizes) {
      total += size;
      if (end !== undefined && total > bytes) break;
      end = lastEvent;
    }
    return end;
  }
}
