import { fromJson, type JsonValue, toJson } from '@bufbuild/protobuf';
import type { WorkflowContext } from './context.js';
import {
  HookExecutionError,
  InvalidStepError,
  NonDeterminismError,
  StepExecutionError,
  WorkflowCancelledError,
} from './errors.js';
import { FinalFailure, toError, toFailure } from './failure.js';
import type { Execution } from './gen/polos/v1/execution_pb.js';
import { type Failure, FailureSchema } from './gen/polos/v1/failure_pb.js';
import { type HookResultType, type PlacedHook, placeHooks } from './hook.js';
import type { Logger } from './logger.js';
import { fromPayload, toPayload } from './payload.js';
import type { AnyWorkflow } from './workflow.js';
import { checkPayload, checkResult, ownCopy } from './workflow-values.js';

/** How often a handler runs again where its execution has no retry policy, as the protocol says. */
const MAX_RETRIES_DEFAULT = 2;

/** What ends an execution without being a hook's failure, and what is one already. */
const PASSED_ON = [WorkflowCancelledError, NonDeterminismError, HookExecutionError];

/** What a handler with hooks runs in. */
export interface HookSurroundings {
  readonly workflow: AnyWorkflow;
  readonly execution: Execution;
  /** Bytes of a result. */
  readonly payloadBytesMax: number;
  readonly logger: Logger;
  /** Whether the record holds a step. */
  readonly isRecorded: (stepKey: string) => boolean;
}

/** What a hook's step results in: what it decided, and the failure that it was told of. */
interface HookRecord extends HookResultType {
  readonly currentError?: JsonValue;
}

/** How an execution ends, as far as is decided. */
type Ending = { readonly failure: Failure } | { readonly failure?: undefined; readonly result: unknown };

/**
 * A workflow's handler between its hooks: the program that an activation runs.
 *
 * onEnd hooks run once the outcome is decided: the handler returned a result that may be committed, or it failed, or an
 * onStart hook did, and the server would not run the attempt again. From the first of them on the outcome is in the record:
 * a replay in which the handler throws something else ends as it was decided, and a failure is committed as one that is not
 * retried.
 */
export class HookedHandler {
  readonly #surroundings: HookSurroundings;
  #failure: Failure | undefined;

  constructor(surroundings: HookSurroundings) {
    this.#surroundings = surroundings;
  }

  /** Why the execution fails, once that is decided; whatever goes wrong in an onEnd hook after it comes second. */
  get failure(): Failure | undefined {
    return this.#failure;
  }

  /**
   * Runs hooks and handler. Resolves to the execution's result.
   * @throws what the handler threw, if that attempt is retried; FinalFailure once onEnd hooks have run.
   */
  async run(ctx: WorkflowContext<unknown>, payload: unknown): Promise<unknown> {
    const { workflow } = this.#surroundings;
    const onStart = placeHooks(workflow.config.onStart, 'onStart');
    const onEnd = placeHooks(workflow.config.onEnd, 'onEnd');
    let current = payload;
    let ending: Ending;
    try {
      for (const hook of onStart) current = await this.#start(hook, ctx, current);
      const result = await workflow.execute(ctx, current);
      if (onEnd.length === 0) return result;
      ending = await this.#checked(result);
    } catch (error) {
      if (!this.#isDecided(error, onEnd)) throw error;
      ending = failedWith(error);
    }
    for (const hook of onEnd) {
      this.#failure = ending.failure;
      ending = await this.#end(hook, ctx, current, ending);
    }
    this.#failure = ending.failure;
    if (ending.failure !== undefined) throw new FinalFailure(ending.failure);
    return ending.result;
  }

  /** Whether an attempt that failed is the execution's last, so that its onEnd hooks run. */
  #isDecided(error: unknown, [first]: readonly PlacedHook[]): boolean {
    if (first === undefined) return false;
    const { execution, isRecorded } = this.#surroundings;
    const retries = execution.retryPolicy?.maxRetries ?? MAX_RETRIES_DEFAULT;
    const isRetried = toFailure(error).retryable && execution.failedAttempts < retries;
    return !isRetried || isRecorded(first.key);
  }

