import type {
  RegisteredWorker,
  WorkerRegistration,
  WorkerView,
  WorkflowDefinition,
  WorkSink,
} from './api.js';
import type { Clock } from './clock.js';
import { EngineError } from './errors.js';
import { timeOrderedId } from './ids.js';

/** A registered worker, as long as it lives. */
export interface Worker {
  readonly id: string;
  readonly registration: WorkerRegistration;
  readonly workflows: ReadonlyMap<string, WorkflowDefinition>;
  readonly registeredAt: number;
  lastSeenAt: number;
  /** Where its open Work stream is fed, if it has one. */
  sink: WorkSink | undefined;
  /** Calls of Poll that wait right now. */
  polls: number;
  readonly running: Set<string>;
  /** Whether it ever had a Work stream: without one now, it is not connected. */
  hasStreamed: boolean;
}

/** After this silence a worker without a stream counts as gone: three times the longest Poll. */
const FORGET_AFTER_MS = 180_000;

/** How long a worker that polls counts as connected between two calls. */
const POLL_GAP_MS_MAX = 70_000;

/** The workers that this server knows. They register anew with each server that they meet. */
export class Workers {
  private readonly clock: Clock;
  private readonly byId = new Map<string, Worker>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  register(registration: WorkerRegistration): RegisteredWorker['workerId'] {
    const at = this.clock.now();
    const id = timeOrderedId(at);
    this.forgetSilent(at);
    this.byId.set(id, {
      id,
      registration,
      workflows: new Map(registration.workflows.map((workflow) => [workflow.id, workflow])),
      registeredAt: at,
      lastSeenAt: at,
      sink: undefined,
      polls: 0,
      running: new Set(),
      hasStreamed: false,
    });
    return id;
  }

  /** The worker; seen just now. */
  get(projectId: string, workerId: string): Worker {
    const worker = this.byId.get(workerId);
    if (worker?.registration.projectId !== projectId) {
      throw new EngineError({ type: 'not_found', resource: 'worker', id: workerId });
    }
    worker.lastSeenAt = this.clock.now();
    return worker;
  }

  /** The worker, if this server knows it. */
  find(workerId: string): Worker | undefined {
    return this.byId.get(workerId);
  }

  list(projectId: string): readonly WorkerView[] {
    this.forgetSilent(this.clock.now());
    return [...this.byId.values()]
      .filter((worker) => worker.registration.projectId === projectId && this.isConnected(worker))
      .reverse()
      .map((worker) => ({
        ...worker.registration,
        id: worker.id,
        registeredAt: worker.registeredAt,
        lastSeenAt: worker.lastSeenAt,
        streaming: worker.sink !== undefined,
        runningExecutions: worker.running.size,
      }));
  }

  /** Whether a worker that is connected now would take such an execution if it were free. */
  serves(projectId: string, workflowId: string, queue: string): boolean {
    for (const worker of this.byId.values()) {
      if (worker.registration.projectId !== projectId || !this.isConnected(worker)) continue;
      if (worker.workflows.has(workflowId) && acceptsQueue(worker, queue)) return true;
    }
    return false;
  }

  /** The workflow as the worker that registered last declares it; undefined if no worker does. */
  definition(projectId: string, workflowId: string): WorkflowDefinition | undefined {
    let latest: WorkflowDefinition | undefined;
    for (const { registration, workflows } of this.byId.values()) {
      if (registration.projectId === projectId) latest = workflows.get(workflowId) ?? latest;
    }
    return latest;
  }

  private isConnected(worker: Worker): boolean {
    if (worker.sink !== undefined || worker.polls > 0 || worker.running.size > 0) return true;
    return !worker.hasStreamed && this.clock.now() - worker.lastSeenAt <= POLL_GAP_MS_MAX;
  }

  private forgetSilent(at: number): void {
    for (const worker of this.byId.values()) {
      if (!this.isConnected(worker) && at - worker.lastSeenAt > FORGET_AFTER_MS) this.byId.delete(worker.id);
    }
  }
}

/** Whether a worker takes executions that wait in this queue. */
export function acceptsQueue(worker: Worker, queue: string): boolean {
  const { queues } = worker.registration;
  return queues.length === 0 || queues.includes(queue);
}
