import type { Action } from '../core/command.js';
import { isRepetition } from '../core/complete.js';
import type { Execution, ExecutionStatus, NewExecution } from '../core/execution.js';
import { EMPTY_STATE } from '../core/state-document.js';
import { inOrder } from '../core/step.js';
import type { ExecutionQuery, Store } from '../store/store.js';
import { Admission, stateFrom } from './admission.js';
import { Aftermath } from './aftermath.js';
import type * as api from './api.js';
import { arrivedSteps, assignmentOf, isComplete, pageOf, recordsOf } from './assignments.js';
import type { Clock } from './clock.js';
import { Courier } from './courier.js';
import { EngineError } from './errors.js';
import { Executions, type Reservation } from './executions.js';
import { followEvents, resultOf, stateAt } from './history.js';
import { inputOf, type Loaded, loadedFromStore, stepsOf } from './loaded.js';
import { Matcher } from './matcher.js';
import { OtherServers } from './other-servers.js';
import { openSession, type PollerPort, pollOnce } from './pollers.js';
import { Scheduler } from './scheduler.js';
import { SchemaRegistry } from './schema-registry.js';
import { untilFinal } from './until-final.js';
import { reasonOf } from './views.js';
import { Watchers } from './watchers.js';
import { Workers } from './workers.js';

/** What an engine is made of. */
export interface EngineOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** How long a lease lasts without a sign of life, in milliseconds. */
  readonly leaseMs: number;
  /** Told of what failed and nobody waited for. */
  readonly fault: (error: unknown) => void;
}

/** Executions whose leases are renewed at once when the engine starts. */
const RENEW_BATCH = 500;

/**
 * The shell around the core: it loads, has the core decide, commits, and then does what the decision asks for: leases
 * work to workers, wakes executions in time, carries messages between them, and tells those who follow.
 */
export class Engine implements api.EngineApi {
  private readonly store: Store;
  private readonly clock: Clock;
  private readonly leaseMs: number;
  private readonly fault: EngineOptions['fault'];
  private readonly workers: Workers;
  private readonly watchers = new Watchers();
  private readonly schemas: SchemaRegistry;
  private readonly admission: Admission;
  private readonly executions: Executions;
  private readonly matcher: Matcher;
  private readonly scheduler: Scheduler;
  private readonly courier: Courier;
  private readonly aftermath: Aftermath;
  private readonly otherServers: OtherServers;
  private readonly pollerPort: PollerPort;

  constructor({ store, clock, leaseMs, fault }: EngineOptions) {
    this.store = store;
    this.clock = clock;
    this.leaseMs = leaseMs;
    this.fault = fault;
    this.workers = new Workers(store, clock, fault);
    this.schemas = new SchemaRegistry(store, clock);
    this.admission = new Admission({ schemas: this.schemas, workers: this.workers, clock });
    this.executions = new Executions(store, {
      reserve: (execution) => this.matcher.reserve(execution),
      committed: (commit) => this.aftermath.committed(commit),
      uncertain: (attempted) => this.aftermath.uncertain(attempted),
    });
    const claim = (executionId: string, reservation: Reservation) => this.claim(executionId, reservation);
    this.matcher = new Matcher({ store, clock, leaseMs, claim, fault });
    this.scheduler = new Scheduler({ store, clock, wake: (executionId) => this.wake(executionId), fault });
    const startChild = (child: NewExecution) => this.startChild(child);
    this.courier = new Courier({ store, clock, executions: this.executions, startChild, fault });
    const { workers, watchers, executions, matcher, scheduler, courier } = this;
    this.aftermath = new Aftermath({ clock, workers, watchers, executions, matcher, scheduler, courier });
    this.otherServers = new OtherServers({
      store,
      clock,
      workers,
      watchers,
      executions,
      matcher,
      scheduler,
      fault,
    });
    this.pollerPort = {
      matcher,
      workers,
      clock,
      assignmentOf: (loaded) => this.assignmentOf(loaded),
    };
  }

  /** Takes up where the last process on this store left off, beside those that are at work on it. */
  async start(): Promise<void> {
    if (!this.store.isShared) await this.renewLeases();
    this.workers.start();
    this.otherServers.start();
    this.scheduler.start();
    this.matcher.start();
    this.courier.start();
  }

  /** Stops whatever it does by itself. Calls under way still end. */
  async stop(): Promise<void> {
    this.workers.stop();
    this.otherServers.stop();
    this.scheduler.stop();
    this.matcher.stop();
    this.aftermath.stop();
    await this.courier.stop();
  }

  async invoke(request: api.InvokeRequest): Promise<api.Invoked> {
    const { execution, state } = await this.admission.admit(request);
    const at = this.clock.now();
    const result = await this.executions.create({ type: 'create', at, request: execution, state });
    const { id: executionId, sessionId } = execution;
    if (result === 'created') return { executionId, created: true, createdAt: at, sessionId };
    return this.repeated(request, executionId);
  }

