import type { Store } from '../store/store.js';
import type { Clock } from './clock.js';
import type { EventWaits } from './event-waits.js';
import type { Topic } from './topic.js';

/** What announcing asks of the rest of the engine. */
export interface AnnouncementsPort {
  readonly store: Store;
  readonly clock: Clock;
  readonly waits: Pick<EventWaits, 'bringToAll'>;
  /** The rules that start executions for events. */
  readonly triggers: { published(projectId: string, topic: string): void | Promise<void> };
  /** A record was given this `dueAt`. */
  noteDue(at: number): void;
  fault(error: unknown): void;
}

/** How long a publication is left to the server that wrote it; then, whoever sees it announces it. */
const ANNOUNCE_MS = 2_000;

/** How long to wait after an announcement failed. */
const REST_MS = 5_000;

/** What is to be announced of one topic, and what announces it. */
interface Announcing {
  readonly records: Set<number>;
  done: Promise<void>;
}

/**
 * Sees to it that everybody hears of what was published: executions that wait, and triggers. A publication is written
 * with a time at which somebody must look at it, which is taken away once all have heard: so nothing is lost with a server
 * that dies in between.
 */
export class Announcements {
  private readonly port: AnnouncementsPort;
  /** By topic's name. */
  private readonly underway = new Map<string, Announcing>();
  /** By topic's name, until when an announcement that failed is not tried again. */
  private readonly restingUntil = new Map<string, number>();
  private stopped = false;

  constructor(port: AnnouncementsPort) {
    this.port = port;
  }

  /** When somebody must look at what is published now. */
  dueAt(): number {
    return this.port.clock.now() + ANNOUNCE_MS;
  }

  /** Announces what was written to a topic with this first number: now, or after what is being announced of the topic. */
  announce(topic: Topic, record: number): void {
    if (this.stopped) return;
    const announcing = this.underway.get(topic.name);
    if (announcing) announcing.records.add(record);
    else this.begin(topic, record);
  }

  /** Whether a publication is being announced, or was tried in vain just now. */
  isInHand({ name }: Topic, record: number): boolean {
    const isUnderway = this.underway.get(name)?.records.has(record) ?? false;
    return isUnderway || (this.restingUntil.get(name) ?? 0) > this.port.clock.now();
  }

  /** Breaks off what is under way: it stays due. */
  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all([...this.underway.values()].map(({ done }) => done));
  }

  private begin(topic: Topic, record: number): void {
    const announcing: Announcing = { records: new Set([record]), done: Promise.resolve() };
    this.underway.set(topic.name, announcing);
    announcing.done = this.announceAll(topic, announcing.records);
  }

  private async announceAll(topic: Topic, records: Set<number>): Promise<void> {
    const { clock, noteDue, fault } = this.port;
    try {
      while (records.size > 0 && !this.stopped) await this.announceOnce(topic, records);
      this.restingUntil.delete(topic.name);
    } catch (error) {
      fault(error);
      this.restingUntil.set(topic.name, clock.now() + REST_MS);
      noteDue(clock.now() + REST_MS);
    } finally {
      // In the same step in which nothing was left: whoever publishes from now on begins anew.
      this.underway.delete(topic.name);
    }
  }

  private async announceOnce(topic: Topic, records: Set<number>): Promise<void> {
    const { waits, triggers } = this.port;
    const announced = [...records];
    await triggers.published(topic.projectId, topic.topic);
    await waits.bringToAll(topic, () => this.stopped);
    if (this.stopped) return;
    await Promise.all(announced.map((record) => topic.settle(record)));
    for (const record of announced) records.delete(record);
  }
}
