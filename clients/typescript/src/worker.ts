import { create } from '@bufbuild/protobuf';
import { Activation } from './activation.js';
import { PolosClient } from './client.js';
import type { PolosClientConfig } from './config.js';
import { WorkflowNotFoundError } from './errors.js';
import type { StepRecord } from './gen/polos/v1/step_pb.js';
import type {
  Assignment,
  LeaseReport,
  RegisterWorkerResponse,
  WorkResponse_Notice,
} from './gen/polos/v1/worker_service_pb.js';
import { ListStepsRequestSchema, WorkflowService } from './gen/polos/v1/workflow_service_pb.js';
import { createLogger, type Logger } from './logger.js';
import { pagesOf } from './pages.js';
import { PAYLOAD_BYTES_MAX } from './payload.js';
import { toRegistration } from './registration.js';
import { schemaWarning } from './schema-warning.js';
import { listenForSignals } from './signals.js';
import { SuspendedActivations } from './suspended-activations.js';
import { durationMs } from './time.js';
import { Bell, turn } from './turn.js';
import { WorkerLink, type WorkerLinkListener } from './worker-link.js';
import type { AnyWorkflow } from './workflow.js';

/** What a worker serves, and where. */
export interface WorkerConfig extends PolosClientConfig {
  /** A client whose connection and configuration to use. Default: one made of the fields beside it. */
  readonly client?: PolosClient | undefined;
  /** The workflows it serves, 1 to 1,000. */
  readonly workflows: readonly AnyWorkflow[];
  /** The build it runs, for people. */
  readonly buildId?: string | undefined;
  /** Whether SIGTERM and SIGINT make `run` shut down gracefully and return. Default true. */
  readonly handleSignals?: boolean | undefined;
  /** How long a shutdown waits for executions to end or to come to a wait, in milliseconds. Default 30,000. */
  readonly shutdownTimeout?: number | undefined;
  /** Default: lines on standard error, from the level in POLOS_LOG_LEVEL (info) on. */
  readonly logger?: Logger | undefined;
}

/** Where a worker is in its life. */
export type WorkerState = 'stopped' | 'starting' | 'running' | 'stopping';

/** Until the server says otherwise, in milliseconds. */
const LEASE_MS_DEFAULT = 30_000;

/**
 * Runs executions of its workflows. It connects to the server and is given work as long as it has room; nothing connects
 * to it.
 */
export class Worker {
  readonly #config: WorkerConfig;
  readonly #client: PolosClient;
  readonly #workflows = new Map<string, AnyWorkflow>();
  readonly #logger: Logger;
  readonly #active = new Map<string, Activation>();
  readonly #suspended = new SuspendedActivations();
  /** The newest assignment of each execution that is at work or being taken up. */
  readonly #newest = new Map<string, Assignment>();
  readonly #slotsMax: number;
  readonly #slotFreed = new Bell();
  readonly #deploymentId: string | undefined;
  #slotsTaken = 0;
  #state: WorkerState = 'stopped';
  #workerId: string | undefined;
  #link: WorkerLink | undefined;
  readonly #opened: Promise<void>;
  #noteFirstOpening: () => void = () => {};
  #leaseMs = LEASE_MS_DEFAULT;
  #payloadBytesMax = PAYLOAD_BYTES_MAX;

