import type { Command } from '../core/command.js';
import type { Execution, ExecutionStatus, NewExecution } from '../core/execution.js';
import type { SchemaComparison } from '../core/schema/comparison.js';
import { EMPTY_STATE } from '../core/state-document.js';
import type { Store } from '../store/store.js';
import { Admission } from './admission.js';
import { Aftermath } from './aftermath.js';
import type * as api from './api.js';
import { pageOf } from './assignments.js';
import { CallerCalls } from './caller-calls.js';
import type { Clock } from './clock.js';
import { Courier } from './courier.js';
import { unlessGone } from './errors.js';
import { ExecutionScheduler } from './execution-scheduler.js';
import { Executions, type Reservation } from './executions.js';
import { followEvents, resultOf } from './history.js';
import { renewLeases } from './lease-renewal.js';
import { inputOf, type Loaded, loadedFromStore, stepsOf } from './loaded.js';
import { Matcher } from './matcher.js';
import { OtherServers } from './other-servers.js';
import { RecordScheduler } from './record-scheduler.js';
import { Registrations } from './registrations.js';
import { Retention, type RetentionOptions } from './retention.js';
import { Schedules } from './schedules.js';
import { SchemaChecker } from './schema-checker.js';
import { SchemaRegistry } from './schema-registry.js';
import { SchemaReports } from './schema-reports.js';
import { toSearch } from './search.js';
import { Slots } from './slots.js';
import { Starts } from './starts.js';
import { type CurrentState, StateHistory } from './state-history.js';
import { StateIndexes } from './state-indexes.js';
import { StateSnapshots } from './state-snapshots.js';
import { Topics } from './topics.js';
import { TreeEvents } from './tree-events.js';
import { triggerTopics } from './trigger-topics.js';
import { Triggers } from './triggers.js';
import { untilFinal } from './until-final.js';
import { reasonOf } from './views.js';
import { assertVisible } from './visibility.js';
import { Watchers } from './watchers.js';
import { WorkerCalls } from './worker-calls.js';
import { Workers } from './workers.js';

/** What an engine is made of. */
export interface EngineOptions extends RetentionOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** How long a lease lasts without a sign of life, in milliseconds. */
  readonly leaseMs: number;
  /** Bytes of executions kept in memory, by their texts; in objects they take up to ten times as many. Default 32 MiB. */
  readonly cacheBytesMax?: number;
  /** Told of what failed and nobody waited for. */
  readonly fault: (error: unknown) => void;
}

/**
 * The shell around the core: it loads, has the core decide, commits, and then does what the decision asks for: leases
 * work to workers, wakes executions in time, carries messages between them, and tells those who follow.
 */
export class Engine implements api.EngineApi {
  private readonly store: Store;
  private readonly clock: Clock;
  private readonly leaseMs: number;
  private readonly workers: Workers;
  private readonly watchers = new Watchers();
  private readonly trees: TreeEvents;
  private readonly checker: SchemaChecker;
  private readonly schemas: SchemaRegistry;
  private readonly schemaReports: SchemaReports;
  private readonly admission: Admission;
  private readonly executions: Executions;
  private readonly stateIndexes: StateIndexes;
  private readonly matcher: Matcher;
  private readonly scheduler: ExecutionScheduler;
  private readonly recordScheduler: RecordScheduler;
  private readonly courier: Courier;
  private readonly aftermath: Aftermath;
  private readonly otherServers: OtherServers;
  private readonly callerCalls: CallerCalls;
  private readonly workerCalls: WorkerCalls;
  private readonly stateHistory: StateHistory;
  private readonly starts: Starts;
  private readonly slots: Slots;
  private readonly topics: Topics;
  private readonly schedules: Schedules;
  private readonly triggers: Triggers;
  private readonly registrations: Registrations;
  private readonly retention: Retention;

