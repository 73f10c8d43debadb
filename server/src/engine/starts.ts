import type { NewExecution } from '../core/execution.js';
import { EMPTY_STATE, type StateDocument } from '../core/state-document.js';
import type { Store } from '../store/store.js';
import { type Admission, stateFrom } from './admission.js';
import type { Invoked, InvokeRequest } from './api.js';
import type { Clock } from './clock.js';
import { EngineError } from './errors.js';
import type { Executions } from './executions.js';
import type { Slots } from './slots.js';

/** What it takes to start executions. */
export interface StartsPort {
  readonly store: Store;
  readonly clock: Clock;
  readonly admission: Admission;
  readonly executions: Executions;
  readonly slots: Pick<Slots, 'limitOf'>;
}

/** Where executions come from: callers, schedules and triggers, parents. Each exactly once, however often it is asked for. */
export class Starts {
  private readonly port: StartsPort;

  constructor(port: StartsPort) {
    this.port = port;
  }

  /** Starts what a caller asks for, or answers what an earlier call with the same key started. */
  async invoke(request: InvokeRequest, options = { isChecked: true }): Promise<Invoked> {
    const { execution, state, stateVersion } = await this.port.admission.admit(request, options);
    const at = this.port.clock.now();
    const result = await this.create(execution, { state, at, stateVersion });
    const { id: executionId, sessionId } = execution;
    if (result === 'created') return { executionId, created: true, createdAt: at, sessionId };
    return this.repeated(request, executionId);
  }

  /** What a repetition of an earlier request answers; another request under the same key or id is refused. */
  private async repeated(request: InvokeRequest, executionId: string): Promise<Invoked> {
    const { projectId, idempotencyKey, requestDigest } = request;
    const existing = (await this.port.store.load(executionId))?.execution;
    const isVisible = existing?.projectId === projectId;
    if (
      !isVisible ||
      existing.requestDigest !== requestDigest ||
      existing.idempotencyKey !== idempotencyKey
    ) {
      throw new EngineError({
        type: 'idempotency_mismatch',
        key: idempotencyKey ?? executionId,
        executionId: isVisible ? executionId : '',
      });
    }
    const { createdAt, sessionId } = existing;
    return { executionId, created: false, createdAt, sessionId };
  }

  /** Starts a child, unless it was started before. */
  async startChild(child: NewExecution): Promise<void> {
    const state =
      child.initialState === undefined ? EMPTY_STATE : stateFrom(child.initialState, 'initial_state');
    const { projectId, workflowId } = child;
    const { stateVersion } = await this.port.admission.declared(projectId, workflowId);
    // `id_taken`: the message was delivered before.
    await this.create(child, { state, at: this.port.clock.now(), stateVersion });
  }

  private create(
    request: NewExecution,
    begin: { readonly state: StateDocument; readonly at: number; readonly stateVersion: number | undefined },
  ): Promise<'created' | 'id_taken'> {
    const { slots, executions } = this.port;
    const { state, at, stateVersion } = begin;
    const isLimited = slots.limitOf(request.projectId, request.queue) !== undefined;
    const version = stateVersion !== undefined && { stateVersion };
    return executions.create({ type: 'create', at, request, state, isLimited, ...version });
  }
}