  /** @throws TypeError without workflows or with two of the same id; RangeError for `maxConcurrentWorkflows`. */
  constructor(config: WorkerConfig) {
    this.#config = config;
    this.#opened = new Promise((resolve) => {
      this.#noteFirstOpening = resolve;
    });
    this.#client = config.client ?? new PolosClient(config);
    this.#logger = config.logger ?? createLogger();
    this.#slotsMax = config.maxConcurrentWorkflows ?? this.#client.getConfig().maxConcurrentWorkflows;
    this.#deploymentId = config.deploymentId ?? this.#client.getConfig().deploymentId;
    for (const workflow of config.workflows) {
      if (this.#workflows.has(workflow.id)) throw new TypeError(`two workflows have the id "${workflow.id}"`);
      this.#workflows.set(workflow.id, workflow);
    }
    if (this.#workflows.size === 0) throw new TypeError('a worker needs at least one workflow');
  }

  /**
   * Connects and runs executions until `shutdown`. A server that cannot be reached is waited for, at the start and later.
   * @throws AccessDeniedError, InvalidArgumentError if the server does not want this worker.
   */
  async run(): Promise<void> {
    if (this.#state !== 'stopped') throw new Error(`the worker is ${this.#state} already`);
    this.#state = 'starting';
    const { handleSignals = true, buildId } = this.#config;
    const stopListening = handleSignals ? listenForSignals(() => void this.shutdown()) : () => {};
    try {
      const registration = await toRegistration({
        workflows: [...this.#workflows.values()],
        deploymentId: this.#deploymentId,
        buildId,
        maxConcurrentWorkflows: this.#slotsMax,
        logger: this.#logger,
      });
      // A shutdown may have come meanwhile.
      if ((this.#state as WorkerState) === 'stopping') return;
      this.#link = new WorkerLink(this.#client.transport, registration, this.#listener(), this.#logger);
      await this.#link.run();
    } finally {
      stopListening();
      for (const activation of this.#active.values()) activation.drop();
      this.#suspended.clear();
      this.#link?.close();
      this.#link = undefined;
      this.#state = 'stopped';
      if (this.#config.client === undefined) this.#client.close();
    }
  }

  /** Resolves once the server has accepted the worker. Call before or after `run`; never rejects. */
  whenRunning(): Promise<void> {
    return this.#opened;
  }

  /**
   * Takes no more executions, lets those at work end or come to a wait (30 s at most, then their leases run out and other
   * workers take them), and disconnects.
   */
  async shutdown(): Promise<void> {
    if (this.#state === 'stopped' || this.#state === 'stopping') return;
    this.#state = 'stopping';
    this.#link?.drain();
    const { shutdownTimeout = 30_000 } = this.#config;
    let isOver = false;
    const timer = setTimeout(() => {
      isOver = true;
      this.#slotFreed.ring();
    }, shutdownTimeout);
    while (this.#slotsTaken > 0 && !isOver) await this.#slotFreed.wait();
    clearTimeout(timer);
    if (this.#slotsTaken > 0) {
      this.#logger.warn(
        `${this.#slotsTaken} executions did not come to an end in time; others will take them`,
      );
    }
    this.#link?.close();
  }

  /** The id that the server gave it; undefined before that. It changes when the server forgets the worker. */
  getWorkerId(): string | undefined {
    return this.#workerId;
  }

  /** Where it is in its life. `running` means that the server has accepted it. */
  getState(): WorkerState {
    return this.#state;
  }

  /** The ids of the workflows it serves. */
  getWorkflowIds(): string[] {
    return [...this.#workflows.keys()];
  }

  #listener(): WorkerLinkListener {
    return {
      registered: (answer) => this.#noteRegistration(answer),
      opened: () => this.#noteOpened(),
      assigned: (assignment) => void this.#take(assignment),
      noticed: (notice) => this.#notice(notice),
      leasesExtended: (reports, sentAt) => this.#noteReports(reports, sentAt),
      freeSlots: () => Math.max(0, this.#slotsMax - this.#slotsTaken),
      leases: () => [...this.#active.values()].map(({ lease }) => lease),
    };
  }

  #noteRegistration(answer: RegisterWorkerResponse): void {
    this.#workerId = answer.workerId;
    if (answer.leaseDuration !== undefined) this.#leaseMs = durationMs(answer.leaseDuration);
    const bytesMax = Number(answer.limits?.payloadBytes ?? 0n);
    if (bytesMax > 0) this.#payloadBytesMax = bytesMax;
    for (const report of answer.schemaReports) {
      const warning = schemaWarning(report);
      if (warning !== undefined) this.#logger.warn(warning);
    }
  }

  #noteOpened(): void {
    const { apiUrl } = this.#client.getConfig();
    this.#logger.info(`worker ${this.#workerId} serves ${this.#workflows.size} workflows at ${apiUrl}`);
    if (this.#state === 'starting') this.#state = 'running';
    this.#noteFirstOpening();
  }

  async #take(assignment: Assignment): Promise<void> {
    const executionId = assignment.lease?.executionId ?? '';
    this.#slotsTaken += 1;
    this.#newest.set(executionId, assignment);
    try {
      await this.#runActivation(executionId, assignment);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#logger.error(`execution ${executionId} cannot run here: ${reason}`);
    }
    if (this.#newest.get(executionId) === assignment) this.#newest.delete(executionId);
    this.#slotsTaken -= 1;
    this.#slotFreed.ring();
    this.#link?.grant();
  }

  async #runActivation(executionId: string, assignment: Assignment): Promise<void> {
    const receivedAt = performance.now();
    // An execution that was just suspended may come back before its activation has taken note of the suspension.
    if (this.#active.has(executionId)) await turn();
    this.#lose(executionId);
    const activation = await this.#activationFor(executionId, assignment, receivedAt);
    // While its steps were fetched the lease ran out, and the execution was given to this worker once more.
    if (this.#newest.get(executionId) !== assignment) return activation.drop();
    this.#active.set(executionId, activation);
    const end = await activation.run();
    if (this.#active.get(executionId) === activation) this.#active.delete(executionId);
    if (end === 'suspended') this.#suspended.put(activation);
    if (end === 'dropped') void this.#releaseWhenStill(activation);
  }

  /** Functions cannot be stopped: nobody else may run them before they have ended. */
  async #releaseWhenStill(activation: Activation): Promise<void> {
    await activation.whenStill();
    this.#link?.release(activation.lease);
  }

  /** The activation that is kept for an execution, if it can go on, or else a new one that replays. */
  async #activationFor(executionId: string, assignment: Assignment, receivedAt: number): Promise<Activation> {
    const { steps, nextStepsPageToken, omittedSteps } = assignment;
    const rest = nextStepsPageToken === '' ? [] : await this.#fetchSteps(executionId, nextStepsPageToken);
    const given = [...steps, ...rest];
    const kept = this.#suspended.take(executionId);
    if (kept?.resume(assignment, given, receivedAt) === true) return kept;
    kept?.drop();
    // The server left out what the kept code had seen, and that code is gone.
    const all = omittedSteps > 0n ? await this.#fetchSteps(executionId, '') : given;
    return this.#createActivation(assignment, all, receivedAt);
  }

  #createActivation(assignment: Assignment, steps: readonly StepRecord[], receivedAt: number): Activation {
    const workflowId = assignment.execution?.workflowId ?? '';
    const workflow = this.#workflows.get(workflowId);
    if (workflow === undefined) throw new WorkflowNotFoundError(workflowId);
    if (this.#link === undefined) throw new Error('the worker has stopped');
    return new Activation({
      workflow,
      assignment,
      steps,
      port: this.#link,
      logger: this.#logger,
      leaseMs: this.#leaseMs,
      receivedAt,
      isKept: () => this.#state !== 'stopping',
      payloadBytesMax: this.#payloadBytesMax,
      deploymentId: this.#deploymentId,
    });
  }

  /** An execution's steps, page by page. @param pageToken where to begin; empty for the first step. */
  async #fetchSteps(executionId: string, pageToken: string): Promise<readonly StepRecord[]> {
    const all: StepRecord[] = [];
    const read = (token: string) => {
      const request = create(ListStepsRequestSchema, { executionId, pageToken: token });
      return this.#client.transport.call(WorkflowService.method.listSteps, request, { repeatable: true });
    };
    for await (const { steps } of pagesOf(read, pageToken)) all.push(...steps);
    return all;
  }

  #notice({ executionId, epoch, leaseLost, cancelRequested, outcomes }: WorkResponse_Notice): void {
    const activation = this.#active.get(executionId);
    if (activation?.lease.epoch !== epoch) return;
    if (leaseLost) {
      this.#lose(executionId);
      return;
    }
    activation.bring(outcomes);
    if (cancelRequested) activation.cancel();
  }

  #noteReports(reports: readonly LeaseReport[], sentAt: number): void {
    for (const { executionId, epoch, held, cancelRequested, outcomes } of reports) {
      const activation = this.#active.get(executionId);
      if (activation?.lease.epoch !== epoch) continue;
      if (held) activation.confirm(sentAt);
      this.#notice({
        executionId,
        epoch,
        leaseLost: !held,
        cancelRequested,
        outcomes,
      } as WorkResponse_Notice);
    }
  }

  /** Drops what runs for an execution, if anything does. */
  #lose(executionId: string): void {
    this.#active.get(executionId)?.drop();
    this.#active.delete(executionId);
    this.#link?.forget(executionId);
  }
}
