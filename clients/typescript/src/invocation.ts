import type { PolosClient } from './client.js';
import type { ExecutionInfo, ExecutionStatus } from './execution.js';
import type { EventsOptions, ExecutionEvent } from './execution-event.js';
import { type ExecutionHandle, RESULT_TIMEOUT_SECONDS } from './execution-handle.js';
import { createExecutionId } from './execution-id.js';
import { type StateReader, stateReaderOf } from './execution-state.js';
import type { QueueConfig } from './queue.js';
import { assertOutsideWorkflow } from './scope.js';
import type { AnyWorkflow } from './workflow.js';

/** How an execution is started. */
export interface InvokeOptions<TState = Record<string, unknown>> {
  /** The state to start with; the workflow's schema fills in defaults. Default: none. */
  readonly initialState?: TState | undefined;
  /** The queue. Default: the workflow's own. */
  readonly queue?: string | QueueConfig | undefined;
  /** The same, as the public Polos SDK names it. `queue` wins. */
  readonly queueName?: string | undefined;
  /** The key under which the queue's concurrency is limited. */
  readonly concurrencyKey?: string | undefined;
  /** The session it belongs to. Default: a fresh UUID. */
  readonly sessionId?: string | undefined;
  /** The user on whose behalf it runs. */
  readonly userId?: string | undefined;
  /** Names and values to find it by (`client.listExecutions`). At most 50; names of 100 bytes, values of 1,024. */
  readonly searchAttributes?: Readonly<Record<string, string>> | undefined;
  /** How long it may run in all, waiting not counted, in seconds. Default: the workflow's own limit. */
  readonly runTimeoutSeconds?: number | undefined;
  /** One key in a project, one execution, for 24 hours at least. Default: a fresh one for each call. */
  readonly idempotencyKey?: string | undefined;
  /** Larger goes first among executions that are ready, -100 to 100. Default 0. */
  readonly priority?: number | undefined;
  /** How long to wait before it may start, in seconds. At most 366 days. Default 0. */
  readonly startDelaySeconds?: number | undefined;
}

/** How an execution is started and waited for. */
export interface RunOptions<TState = Record<string, unknown>> extends InvokeOptions<TState> {
  /** How long to wait for the result, in seconds. The execution goes on when it is over. Default 600. */
  readonly timeout?: number | undefined;
}

/**
 * An execution that is being started: a handle, and awaited its result.
 *
 * ```ts
 * const run = workflow.invoke(client, payload);
 * for await (const event of run.events()) console.log(event.type);
 * const result = await run;
 * ```
 *
 * Its methods wait for the start first. If the start fails, they and the await throw why.
 */
export class Invocation<TResult> implements PromiseLike<TResult> {
  /** Resolves once the execution is durable. Rejects with what `Workflow.start` throws. */
  readonly started: Promise<ExecutionHandle<TResult>>;
  /** See `ExecutionHandle.state`. */
  readonly state: StateReader;
  readonly #timeoutSeconds: number;
  #executionId: string | undefined;
  #result: Promise<TResult> | undefined;

  /** @internal Invocations come from `Workflow.invoke`. */
  constructor(
    client: PolosClient,
    workflow: AnyWorkflow,
    payload: unknown,
    options: RunOptions<object> = {},
  ) {
    assertOutsideWorkflow('workflow.invoke() and workflow.run()', 'ctx.step.invokeAndWait()');
    const { timeout, ...invokeOptions } = options;
    this.#timeoutSeconds = timeout ?? RESULT_TIMEOUT_SECONDS;
    // With a key of the caller's the execution may exist already, under an id that only the server knows.
    if (options.idempotencyKey === undefined) this.#executionId = createExecutionId(Date.now());
    this.started = client.startWithId<TResult>(workflow, payload, invokeOptions, this.#executionId);
    this.state = stateReaderOf(this.started);
    this.started.then(
      (handle) => {
        this.#executionId = handle.id;
      },
      // Reported by the await or the method that comes next; not a second time as an unhandled rejection.
      () => {},
    );
  }

  /**
   * The execution's id, known from the start.
   * @throws Error if the caller gave an idempotency key and the start is not answered yet: await `started` first.
   */
  get executionId(): string {
    if (this.#executionId === undefined) {
      throw new Error(
        'with an idempotency key the id is known once the execution is started: await `started`',
      );
    }
    return this.#executionId;
  }

  /** The same as `executionId`. */
  get id(): string {
    return this.executionId;
  }

  /** Waits for the result. The same as awaiting the invocation. @throws as `ExecutionHandle.getResult`. */
  result(): Promise<TResult> {
    this.#result ??= this.getResult(this.#timeoutSeconds);
    return this.#result;
  }

  /** See `ExecutionHandle.getResult`. */
  async getResult(timeoutSeconds: number = this.#timeoutSeconds): Promise<TResult> {
    return (await this.started).getResult(timeoutSeconds);
  }

  /** See `ExecutionHandle.get`. */
  async get(): Promise<ExecutionInfo> {
    return (await this.started).get();
  }

  /** See `ExecutionHandle.status`. */
  async status(): Promise<ExecutionStatus> {
    return (await this.started).status();
  }

  /** See `ExecutionHandle.cancel`. */
  async cancel(): Promise<boolean> {
    return (await this.started).cancel();
  }

  /** See `ExecutionHandle.pause`. */
  async pause(): Promise<void> {
    return (await this.started).pause();
  }

  /** See `ExecutionHandle.unpause`. */
  async unpause(): Promise<void> {
    return (await this.started).unpause();
  }

  /** See `ExecutionHandle.resume`. */
  async resume(stepKey: string, data?: unknown): Promise<void> {
    return (await this.started).resume(stepKey, data);
  }

  /** See `ExecutionHandle.events`. */
  async *events(options: EventsOptions = {}): AsyncGenerator<ExecutionEvent, void, undefined> {
    yield* (await this.started).events(options);
  }

  // biome-ignore lint/suspicious/noThenProperty: it is awaitable by design, as the documentation shows.
  then<A = TResult, B = never>(
    onFulfilled?: ((value: TResult) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.result().then(onFulfilled, onRejected);
  }

  /** As of a promise. */
  catch<B = never>(onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<TResult | B> {
    return this.result().catch(onRejected);
  }

  /** As of a promise. */
  finally(onFinally?: (() => void) | null): Promise<TResult> {
    return this.result().finally(onFinally);
  }
}
