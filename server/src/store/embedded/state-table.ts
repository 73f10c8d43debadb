import type Database from 'libsql';
import type { JsonObject } from '../../core/json.js';
import type { PatchOperation } from '../../core/state-document.js';
import { mayLag, withPatches } from '../large-states.js';
import { parseEntry } from '../record-codec.js';
import { bodyCrc, checkedText, type RowFacts, rowDamage } from './execution-row.js';
import type { EncodedWrite, Tally } from './execution-table.js';
import { SQL } from './statements.js';

/** What the table holds of an execution: the version that wrote the document, its text and its checksum. */
export type StateRow = readonly [number, ArrayBuffer, number] | readonly [null, null, null];

type EntryRow = readonly [number, number, ArrayBuffer, number];

/** What is known of a state before it is written. */
interface StateBefore {
  readonly seq: number;
  readonly facts: Pick<RowFacts, 'stateVersion' | 'stateEvent' | 'lastEvent'>;
  /** Bytes of the journal since the document. */
  readonly stateLag: number;
}

/** The states of executions. A large one is not written with every commit that changes it: see large-states.ts. */
export class StateTable {
  private readonly file: string;
  private readonly select: Database.Statement;
  private readonly selectEntries: Database.Statement;
  private readonly insertRow: Database.Statement;
  private readonly updateRow: Database.Statement;

  constructor(database: Database.Database, file: string) {
    this.file = file;
    this.select = database.prepare(SQL.selectState).raw();
    this.selectEntries = database.prepare(SQL.selectEntries).raw();
    this.insertRow = database.prepare(SQL.insertState);
    this.updateRow = database.prepare(SQL.updateState);
  }

  /** Writes the first state in the current transaction. */
  insert(
    { seq, version, state }: { readonly seq: number; readonly version: number; readonly state: JsonObject },
    tally: Tally,
  ): void {
    const body = JSON.stringify(state);
    const crc = bodyCrc(body, seq, version);
    this.insertRow.get([seq, version, body, crc]);
    tally.addRow(crc);
  }

  /** Writes a state, if it changed and has to be written whole, or if it lags far behind; says where it is after that. */
  replace(
    { seq, facts, stateLag }: StateBefore,
    { write, entryBody }: Pick<EncodedWrite, 'write' | 'entryBody'>,
    tally: Tally,
  ): Pick<RowFacts, 'stateVersion' | 'stateEvent'> & { readonly stateLag: number } {
    const { execution, state, entry } = write;
    const { stateVersion, stateEvent, lastEvent } = facts;
    if (!state && stateEvent === 0) return { stateVersion, stateEvent, stateLag: 0 };
    const lag = stateLag + (entryBody?.length ?? 0);
    if (mayLag(execution.stateBytes, lag) && (!state || (entry?.patch && lastEvent > 0))) {
      return { stateVersion, stateEvent: stateEvent || lastEvent, stateLag: lag };
    }
    const { version } = execution;
    const body = JSON.stringify(state ?? this.read(seq, facts, this.select.get([seq]) as StateRow));
    const crc = bodyCrc(body, seq, version);
    this.updateRow.get([version, body, crc, seq]);
    tally.addRow(crc);
    return { stateVersion: version, stateEvent: 0, stateLag: 0 };
  }

  /** The state of an execution whose row says where it is. */
  read(seq: number, facts: StateBefore['facts'], [version, body, crc]: StateRow): JsonObject {
    const { file } = this;
    if (body === null || version !== facts.stateVersion) throw rowDamage(file, 'state', seq);
    const text = checkedText({ file, table: 'state', key: seq, body, owner: seq, place: version, crc });
    const value: JsonObject = JSON.parse(text);
    if (facts.stateEvent === 0) return value;
    const state = withPatches({ value, bytes: body.byteLength }, this.patches(seq, facts));
    if (!state) throw rowDamage(file, 'state', seq);
    return state.value;
  }

  private *patches(
    seq: number,
    { stateEvent, lastEvent }: StateBefore['facts'],
  ): Iterable<readonly PatchOperation[]> {
    const { file } = this;
    const rows = this.selectEntries.all([seq, stateEvent, lastEvent]) as EntryRow[];
    for (const [key, place, body, crc] of rows) {
      const text = checkedText({ file, table: 'journal', key, body, owner: seq, place, crc });
      const { patch } = parseEntry(text);
      if (patch) yield patch;
    }
  }
}
