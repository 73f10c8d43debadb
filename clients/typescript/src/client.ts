import type { WorkflowTarget } from './batch.js';
import {
  type BatchHandles,
  type BatchInvokeOptions,
  type ClientBatchItems,
  type ClientBatchWorkflowInput,
  invokeAll,
} from './batch-invoke.js';
import { type PolosClientConfig, type PolosConnection, resolveConfig } from './config.js';
import { EventsApi } from './events-api.js';
import type { ExecutionInfo } from './execution.js';
import { ExecutionHandle } from './execution-handle.js';
import { createExecutionId } from './execution-id.js';
import { type ListExecutionsOptions, listExecutions } from './execution-list.js';
import { WorkflowService } from './gen/polos/v1/workflow_service_pb.js';
import type { InvokeOptions, RunOptions } from './invocation.js';
import { toInvokeRequest } from './invoke-request.js';
import { SchedulesApi } from './schedules.js';
import { assertOutsideWorkflow } from './scope.js';
import { Transport } from './transport.js';
import type { AnyWorkflow, PayloadArguments, Workflow } from './workflow.js';

/**
 * Starts executions and follows them. One client holds one connection, opened by the first call, over which any number
 * of calls run at once; it does not keep the process alive.
 */
export class PolosClient {
  readonly #connection: PolosConnection;
  readonly #transport: Transport;
  /** Publishes to topics, and reads them. */
  readonly events: EventsApi;
  /** The rules that start executions at times. */
  readonly schedules: SchedulesApi;

