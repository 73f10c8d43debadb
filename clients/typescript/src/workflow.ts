import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type AutomaticStarts, assertAutomaticStarts } from './automatic-starts.js';
import type { PolosClient } from './client.js';
import type { WorkflowContext } from './context.js';
import type { ExecutionHandle } from './execution-handle.js';
import { type Hooks, placeHooks } from './hook.js';
import { Invocation, type InvokeOptions, type RunOptions } from './invocation.js';
import { assertVersions, type StateVersions } from './migrations.js';
import { isName } from './name.js';
import { assertQueue, type QueueConfig } from './queue.js';
import { globalRegistry } from './registry.js';

/** The state of a workflow that declares no schema: an open JSON object. */
export type OpenState = Record<string, unknown>;

/** What a workflow is. */
export interface WorkflowConfig<TPayload, TState, TResult> extends AutomaticStarts, StateVersions {
  /** The name that Invoke uses, the same in every process and language. 1 to 200 bytes, no control characters. */
  readonly id: string;
  /** What it does, for people and tools. At most 8 KiB. */
  readonly description?: string | undefined;
  /** The queue that its executions wait in unless the caller names one. Default: the workflow's id. */
  readonly queue?: string | QueueConfig | undefined;
  /** What the handler receives: any Standard Schema, for example zod's. The handler sees its output, defaults filled. */
  readonly payloadSchema?: StandardSchemaV1<unknown, TPayload> | undefined;
  /**
   * The state: any Standard Schema of an object. Its defaults fill what the initial state leaves out. It must accept its
   * own output, because the state is checked at every commit. Default: an open JSON object.
   */
  readonly stateSchema?: StandardSchemaV1<unknown, TState> | undefined;
  /**
   * Fields of the state by which executions are found (`client.listExecutions`): names joined by dots (`order.status`), or, for
   * names of other characters than letters, digits, `_`, `$` and `-`, a JSON Pointer (`/order/status`). 16 at most. The worker
   * does not start with others: InvalidArgumentError. Found are texts, numbers, booleans and null; no objects and arrays,
   * and nothing within arrays. Executions that were committed before a field was declared are found from their next commit on.
   */
  readonly stateIndex?: readonly string[] | undefined;
  /** What the handler returns: any Standard Schema. Checked, not converted. */
  readonly outputSchema?: StandardSchemaV1<unknown, TResult> | undefined;
  /** How often a handler that threw runs again, after the first time. Finished steps never do. 0 to 1,000. Default 2. */
  readonly maxRetries?: number | undefined;
  /** Delay before the first of those retries in milliseconds, doubled for each further one. Default 1,000. */
  readonly baseDelay?: number | undefined;
  /** The longest of those delays in milliseconds. Default 10,000. */
  readonly maxDelay?: number | undefined;
  /** How long an execution may run in all, waiting not counted, in seconds. Default: without limit. */
  readonly runTimeoutSeconds?: number | undefined;
  /**
   * Runs before the handler, each hook once, recorded as the step `on_start.NAME.INDEX`. A hook that fails ends the
   * execution: neither the hooks after it nor the handler run.
   */
  readonly onStart?: Hooks<NoInfer<TPayload>, NoInfer<StateOf<TState>>> | undefined;
  /**
   * Runs when the execution's outcome is decided, each hook once, recorded as the step `on_end.NAME.INDEX`: after the
   * handler returned, or after it (or a hook) failed and no attempt is left. It does not run before a retry, nor when the
   * execution is cancelled or times out.
   */
  readonly onEnd?: Hooks<NoInfer<TPayload>, NoInfer<StateOf<TState>>> | undefined;
}

/**
 * The code of a workflow. It runs again from the start after a crash or a wait; steps that are recorded answer from the
 * record. All that is not deterministic (I/O, time, randomness) belongs into steps.
 */
export type WorkflowHandler<TPayload, TState, TResult> = (
  ctx: WorkflowContext<TState>,
  payload: TPayload,
) => Promise<TResult> | TResult;

/** A workflow whatever its types are: what registries and workers hold. */
export interface AnyWorkflow {
  /** The name that Invoke uses. */
  readonly id: string;
  /** What it was defined with. */
  readonly config: WorkflowConfig<unknown, unknown, unknown>;
  /** Runs the handler. For workers. */
  execute(ctx: WorkflowContext<unknown>, payload: unknown): Promise<unknown>;
}

/** A caller's arguments after the client: the payload may be left out if it may be undefined. */
export type PayloadArguments<TInput, TOptions> = undefined extends TInput
  ? [payload?: TInput, options?: TOptions]
  : [payload: TInput, options?: TOptions];

