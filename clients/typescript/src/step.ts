import type { OpenState, PayloadArguments, QueueConfig, Workflow } from './workflow.js';

/** How a step's function is retried. */
export interface StepOptions {
  /** Further attempts after the first that failed, 0 to 1,000. Default 2. */
  readonly maxRetries?: number | undefined;
  /** Delay before the first retry in milliseconds, doubled for each further one and spread by ±25 %. Default 1,000. */
  readonly baseDelay?: number | undefined;
  /** The longest delay in milliseconds. Default 10,000. */
  readonly maxDelay?: number | undefined;
  /**
   * How long one attempt may take, in milliseconds; then it counts as failed with a StepTimeoutError and its signal
   * aborts. A function that ignores the signal runs on, but nothing of it is recorded. Default: without limit.
   */
  readonly timeout?: number | undefined;
  /** Errors that no retry can help: classes, or names of types. SDK errors with `retryable: false` are so already. */
  readonly nonRetryable?: readonly (string | ErrorClass)[] | undefined;
}

/** A class of errors. */
export type ErrorClass = abstract new (...args: never[]) => Error;

/** What a step's function is told. */
export interface StepAttempt {
  /** 1 for the first. */
  readonly attempt: number;
  /** Aborts when the execution is cancelled, the attempt times out, or this worker may no longer run the execution. */
  readonly signal: AbortSignal;
}

/** How a child execution is started. */
export interface ChildOptions<TState> {
  /** The child's state to start with; the child's schema fills in defaults. Default: none. */
  readonly initialState?: TState | undefined;
  /** The queue. Default: the workflow's own. */
  readonly queue?: string | QueueConfig | undefined;
  /** The key under which the queue's concurrency is limited. */
  readonly concurrencyKey?: string | undefined;
  /** How long it may run in all, waiting not counted, in seconds. Default: the workflow's own limit. */
  readonly runTimeoutSeconds?: number | undefined;
  /** Larger goes first, -100 to 100. Default 0. */
  readonly priority?: number | undefined;
}

/** A child's payload and options in one object. */
export interface ChildRequest<TInput, TState> extends ChildOptions<TState> {
  /** What the child's handler receives. */
  readonly payload: TInput;
}

/** A child execution that nobody waits for. */
export interface ChildHandle {
  /** The child's id. */
  readonly id: string;
  /** The same. */
  readonly executionId: string;
  /** Its workflow. */
  readonly workflowId: string;
}

/**
 * The durable steps of a workflow. Each has a key of 1 to 1,024 bytes, unique within the execution, under which its
 * outcome is recorded; a replay answers from the record. Steps may run at the same time (`Promise.all`, `race`).
 *
 * Every method may throw DuplicateStepKeyError, InvalidStepError (inside the function of another step) and, once the
 * execution is cancelled, WorkflowCancelledError.
 */
export interface Steps {
  /**
   * Runs a function here, in this worker, and records its result, so that it never runs again once it has succeeded.
   * The result must be plain JSON data; what the code gets is its JSON round trip.
   * @throws StepExecutionError once the last attempt has failed; the same live and on replay.
   */
  run<T>(key: string, run: (attempt: StepAttempt) => T | Promise<T>, options?: StepOptions): Promise<T>;

  /**
   * Starts a child execution, exactly once, and waits for its result. While it waits, this execution holds no worker.
   *
   * Payload and options go either in one object, `(key, workflow, {payload, initialState})`, or one after the other,
   * `(key, workflow, payload, options)`. Three arguments are the first form if the third is a plain object that has a
   * `payload` and nothing but options beside it: a payload that looks like this itself needs the fourth argument, `{}`.
   * @throws StepExecutionError if the child fails, is cancelled or times out; `cause` says what it threw.
   * @throws StateValidationError, PayloadValidationError, SerializationError for what the child cannot be given.
   */
  invokeAndWait<P, S, R, I>(
    key: string,
    workflow: Workflow<P, S, R, I>,
    request: ChildRequest<NoInfer<I>, Partial<NoInfer<S>>>,
  ): Promise<R>;
  invokeAndWait<P, S, R, I>(
    key: string,
    workflow: Workflow<P, S, R, I>,
    ...args: PayloadArguments<NoInfer<I>, ChildOptions<Partial<NoInfer<S>>>>
  ): Promise<R>;
  invokeAndWait<R = unknown>(
    key: string,
    workflowId: string,
    payload?: unknown,
    options?: ChildOptions<OpenState>,
  ): Promise<R>;

  /**
   * Starts a child execution, exactly once, and goes on without waiting for it. The arguments are those of
   * `invokeAndWait`.
   */
  invoke<P, S, R, I>(
    key: string,
    workflow: Workflow<P, S, R, I>,
    request: ChildRequest<NoInfer<I>, Partial<NoInfer<S>>>,
  ): Promise<ChildHandle>;
  invoke<P, S, R, I>(
    key: string,
    workflow: Workflow<P, S, R, I>,
    ...args: PayloadArguments<NoInfer<I>, ChildOptions<Partial<NoInfer<S>>>>
  ): Promise<ChildHandle>;
  invoke(
    key: string,
    workflowId: string,
    payload?: unknown,
    options?: ChildOptions<OpenState>,
  ): Promise<ChildHandle>;

  /** A random UUID, the same on every replay. */
  uuid(key: string): Promise<string>;

  /** The time in milliseconds since 1970, the same on every replay. */
  now(key: string): Promise<number>;

  /** A random number from 0 up to 1, the same on every replay. */
  random(key: string): Promise<number>;
}
