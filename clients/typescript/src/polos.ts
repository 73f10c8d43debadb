import type { WorkflowTarget } from './batch.js';
import type { BatchHandles, BatchInvokeOptions, ClientBatchItems } from './batch-invoke.js';
import { PolosClient } from './client.js';
import type { PolosClientConfig } from './config.js';
import type { EventsApi } from './events-api.js';
import type { ExecutionInfo } from './execution.js';
import type { ExecutionHandle } from './execution-handle.js';
import type { ListExecutionsOptions } from './execution-list.js';
import type { InvokeOptions, RunOptions } from './invocation.js';
import { createLogger, type Logger } from './logger.js';
import { globalRegistry } from './registry.js';
import type { SchedulesApi } from './schedules.js';
import { listenForSignals } from './signals.js';
import { Worker } from './worker.js';
import type { AnyWorkflow, PayloadArguments, Workflow } from './workflow.js';

/** What to serve, and where. */
export interface PolosConfig extends PolosClientConfig {
  /** The workflows to serve. Default: every one that is defined when `start` is called. */
  readonly workflows?: readonly AnyWorkflow[] | undefined;
  /** Default: lines on standard error, from the level in POLOS_LOG_LEVEL (info) on. */
  readonly logger?: Logger | undefined;
  /** How long `stop` waits for executions to end or to come to a wait, in milliseconds. Default 30,000. */
  readonly shutdownTimeout?: number | undefined;
}

/** A client and a worker in one, for programs that both define workflows and start them. */
export class Polos {
  readonly #config: PolosConfig;
  readonly #client: PolosClient;
  readonly #logger: Logger;
  #running: { readonly worker: Worker; readonly stopped: Promise<void> } | undefined;

  /** @throws TypeError for an `apiUrl` that is none; RangeError for `maxConcurrentWorkflows`. */
  constructor(config: PolosConfig = {}) {
    this.#config = config;
    this.#client = new PolosClient(config);
    this.#logger = config.logger ?? createLogger();
  }

  /**
   * Starts the worker and returns once the server has accepted it; a server that cannot be reached is waited for. Signals
   * are left to the program.
   * @throws TypeError if no workflow is defined; what `Worker.run` throws.
   */
  async start(): Promise<void> {
    if (this.#running !== undefined) throw new Error('Polos is started already');
    const worker = new Worker({
      ...this.#config,
      client: this.#client,
      workflows: this.#config.workflows ?? globalRegistry.all(),
      handleSignals: false,
      logger: this.#logger,
    });
    const stopped = worker.run();
    // Whoever serves sees it; after a mere start it must not end the program as an unhandled rejection.
    stopped.catch((error: unknown) => this.#logger.error(`the worker has stopped: ${String(error)}`));
    this.#running = { worker, stopped };
    try {
      await Promise.race([worker.whenRunning(), stopped]);
    } catch (error) {
      this.#running = undefined;
      throw error;
    }
  }

  /** Starts the worker and serves until SIGTERM, SIGINT or `stop`; then shuts down gracefully and returns. */
  async serve(): Promise<void> {
    const stopListening = listenForSignals(() => void this.stop());
    try {
      await this.start();
      await this.#running?.stopped;
    } finally {
      stopListening();
    }
  }

  /** Shuts the worker down gracefully; see `Worker.shutdown`. The client can still be used. */
  async stop(): Promise<void> {
    const running = this.#running;
    await running?.worker.shutdown();
    await running?.stopped;
    this.#running = undefined;
  }

  /** The client, for everything that is not here. */
  getClient(): PolosClient {
    return this.#client;
  }

  /** See `PolosClient.events`. */
  get events(): EventsApi {
    return this.#client.events;
  }

  /** See `PolosClient.schedules`. */
  get schedules(): SchedulesApi {
    return this.#client.schedules;
  }

  /** See `PolosClient.invoke`. */
  invoke<P, S, R, I>(
    workflow: Workflow<P, S, R, I>,
    ...args: PayloadArguments<NoInfer<I>, InvokeOptions<Partial<NoInfer<S>>>>
  ): Promise<ExecutionHandle<R>> {
    return this.#client.invoke(workflow, ...args);
  }

  /** See `PolosClient.batchInvoke`. */
  batchInvoke<const Targets extends readonly WorkflowTarget[]>(
    items: ClientBatchItems<Targets>,
    options?: BatchInvokeOptions,
  ): Promise<BatchHandles<Targets>> {
    return this.#client.batchInvoke<Targets>(items, options);
  }

  /** See `PolosClient.run`. */
  run<P, S, R, I>(
    workflow: Workflow<P, S, R, I>,
    ...args: PayloadArguments<NoInfer<I>, RunOptions<Partial<NoInfer<S>>>>
  ): Promise<R> {
    return this.#client.run(workflow, ...args);
  }

  /** See `PolosClient.getExecution`. */
  getExecution(executionId: string): Promise<ExecutionInfo> {
    return this.#client.getExecution(executionId);
  }

  /** See `PolosClient.listExecutions`. */
  listExecutions(options: ListExecutionsOptions = {}): AsyncGenerator<ExecutionInfo, void, undefined> {
    return this.#client.listExecutions(options);
  }

  /** See `PolosClient.resume`. */
  resume(executionId: string, stepKey: string, data?: unknown): Promise<void>;
  resume(workflowId: string, executionId: string, stepKey: string, data: unknown): Promise<void>;
  resume(...args: readonly unknown[]): Promise<void> {
    return this.#client.resume(...(args as Parameters<PolosClient['resume']>));
  }

  /** See `PolosClient.pauseExecution`. */
  pauseExecution(executionId: string): Promise<void> {
    return this.#client.pauseExecution(executionId);
  }

  /** See `PolosClient.unpauseExecution`. */
  unpauseExecution(executionId: string): Promise<void> {
    return this.#client.unpauseExecution(executionId);
  }

  /** See `PolosClient.cancelExecution`. */
  cancelExecution(executionId: string): Promise<boolean> {
    return this.#client.cancelExecution(executionId);
  }
}