  constructor({ store, clock, leaseMs, cacheBytesMax = 33_554_432, fault, ...options }: EngineOptions) {
    this.store = store;
    this.clock = clock;
    this.leaseMs = leaseMs;
    this.workers = new Workers(store, clock, fault);
    const checker = new SchemaChecker();
    this.checker = checker;
    this.schemas = new SchemaRegistry({ store, clock, checker });
    this.schemaReports = new SchemaReports({ store, clock, checker, schemas: this.schemas });
    this.admission = new Admission({ schemas: this.schemas, workers: this.workers, clock });
    this.stateIndexes = new StateIndexes({ store, clock, fault });
    this.executions = new Executions(store, cacheBytesMax, {
      reserve: (execution) => this.matcher.reserve(execution),
      indexedFields: (execution) => this.stateIndexes.fieldsOf(execution),
      committed: (commit) => this.aftermath.committed(commit),
      uncertain: (attempted) => this.aftermath.uncertain(attempted),
    });
    const { workers, watchers, executions, admission } = this;
    this.trees = new TreeEvents({ store, clock, watchers });
    const noteDue = (at: number) => this.recordScheduler.note(at);
    const serves = workers.serves.bind(workers);
    this.slots = new Slots({ store, clock, executions, serves, noteDue, fault });
    this.starts = new Starts({ store, clock, admission, executions, slots: this.slots });
    const { starts } = this;
    const invoke = (request: api.InvokeRequest) => starts.invoke(request);
    const start = (request: api.InvokeRequest) => starts.invoke(request, { isChecked: false });
    this.schedules = new Schedules({ store, clock, invoke, start, noteDue });
    this.triggers = new Triggers({ store, clock, topics: triggerTopics(store), start, noteDue });
    const { schedules, triggers } = this;
    this.topics = new Topics({ store, clock, executions, triggers, noteDue, fault });
    const { slots, topics, trees } = this;
    const { schemas, schemaReports, stateIndexes } = this;
    const declared = { schedules, triggers, slots, stateIndexes };
    this.registrations = new Registrations({ ...declared, schemas, schemaReports, workers, leaseMs });
    const keepers = { topic: topics, schedule: schedules, trigger: triggers, slots };
    this.recordScheduler = new RecordScheduler({ store, clock, keepers, fault });
    const claim = (executionId: string, reservation: Reservation) => this.claim(executionId, reservation);
    const peek = (executionId: string) => executions.peek(executionId);
    this.matcher = new Matcher({ store, clock, leaseMs, slots, peek, claim, fault });
    this.scheduler = new ExecutionScheduler({ store, clock, wake: this.wake.bind(this), fault });
    this.callerCalls = new CallerCalls({ store, clock, executions, admission });
    const resume = this.callerCalls.resume.bind(this.callerCalls);
    const startChild = (child: NewExecution) => starts.startChild(child);
    this.courier = new Courier({ store, clock, executions, topics, slots, startChild, resume, fault });
    const { matcher, scheduler, courier } = this;
    const concerned = { clock, workers, watchers, executions, matcher, scheduler };
    const snapshots = new StateSnapshots(store, fault);
    this.stateHistory = new StateHistory({ store, watchers, snapshots });
    this.aftermath = new Aftermath({ ...concerned, courier, snapshots });
    this.otherServers = new OtherServers({ ...concerned, store, slots, topics, trees, stateIndexes, fault });
    this.retention = new Retention({ store, clock, triggers, topics, fault }, options);
    this.workerCalls = new WorkerCalls({ store, clock, workers, matcher, executions, admission, fault });
  }

  /** Takes up where the last process on this store left off, beside those that are at work on it. */
  async start(): Promise<void> {
    const { store, clock, leaseMs, executions } = this;
    const wakeCommand = (before: Loaded) => this.wakeCommand(before);
    await this.stateIndexes.start();
    if (!store.isShared) await renewLeases({ store, clock, leaseMs, executions, wakeCommand });
    this.workers.start();
    await this.slots.start();
    this.topics.start();
    this.otherServers.start();
    this.scheduler.start();
    this.recordScheduler.start();
    this.matcher.start();
    this.courier.start();
    this.retention.start();
  }

