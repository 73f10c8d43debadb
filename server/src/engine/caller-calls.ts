import type { ExecutionStatus } from '../core/execution.js';
import { isRepeatedRepair } from '../core/repair.js';
import type { Store } from '../store/store.js';
import type { Admission } from './admission.js';
import type { Resumption, StateRepair } from './api.js';
import type { Clock } from './clock.js';
import type { Executions } from './executions.js';
import { stepsOf } from './loaded.js';
import { assertVisible } from './visibility.js';

/** What carries out the calls. */
export interface CallerCallsPort {
  readonly store: Store;
  readonly clock: Clock;
  readonly executions: Executions;
  readonly admission: Admission;
}

/** What callers ask of an execution that exists. Each throws `not_found` for one of another project. */
export class CallerCalls {
  private readonly port: CallerCallsPort;

  constructor(port: CallerCallsPort) {
    this.port = port;
  }

  cancel(projectId: string, executionId: string): Promise<ExecutionStatus> {
    return this.submit(projectId, executionId, 'cancel');
  }

  async pause(projectId: string, executionId: string): Promise<void> {
    await this.submit(projectId, executionId, 'pause');
  }

  async unpause(projectId: string, executionId: string): Promise<void> {
    await this.submit(projectId, executionId, 'unpause');
  }

  async resume(projectId: string, executionId: string, { stepKey, data }: Resumption): Promise<void> {
    const { store, clock, executions } = this.port;
    await executions.submit(executionId, async (before) => {
      assertVisible(before.execution, projectId);
      const recorded = (await stepsOf(before, store)).get(stepKey);
      return { type: 'resume', at: clock.now(), stepKey, recorded, ...(data && { data }) };
    });
  }

  /** @returns the revision that the repair made, or the latest if it made none. */
  async patchState(projectId: string, executionId: string, repair: StateRepair): Promise<number> {
    const { clock, executions, admission } = this.port;
    const { loaded } = await executions.submit(executionId, async (before) => {
      assertVisible(before.execution, projectId);
      await admission.checkRepair(before, repair);
      return { type: 'patch_state', at: clock.now(), ...repair };
    });
    const { execution } = loaded;
    return isRepeatedRepair(execution, repair) ? repair.expectedRevision + 1 : execution.stateRevision;
  }

  private async submit(
    projectId: string,
    executionId: string,
    type: 'cancel' | 'pause' | 'unpause',
  ): Promise<ExecutionStatus> {
    const { clock, executions } = this.port;
    const { loaded } = await executions.submit(executionId, ({ execution }) => {
      assertVisible(execution, projectId);
      return { type, at: clock.now() };
    });
    return loaded.execution.status;
  }
}
