import { InOrder } from '../store/in-order.js';
import type { Store } from '../store/store.js';
import type {
  Invoked,
  InvokeRequest,
  TriggerDeclaration,
  WorkerRegistration,
  WorkflowDefinition,
} from './api.js';
import type { Clock } from './clock.js';
import { idOfParts } from './ids.js';
import { changeRecord, recordPages } from './records.js';
import { batched, batchPayload, type TriggerEvent } from './trigger-batches.js';
import { type EventRange, type Trigger, toTriggerRecord, triggerGroup, triggerOf } from './trigger-record.js';

/** What triggers ask of the rest of the engine. */
export interface TriggersPort {
  readonly store: Store;
  readonly clock: Clock;
  readonly topics: TriggerTopics;
  /** Starts an execution that nobody asks for: what does not fit the schemas fails at its worker. */
  start(request: InvokeRequest): Promise<Invoked>;
  /** A record was given this `dueAt`. */
  noteDue(at: number): void;
}

/** What triggers read of topics. */
export interface TriggerTopics {
  /** The sequence of a topic's newest event; 0 for none. */
  newest(projectId: string, topic: string): Promise<number>;
  /** Events of a topic after a sequence, oldest first: at least one if there is one, about `bytes` bytes and `count` at most. */
  read(
    projectId: string,
    topic: string,
    page: { readonly after: number; readonly count: number; readonly bytes: number },
  ): Promise<readonly TriggerEvent[]>;
}

/** Events that are looked at, and started, at once. */
const EVENTS_AT_ONCE = 1_000;
const BYTES_AT_ONCE = 8_388_608;

/** Triggers that one look at the store brings at most. */
const TRIGGERS_AT_ONCE = 1_000;

/** How often at most one look is followed by the next at once. */
const ROUNDS = 50;

/** For how long the triggers of a project are not read anew. */
const RECALL_MS = 1_000;

/** When a new trigger is looked at first, in case that a server published which did not know it yet. */
const FIRST_LOOK_MS = 10_000;

/**
 * The rules that start executions for events of topics.
 *
 * Each workflow that declares one has a record with the place up to which the topic's events are put into batches. Batches
 * are first written down there, then started under ids that follow from them, then settled: so each event starts one
 * execution, wherever a server dies. A publication is announced until `published` has returned, which it does once every
 * event so far is in a batch, or the record is due when the one that it waits in is.
 */
export class Triggers {
  private readonly port: TriggersPort;
  private readonly turns = new InOrder();
  private readonly known = new Map<
    string,
    { readonly at: number; readonly triggers: Promise<readonly Trigger[]> }
  >();

  constructor(port: TriggersPort) {
    this.port = port;
  }

  /** Takes note of the triggers that a worker declares, and of those that it no longer does. */
  async register({ projectId, workflows }: WorkerRegistration): Promise<void> {
    await Promise.all(workflows.map((workflow) => this.registerOne(projectId, workflow)));
  }

  /**
   * Something was published to a topic. Resolves once nothing of it can be missed; the publication is to be announced again
   * until then.
   */
  async published(projectId: string, topic: string): Promise<void> {
    const triggers = await this.triggersOf(projectId);
    const group = triggerGroup(projectId);
    const concerned = triggers.filter(({ declaration }) => declaration?.topic === topic);
    await Promise.all(concerned.map(({ workflowId }) => this.look(group, workflowId)));
  }

  /** The sequence of the first event of a topic that some trigger is still to start an execution for; infinity for none. */
  async neededFrom(projectId: string, topic: string): Promise<number> {
    const triggers = await this.triggersOf(projectId);
    return triggers.reduce((first, { declaration, starting, cursor }) => {
      return declaration?.topic === topic ? Math.min(first, starting?.[0]?.first ?? cursor + 1) : first;
    }, Number.POSITIVE_INFINITY);
  }

  /** Does what is due of a trigger; false if nothing was. */
  wake(group: string, id: string): Promise<boolean> {
    return this.look(group, id);
  }

  private async registerOne(projectId: string, { id, trigger }: WorkflowDefinition): Promise<void> {
    const { store, clock, topics, noteDue } = this.port;
    const group = triggerGroup(projectId);
    const { record, isChanged } = await changeRecord(store, { group, id }, async (stored) => {
      const kept = stored && triggerOf(stored);
      if (isSame(kept?.declaration, trigger)) return undefined;
      const before = kept && (await this.settled(kept));
      if (!trigger) {
        const { declaration: _, lookAt: __, ...rest } = before ?? { projectId, workflowId: id, cursor: 0 };
        return toTriggerRecord(rest);
      }
      const lookAt = clock.now() + FIRST_LOOK_MS;
      if (before?.declaration?.topic === trigger.topic)
        return toTriggerRecord({ ...before, declaration: trigger, lookAt: clock.now() });
      const cursor = await topics.newest(projectId, trigger.topic);
      return toTriggerRecord({ projectId, workflowId: id, declaration: trigger, cursor, lookAt });
    });
    if (!isChanged) return;
    this.known.delete(projectId);
    if (record?.dueAt !== undefined) noteDue(record.dueAt);
  }

