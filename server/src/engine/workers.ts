import type { Execution } from '../core/execution.js';
import type { Store } from '../store/store.js';
import type { WorkerRegistration, WorkerView, WorkflowDefinition, WorkSink } from './api.js';
import type { Clock } from './clock.js';
import { EngineError } from './errors.js';
import { timeOrderedId } from './ids.js';
import { isConnected, recordOf, viewOf, workerFrom } from './worker-record.js';

/** A worker that this server has to do with, as long as it lives. */
export interface Worker {
  readonly id: string;
  readonly registration: WorkerRegistration;
  readonly workflows: ReadonlyMap<string, WorkflowDefinition>;
  readonly registeredAt: number;
  lastSeenAt: number;
  /** Where its open Work stream is fed, if it has one here. */
  sink: WorkSink | undefined;
  /** Calls of Poll that wait right now. */
  polls: number;
  /** The executions that it holds, by the epoch of its lease. */
  readonly running: Map<string, number>;
  /** Whether it ever had a Work stream: without one now, it is not connected. */
  hasStreamed: boolean;
  /** What another server said of it; missing for a worker that this server has to do with. */
  elsewhere?: { readonly isStreaming: boolean; readonly polls: number; readonly running: number } | undefined;
}

/** After this silence a worker counts as gone: three times the longest Poll. */
const FORGET_AFTER_MS = 180_000;

/** How often the other servers are told which workers are here. */
const TELL_MS = 20_000;

/** How long what the other servers said of their workers is not asked for again. */
const RECALL_MS = 1_000;

/**
 * The workers. Those that this server has to do with are in memory; through the store every server knows all of them, so
 * that a worker's next call may come to any of them.
 */
export class Workers {
  private readonly store: Store;
  private readonly clock: Clock;
  private readonly fault: (error: unknown) => void;
  private readonly byId = new Map<string, Worker>();
  private readonly holders = new Map<string, Worker>();
  /** By project, what the store said last of all its workers. */
  private readonly elsewhere = new Map<
    string,
    { readonly at: number; readonly workers: Promise<Worker[]> }
  >();
  private callOff: (() => void) | undefined;

  constructor(store: Store, clock: Clock, fault: (error: unknown) => void) {
    this.store = store;
    this.clock = clock;
    this.fault = fault;
  }

  /** Begins to tell the other servers from time to time which workers are here. */
  start(): void {
    if (!this.store.isShared) return;
    this.callOff = this.clock.callAt(this.clock.now() + TELL_MS, () => {
      for (const worker of this.byId.values()) {
        if (this.clock.now() - worker.lastSeenAt < 2 * TELL_MS || isConnected(worker, this.clock.now()))
          this.tell(worker);
      }
      this.start();
    });
  }

  stop(): void {
    this.callOff?.();
  }

  /** Answers the id of a new worker, which any server knows from then on. */
  async register(registration: WorkerRegistration): Promise<string> {
    const at = this.clock.now();
    this.forgetSilent(at);
    const worker: Worker = {
      id: timeOrderedId(at),
      registration,
      workflows: new Map(registration.workflows.map((workflow) => [workflow.id, workflow])),
      registeredAt: at,
      lastSeenAt: at,
      sink: undefined,
      polls: 0,
      running: new Map(),
      hasStreamed: false,
    };
    await this.put(worker);
    this.byId.set(worker.id, worker);
    this.elsewhere.delete(registration.projectId);
    return worker.id;
  }

  /** The worker, wherever it registered; seen just now. */
  async get(projectId: string, workerId: string): Promise<Worker> {
    const worker = this.byId.get(workerId) ?? (await this.adopt(projectId, workerId));
    if (worker?.registration.projectId !== projectId) {
      throw new EngineError({ type: 'not_found', resource: 'worker', id: workerId });
    }
    worker.lastSeenAt = this.clock.now();
    return worker;
  }

  /** The worker, if this server has to do with it. */
  find(workerId: string): Worker | undefined {
    return this.byId.get(workerId);
  }

  /** The worker of this server that holds an execution, as far as this server knows. */
  holderOf(executionId: string): Worker | undefined {
    return this.holders.get(executionId);
  }

  /** Every execution that a worker of this server holds. */
  held(): Iterable<string> {
    return this.holders.keys();
  }

  /** A worker was leased an execution. */
  hold(workerId: string, executionId: string, epoch: number): void {
    const worker = this.byId.get(workerId);
    if (!worker) return;
    worker.running.set(executionId, epoch);
    this.holders.set(executionId, worker);
  }

