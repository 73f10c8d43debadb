import type { Action } from '../core/command.js';
import { isRepetition } from '../core/complete.js';
import { StepRecords } from '../core/step-records.js';
import type { Store } from '../store/store.js';
import type { Admission } from './admission.js';
import type * as api from './api.js';
import { arrivedSteps, assignmentOf, isComplete, recordsOf } from './assignments.js';
import type { Clock } from './clock.js';
import { EngineError } from './errors.js';
import type { Executions } from './executions.js';
import { inputOf, type Loaded, stepsOf } from './loaded.js';
import type { Matcher } from './matcher.js';
import { openSession, type PollerPort, pollOnce } from './pollers.js';
import { assertVisible } from './visibility.js';
import type { Workers } from './workers.js';

/** What the calls of workers need of the rest of the engine. */
export interface WorkerCallsPort {
  readonly store: Store;
  readonly clock: Clock;
  readonly workers: Workers;
  readonly matcher: Matcher;
  readonly executions: Executions;
  readonly admission: Admission;
  fault(error: unknown): void;
}

/** What workers ask for once they are registered: executions, and to commit what came of them. */
export class WorkerCalls {
  private readonly port: WorkerCallsPort;
  private readonly pollerPort: PollerPort;

  constructor(port: WorkerCallsPort) {
    this.port = port;
    const { matcher, workers, clock } = port;
    this.pollerPort = { matcher, workers, clock, assignmentOf: (loaded) => this.assignmentOf(loaded) };
  }

  /** See EngineApi. */
  async poll(
    projectId: string,
    workerId: string,
    poll: api.Wait & { readonly max: number },
  ): Promise<readonly api.Assignment[]> {
    return pollOnce(this.pollerPort, await this.port.workers.get(projectId, workerId), poll);
  }

  /** See EngineApi. */
  async openWork(projectId: string, workerId: string, sink: api.WorkSink): Promise<api.WorkSession> {
    return openSession(this.pollerPort, await this.port.workers.get(projectId, workerId), sink);
  }

  /** See EngineApi. */
  async complete(projectId: string, completion: api.CompletionRequest): Promise<api.Completion> {
    const { executions, admission, store, clock } = this.port;
    const { lease, sequence, digest, stateUnsettled } = completion;
    const { executionId, epoch, token } = lease;
    const { loaded } = await executions.submit(executionId, async (before) => {
      assertVisible(before.execution, projectId);
      // What passed once is not checked anew: the schemas may be others by now.
      const isKnown = isRepetition(before.execution, { epoch, sequence });
      const admitted = isKnown ? { actions: [] } : await admission.complete(before, completion.actions);
      const steps = await stepsOf(before, store);
      const recorded = new Map(recordsOf(steps, keysIn(admitted.actions)).map((step) => [step.key, step]));
      const at = clock.now();
      return { type: 'complete', at, epoch, token, sequence, digest, ...admitted, stateUnsettled, recorded };
    });
    const { execution } = loaded;
    if (execution.epoch !== epoch) {
      // Given on since: to its last worker it is in the queue, whatever another one does with it.
      return { execution: { ...execution, status: 'queued', lease: undefined }, outcomes: [] };
    }
    const steps = loaded.steps ?? new StepRecords();
    const migrated = completion.actions.some(({ type }) => type === 'migrate_state');
    // It is alone in its completion, so that its outcome is the last one that has a place.
    const answered = migrated
      ? [...steps.from(execution.stepCount - 1)].slice(0, 1)
      : recordsOf(steps, completion.actions.flatMap(answeredKey));
    const arrived = arrivedSteps(steps, Object.keys(execution.waits));
    return { execution, outcomes: [...answered, ...arrived] };
  }

  /** See EngineApi. */
  async extendLeases(
    projectId: string,
    workerId: string,
    leases: readonly api.LeaseRef[],
    released: readonly api.LeaseRef[] = [],
  ): Promise<readonly api.LeaseReport[]> {
    await this.port.workers.get(projectId, workerId);
    const [reports] = await Promise.all([
      Promise.all(leases.map((lease) => this.extendLease(projectId, lease))),
      Promise.all(released.map((lease) => this.releaseLease(projectId, lease))),
    ]);
    return reports;
  }

  private async releaseLease(projectId: string, { executionId, epoch, token }: api.LeaseRef): Promise<void> {
    try {
      await this.port.executions.submit(executionId, (before) => {
        assertVisible(before.execution, projectId);
        return { type: 'release_lease', at: this.port.clock.now(), epoch, token };
      });
    } catch (error) {
      // Deleted since, or never this worker's: nobody waits for it.
      if (!(error instanceof EngineError)) throw error;
    }
  }

  private async extendLease(projectId: string, lease: api.LeaseRef): Promise<api.LeaseReport> {
    const { executions, store, clock } = this.port;
    const { executionId, epoch, token } = lease;
    try {
      const { loaded } = await executions.submit(executionId, async (before) => {
        assertVisible(before.execution, projectId);
        await stepsOf(before, store);
        return { type: 'extend_lease', at: clock.now(), epoch, token };
      });
      const { execution } = loaded;
      const outcomes = arrivedSteps(loaded.steps ?? new StepRecords(), Object.keys(execution.waits));
      return {
        executionId,
        epoch,
        held: true,
        ...(execution.lease && { expiresAt: execution.lease.expiresAt }),
        cancelRequested: execution.cancelRequestedAt !== undefined,
        outcomes,
      };
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      return { executionId, epoch, held: false, cancelRequested: false, outcomes: [] };
    }
  }

  /** Reads what is missing while nobody commits. Undefined if that fails, or if the lease is over before. */
  private async assignmentOf(loaded: Loaded): Promise<api.Assignment | undefined> {
    const { executions, store, fault } = this.port;
    if (isComplete(loaded)) return assignmentOf(loaded, loaded.execution.epoch);
    const { id, epoch } = loaded.execution;
    try {
      return await executions.read(id, async (again) => {
        await inputOf(again, store);
        await stepsOf(again, store);
        return isComplete(again) ? assignmentOf(again, epoch) : undefined;
      });
    } catch (error) {
      fault(error);
      return undefined;
    }
  }
}

/** The step of an action whose outcome is in the answer: the server makes it, and there is nothing to wait for. */
function answeredKey(action: api.WorkerAction): string[] {
  switch (action.type) {
    case 'start_child':
    case 'start_children':
    case 'publish_event':
      return [action.key];
    default:
      return [];
  }
}

function keysIn(actions: readonly Action[]): string[] {
  return actions.flatMap((action) => ('key' in action ? [action.key] : []));
}
