import type { BatchItems, BatchResults, WorkflowTarget } from './batch.js';
import type { QueueConfig } from './queue.js';
import type { EventPayload } from './topic-event.js';
import type { OpenState, PayloadArguments, Workflow } from './workflow.js';

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
  /**
   * How long an attempt may go without calling `attempt.heartbeat()`, in milliseconds; then it fails as with `timeout`. For
   * long functions, to notice early that one hangs. Default: without limit.
   */
  readonly heartbeatTimeout?: number | undefined;
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
  /**
   * Says that the function is getting on: `heartbeatTimeout` begins anew. Costs next to nothing; nothing is sent.
   * @throws what aborted the signal (StepTimeoutError, WorkflowCancelledError, ..), so that a function that only calls this
   * stops too; InvalidStepError once the function has ended.
   */
  readonly heartbeat: () => void;
}

/** An event that a workflow publishes. */
export interface PublishedEvent {
  /** Plain JSON data, at most 2,097,152 bytes. Default: none. */
  readonly data?: unknown;
  /** What sort of event it is, 1 to 200 bytes. Default "event". */
  readonly type?: string | undefined;
}

/** An event that a workflow publishes to a topic. */
export interface PublishEventOptions extends PublishedEvent {
  /** The topic, which needs no creation: 1 to 512 bytes, no control characters. */
  readonly topic: string;
}

/** Which event a step waits for. */
export interface WaitForEventOptions {
  /** The topic: 1 to 512 bytes, no control characters. */
  readonly topic: string;
  /** How long to wait, in seconds, at most 3,660 days; then the step fails. Default: for as long as it takes. */
  readonly timeout?: number | undefined;
  /**
   * The sequence of an event of the topic: only events after it count; 0 begins with the first that is kept. Default: after
   * the newest that this execution was given; the first time, those published since the execution was created.
   */
  readonly after?: number | undefined;
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

/** How long a wait lasts: the sum of the units, above 0 and at most 3,660 days. Fractions count. */
export interface WaitDuration {
  readonly seconds?: number | undefined;
  readonly minutes?: number | undefined;
  readonly hours?: number | undefined;
  readonly days?: number | undefined;
  readonly weeks?: number | undefined;
}

/** How a step waits to be resumed. */
export interface SuspendOptions {
  /** What whoever resumes it should see: it is in the data of the event `step_suspend`. Plain JSON data. Default: none. */
  readonly data?: unknown;
  /** How long to wait, in seconds, at most 3,660 days; then the step fails. Default: for as long as it takes. */
  readonly timeout?: number | undefined;
}

/** Which step of which execution a step resumes, and with what. */
export interface ResumeOptions {
  /** The execution whose step waits, or will. */
  readonly suspendExecutionId: string;
  /** That step's key. */
  readonly suspendStepKey: string;
  /** What that step resolves to: plain JSON data. Default: no value. */
  readonly data?: unknown;
  /** The execution's workflow, as the public Polos SDK asks for it. The execution's id says it all: nothing is made of it. */
  readonly suspendWorkflowId?: string | undefined;
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
   * The result must be plain JSON data; what the code gets is its JSON round trip. A function that changes the state names it as
   * `ctx.state`, which is its copy: through a reference or a bound method from outside it would change the handler's state,
   * which a replay, that does not call it again, comes to without the change (NonDeterminismError).
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

  /**
   * Starts children, each exactly once, and waits until all of them are final. While it waits, this execution holds no
   * worker; it is woken once. Their results come in the order of the items, each with the types of its own workflow; a child
   * that fails, is cancelled or times out is one of them, and fails nothing else. No items are no step: `[]`.
   *
   * At most 10,000 items, of 3,080,192 bytes together.
   * @throws BatchSizeError if the results take more than 2,097,152 bytes together.
   * @throws InvalidStepError, PayloadSizeError for too many or too large items; StateValidationError, PayloadValidationError,
   * SerializationError for what a child cannot be given, with the item's place. Nothing is started then.
   */
  batchInvokeAndWait<const Targets extends readonly WorkflowTarget[]>(
    key: string,
    items: BatchItems<Targets>,
  ): Promise<BatchResults<Targets>>;

