import { type Execution, slotsName } from '../core/execution.js';
import { InOrder } from '../store/in-order.js';
import type { Store } from '../store/store.js';
import type { WorkerRegistration } from './api.js';
import type { Clock } from './clock.js';
import { unlessGone } from './errors.js';
import type { Executions } from './executions.js';
import { LIMITS_GROUP, QueueLimits, type QueueName } from './queue-limits.js';
import { recordPages } from './records.js';
import {
  CONFIRM_MS,
  changed,
  dueAtOf,
  type Holder,
  isForgotten,
  placeOf,
  recordOf,
  type SlotsPlace,
  type SlotsState,
  slotsFrom,
  slotsGroup,
  slotsId,
  without,
} from './slot-record.js';
import { WaitingLine } from './waiting-line.js';
import type { Servable } from './workers.js';

/** What slots ask of the rest of the engine. */
export interface SlotsPort {
  readonly store: Store;
  readonly clock: Clock;
  readonly executions: Executions;
  /** Whether a worker that is connected now would take such an execution. */
  serves(execution: Servable): Promise<boolean>;
  /** A record is due at this time. */
  noteDue(at: number): void;
  fault(error: unknown): void;
}

/** What is known to have happened, on its way to the record. */
interface News {
  /** They do not hold these turns, and never will again. */
  readonly gone: readonly Holder[];
  /** They know that they hold a slot. */
  readonly confirmed: readonly Holder[];
  /** How many are known to wait, at least. */
  readonly waiting: number;
  /** Whether nobody would bring this again, if this server died. */
  readonly isOurs: boolean;
  /** Whether the record is looked at because it is due. */
  readonly isDue: boolean;
}

const NO_NEWS: News = { gone: [], confirmed: [], waiting: 0, isOurs: false, isDue: false };

/** How old what was read may be when something is committed against it. Far below IDLE_MS. */
const FRESH_MS = 60_000;

/** How often slots are looked at while all are held and somebody waits for one. */
const CONTESTED_MS = 30_000;

/** How long a holder that is ready, and that no worker serves, keeps its slot at least. */
const UNSERVED_MS = 10_000;

/** Records of a queue, executions that are given a slot and holders that are asked after: so many at once at most. */
const PAGE = 500;

/**
 * The slots of queues with a concurrency limit: how many executions of each queue and concurrency key may run at once.
 *
 * The record of the slots is changed first, and then the executions are told; whoever reads the record knows all that
 * may run. Nobody waits unseen: who begins to wait looks at the record after that, and who takes holders out of the
 * record looks for those that wait after that.
 */
export class Slots {
  private readonly port: SlotsPort;
  private readonly limits: QueueLimits;
  private readonly line: WaitingLine;
  private readonly turns = new InOrder();
  /** By name of the slots, what the next look takes along. */
  private readonly news = new Map<string, News>();
  private readonly granting = new Set<Promise<void>>();

  constructor(port: SlotsPort) {
    this.port = port;
    this.limits = new QueueLimits(port);
    this.line = new WaitingLine(port);
  }

  /** How many executions of a queue may run at once; undefined without limit. What other servers were told lately counts. */
  limitOf(projectId: string, queue: string): number | undefined {
    return this.limits.limitOf({ projectId, queue });
  }

  /**
   * Takes note of the limits that a worker declares.
   * @throws EngineError if it declares two for one queue.
   */
  async register(registration: WorkerRegistration): Promise<void> {
    const raised = await this.limits.register(registration);
    await Promise.all(raised.map((queue) => this.lookAtAll(queue)));
  }

  /** An execution waits for a slot. Resolves when it has been considered; may be repeated. */
  wanted(execution: Execution): Promise<void> {
    return this.look(execution, { ...NO_NEWS, waiting: 1 });
  }

  /** An execution gave up the slot of its turn. Resolves when others can have it; may be repeated. */
  release(execution: Execution, turn: number): Promise<void> {
    return this.look(execution, { ...NO_NEWS, gone: [{ executionId: execution.id, turn }] });
  }