  /**
   * Fills in what the configuration leaves out from the environment, then from the defaults for a local server.
   * @throws TypeError for an `apiUrl` that is none; RangeError for `maxConcurrentWorkflows`.
   */
  constructor(config: PolosClientConfig = {}) {
    this.#connection = resolveConfig(config);
    this.#transport = new Transport(this.#connection);
    this.events = new EventsApi(this.#transport);
    this.schedules = new SchedulesApi(this.#transport);
  }

  /**
   * A client as the environment describes it: POLOS_API_URL (http://localhost:8080), POLOS_API_KEY, POLOS_PROJECT_ID
   * (default), POLOS_DEPLOYMENT_ID, POLOS_MAX_CONCURRENT_WORKFLOWS (100). None of them has to be set.
   */
  static fromEnv(): PolosClient {
    return new PolosClient();
  }

  /** The configuration with every default filled in. */
  getConfig(): PolosConnection {
    return this.#connection;
  }

  /** @internal */
  get transport(): Transport {
    return this.#transport;
  }

  /**
   * Starts an execution and returns once it is durable. Repeated by itself while the server cannot be reached, for 30 s,
   * under one idempotency key: never two executions.
   * @param workflow a workflow, or the id of one in any language.
   * @throws what `Workflow.start` throws.
   */
  invoke<P, S, R, I>(
    workflow: Workflow<P, S, R, I>,
    ...args: PayloadArguments<NoInfer<I>, InvokeOptions<Partial<NoInfer<S>>>>
  ): Promise<ExecutionHandle<R>>;
  invoke<R = unknown>(
    workflowId: string,
    payload?: unknown,
    options?: InvokeOptions,
  ): Promise<ExecutionHandle<R>>;
  async invoke(
    workflow: AnyWorkflow | string,
    payload?: unknown,
    options: InvokeOptions<object> = {},
  ): Promise<ExecutionHandle> {
    const executionId = options.idempotencyKey === undefined ? createExecutionId(Date.now()) : undefined;
    return this.startWithId(workflow, payload, options, executionId);
  }

  /**
   * Starts an execution and waits for its result, 600 s unless `timeout` says else.
   * @throws what `invoke` and `ExecutionHandle.getResult` throw.
   */
  run<P, S, R, I>(
    workflow: Workflow<P, S, R, I>,
    ...args: PayloadArguments<NoInfer<I>, RunOptions<Partial<NoInfer<S>>>>
  ): Promise<R>;
  run<R = unknown>(workflowId: string, payload?: unknown, options?: RunOptions): Promise<R>;
  async run(
    workflow: AnyWorkflow | string,
    payload?: unknown,
    options: RunOptions<object> = {},
  ): Promise<unknown> {
    const { timeout, ...invokeOptions } = options;
    const executionId = options.idempotencyKey === undefined ? createExecutionId(Date.now()) : undefined;
    const handle = await this.startWithId(workflow, payload, invokeOptions, executionId);
    return handle.getResult(timeout);
  }

  /**
   * Starts many executions and returns once all are durable. Each has an idempotency key of its own, so that what is sent
   * again after a lost answer starts nothing twice. Any number of items, in as few requests as hold them.
   * @returns handles in the order of the items; none for no items.
   * @throws BatchInvokeError if some could not be started: it has the handles of the others. StateValidationError,
   * PayloadValidationError, SerializationError for what an item cannot be given, with its place: then nothing was started.
   */
  async batchInvoke<const Targets extends readonly WorkflowTarget[]>(
    items: ClientBatchItems<Targets>,
    options: BatchInvokeOptions = {},
  ): Promise<BatchHandles<Targets>> {
    assertOutsideWorkflow('client.batchInvoke()', 'ctx.step.batchInvoke() or ctx.step.batchInvokeAndWait()');
    const { deploymentId } = this.#connection;
    const all = items as readonly ClientBatchWorkflowInput[];
    const ids = await invokeAll(this.#transport, all, { ...options, deploymentId });
    return ids.map((id) => this.getHandle(id)) as BatchHandles<Targets>;
  }

  /** A handle of an execution by its id. Asks nothing of the server. */
  getHandle<TResult = unknown>(executionId: string): ExecutionHandle<TResult> {
    return new ExecutionHandle(this.#transport, executionId);
  }

  /** Reads an execution. @throws NotFoundError. */
  getExecution(executionId: string): Promise<ExecutionInfo> {
    return this.getHandle(executionId).get();
  }

  /**
   * Lists executions, newest first; each is read when it is taken: `for await (const execution of client.listExecutions(..))`.
   * They come without payload, initial state and result, which `getExecution` reads.
   * @throws RangeError for the limit; InvalidArgumentError for what cannot be asked: a field that no version of the workflow
   * declares in its `stateIndex`, or a filter that means nothing.
   */
  listExecutions(options: ListExecutionsOptions = {}): AsyncGenerator<ExecutionInfo, void, undefined> {
    return listExecutions(this.#transport, options);
  }

  /**
   * Asks that an execution and all that descends from it end.
   * @returns false if it was final before.
   * @throws NotFoundError.
   */
  cancelExecution(executionId: string): Promise<boolean> {
    return this.getHandle(executionId).cancel();
  }

  /** Holds an execution back from workers; see `ExecutionHandle.pause`. @throws NotFoundError, ExecutionClosedError. */
  pauseExecution(executionId: string): Promise<void> {
    return this.getHandle(executionId).pause();
  }

  /** Ends a pause; see `ExecutionHandle.unpause`. @throws NotFoundError, ExecutionClosedError. */
  unpauseExecution(executionId: string): Promise<void> {
    return this.getHandle(executionId).unpause();
  }

  /**
   * Resumes a step of an execution; see `ExecutionHandle.resume`.
   *
   * Four arguments are those of the public Polos SDK, which names the workflow first; an execution's id says it all, so
   * that nothing is made of it.
   * @throws what `ExecutionHandle.resume` throws.
   */
  resume(executionId: string, stepKey: string, data?: unknown): Promise<void>;
  resume(workflowId: string, executionId: string, stepKey: string, data: unknown): Promise<void>;
  async resume(...args: readonly unknown[]): Promise<void> {
    const [executionId, stepKey, data] = args.length > 3 ? args.slice(1) : args;
    return this.getHandle(executionId as string).resume(stepKey as string, data);
  }

  /** Closes the connection; calls under way fail. Not needed for the process to end. */
  close(): void {
    this.#transport.close();
  }

  /** @internal Starts an execution under an id, or lets the server choose one. */
  async startWithId<TResult = unknown>(
    workflow: AnyWorkflow | string,
    payload: unknown,
    options: InvokeOptions<object>,
    executionId: string | undefined,
  ): Promise<ExecutionHandle<TResult>> {
    assertOutsideWorkflow('client.invoke()', 'ctx.step.invoke() or ctx.step.invokeAndWait()');
    const { deploymentId } = this.#connection;
    const request = await toInvokeRequest(workflow, payload, options, { executionId, deploymentId });
    const answer = await this.#transport.call(WorkflowService.method.invoke, request, { repeatable: true });
    return this.getHandle(answer.executionId);
  }
}
