import { type Execution, slotsName } from '../../server/src/core/execution.js';
import { slotsFrom, slotsGroup, slotsId } from '../../server/src/engine/slot-record.js';
import type { Store } from '../../server/src/store/store.js';

/**
 * Promise 17, after each commit: of a limited queue no more run than may, none without a slot, and never are there more
 * holders of slots than there are slots.
 */
export class SlotWatch {
  private readonly store: Store;
  private readonly limits: Readonly<Record<string, number>>;
  private readonly violated: (what: string) => void;
  private readonly running = new Map<string, Map<string, Execution>>();

  /** @param store a memory store: what it holds is read in the moment of the question. */
  constructor(store: Store, limits: Readonly<Record<string, number>>, violated: (what: string) => void) {
    this.store = store;
    this.limits = limits;
    this.violated = violated;
  }

  committed(execution: Execution): void {
    const limit = this.limits[execution.queue];
    if (limit === undefined) return;
    const name = slotsName(execution);
    const running = this.running.get(name) ?? new Map<string, Execution>();
    this.running.set(name, running);
    if (execution.status !== 'running') running.delete(execution.id);
    else running.set(execution.id, execution);
    this.check(execution, [...running.values()], limit);
  }

  /** Whether an execution waits for a slot, and all are taken. */
  async isHeldUp(execution: Execution): Promise<boolean> {
    const limit = this.limits[execution.queue] ?? Number.POSITIVE_INFINITY;
    if (execution.slot?.isHeld !== false) return false;
    return (await this.holders(execution)).length >= limit;
  }

  private check(place: Execution, running: readonly Execution[], limit: number): void {
    const name = slotsName(place);
    if (running.length > limit) this.violated(`17: ${running.length} of ${name} run, not ${limit}`);
    void this.holders(place).then((holders) => {
      if (holders.length > limit) this.violated(`17: ${holders.length} hold slots of ${name}, not ${limit}`);
      for (const { id, slot } of running) {
        const isEntered = holders.some(({ executionId, turn }) => executionId === id && turn === slot?.turn);
        if (!isEntered) this.violated(`17: ${id} runs without a slot of ${name}`);
      }
    });
  }

  private async holders(place: Execution) {
    return slotsFrom(await this.store.loadRecord({ group: slotsGroup(place), id: slotsId(place) })).holders;
  }
}