  /** Does what is due of a record; false if nothing was, or if it has to be tried again. */
  async wake(group: string, id: string): Promise<boolean> {
    const { store, clock } = this.port;
    if (group === LIMITS_GROUP) return this.wakeRaised(id);
    const record = await store.loadRecord({ group, id });
    const now = clock.now();
    if (record?.dueAt === undefined || record.dueAt > now) return false;
    const place = placeOf(record);
    const slots = slotsFrom(record);
    const doubtful = slots.holders.filter(({ since }) => since !== undefined && since + CONFIRM_MS <= now);
    const news = await this.tell(doubtful);
    const isContested = slots.lookAt !== undefined && (await this.isContested(place, slots));
    await this.look(place, { ...news, waiting: isContested ? 1 : 0, isDue: true });
    return news.gone.length + news.confirmed.length === doubtful.length;
  }

  /** Others wrote records of these groups. */
  changedElsewhere(groups: readonly string[]): void {
    this.limits.changedElsewhere(groups);
  }

  async start(): Promise<void> {
    await this.limits.start();
  }

  /** Waits for what is under way. */
  async stop(): Promise<void> {
    await this.limits.stop();
    await Promise.all(this.granting);
  }

  /** Looks again after a limit was raised: the server that was told of it may have died. */
  private async wakeRaised(id: string): Promise<boolean> {
    const queue = await this.limits.raisedLately(id);
    if (!queue) return false;
    await this.lookAtAll(queue);
    await this.limits.settle(id);
    return true;
  }

  /** Looks at all slots of a queue whose limit was raised. Those that nobody holds were free before. */
  private async lookAtAll(queue: QueueName): Promise<void> {
    for await (const page of recordPages(this.port.store, { group: slotsGroup(queue), limit: PAGE })) {
      await Promise.all(page.map((record) => this.look(placeOf(record), NO_NEWS)));
    }
  }

  /** A look that begins after this call. Those who ask for one while another is under way share the next. */
  private look(place: SlotsPlace, news: News): Promise<void> {
    const name = slotsName(place);
    this.news.set(name, both(this.news.get(name) ?? NO_NEWS, news));
    return this.turns.join(name, () => {
      const all = this.news.get(name) ?? NO_NEWS;
      this.news.delete(name);
      return this.allot(place, all);
    });
  }

  /** Takes out of the record those that are gone, and enters those that wait as far as slots are free. */
  private async allot(place: SlotsPlace, news: News): Promise<void> {
    const { store, clock } = this.port;
    const name = { group: slotsGroup(place), id: slotsId(place) };
    const limit = await this.limitAt(place);
    let known: SlotsState | undefined;
    for (;;) {
      const readAt = clock.now();
      const slots = known ?? slotsFrom(await store.loadRecord(name));
      const kept = without(slots.holders, news.gone);
      const untold = new Set(
        kept.flatMap(({ executionId, since }) => (since === undefined ? [] : [executionId])),
      );
      const entered = await this.line.first(place, Math.min(limit - kept.length, PAGE), untold);
      const at = clock.now();
      const isFreed = kept.length < slots.holders.length;
      const isLeft = kept.length + entered.length < limit;
      const lookAt = earliest([
        news.isDue && slots.lookAt !== undefined && slots.lookAt <= at ? undefined : slots.lookAt,
        news.isOurs && isFreed && isLeft ? at + CONFIRM_MS : undefined,
        news.waiting > entered.length && !isLeft ? at + CONTESTED_MS : undefined,
      ]);
      const next = changed(slots, { ...news, entered, at, lookAt });
      const mayGo = news.isDue && next === slots && isForgotten(slots, at);
      if (next === slots && !mayGo) return;
      known = undefined;
      if (at - readAt > FRESH_MS) continue;
      const write = mayGo
        ? { remove: { ...name, version: slots.version } }
        : { record: recordOf(place, next) };
      if ((await store.commitRecord(write)) === 'conflict') continue;
      if (!mayGo) this.noteDue(next);
      this.grant(place, entered);
      // Somebody may have begun to wait after the list, and have looked before the commit.
      const isMore = isLeft && (isFreed || entered.length === PAGE);
      if (!isMore) return;
      known = next;
    }
  }

