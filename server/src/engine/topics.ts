import type { EventArrivedCommand } from '../core/command.js';
import { type Execution, type OutboxMessage, topicName, topicOf } from '../core/execution.js';
import { Announcements, type AnnouncementsPort } from './announcements.js';
import type { EventCursor, Publication, TopicEvent } from './api.js';
import { BatchCache } from './batch-cache.js';
import { EngineError } from './errors.js';
import { EventWaits } from './event-waits.js';
import type { Executions } from './executions.js';
import { Topic } from './topic.js';
import { type StoredEvent, toStoredEvent } from './topic-event.js';

/** What topics ask of the rest of the engine. */
export interface TopicsPort extends Omit<AnnouncementsPort, 'waits'> {
  readonly executions: Executions;
}

/** Bytes of events kept in memory, of all topics together. */
const CACHE_BYTES_MAX = 16_777_216;

/** Topics that are kept track of although nobody follows them. */
const TOPICS_MAX = 10_000;

/** How often those that are followed are looked at where others write to the store, too: they tell, but promise nothing. */
const LOOK_MS = 1_000;

/** The named logs of events that executions and callers publish to, and wait on. */
export class Topics {
  private readonly port: TopicsPort;
  private readonly announcements: Announcements;
  private readonly waits: EventWaits;
  private readonly cache = new BatchCache<StoredEvent>(CACHE_BYTES_MAX);
  /** By name; the one that was used longest ago comes first. */
  private readonly topics = new Map<string, Topic>();
  private callOff: (() => void) | undefined;

  constructor(port: TopicsPort) {
    this.port = port;
    const { store, clock, executions, triggers, noteDue, fault } = port;
    const topic = this.topic.bind(this);
    this.waits = new EventWaits({ store, clock, executions, topic });
    this.announcements = new Announcements({ store, clock, waits: this.waits, triggers, noteDue, fault });
  }

  /**
   * Publishes what a caller gives; answers the events' sequences. Resolves once that is durable.
   * @throws EngineError `idempotency_mismatch` if the key was used for other events of the topic.
   */
  async publish(projectId: string, publication: Publication): Promise<readonly number[]> {
    const { topic: name, events, idempotencyKey: key, digest } = publication;
    const topic = this.topic(projectId, name);
    const once = key !== undefined && { name: JSON.stringify(['key', key]), mark: digest };
    const { first, items, mark } = await this.add(topic, {
      items: events.map((event) => toStoredEvent(event)),
      ...once,
    });
    if (key !== undefined && mark !== digest) {
      throw new EngineError({ type: 'idempotency_mismatch', key, executionId: '' });
    }
    return items.map((_, index) => first + index);
  }

  /** Publishes what a step of an execution published, once. Resolves once that is durable. */
  async publishFor(
    { id, projectId }: Execution,
    { topic, stepKey, event }: Extract<OutboxMessage, { type: 'publish_event' }>,
  ): Promise<void> {
    const name = JSON.stringify(['step', id, stepKey]);
    await this.add(this.topic(projectId, topic), { items: [toStoredEvent(event, id)], name });
  }

  /** Gives an execution the events that its steps wait for, as far as they are there. */
  bring(executionId: string): Promise<void> {
    return this.waits.bring(executionId);
  }

  /** See EventWaits.dueArrival. */
  dueArrival(execution: Execution): Promise<EventArrivedCommand | undefined> {
    return this.waits.dueArrival(execution);
  }

  /**
   * The events of a topic from a cursor on; see Topic.pages.
   * @throws EngineError `cursor_unknown` before the first page for a cursor beyond the newest event: waiting would hide
   * that events are gone which the reader has had, say after a restore, and that others took their numbers.
   */
  async *events(
    projectId: string,
    name: string,
    { afterEvent, follow, signal }: EventCursor,
  ): AsyncGenerator<readonly TopicEvent[]> {
    const topic = this.topic(projectId, name);
    const leave = topic.follow();
    try {
      await topic.refresh();
      const { newest } = topic;
      if (afterEvent > newest) throw new EngineError({ type: 'cursor_unknown', cursor: afterEvent, newest });
      yield* topic.pages(afterEvent, { follow, signal });
    } finally {
      leave();
    }
  }

  /** Begins to announce a publication whose server did not; false, for it takes a while. */
  async wake(group: string, id: string): Promise<boolean> {
    const { projectId, topic: name } = topicOf(group);
    const topic = this.topic(projectId, name);
    const record = Number(id);
    if (this.announcements.isInHand(topic, record)) return false;
    // What another server wrote, or this one without knowing that it did.
    await topic.refresh();
    this.announcements.announce(topic, record);
    return false;
  }

  /** Events of a topic up to this one are deleted. */
  deletedTo(name: string, sequence: number): void {
    this.topics.get(name)?.deletedTo(sequence);
  }

  /** Others wrote records of these groups. */
  changedElsewhere(groups: readonly string[]): void {
    for (const group of groups) {
      const topic = this.topics.get(group);
      if (topic?.isFollowed) this.refresh(topic);
    }
  }

  start(): void {
    if (this.port.store.isShared) this.lookLater();
  }

  async stop(): Promise<void> {
    this.callOff?.();
    await this.announcements.stop();
  }

  private async add(
    topic: Topic,
    events: { readonly items: readonly StoredEvent[]; readonly name?: string; readonly mark?: string },
  ) {
    const dueAt = this.announcements.dueAt();
    try {
      const batch = await topic.add({ ...events, at: this.port.clock.now(), dueAt });
      this.announcements.announce(topic, batch.record);
      return batch;
    } catch (error) {
      // If it is there all the same, it is to be announced.
      this.port.noteDue(dueAt);
      throw error;
    }
  }

  private topic(projectId: string, topic: string): Topic {
    const name = topicName(projectId, topic);
    const known =
      this.topics.get(name) ??
      new Topic({ name, projectId, topic }, { store: this.port.store, cache: this.cache });
    this.topics.delete(name);
    this.topics.set(name, known);
    for (const [oldest, { isFollowed }] of this.topics) {
      if (this.topics.size <= TOPICS_MAX) break;
      if (!isFollowed) this.topics.delete(oldest);
    }
    return known;
  }

  private lookLater(): void {
    const { clock } = this.port;
    this.callOff = clock.callAt(clock.now() + LOOK_MS, () => {
      for (const topic of this.topics.values()) if (topic.isFollowed) this.refresh(topic);
      this.lookLater();
    });
  }

  private refresh(topic: Topic): void {
    topic.refresh().catch(this.port.fault);
  }
}
