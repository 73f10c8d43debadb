import type { Store, StoredRecord } from '../store/store.js';
import type { WorkerRegistration } from './api.js';
import type { Clock } from './clock.js';
import { EngineError } from './errors.js';
import { groupKey, RecordGroup } from './record-group.js';
import { settleRecord } from './records.js';

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

/** When a raise is looked at again. */
const RAISED_MS = 5_000;

interface Limit extends QueueName {
  readonly limit: number;
}

/** How many executions of each queue may run at once, as workers declare it. All limits are in memory. */
export class QueueLimits {
  private readonly port: QueueLimitsPort;
  private readonly limits: RecordGroup<number>;

  constructor(port: QueueLimitsPort) {
    this.port = port;
    this.limits = new RecordGroup(port, LIMITS_GROUP, (record) => {
      const { limit, ...queue } = limitFrom(record);
      return { key: keyOf(queue), value: limit };
    });
  }

  /** Undefined without limit, as far as this server has heard: it may be a second behind the others. */
  limitOf(queue: QueueName): number | undefined {
    return this.limits.valueOf(keyOf(queue));
  }

  /** As `limitOf`, but whatever others were told counts. */
  async currentLimitOf(queue: QueueName): Promise<number | undefined> {
    return this.limitOf(queue) ?? (await this.limits.currentValueOf(keyOf(queue)));
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
    this.limits.take(record);
    return limitFrom(record);
  }

  /** The raise was looked at. */
  async settle(id: string): Promise<void> {
    const { store, clock } = this.port;
    await settleRecord(store, { group: LIMITS_GROUP, id }, clock.now());
  }

  /** Reads all limits, and goes on reading them if others write them, too. */
  start(): Promise<void> {
    return this.limits.start();
  }

  stop(): Promise<void> {
    return this.limits.stop();
  }

  /** Others wrote records of these groups. */
  changedElsewhere(groups: readonly string[]): void {
    this.limits.changedElsewhere(groups);
  }

  /** Whether the limit is larger than before. */
  private async declare({ projectId, queue, limit }: Limit): Promise<boolean> {
    const { clock, noteDue } = this.port;
    let isRaised = false;
    const { record, isChanged } = await this.limits.change(keyOf({ projectId, queue }), (stored) => {
      const before = stored && limitFrom(stored).limit;
      if (before === limit) return undefined;
      isRaised = before !== undefined && limit > before;
      return {
        body: JSON.stringify({ projectId, queue, limit } satisfies Limit),
        ...(isRaised && { dueAt: clock.now() + RAISED_MS }),
      };
    });
    if (!isChanged) return false;
    if (record?.dueAt !== undefined) noteDue(record.dueAt);
    return isRaised;
  }
}

function keyOf({ projectId, queue }: QueueName): string {
  return groupKey(projectId, queue);
}

function limitFrom({ body }: StoredRecord): Limit {
  return JSON.parse(body) as Limit;
}
