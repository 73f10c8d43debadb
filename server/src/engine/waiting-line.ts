import { type Execution, slotsName } from '../core/execution.js';
import type { Store, WaitingExecution } from '../store/store.js';
import { unlessGone } from './errors.js';
import type { Executions } from './executions.js';
import type { Holder, SlotsPlace } from './slot-record.js';
import type { Servable } from './workers.js';

/** What the line asks of the rest of the engine. */
export interface WaitingLinePort {
  readonly store: Store;
  readonly executions: Executions;
  /** Whether a worker that is connected now would take such an execution. */
  serves(execution: Servable): Promise<boolean>;
}

/** Executions that wait, brought by one look at the store at most. */
const PAGE = 500;

/** Executions of which it is remembered that no worker served them. */
const REMEMBERED_MAX = 10_000;

interface Candidate {
  readonly executionId: string;
  /** Missing where it was not read. */
  readonly turn?: number;
  readonly isServed: boolean;
}

/**
 * Those that wait for slots of one queue and concurrency key, in the order in which they get one: larger priority first,
 * then who has waited longer; but whoever no connected worker serves comes after all others, so that it takes no slot
 * that somebody else could use.
 */
export class WaitingLine {
  private readonly port: WaitingLinePort;
  /** Executions that nobody served, by id: most lines have none, and a line of many is not read each time. */
  private readonly unserved = new Map<string, Servable>();

  constructor(port: WaitingLinePort) {
    this.port = port;
  }

  /** The first `count` that are not among `besides`. */
  async first(place: SlotsPlace, count: number, besides: ReadonlySet<string>): Promise<readonly Holder[]> {
    const [served, others] = await this.sorted(place, count, besides);
    const filled = [...served, ...others].slice(0, Math.max(0, count));
    const holders = await Promise.all(filled.map((candidate) => this.holderOf(candidate)));
    return holders.filter((holder) => holder !== undefined);
  }

  /** How many of those that wait a worker is there for, up to `most`, and whether anybody waits. */
  async length(
    place: SlotsPlace,
    most: number,
  ): Promise<{ readonly served: number; readonly isEmpty: boolean }> {
    const [served, others] = await this.sorted(place, most, new Set());
    return { served: served.length, isEmpty: served.length + others.length === 0 };
  }

  /** Those that are served, `count` at most, and if they are fewer as many of the others. */
  private async sorted(
    place: SlotsPlace,
    count: number,
    besides: ReadonlySet<string>,
  ): Promise<readonly [readonly Candidate[], readonly Candidate[]]> {
    const served: Candidate[] = [];
    const others: Candidate[] = [];
    let after: WaitingExecution | undefined;
    while (served.length < count) {
      const limit = after ? PAGE : Math.min(count + besides.size, PAGE);
      const page = await this.port.store.listWaiting({
        key: slotsName(place),
        limit,
        ...(after && { after }),
      });
      const fresh = page.filter(({ id }) => !besides.has(id));
      for (const candidate of await Promise.all(fresh.map(({ id }) => this.candidate(id)))) {
        if (candidate?.isServed) served.push(candidate);
        else if (candidate && others.length < count) others.push(candidate);
      }
      after = page.at(-1);
      if (page.length < limit) break;
    }
    return [served, others];
  }

  /** Undefined for one that waits no longer. */
  private async candidate(executionId: string): Promise<Candidate | undefined> {
    const known = this.unserved.get(executionId);
    if (known !== undefined && !(await this.port.serves(known))) return { executionId, isServed: false };
    const execution = await this.read(executionId);
    if (!execution?.slot || execution.slot.isHeld) return undefined;
    const { slot, projectId, workflowId, queue, stateVersion } = execution;
    const isServed = await this.port.serves(execution);
    this.unserved.delete(executionId);
    const version = stateVersion !== undefined && { stateVersion };
    if (!isServed) this.remember(executionId, { projectId, workflowId, queue, ...version });
    return { executionId, turn: slot.turn, isServed };
  }

  private remember(executionId: string, servable: Servable): void {
    this.unserved.set(executionId, servable);
    for (const oldest of this.unserved.keys()) {
      if (this.unserved.size <= REMEMBERED_MAX) return;
      this.unserved.delete(oldest);
    }
  }

  private async holderOf({ executionId, turn }: Candidate): Promise<Holder | undefined> {
    if (turn !== undefined) return { executionId, turn };
    const slot = (await this.read(executionId))?.slot;
    return slot && !slot.isHeld ? { executionId, turn: slot.turn } : undefined;
  }

  private read(executionId: string): Promise<Execution | undefined> {
    return unlessGone(this.port.executions.read(executionId, ({ execution }) => execution));
  }
}
