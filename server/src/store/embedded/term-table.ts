import type Database from 'libsql';
import type { Execution } from '../../core/execution.js';
import type { SearchTerm } from '../../core/search-term.js';
import { bodyCrc, checkedText, rowDamage } from './execution-row.js';
import type { Tally } from './execution-table.js';
import { fromColumnText, toColumn } from './sqlite-text.js';
import { SQL } from './statements.js';

/** The terms of an execution, and what they replace. */
export interface TermsWrite {
  readonly seq: number;
  readonly execution: Pick<Execution, 'id' | 'createdAt' | 'version'>;
  readonly terms: readonly SearchTerm[];
  /** The version that wrote those before; 0 if there are none. */
  readonly replaced: number;
}

/** By what executions are found: a list for each that has terms, and a row for each term. */
export class TermTable {
  private readonly file: string;
  private readonly selectList: Database.Statement;
  private readonly insertList: Database.Statement;
  private readonly updateList: Database.Statement;
  private readonly deleteList: Database.Statement;
  private readonly insert: Database.Statement;
  private readonly remove: Database.Statement;

  constructor(database: Database.Database, file: string) {
    this.file = file;
    this.selectList = database.prepare(SQL.selectTermList).raw();
    this.insertList = database.prepare(SQL.insertTermList);
    this.updateList = database.prepare(SQL.updateTermList);
    this.deleteList = database.prepare(SQL.deleteTermList);
    this.insert = database.prepare(SQL.insertTerm);
    this.remove = database.prepare(SQL.deleteTerm);
  }

  /** Writes the terms of an execution in the current transaction. Touches no row of a term that stays. */
  write({ seq, execution, terms, replaced }: TermsWrite, tally: Tally): void {
    const columns = terms.map(toColumn);
    const before = new Set(replaced === 0 ? [] : this.readColumns(seq, replaced));
    const after = new Set(columns);
    const run = (statement: Database.Statement, term: string) => {
      statement.get([term, execution.createdAt, toColumn(execution.id)]);
      // The row says nothing that the list does not, and has no checksum.
      tally.addRow(0);
    };
    for (const term of before) if (!after.has(term)) run(this.remove, term);
    for (const term of after) if (!before.has(term)) run(this.insert, term);
    this.writeList({ seq, version: execution.version, columns, isThere: replaced !== 0 }, tally);
  }

  /** The terms of an execution that has some. */
  read(seq: number, version: number): readonly SearchTerm[] {
    return this.readColumns(seq, version).map(fromColumnText);
  }

  private writeList(
    list: {
      readonly seq: number;
      readonly version: number;
      readonly columns: readonly string[];
      readonly isThere: boolean;
    },
    tally: Tally,
  ): void {
    const { seq, version, columns, isThere } = list;
    if (columns.length === 0) {
      if (!isThere) return;
      this.deleteList.get([seq]);
      tally.addRow(0);
      return;
    }
    const body = JSON.stringify(columns);
    const crc = bodyCrc(body, seq, version);
    if (isThere) this.updateList.get([version, body, crc, seq]);
    else this.insertList.get([seq, version, body, crc]);
    tally.addRow(crc);
  }

  private readColumns(seq: number, version: number): readonly string[] {
    const row = this.selectList.get([seq]) as [number, ArrayBuffer, number] | undefined;
    if (row?.[0] !== version) throw rowDamage(this.file, 'term_list', seq);
    const [, body, crc] = row;
    const { file } = this;
    return JSON.parse(
      checkedText({ file, table: 'term_list', key: seq, body, owner: seq, place: version, crc }),
    );
  }
}

/** The version that wrote an execution's terms, if this one did; 0 if it wrote that there are none. */
export function termsVersionOf(terms: readonly SearchTerm[], { version }: Execution): number {
  return terms.length === 0 ? 0 : version;
}
