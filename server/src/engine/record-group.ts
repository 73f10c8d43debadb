import { createHash } from 'node:crypto';
import type { Store, StoredRecord } from '../store/store.js';
import type { Clock } from './clock.js';
import { type ChangedRecord, changeRecord, recordPages } from './records.js';

/** What following a group of records needs. */
export interface RecordGroupPort {
  readonly store: Store;
  readonly clock: Clock;
  fault(error: unknown): void;
}

/** What a record says, and by which key it is known in memory: `groupKey` of names that its body holds. */
export interface Said<Value> {
  readonly key: string;
  readonly value: Value;
}

/** How often the group is read if others write to the store, too: what they wrote is known a second later at the latest. */
const REFRESH_MS = 1_000;

/** Records that one look at the store brings at most. */
const PAGE = 1_000;

/** Keeps in memory what the newest version of each record of a small group says, whoever writes them. */
export class RecordGroup<Value> {
  private readonly port: RecordGroupPort;
  private readonly group: string;
  private readonly read: (record: StoredRecord) => Said<Value>;
  private readonly values = new Map<string, Value>();
  /** By id, the newest version of each record that is known. */
  private readonly versions = new Map<string, number>();
  private refreshing: Promise<void> | undefined;
  private callOff: (() => void) | undefined;
  private stopped = false;

  /** @param read  is given each version of a record that is newer than what is known. */
  constructor(port: RecordGroupPort, group: string, read: (record: StoredRecord) => Said<Value>) {
    this.port = port;
    this.group = group;
    this.read = read;
  }

  /** Undefined for none, as far as this server has heard. The same value until a newer version is known. */
  valueOf(key: string): Value | undefined {
    return this.values.get(key);
  }

  /** As `valueOf`, but whatever others were told counts. */
  async currentValueOf(key: string): Promise<Value | undefined> {
    const record = await this.port.store.loadRecord(this.nameOf(key));
    if (record) this.take(record);
    return this.valueOf(key);
  }

  /**
   * Writes a record, and takes over what it says.
   * @param next  is given the record as it is and answers what it is to be; undefined leaves it. Called again after a conflict.
   */
  async change(
    key: string,
    next: (stored: StoredRecord | undefined) => Pick<StoredRecord, 'body' | 'dueAt'> | undefined,
  ): Promise<ChangedRecord> {
    const name = this.nameOf(key);
    const changed = await changeRecord(this.port.store, name, (stored) => {
      const content = next(stored);
      return content && { ...name, ...content };
    });
    if (changed.record) this.take(changed.record);
    return changed;
  }

  /** Takes over what a record says, unless something newer is known. */
  take(record: StoredRecord): void {
    const { id, version } = record;
    if ((this.versions.get(id) ?? 0) >= version) return;
    this.versions.set(id, version);
    const { key, value } = this.read(record);
    this.values.set(key, value);
  }

  /** Reads all of them, and goes on reading them if others write them, too. */
  async start(): Promise<void> {
    await this.refresh();
    this.refreshLater();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.callOff?.();
    await this.refreshing?.catch(() => {});
  }

  /** Others wrote records of these groups. */
  changedElsewhere(groups: readonly string[]): void {
    if (groups.includes(this.group)) this.refresh().catch(this.port.fault);
  }

  /** Its id is short, however long the names in the key are. */
  private nameOf(key: string): { readonly group: string; readonly id: string } {
    return { group: this.group, id: createHash('sha256').update(key).digest('hex') };
  }

  private refreshLater(): void {
    const { clock, store, fault } = this.port;
    if (!store.isShared || this.stopped) return;
    this.callOff = clock.callAt(clock.now() + REFRESH_MS, () => {
      this.refresh()
        .catch(fault)
        .finally(() => this.refreshLater());
    });
  }

  private refresh(): Promise<void> {
    this.refreshing ??= this.readAll().finally(() => {
      this.refreshing = undefined;
    });
    return this.refreshing;
  }

  private async readAll(): Promise<void> {
    for await (const page of recordPages(this.port.store, { group: this.group, limit: PAGE })) {
      for (const record of page) this.take(record);
    }
  }
}

/** The key of what a project calls something. */
export function groupKey(projectId: string, name: string): string {
  return `${projectId}\0${name}`;
}