  /** A worker holds an execution no longer. */
  letGo(workerId: string, executionId: string): void {
    const worker = this.byId.get(workerId);
    worker?.running.delete(executionId);
    if (this.holders.get(executionId) === worker) this.holders.delete(executionId);
  }

  /** A worker's Work stream was opened here, or has ended. */
  setSink(worker: Worker, sink: WorkSink | undefined): void {
    worker.sink = sink;
    worker.hasStreamed = true;
    if (this.store.isShared) this.tell(worker);
  }

  async list(projectId: string): Promise<readonly WorkerView[]> {
    const now = this.clock.now();
    this.forgetSilent(now);
    return (await this.known(projectId)).filter((worker) => isConnected(worker, now)).map(viewOf);
  }

  /** Whether a worker that is connected now would take such an execution if it were free. */
  async serves(execution: Servable): Promise<boolean> {
    const { projectId } = execution;
    const now = this.clock.now();
    const isFit = (worker: Worker) => isConnected(worker, now) && canServe(worker, execution);
    if (this.local(projectId).some(isFit)) return true;
    return (await this.known(projectId)).some(isFit);
  }

  /** The workflow as the worker that registered last declares it; undefined if no worker does. */
  async definition(projectId: string, workflowId: string): Promise<WorkflowDefinition | undefined> {
    const declared = ({ workflows }: Worker) => workflows.has(workflowId);
    const worker = this.local(projectId).find(declared) ?? (await this.known(projectId)).find(declared);
    return worker?.workflows.get(workflowId);
  }

  /** The project's workers on this server, newest first. */
  private local(projectId: string): Worker[] {
    return [...this.byId.values()]
      .filter(({ registration }) => registration.projectId === projectId)
      .reverse();
  }

  /** The project's workers on all servers, newest first. */
  private async known(projectId: string): Promise<Worker[]> {
    const local = this.local(projectId);
    if (!this.store.isShared) return local;
    const others = (await this.recall(projectId)).filter(({ id, lastSeenAt }) => {
      const here = this.byId.get(id);
      return !here || (!isConnected(here, this.clock.now()) && here.lastSeenAt <= lastSeenAt);
    });
    const replaced = new Set(others.map(({ id }) => id));
    return [...local.filter(({ id }) => !replaced.has(id)), ...others].sort((a, b) => (a.id < b.id ? 1 : -1));
  }

  private recall(projectId: string): Promise<Worker[]> {
    const now = this.clock.now();
    const recalled = this.elsewhere.get(projectId);
    if (recalled && now - recalled.at < RECALL_MS) return recalled.workers;
    const workers = this.store.listWorkers({ projectId, now }).then((records) => records.map(workerFrom));
    this.elsewhere.set(projectId, { at: now, workers });
    workers.catch(() => this.elsewhere.delete(projectId));
    return workers;
  }

  /** Takes over a worker that registered with another server. */
  private async adopt(projectId: string, workerId: string): Promise<Worker | undefined> {
    if (!this.store.isShared) return undefined;
    const record = await this.store.loadWorker({ id: workerId, now: this.clock.now() });
    const worker = this.byId.get(workerId) ?? (record && workerFrom(record));
    if (worker?.registration.projectId !== projectId) return undefined;
    worker.elsewhere = undefined;
    this.byId.set(workerId, worker);
    return worker;
  }

  private tell(worker: Worker): void {
    this.put(worker).catch(this.fault);
  }

  private put(worker: Worker): Promise<void> {
    return this.store.putWorker(recordOf(worker, this.clock.now() + FORGET_AFTER_MS));
  }

  private forgetSilent(at: number): void {
    for (const worker of this.byId.values()) {
      if (!isConnected(worker, at) && at - worker.lastSeenAt > FORGET_AFTER_MS) this.byId.delete(worker.id);
    }
  }
}

/** What of an execution decides who may take it. */
export type Servable = Pick<Execution, 'projectId' | 'workflowId' | 'queue' | 'stateVersion'>;

/** Whether a worker takes such an execution: not one whose state is of a later version than its code's. */
export function canServe(worker: Worker, { workflowId, queue, stateVersion = 1 }: Servable): boolean {
  const definition = worker.workflows.get(workflowId);
  if (!definition || (definition.stateVersion ?? 1) < stateVersion) return false;
  return acceptsQueue(worker, queue);
}

/** Whether a worker takes executions that wait in this queue. */
export function acceptsQueue(worker: Worker, queue: string): boolean {
  const { queues } = worker.registration;
  return queues.length === 0 || queues.includes(queue);
}