  /** A look at a trigger that begins after this call, and sees all that is published by now. */
  private look(group: string, id: string): Promise<boolean> {
    return this.turns.join(JSON.stringify([group, id]), () => this.carryOn(group, id));
  }

  /** Starts what is to be started of a trigger until nothing is left to do now; false if there was nothing. */
  private async carryOn(group: string, id: string): Promise<boolean> {
    const { store, clock, noteDue } = this.port;
    let isAnyChanged = false;
    for (let round = 0; round < ROUNDS; round++) {
      const { record, isChanged } = await changeRecord(store, { group, id }, async (stored) => {
        const kept = stored && triggerOf(stored);
        if (!kept) return undefined;
        const next = await this.looked(await this.settled(kept));
        return kept.starting || !isSameLook(kept, next) ? toTriggerRecord(next) : undefined;
      });
      isAnyChanged ||= isChanged;
      const trigger = record && triggerOf(record);
      if (!trigger?.starting) {
        if (isChanged && record?.dueAt !== undefined) noteDue(record.dueAt);
        return isAnyChanged;
      }
    }
    noteDue(clock.now());
    return true;
  }

  /** The trigger with what its topic's events make by now. */
  private async looked(trigger: Trigger): Promise<Trigger> {
    const { clock, topics } = this.port;
    const { projectId, declaration, cursor } = trigger;
    const { lookAt: _, ...rest } = trigger;
    if (!declaration) return rest;
    const page = { after: cursor, count: EVENTS_AT_ONCE, bytes: BYTES_AT_ONCE };
    const events = await topics.read(projectId, declaration.topic, page);
    const now = clock.now();
    const { ready, restAt } = batched(events, declaration, now);
    const last = ready.at(-1)?.last;
    if (last !== undefined) return { ...rest, cursor: last, starting: ready, lookAt: now };
    return restAt === undefined ? rest : { ...rest, lookAt: restAt };
  }

  /** The trigger once the batches that were being started are: by this server, by another one, or by both. */
  private async settled(trigger: Trigger): Promise<Trigger> {
    const { starting, declaration, ...rest } = trigger;
    if (!starting || !declaration) return trigger;
    const first = starting[0]?.first ?? 0;
    const last = starting.at(-1)?.last ?? 0;
    const events = await this.events(trigger, declaration.topic, { first, last });
    await Promise.all(starting.map((range) => this.start(trigger, declaration, range, events)));
    return { ...rest, declaration };
  }

  private async start(
    { projectId, workflowId }: Trigger,
    declaration: TriggerDeclaration,
    { first, last }: EventRange,
    events: readonly TriggerEvent[],
  ): Promise<void> {
    const batch = events.filter(({ sequence }) => sequence >= first && sequence <= last);
    if (batch.length === 0) return;
    await this.port.start({
      executionId: idOfParts('trigger', projectId, workflowId, declaration.topic, first),
      payload: { json: batchPayload(batch, declaration) },
      requestDigest: 'trigger',
      ...{ projectId, workflowId, priority: 0, startDelayMs: 0, searchAttributes: {} },
    });
  }

  /** Those that are there: what was not started for longer than events are kept for triggers is deleted. */
  private async events(
    { projectId }: Trigger,
    topic: string,
    { first, last }: EventRange,
  ): Promise<readonly TriggerEvent[]> {
    const events: TriggerEvent[] = [];
    for (let after = first - 1; after < last; after = events.at(-1)?.sequence ?? last) {
      const page = { after, count: last - after, bytes: BYTES_AT_ONCE };
      const more = await this.port.topics.read(projectId, topic, page);
      if (more.length === 0) break;
      events.push(...more);
    }
    return events;
  }

  private triggersOf(projectId: string): Promise<readonly Trigger[]> {
    const now = this.port.clock.now();
    const known = this.known.get(projectId);
    if (known && Math.abs(now - known.at) < RECALL_MS) return known.triggers;
    const triggers = this.readTriggers(projectId);
    const entry = { at: now, triggers };
    this.known.set(projectId, entry);
    triggers.catch(() => {
      if (this.known.get(projectId) === entry) this.known.delete(projectId);
    });
    return triggers;
  }

  private async readTriggers(projectId: string): Promise<readonly Trigger[]> {
    const group = triggerGroup(projectId);
    const triggers: Trigger[] = [];
    for await (const page of recordPages(this.port.store, { group, limit: TRIGGERS_AT_ONCE })) {
      triggers.push(...page.map(triggerOf));
    }
    return triggers;
  }
}

function isSame(a: TriggerDeclaration | undefined, b: TriggerDeclaration | undefined): boolean {
  return a?.topic === b?.topic && a?.batchSize === b?.batchSize && a?.batchTimeoutMs === b?.batchTimeoutMs;
}

function isSameLook(a: Trigger, b: Trigger): boolean {
  return a.starting === b.starting && a.lookAt === b.lookAt;
}