  async #start(hook: PlacedHook, ctx: WorkflowContext<unknown>, payload: unknown): Promise<unknown> {
    try {
      const { modifiedPayload } = accepted(hook, await this.#ask(hook, ctx, payload, { result: undefined }));
      if (modifiedPayload === undefined) return payload;
      return await checkPayload(this.#surroundings.workflow.config, modifiedPayload);
    } catch (error) {
      throw toHookError(hook, error);
    }
  }

  async #end(
    hook: PlacedHook,
    ctx: WorkflowContext<unknown>,
    payload: unknown,
    ending: Ending,
  ): Promise<Ending> {
    let decided = ending;
    try {
      const record = await this.#ask(hook, ctx, payload, ending);
      decided = asRecorded(hook, record, ending);
      const { modifiedOutput } = accepted(hook, record);
      if (decided.failure !== undefined || modifiedOutput === undefined) return decided;
      return await this.#checked(modifiedOutput);
    } catch (thrown) {
      const error = toHookError(hook, thrown);
      if (!(error instanceof HookExecutionError)) throw error;
      if (decided.failure === undefined) return failedWith(error);
      const { logger, execution } = this.#surroundings;
      logger.warn(`execution ${execution.id} has failed; then this happened too: ${error.message}`);
      return decided;
    }
  }

  #ask(
    hook: PlacedHook,
    ctx: WorkflowContext<unknown>,
    payload: unknown,
    ending: Ending,
  ): Promise<HookRecord> {
    const { workflowId, sessionId, userId } = ctx;
    const { failure } = ending;
    const bytesMax = this.#surroundings.payloadBytesMax;
    const toContext = () => ({
      workflowId,
      sessionId,
      userId,
      phase: hook.phase,
      currentPayload: ownCopy(payload),
      currentOutput: failure === undefined ? fromPayload(toPayload(ending.result, { bytesMax })) : undefined,
      currentError: failure && toError(failure),
    });
    return ctx.step.run(
      hook.key,
      async (attempt) => toRecord(await hook.handler(ctx, toContext(), attempt), hook, failure),
      hook,
    );
  }

  /** @throws ResultValidationError, SerializationError, PayloadSizeError for a result that cannot be the execution's. */
  async #checked(result: unknown): Promise<Ending> {
    const { workflow, payloadBytesMax } = this.#surroundings;
    await checkResult(workflow.config, result, payloadBytesMax);
    return { result };
  }
}

/** The server must not run the handler again after its onEnd hooks, whatever its retry policy says by then. */
function failedWith(error: unknown): Ending {
  return { failure: { ...toFailure(error), retryable: false } };
}

/** What the first run came to counts, because hooks were told of it. */
function asRecorded(hook: PlacedHook, { currentError }: HookRecord, ending: Ending): Ending {
  if (currentError !== undefined) return { failure: fromJson(FailureSchema, currentError) };
  if (ending.failure === undefined) return ending;
  const { type, message } = ending.failure;
  const difference = `the record of step "${hook.key}" says that the handler returned, but now it threw`;
  throw new NonDeterminismError(`${difference} ${type}: ${message}`, hook.key);
}

/** @throws HookExecutionError if the hook fails the execution. */
function accepted({ name, phase }: PlacedHook, record: HookRecord): HookRecord {
  if (record.continue) return record;
  throw new HookExecutionError(record.error ?? '', name, phase);
}

/** What is recorded of what a hook returned: only what counts, so that the rest need not be JSON. */
function toRecord(answer: unknown, { phase }: PlacedHook, failure: Failure | undefined): HookRecord {
  const told = failure && { currentError: toJson(FailureSchema, failure) };
  if (answer === undefined) return { continue: true, ...told };
  const result = answer as Partial<HookResultType> | null;
  if (typeof result?.continue !== 'boolean') {
    throw new InvalidStepError('a hook must return nothing, or what a method of HookResult returns');
  }
  if (!result.continue) {
    return { continue: false, error: String(result.error ?? 'the hook gave no reason'), ...told };
  }
  if (told) return { continue: true, ...told };
  const { modifiedPayload, modifiedOutput } = result;
  return { continue: true, ...(phase === 'onStart' ? { modifiedPayload } : { modifiedOutput }) };
}

function toHookError({ name, phase }: PlacedHook, error: unknown): unknown {
  if (PASSED_ON.some((type) => error instanceof type)) return error;
  const reason = error instanceof StepExecutionError ? error.cause : error;
  const message = reason instanceof Error ? reason.message : String(reason);
  return new HookExecutionError(`the ${phase} hook "${name}" failed: ${message}`, name, phase, error);
}
