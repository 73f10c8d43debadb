import type { EventArrivedCommand } from '../core/command.js';
import type { Execution, Wait } from '../core/execution.js';
import type { Store, WaitingExecution } from '../store/store.js';
import type { TopicEvent } from './api.js';
import type { Clock } from './clock.js';
import { unlessGone } from './errors.js';
import type { Executions } from './executions.js';
import { stepsOf } from './loaded.js';
import type { Topic } from './topic.js';
import { awaitedEvent } from './topic-event.js';

/** What bringing events to executions asks of the rest of the engine. */
export interface EventWaitsPort {
  readonly store: Store;
  readonly clock: Clock;
  readonly executions: Executions;
  topic(projectId: string, topic: string): Topic;
}

/** Waiting executions that one look at the store brings. */
const PAGE = 500;

/** Executions to which an event is brought at once. */
const AT_ONCE = 200;

/**
 * Brings events to the steps that wait for them. Whichever comes second, the wait or the event, sees the first: a wait is
 * committed before `bring` looks for events, an event before `bringToAll` looks for waits.
 */
export class EventWaits {
  private readonly port: EventWaitsPort;

  constructor(port: EventWaitsPort) {
    this.port = port;
  }

  /** Gives the steps of an execution the events that they wait for, as far as these are there, whoever published them. */
  async bring(executionId: string): Promise<void> {
    const execution = await this.read(executionId);
    if (!execution) return;
    const names = new Set(
      Object.values(execution.waits)
        .filter(isOpen)
        .map((wait) => wait.topic),
    );
    const topics = [...names].map((name) => this.port.topic(execution.projectId, name));
    await Promise.all(topics.map((topic) => topic.refresh()));
    for (const topic of topics) await this.bringOf(topic, execution);
  }

  /**
   * Gives the events of a topic that are known here to all executions that wait for them.
   * @param isStopped  ends it early.
   * @throws what the first failed with, once all were tried.
   */
  async bringToAll(topic: Topic, isStopped: () => boolean): Promise<void> {
    const waiting = this.waitingFor(topic);
    const failures: unknown[] = [];
    const work = async () => {
      for await (const executionId of waiting) {
        if (isStopped()) return;
        try {
          const execution = await this.read(executionId);
          if (execution) await this.bringOf(topic, execution);
        } catch (error) {
          failures.push(error);
        }
      }
    };
    // They share one generator, each taking the next from it.
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    if (failures.length > 0) throw failures[0];
  }

  /**
   * What gives a step its event whose time to wait is over, if that was published before anybody noticed: it counts, then.
   */
  async dueArrival(execution: Execution): Promise<EventArrivedCommand | undefined> {
    const now = this.port.clock.now();
    for (const [stepKey, wait] of Object.entries(execution.waits)) {
      if (!isOpen(wait) || wait.until === undefined || wait.until > now) continue;
      const topic = this.port.topic(execution.projectId, wait.topic);
      await topic.refresh();
      const event = await firstFor(wait, topic, execution);
      if (event) return arrivalOf(stepKey, event, now);
    }
    return undefined;
  }

  /** Every execution that waits for a topic, once. */
  private async *waitingFor({ name: key }: Topic): AsyncGenerator<string> {
    const { store } = this.port;
    const seen = new Set<string>();
    // What moves in the order while it is read in several pages can be in none of them: then once more.
    for (let pass = 0, pages = 2; pass < 2 && pages > 1; pass++) {
      let after: WaitingExecution | undefined;
      pages = 0;
      do {
        const page = await store.listWaiting({ key, limit: PAGE, ...(after && { after }) });
        pages += 1;
        after = page.length === PAGE ? page.at(-1) : undefined;
        for (const { id } of page) {
          if (seen.has(id)) continue;
          seen.add(id);
          yield id;
        }
      } while (after);
    }
  }

  private async bringOf(topic: Topic, execution: Execution): Promise<void> {
    for (const [stepKey, wait] of Object.entries(execution.waits)) {
      if (!isOpen(wait) || wait.topic !== topic.topic) continue;
      const event = await firstFor(wait, topic, execution);
      if (event) await this.give(execution.id, stepKey, event);
    }
  }

  private async give(executionId: string, stepKey: string, event: TopicEvent): Promise<void> {
    const { executions, store, clock } = this.port;
    const giving = executions.submit(executionId, async (loaded) => {
      // A worker that holds it is to be sent the step as it then is.
      if (loaded.execution.lease) await stepsOf(loaded, store);
      return arrivalOf(stepKey, event, clock.now());
    });
    await unlessGone(giving);
  }

  private read(executionId: string): Promise<Execution | undefined> {
    return unlessGone(this.port.executions.read(executionId, (loaded) => loaded.execution));
  }
}

/** The event that a step waits for: the first after its cursor, or else the first since the execution was created. */
function firstFor(wait: Wait, topic: Topic, { createdAt }: Execution): Promise<TopicEvent | undefined> {
  return wait.afterEvent === undefined ? topic.firstSince(createdAt) : topic.firstAfter(wait.afterEvent);
}

function isOpen(wait: Wait): wait is Wait & { readonly topic: string } {
  return wait.topic !== undefined && !wait.arrived;
}

function arrivalOf(stepKey: string, event: TopicEvent, at: number): EventArrivedCommand {
  const { topic, sequence } = event;
  return { type: 'event_arrived', at, stepKey, topic, sequence, result: awaitedEvent(event) };
}