  /** What a repetition of an earlier request answers; another request under the same key or id is refused. */
  private async repeated(request: api.InvokeRequest, executionId: string): Promise<api.Invoked> {
    const { projectId, idempotencyKey, requestDigest } = request;
    const existing = (await this.store.load(executionId))?.execution;
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

  async getExecution(projectId: string, executionId: string): Promise<api.ExecutionView> {
    const execution = await this.visible(projectId, executionId);
    const input = await inputOf(loadedFromStore(execution, EMPTY_STATE), this.store);
    return { ...(await this.resultView(execution)), input };
  }

  async awaitResult(projectId: string, executionId: string, wait: api.Wait): Promise<api.ExecutionView> {
    const { watchers, clock } = this;
    const read = () => this.visible(projectId, executionId);
    const { execution, entry } = await untilFinal({ watchers, clock, read }, executionId, wait);
    if (!entry) return this.resultView(execution);
    return { ...(await this.viewOf(execution)), ...(entry.result && { result: entry.result }) };
  }

  async listExecutions(query: ExecutionQuery): Promise<readonly api.ExecutionView[]> {
    return Promise.all((await this.store.list(query)).map((execution) => this.viewOf(execution)));
  }

  async listSteps(projectId: string, executionId: string, offset: number): Promise<api.StepPage> {
    await this.visible(projectId, executionId);
    return this.executions.read(executionId, async (loaded) => {
      return pageOf(inOrder((await stepsOf(loaded, this.store)).values()), offset);
    });
  }

  async cancel(projectId: string, executionId: string): Promise<ExecutionStatus> {
    await this.visible(projectId, executionId);
    const { loaded } = await this.executions.submit(executionId, () => ({
      type: 'cancel',
      at: this.clock.now(),
    }));
    return loaded.execution.status;
  }

  async resume(projectId: string, executionId: string, { stepKey, data }: api.Resumption): Promise<void> {
    await this.executions.submit(executionId, async (before) => {
      assertVisible(before.execution, projectId);
      const recorded = (await stepsOf(before, this.store)).get(stepKey);
      return { type: 'resume', at: this.clock.now(), stepKey, recorded, ...(data && { data }) };
    });
  }

  async *events(
    projectId: string,
    executionId: string,
    from: api.EventCursor,
  ): AsyncGenerator<readonly api.NumberedEvent[]> {
    const { store, watchers } = this;
    yield* followEvents({ store, watchers }, await this.visible(projectId, executionId), from);
  }

  async state(projectId: string, executionId: string, at?: api.StatePoint): Promise<api.StateView> {
    await this.visible(projectId, executionId);
    return this.executions.read(executionId, ({ execution, state }) =>
      stateAt(this.store, execution, state, at),
    );
  }

  listSchemas(projectId: string, workflowId?: string): Promise<readonly api.SchemaView[]> {
    return this.schemas.list(projectId, workflowId);
  }

  getSchema(projectId: string, digest: string): Promise<api.SchemaView> {
    return this.schemas.get(projectId, digest);
  }

  async registerWorker(registration: api.WorkerRegistration): Promise<api.RegisteredWorker> {
    const schemaReports = await this.schemas.register(registration);
    const workerId = await this.workers.register(registration);
    return { workerId, leaseMs: this.leaseMs, schemaReports };
  }

  listWorkers(projectId: string): Promise<readonly api.WorkerView[]> {
    return this.workers.list(projectId);
  }

  async poll(
    projectId: string,
    workerId: string,
    poll: api.Wait & { readonly max: number },
  ): Promise<readonly api.Assignment[]> {
    return pollOnce(this.pollerPort, await this.workers.get(projectId, workerId), poll);
  }

  async openWork(projectId: string, workerId: string, sink: api.WorkSink): Promise<api.WorkSession> {
    return openSession(this.pollerPort, await this.workers.get(projectId, workerId), sink);
  }

  async complete(projectId: string, completion: api.CompletionRequest): Promise<api.Completion> {
    const { lease, sequence, digest, stateUnsettled } = completion;
    const { executionId, epoch, token } = lease;
    const { loaded } = await this.executions.submit(executionId, async (before) => {
      assertVisible(before.execution, projectId);
      // What passed once is not checked anew: the schemas may be others by now.
      const isKnown = isRepetition(before.execution, { epoch, sequence });
      const actions = isKnown ? [] : await this.admission.complete(projectId, completion.actions);
      const steps = await stepsOf(before, this.store);
      const recorded = new Map(recordsOf(steps, keysIn(actions)).map((step) => [step.key, step]));
      const at = this.clock.now();
      return { type: 'complete', at, epoch, token, sequence, digest, actions, stateUnsettled, recorded };
    });
    const { execution } = loaded;
    if (execution.epoch !== epoch) {
      // Given on since: to its last worker it is in the queue, whatever another one does with it.
      return { execution: { ...execution, status: 'queued', lease: undefined }, outcomes: [] };
    }
    const steps = loaded.steps ?? new Map();
    const started = recordsOf(
      steps,
      completion.actions.filter(isAnswered).map(({ key }) => key),
    );
    const arrived = arrivedSteps(steps, Object.keys(execution.waits));
    return { execution, outcomes: [...started, ...arrived] };
  }

  async extendLeases(
    projectId: string,
    workerId: string,
    leases: readonly api.LeaseRef[],
  ): Promise<readonly api.LeaseReport[]> {
    await this.workers.get(projectId, workerId);
    return Promise.all(leases.map((lease) => this.extendLease(projectId, lease)));
  }

  private async extendLease(projectId: string, lease: api.LeaseRef): Promise<api.LeaseReport> {
    const { executionId, epoch, token } = lease;
    try {
      const { loaded } = await this.executions.submit(executionId, async (before) => {
        assertVisible(before.execution, projectId);
        await stepsOf(before, this.store);
        return { type: 'extend_lease', at: this.clock.now(), epoch, token };
      });
      const { execution } = loaded;
      const outcomes = arrivedSteps(loaded.steps ?? new Map(), Object.keys(execution.waits));
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

  private async claim(executionId: string, reservation: Reservation): Promise<boolean> {
    try {
      const { changed } = await this.executions.submit(executionId, () => reservation.claim, reservation);
      return changed;
    } catch (error) {
      if (error instanceof EngineError) return false;
      throw error;
    }
  }

  private async wake(executionId: string): Promise<boolean> {
    const { changed } = await this.executions.submit(executionId, async (before) => {
      // A worker that holds it is to be sent the steps whose wait is over.
      if (before.execution.lease && Object.keys(before.execution.waits).length > 0)
        await stepsOf(before, this.store);
      return { type: 'wake', at: this.clock.now() };
    });
    return changed;
  }

  private async startChild(child: NewExecution): Promise<void> {
    const state =
      child.initialState === undefined ? EMPTY_STATE : stateFrom(child.initialState, 'initial_state');
    // `id_taken`: the message was delivered before.
    await this.executions.create({ type: 'create', at: this.clock.now(), request: child, state });
  }

  /** Workers could not renew their leases while no server ran: each lasts at least a full term from now. */
  private async renewLeases(): Promise<void> {
    const until = this.clock.now() + this.leaseMs;
    const seen = new Set<string>();
    for (;;) {
      const { due } = await this.store.listDue({ until, limit: RENEW_BATCH + seen.size });
      const fresh = due.map(({ id }) => id).filter((id) => !seen.has(id));
      if (fresh.length === 0) return;
      await Promise.all(fresh.map((id) => this.renewLease(id)));
      for (const id of fresh) seen.add(id);
    }
  }

  private renewLease(executionId: string): Promise<unknown> {
    return this.executions.submit(executionId, ({ execution }) => {
      const { epoch, lease } = execution;
      const at = this.clock.now();
      return lease ? { type: 'extend_lease', at, epoch, token: lease.token } : { type: 'wake', at };
    });
  }

  private async visible(projectId: string, executionId: string): Promise<Execution> {
    const execution = await this.executions.read(executionId, (loaded) => loaded.execution);
    assertVisible(execution, projectId);
    return execution;
  }

  private async viewOf(execution: Execution): Promise<api.ExecutionView> {
    const reason = await reasonOf(execution, this.workers);
    return { execution, ...(reason && { reason }) };
  }

  private async resultView(execution: Execution): Promise<api.ExecutionView> {
    const result = await resultOf(this.store, execution);
    return { ...(await this.viewOf(execution)), ...(result && { result }) };
  }

  /** Reads what is missing while nobody commits. Undefined if that fails, or if the lease is over before. */
  private async assignmentOf(loaded: Loaded): Promise<api.Assignment | undefined> {
    if (isComplete(loaded)) return assignmentOf(loaded, loaded.execution.epoch);
    const { id, epoch } = loaded.execution;
    try {
      return await this.executions.read(id, async (again) => {
        await inputOf(again, this.store);
        await stepsOf(again, this.store);
        return isComplete(again) ? assignmentOf(again, epoch) : undefined;
      });
    } catch (error) {
      this.fault(error);
      return undefined;
    }
  }
}

/** An execution of another project is as good as none. */
/** Whether an action's outcome is in the answer: the server makes it, and there is nothing to wait for. */
function isAnswered(
  action: api.WorkerAction,
): action is Extract<api.WorkerAction, { type: 'start_child' | 'publish_event' }> {
  return action.type === 'start_child' || action.type === 'publish_event';
}

function assertVisible(execution: Execution, projectId: string): void {
  if (execution.projectId === projectId) return;
  throw new EngineError({ type: 'not_found', resource: 'execution', id: execution.id });
}

function keysIn(actions: readonly Action[]): string[] {
  return actions.flatMap((action) => ('key' in action ? [action.key] : []));
}
