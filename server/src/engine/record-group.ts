import type { Store, StoredRecord } from '../store/store.js';
import type { Clock } from './clock.js';
import { recordPages } from './records.js';

/** What following a group of records needs. */
export interface RecordGroupPort {
  readonly store: Store;
  readonly clock: Clock;
  fault(error: unknown): void;
}

/** How often the group is read if others write to the store, too: what they wrote is known a second later at the latest. */
const REFRESH_MS = 1_000;

/** Records that one look at the store brings at most. */
const PAGE = 1_000;

/** Keeps somebody told of all records of a small group, whoever writes them. */
export class RecordGroup {
  private readonly port: RecordGroupPort;
  private readonly group: string;
  private readonly take: (record: StoredRecord) => void;
  private refreshing: Promise<void> | undefined;
  private callOff: (() => void) | undefined;
  private stopped = false;

  /** @param take  is given each record again and again, and an old version now and then after a newer one. */
  constructor(port: RecordGroupPort, group: string, take: (record: StoredRecord) => void) {
    this.port = port;
    this.group = group;
    this.take = take;
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