  /** Stops whatever it does by itself. Calls under way still end. */
  async stop(): Promise<void> {
    this.workers.stop();
    this.otherServers.stop();
    const retained = this.retention.stop();
    const woken = Promise.all([this.scheduler.stop(), this.recordScheduler.stop()]);
    this.matcher.stop();
    this.aftermath.stop();
    await woken;
    await this.topics.stop();
    await this.courier.stop();
    await this.slots.stop();
    await this.checker.close();
    await this.stateIndexes.stop();
    await retained;
  }

  invoke(request: api.InvokeRequest): Promise<api.Invoked> {
    return this.starts.invoke(request);
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

  async listExecutions(query: api.ExecutionListQuery): Promise<api.ExecutionListPage> {
    const page = await this.store.search(await toSearch(query, this.stateIndexes));
    const executions = await Promise.all(page.executions.map((execution) => this.viewOf(execution)));
    return { ...page, executions };
  }

  async listSteps(projectId: string, executionId: string, offset: number): Promise<api.StepPage> {
    await this.visible(projectId, executionId);
    return this.executions.read(executionId, async (loaded) => {
      return pageOf(await stepsOf(loaded, this.store), offset);
    });
  }

  cancel(projectId: string, executionId: string): Promise<ExecutionStatus> {
    return this.callerCalls.cancel(projectId, executionId);
  }

  pause(projectId: string, executionId: string): Promise<void> {
    return this.callerCalls.pause(projectId, executionId);
  }

  unpause(projectId: string, executionId: string): Promise<void> {
    return this.callerCalls.unpause(projectId, executionId);
  }

  resume(projectId: string, executionId: string, resumption: api.Resumption): Promise<void> {
    return this.callerCalls.resume(projectId, executionId, resumption);
  }

  async *events(
    projectId: string,
    executionId: string,
    from: api.EventCursor,
  ): AsyncGenerator<readonly api.NumberedEvent[]> {
    const { store, watchers } = this;
    yield* followEvents({ store, watchers }, await this.visible(projectId, executionId), from);
  }

  async *treeEvents(
    projectId: string,
    executionId: string,
    from: api.EventCursor,
  ): AsyncGenerator<readonly api.PlacedEvent[]> {
    yield* this.trees.read(await this.visible(projectId, executionId), from);
  }

  topicEvents(
    projectId: string,
    topic: string,
    from: api.EventCursor,
  ): AsyncIterable<readonly api.TopicEvent[]> {
    return this.topics.events(projectId, topic, from);
  }

  publish(projectId: string, publication: api.Publication): Promise<readonly number[]> {
    return this.topics.publish(projectId, publication);
  }

  async state(projectId: string, executionId: string, at?: api.StatePoint): Promise<api.StateView> {
    return this.stateHistory.at(await this.current(projectId, executionId), at);
  }

  async stateRevisions(
    projectId: string,
    executionId: string,
    page: { readonly afterRevision: number; readonly limit: number },
  ): Promise<api.StateRevisionPage> {
    return this.stateHistory.revisions(await this.visible(projectId, executionId), page);
  }

  async *watchState(
    projectId: string,
    executionId: string,
    from: api.StateCursor,
  ): AsyncGenerator<api.StateNews> {
    yield* this.stateHistory.watch(await this.current(projectId, executionId), from);
  }

  patchState(projectId: string, executionId: string, repair: api.StateRepair): Promise<number> {
    return this.callerCalls.patchState(projectId, executionId, repair);
  }

  listSchemas(projectId: string, workflowId?: string): Promise<readonly api.SchemaView[]> {
    return this.schemas.list(projectId, workflowId);
  }

  getSchema(projectId: string, digest: string): Promise<api.SchemaView> {
    return this.schemas.get(projectId, digest);
  }

  compareSchemas(
    projectId: string,
    before: api.SchemaReference,
    after: api.SchemaReference,
  ): Promise<SchemaComparison> {
    return this.schemaReports.compare(projectId, before, after);
  }

  checkSchema(projectId: string, request: api.SchemaCheckRequest): Promise<api.SchemaCheck> {
    return this.schemaReports.check(projectId, request);
  }

  putSchedule(projectId: string, schedule: api.ScheduleRequest): Promise<api.ScheduleView> {
    return this.schedules.put(projectId, schedule);
  }

  listSchedules(projectId: string, workflowId?: string, after?: string): Promise<api.SchedulePage> {
    return this.schedules.list(projectId, workflowId, after);
  }

  pauseSchedule(projectId: string, scheduleId: string, isPaused: boolean): Promise<api.ScheduleView> {
    return this.schedules.pause(projectId, scheduleId, isPaused);
  }

  triggerSchedule(projectId: string, scheduleId: string, idempotencyKey?: string): Promise<string> {
    return this.schedules.trigger(projectId, scheduleId, idempotencyKey);
  }

  deleteSchedule(projectId: string, scheduleId: string): Promise<void> {
    return this.schedules.delete(projectId, scheduleId);
  }

  registerWorker(registration: api.WorkerRegistration): Promise<api.RegisteredWorker> {
    return this.registrations.register(registration);
  }

  listWorkers(projectId: string): Promise<readonly api.WorkerView[]> {
    return this.workers.list(projectId);
  }

  poll(
    projectId: string,
    workerId: string,
    poll: api.Wait & { readonly max: number },
  ): Promise<readonly api.Assignment[]> {
    return this.workerCalls.poll(projectId, workerId, poll);
  }

  openWork(projectId: string, workerId: string, sink: api.WorkSink): Promise<api.WorkSession> {
    return this.workerCalls.openWork(projectId, workerId, sink);
  }

  complete(projectId: string, completion: api.CompletionRequest): Promise<api.Completion> {
    return this.workerCalls.complete(projectId, completion);
  }

  extendLeases(
    projectId: string,
    workerId: string,
    leases: readonly api.LeaseRef[],
    released?: readonly api.LeaseRef[],
  ): Promise<readonly api.LeaseReport[]> {
    return this.workerCalls.extendLeases(projectId, workerId, leases, released);
  }

  private async claim(executionId: string, reservation: Reservation): Promise<boolean> {
    const submitted = this.executions.submit(executionId, () => reservation.claim, reservation);
    return (await unlessGone(submitted))?.changed ?? false;
  }

  private async wake(executionId: string): Promise<boolean> {
    return (await this.executions.submit(executionId, (before) => this.wakeCommand(before))).changed;
  }

  private async wakeCommand(before: Loaded): Promise<Command> {
    // A worker that holds it is to be sent the steps whose wait is over.
    if (before.execution.lease && Object.keys(before.execution.waits).length > 0)
      await stepsOf(before, this.store);
    return (await this.topics.dueArrival(before.execution)) ?? { type: 'wake', at: this.clock.now() };
  }

  private async visible(projectId: string, executionId: string): Promise<Execution> {
    const execution = await this.executions.read(executionId, (loaded) => loaded.execution);
    assertVisible(execution, projectId);
    return execution;
  }

  /** An execution with its state, as it is. */
  private current(projectId: string, executionId: string): Promise<CurrentState> {
    return this.executions.read(executionId, ({ execution, state }) => {
      assertVisible(execution, projectId);
      return { execution, state };
    });
  }

  private async viewOf(execution: Execution): Promise<api.ExecutionView> {
    const reason = await reasonOf(execution, this.workers);
    return { execution, ...(reason && { reason }) };
  }

  private async resultView(execution: Execution): Promise<api.ExecutionView> {
    const result = await resultOf(this.store, execution);
    return { ...(await this.viewOf(execution)), ...(result && { result }) };
  }
}