  /**
   * Starts children, each exactly once, and goes on without waiting for them. Otherwise like `batchInvokeAndWait`.
   * @returns handles in the order of the items.
   */
  batchInvoke<const Targets extends readonly WorkflowTarget[]>(
    key: string,
    items: BatchItems<Targets>,
  ): Promise<ChildHandle[]>;

  /**
   * Resumes a `step.suspend` of another execution, exactly once, and resolves when that execution has the data. A step that
   * does not wait yet is resumed as soon as it does.
   * @throws StepExecutionError if it cannot be resumed, the same live and on replay; `cause.type` is what `client.resume`
   * throws: "NotFoundError"; "ExecutionClosedError" if the execution is final; "ResultConflictError" if the step has another
   * outcome already or is no `suspend`; "LimitExceededError" if too much waits for steps to come.
   * @throws InvalidStepError for what names nothing; SerializationError, PayloadSizeError for `data`.
   */
  resume(key: string, options: ResumeOptions): Promise<void>;

  /**
   * Waits for a length of time, which begins with the commit of the step. The wait survives crashes, restarts and deploys,
   * and ends at its time or a little later, never earlier, by the server's clock. While nothing else is under way, this
   * execution holds no worker.
   *
   * Once the step is recorded it keeps the time that it began with: a replay with another duration changes nothing.
   * @throws InvalidStepError unless the duration is above 0 and at most 3,660 days; nothing is recorded then.
   */
  waitFor(key: string, duration: WaitDuration): Promise<void>;

  /**
   * Waits for a point in time: a date, or milliseconds since 1970. Otherwise like `waitFor`.
   * @throws InvalidStepError for no valid time, one more than 3,660 days away, or one that is in the past by the worker's
   * clock; nothing is recorded then. A step that is recorded is not checked again: a replay comes after its time.
   */
  waitUntil(key: string, time: Date | number): Promise<void>;

  /**
   * Waits until somebody resumes this step (`client.resume`, `polos execution resume`, ResumeExecution), and resolves to
   * the data that they gave: undefined if none. A resume that came before the wait is not lost; the step is resumed once.
   * While nothing else is under way, this execution holds no worker.
   *
   * The public Polos SDK resolves to an event whose `data` holds what was given; here it is that value itself.
   * @typeParam T the caller's word for the data; check what comes from outside.
   * @throws WaitTimeoutError once `timeout` has passed without a resume; the same live and on replay.
   * @throws InvalidStepError for a timeout that is none; SerializationError, PayloadSizeError for `data`.
   */
  suspend<T = unknown>(key: string, options?: SuspendOptions): Promise<T>;

  /**
   * Waits for the next event of a topic, whoever publishes it (`ctx.step.publishEvent`, `client.events.publish`, `polos event
   * publish`, PublishEvents). One that was published before the wait, and since the execution was created, is not lost; a
   * loop gets each event once, in order. Steps that wait at the same time for one topic get the same event. While nothing
   * else is under way, this execution holds no worker.
   * @typeParam T the caller's word for the data; check what comes from outside.
   * @throws WaitTimeoutError once `timeout` has passed without an event; the same live and on replay.
   * @throws InvalidStepError for options that are none.
   */
  waitForEvent<T = unknown>(key: string, options: WaitForEventOptions): Promise<EventPayload<T>>;

  /**
   * Publishes an event to a topic, exactly once, however often the worker dies. It is there a moment after the commit of the
   * step.
   * @throws InvalidStepError for a topic or a type that is none; SerializationError, PayloadSizeError for `data`.
   */
  publishEvent(key: string, event: PublishEventOptions): Promise<void>;

  /**
   * Publishes an event among the execution's own, exactly once, however often the worker dies: whoever follows the
   * execution (`handle.events()`, StreamEvents) gets it in its place between the others. Its `topic` is
   * `workflow/WORKFLOW/EXECUTION`, which tells it from the server's own events.
   * @throws InvalidStepError for a type that is none; SerializationError, PayloadSizeError for `data`.
   */
  publishWorkflowEvent(key: string, event: PublishedEvent): Promise<void>;

  /** A random UUID, the same on every replay. */
  uuid(key: string): Promise<string>;

  /** The time in milliseconds since 1970, the same on every replay. */
  now(key: string): Promise<number>;

  /** A random number from 0 up to 1, the same on every replay. */
  random(key: string): Promise<number>;
}
