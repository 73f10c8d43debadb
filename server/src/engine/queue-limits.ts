import { createHash } from 'node:crypto';
import type { Store, StoredRecord } from '../store/store.js';
import type { WorkerRegistration } from './api.js';
import type { Clock } from './clock.js';
import { EngineError } from './errors.js';
import { changeRecord, recordPages, settleRecord } from './records.js';

/** What the limits of queues ask of the rest of the engine. */
export interface QueueLimitsPort {
  readonly store: Store;
  readonly clock: Clock;
  /** A record is due at this time. */
  noteDue(at: number): void;
  fault(error: unknown): void;
}

/** A queue, among those of all projects. */
export interface QueueName {
  readonly projectId: string;
  readonly queue: string;
}

/** The group of the records that hold limits: of the kind of slots, and the name of no queue's. */
export const LIMITS_GROUP = 'slots[]';

/** How often the limits that were declared to other servers are asked for: a limit holds a second after it was declared. */
const REFRESH_MS = 1_000;

/** When a raise is looked at again. */
const RAISED_MS = 5_000;

/** Limits that one look at the store brings at most. */
const PAGE = 1_000;

interface Limit extends QueueName {
  readonly limit: number;
}

/** How many executions of each queue may run at once, as workers declare it. All limits are in memory. */
export class QueueLimits {
  private readonly port: QueueLimitsPort;
  /** By project and queue. */
  private readonly limits = new Map<string, { readonly limit: number; readonly version: number }>();
  private refreshing: Promise<void> | undefined;
  private callOff: (() => void) | undefined;
  private stopped = false;

  constructor(port: QueueLimitsPort) {
    this.port = port;
  }

  /** Undefined without limit, as far as this server has heard: it may be a second behind the others. */
  limitOf(queue: QueueName): number | undefined {
    return this.limits.get(keyOf(queue))?.limit;
  }

  /** As `limitOf`, but whatever others were told counts. */
  async currentLimitOf(queue: QueueName): Promise<number | undefined> {
    if (this.limitOf(queue) === undefined) this.note(await this.load(queue));
    return this.limitOf(queue);
  }

  /** Keeps the limits that a worker declares, in place of earlier ones; answers the queues whose limit it raised. */
  async register({ projectId, workflows }: WorkerRegistration): Promise<readonly QueueName[]> {
    const declared = new Map<string, Limit & { readonly by: string }>();
    for (const [index, { id, queue = id, queueConcurrencyLimit: limit }] of workflows.entries()) {
      if (limit === undefined) continue;
      const other = declared.get(queue);
      if (other && other.limit !== limit) {
        const field = `workflows[${index}].queue_concurrency_limit`;
        const message = `the queue "${queue}" has a limit of ${limit} here and of ${other.limit} in the workflow "${other.by}": one queue has one limit`;
        throw new EngineError({ type: 'invalid', field, message });
      }
      declared.set(queue, { projectId, queue, limit, by: id });
    }
    const raised = await Promise.all([...declared.values()].map((limit) => this.declare(limit)));
    return [...declared.values()].filter((_, index) => raised[index]);
  }

  /** The queue of a limit, if that is to be looked at again since it was raised. */
  async raisedLately(id: string): Promise<QueueName | undefined> {
    const record = await this.port.store.loadRecord({ group: LIMITS_GROUP, id });
    if (record?.dueAt === undefined || record.dueAt > this.port.clock.now()) return undefined;
    this.note(record);
    return limitFrom(record);
  }

  /** The raise was looked at. */
  async settle(id: string): Promise<void> {
    const { store, clock } = this.port;
    await settleRecord(store, { group: LIMITS_GROUP, id }, clock.now());
  }

  /** Reads all limits, and goes on reading them if others write them, too. */
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
    if (groups.includes(LIMITS_GROUP)) this.refresh().catch(this.port.fault);
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
    for await (const page of recordPages(this.port.store, { group: LIMITS_GROUP, limit: PAGE })) {
      for (const record of page) this.note(record);
    }
  }

  /** Whether the limit is larger than before. */
  private async declare({ projectId, queue, limit }: Limit): Promise<boolean> {
    const { store, clock, noteDue } = this.port;
    const name = { group: LIMITS_GROUP, id: idOf({ projectId, queue }) };
    let isRaised = false;
    const { record, isChanged } = await changeRecord(store, name, (stored) => {
      const before = stored && limitFrom(stored).limit;
      if (before === limit) return undefined;
      isRaised = before !== undefined && limit > before;
      return {
        ...name,
        body: JSON.stringify({ projectId, queue, limit } satisfies Limit),
        ...(isRaised && { dueAt: clock.now() + RAISED_MS }),
      };
    });
    this.note(record);
    if (!isChanged) return false;
    if (record?.dueAt !== undefined) noteDue(record.dueAt);
    return isRaised;
  }

  private load(queue: QueueName): Promise<StoredRecord | undefined> {
    return this.port.store.loadRecord({ group: LIMITS_GROUP, id: idOf(queue) });
  }

  /** Takes a limit over unless a newer one is known. */
  private note(record: StoredRecord | undefined): void {
    if (!record) return;
    const { version } = record;
    const { limit, ...queue } = limitFrom(record);
    const known = this.limits.get(keyOf(queue));
    if (!known || known.version < version) this.limits.set(keyOf(queue), { limit, version });
  }
}

function keyOf({ projectId, queue }: QueueName): string {
  return `${projectId}\0${queue}`;
}

/** Short, however long the names are. */
function idOf(queue: QueueName): string {
  return createHash('sha256').update(keyOf(queue)).digest('hex');
}

function limitFrom({ body }: StoredRecord): Limit {
  return JSON.parse(body) as Limit;
}
