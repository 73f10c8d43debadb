import type { DueExecution, Store } from '../store/store.js';
import type { Clock } from './clock.js';
import { type Due, Scheduler } from './scheduler.js';

/** What the scheduler of executions asks of the rest of the engine. */
export interface ExecutionSchedulerPort {
  readonly store: Store;
  readonly clock: Clock;
  /** Does what is due of an execution; false if nothing was. */
  wake(executionId: string): Promise<boolean>;
  fault(error: unknown): void;
}

/** Wakes executions when their time has come. */
export class ExecutionScheduler extends Scheduler<DueExecution & Due> {
  constructor({ store, clock, wake, fault }: ExecutionSchedulerPort) {
    super({
      clock,
      isShared: store.isShared,
      async listDue(query) {
        const { due, ...rest } = await store.listDue(query);
        return { due: due.map((execution) => ({ ...execution, dueAt: execution.wakeAt })), ...rest };
      },
      keyOf: ({ id }) => id,
      wake: ({ id }) => wake(id),
      fault,
    });
  }
}