/**
 * A workflow: call it with `invoke`, `run` or `start`, or from another workflow with `ctx.step.invokeAndWait`.
 * `TInput` is what callers pass: the payload before the schema filled in its defaults.
 */
export interface Workflow<TPayload = unknown, TState = OpenState, TResult = unknown, TInput = TPayload>
  extends AnyWorkflow {
  /** Types only; not there at run time. */
  readonly '~types'?:
    | { readonly payload: TPayload; readonly state: TState; readonly result: TResult; readonly input: TInput }
    | undefined;

  /**
   * Starts an execution at once. The answer is a handle whose id and events can be used right away, and awaiting it waits
   * for the result (600 s unless `timeout` says else).
   * @throws from the await: WorkflowFailedError, WorkflowCancelledError, WorkflowTimeoutError, and what `start` throws.
   */
  invoke(
    client: PolosClient,
    ...args: PayloadArguments<TInput, RunOptions<Partial<TState>>>
  ): Invocation<TResult>;

  /** Starts an execution and waits for its result: `invoke` without the handle. */
  run(client: PolosClient, ...args: PayloadArguments<TInput, RunOptions<Partial<TState>>>): Promise<TResult>;

  /**
   * Starts an execution and returns once it is durable.
   * @throws StateValidationError, PayloadValidationError if a schema refuses; SerializationError if JSON cannot hold the
   * payload; IdempotencyMismatchError; UnavailableError if no server was reached in time. Nothing was started then,
   * except after UnavailableError, where it may have been.
   */
  start(
    client: PolosClient,
    ...args: PayloadArguments<TInput, InvokeOptions<Partial<TState>>>
  ): Promise<ExecutionHandle<TResult>>;
}

/** How a workflow is defined. */
export interface DefineOptions {
  /** Whether `Polos` serves it without being told. Default true. */
  readonly autoRegister?: boolean;
}

/** The state's type, or an open object where there is no schema to infer it from. */
type StateOf<TState> = unknown extends TState ? OpenState : TState;

/**
 * Defines a workflow. With `payloadSchema`, `stateSchema` and `outputSchema` all types are inferred; they can also be
 * given: `defineWorkflow<Payload, State, Result>(config, handler)`.
 * @throws TypeError for an id that is empty, over 200 bytes or has control characters, for what is no hook, for a `schedule`
 * that has not five fields and a `triggerOnEvent` that is no topic; RangeError for a batch; both
 * for a queue, see `Queue`, and for `stateVersion` and `migrate`, see `StateVersions`.
 */
export function defineWorkflow<TInput, TPayload, TState, TResult>(
  config: WorkflowConfig<TPayload, TState, TResult> & {
    readonly payloadSchema: StandardSchemaV1<TInput, TPayload>;
  },
  handler: WorkflowHandler<TPayload, StateOf<TState>, TResult>,
  options?: DefineOptions,
): Workflow<TPayload, StateOf<TState>, TResult, TInput>;
export function defineWorkflow<TPayload = unknown, TState = OpenState, TResult = unknown>(
  config: WorkflowConfig<TPayload, TState, TResult>,
  handler: WorkflowHandler<TPayload, TState, TResult>,
  options?: DefineOptions,
): Workflow<TPayload, TState, TResult>;
export function defineWorkflow(
  config: AnyWorkflow['config'],
  handler: (ctx: never, payload: never) => unknown,
  options: DefineOptions = {},
): AnyWorkflow {
  assertWorkflowId(config.id);
  if (config.queue !== undefined) assertQueue(config.queue);
  placeHooks(config.onStart, 'onStart');
  placeHooks(config.onEnd, 'onEnd');
  assertAutomaticStarts(config.id, config);
  assertVersions(config.id, config);
  const workflow: Workflow<unknown, unknown, unknown> = {
    id: config.id,
    config,
    execute: async (ctx, payload) => handler(ctx as never, payload as never),
    invoke: (client, payload, runOptions) => new Invocation(client, workflow, payload, runOptions),
    run: async (client, payload, runOptions) => workflow.invoke(client, payload, runOptions),
    start: (client, payload, invokeOptions) => client.invoke(workflow, payload, invokeOptions),
  };
  if (options.autoRegister !== false) globalRegistry.register(workflow);
  return workflow;
}

function assertWorkflowId(id: unknown): void {
  if (isName(id, 200)) return;
  throw new TypeError('a workflow needs an id of 1 to 200 bytes without control characters');
}
