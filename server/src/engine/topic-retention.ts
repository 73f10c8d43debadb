import { TOPIC_PREFIX, topicOf } from '../core/execution.js';
import type { Store } from '../store/store.js';
import type { Clock } from './clock.js';
import type { RetentionRule } from './execution-retention.js';
import { trimLog } from './log-trimming.js';
import { allNames } from './name-pages.js';
import { type Round, Rounds } from './rounds.js';
import type { Topics } from './topics.js';
import type { Triggers } from './triggers.js';

/** What retention of events asks of the rest of the engine. */
export interface TopicRetentionPort {
  readonly store: Store;
  readonly clock: Clock;
  /** Counted from the publication of an event. */
  readonly keptFor: RetentionRule;
  readonly triggers: Pick<Triggers, 'neededFrom'>;
  readonly topics: Pick<Topics, 'deletedTo'>;
  fault(error: unknown): void;
}

/** Each topic is looked at in each round, so that an event may stay that much longer. */
const INTERVAL_MS = 1_800_000;

/**
 * How long an event stays for a trigger that is still to start an execution for it, and for whoever has not heard of it:
 * this many times as long as others. Both times are a day at least, and no batch waits for longer than that: what is lost
 * so, was tried in vain for a day.
 */
const NEEDED_TIMES = 2;

/**
 * Deletes events of topics that were published long ago, with the keys that they were published under. Numbers are never
 * given again: of a topic whose events are all deleted a record of about 100 bytes stays, for it to go on counting.
 */
export class TopicRetention {
  private readonly port: TopicRetentionPort;
  private readonly rounds: Rounds;

  constructor(port: TopicRetentionPort) {
    const { clock, fault } = port;
    this.port = port;
    this.rounds = new Rounds({ clock, intervalMs: INTERVAL_MS, work: (round) => this.trimAll(round), fault });
  }

  start(): void {
    this.rounds.start();
  }

  /** Lets what is being deleted go. */
  stop(): Promise<void> {
    return this.rounds.stop();
  }

  private async trimAll(round: Round): Promise<void> {
    const { store, keptFor, fault } = this.port;
    for await (const name of allNames((page) => store.listGroups({ prefix: TOPIC_PREFIX, ...page }))) {
      if (round.isStopped) return;
      const keptMs = keptFor(topicOf(name).projectId);
      // What fails in one topic keeps no other waiting.
      if (keptMs !== undefined) await this.trim(name, keptMs, round).catch(fault);
    }
  }

  private async trim(name: string, keptMs: number, round: Round): Promise<void> {
    const { store, clock, triggers, topics } = this.port;
    const { projectId, topic } = topicOf(name);
    const now = clock.now();
    // Asked first: what no trigger needs any more, none will need again.
    const neededFrom = await triggers.neededFrom(projectId, topic);
    const trimming = { until: now - keptMs, neededFrom, neededSince: now - NEEDED_TIMES * keptMs };
    const deletedTo = await trimLog(store, name, trimming, round);
    if (deletedTo > 0) topics.deletedTo(name, deletedTo);
  }
}