  private noteDue(slots: SlotsState): void {
    const dueAt = dueAtOf(slots);
    if (Number.isFinite(dueAt)) this.port.noteDue(dueAt);
  }

  /** How many may hold a slot now. */
  private async limitAt(queue: QueueName): Promise<number> {
    return (await this.limits.currentLimitOf(queue)) ?? Number.POSITIVE_INFINITY;
  }

  /** Tells those that were entered; the slots of those that do not want them any more go on to others. */
  private grant(place: SlotsPlace, entered: readonly Holder[]): void {
    if (entered.length === 0) return;
    const granting = this.tell(entered)
      .then((news) => (news.gone.length > 0 ? this.look(place, news) : undefined))
      // The record is due soon: it is tried again then.
      .catch(this.port.fault)
      .finally(() => this.granting.delete(granting));
    this.granting.add(granting);
  }

  /** Tells executions that they hold a slot; answers which do, and which never will. */
  private async tell(holders: readonly Holder[]): Promise<News> {
    const gone: Holder[] = [];
    const confirmed: Holder[] = [];
    const tellOne = async (holder: Holder) => {
      try {
        ((await this.holds(holder)) ? confirmed : gone).push(holder);
      } catch (error) {
        // Nothing is known of this one. The others are not kept from their slots.
        this.port.fault(error);
      }
    };
    await Promise.all(holders.map(tellOne));
    return { ...NO_NEWS, gone, confirmed, isOurs: true };
  }

  /** Whether the execution holds the slot of this turn, now that it was told. If not it never will: turns only grow. */
  private async holds({ executionId, turn }: Holder): Promise<boolean> {
    const { executions, clock } = this.port;
    const grant = () => ({ type: 'grant_slot', at: clock.now(), turn }) as const;
    const told = await unlessGone(executions.submit(executionId, grant));
    const slot = told?.loaded.execution.slot;
    return told?.changed === true || (slot?.turn === turn && slot.isHeld);
  }

  /** Whether somebody waits while all slots are held. Takes those back that only keep others from running. */
  private async isContested(place: SlotsPlace, { holders }: SlotsState): Promise<boolean> {
    if (holders.length < (await this.limitAt(place))) return false;
    const { served, isEmpty } = await this.line.length(place, PAGE);
    if (served === 0) return !isEmpty;
    // Of very many each has its turn sooner or later.
    const start = holders.length > PAGE ? Math.floor(Math.random() * (holders.length - PAGE)) : 0;
    const asked = holders.slice(start, start + PAGE);
    const useless = await Promise.all(asked.map((holder) => this.isUnserved(holder)));
    const taken = asked.filter((_, index) => useless[index]).slice(0, served);
    await Promise.all(taken.map((holder) => this.takeBack(holder)));
    return true;
  }

  /** Whether an execution only waits for a worker, and no connected one would take it. */
  private async isUnserved({ executionId }: Holder): Promise<boolean> {
    const { executions, clock, serves } = this.port;
    const read = executions.read(executionId, ({ execution }) => execution);
    const execution = await unlessGone(read);
    if (!execution?.ready || execution.updatedAt + UNSERVED_MS > clock.now()) return false;
    return !(await serves(execution));
  }

  private async takeBack({ executionId, turn }: Holder): Promise<void> {
    const { executions, clock } = this.port;
    const revoke = () => ({ type: 'revoke_slot', at: clock.now(), turn }) as const;
    await unlessGone(executions.submit(executionId, revoke));
  }
}

function both(a: News, b: News): News {
  return {
    gone: [...a.gone, ...b.gone],
    confirmed: [...a.confirmed, ...b.confirmed],
    waiting: a.waiting + b.waiting,
    isOurs: a.isOurs || b.isOurs,
    isDue: a.isDue || b.isDue,
  };
}

function earliest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length > 0 ? Math.min(...known) : undefined;
}
