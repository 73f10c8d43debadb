import { ExecutionClosedError } from './api-errors.js';
import { WorkflowCancelledError, WorkflowFailedError, WorkflowTimeoutError } from './errors.js';
import type { ExecutionInfo, ExecutionStatus } from './execution.js';
import type { EventsOptions, ExecutionEvent } from './execution-event.js';
import { createStateReader, type StateReader } from './execution-state.js';
import {
  awaitFinal,
  readEvents,
  readExecution,
  requestCancel,
  requestPause,
  requestResume,
  requestUnpause,
} from './executions.js';
import { toError } from './failure.js';
import { ExecutionStatus as WireStatus } from './gen/polos/v1/execution_pb.js';
import { fromPayload } from './payload.js';
import { durationMs } from './time.js';
import type { Transport } from './transport.js';

/** How long `result` and `run` wait unless they are told, in seconds. */
export const RESULT_TIMEOUT_SECONDS = 600;

/** One execution, by its id. Holds nothing but the id: every method asks the server. */
export class ExecutionHandle<TResult = unknown> {
  /** The execution's id. */
  readonly id: string;
  /**
   * Its state, at any time, also long after it has ended: `await handle.state()`, `handle.state({ revision: 3 })`,
   * `handle.state.watch()`, `handle.state.revisions()`, `handle.state.diff(2, 5)`; and to repair it: `handle.state.patch(..)`.
   */
  readonly state: StateReader;
  readonly #transport: Transport;

  /** @internal Handles come from `PolosClient` and `Workflow`. */
  constructor(transport: Transport, executionId: string) {
    this.id = executionId;
    this.#transport = transport;
    this.state = createStateReader(transport, executionId);
  }

  /** The execution's id. */
  get executionId(): string {
    return this.id;
  }

  /**
   * Waits for the result.
   * @param timeoutSeconds default 600. The execution goes on when it is over.
   * @throws WorkflowFailedError, WorkflowCancelledError if it ended so; WorkflowTimeoutError if it reached its run
   * timeout, or is not final in time.
   */
  async getResult(timeoutSeconds: number = RESULT_TIMEOUT_SECONDS): Promise<TResult> {
    const execution = await awaitFinal(this.#transport, this.id, timeoutSeconds * 1_000);
    if (execution === undefined) {
      const message = `execution ${this.id} is not final after ${timeoutSeconds} s; it goes on`;
      throw new WorkflowTimeoutError(this.id, message, timeoutSeconds);
    }
    switch (execution.status) {
      case WireStatus.COMPLETED:
        return fromPayload(execution.result) as TResult;
      case WireStatus.CANCELLED:
        throw new WorkflowCancelledError(this.id);
      case WireStatus.TIMED_OUT: {
        const seconds =
          execution.runTimeout === undefined ? undefined : durationMs(execution.runTimeout) / 1_000;
        throw new WorkflowTimeoutError(this.id, `execution ${this.id} reached its run timeout`, seconds);
      }
      default:
        throw new WorkflowFailedError(this.id, execution.workflowId, toError(execution.failure));
    }
  }

  /** Waits for the result, 600 s at most: `getResult` without an argument. */
  result(): Promise<TResult> {
    return this.getResult();
  }

  /** Reads the execution. @throws NotFoundError. */
  get(): Promise<ExecutionInfo> {
    return readExecution(this.#transport, this.id);
  }

  /** Reads where it is in its life. @throws NotFoundError. */
  async status(): Promise<ExecutionStatus> {
    return (await this.get()).status;
  }

  /**
   * Asks that it and all that descends from it end. May be repeated.
   * @returns false if it was final before.
   * @throws NotFoundError.
   */
  async cancel(): Promise<boolean> {
    try {
      await requestCancel(this.#transport, this.id);
      return true;
    } catch (error) {
      if (error instanceof ExecutionClosedError) return false;
      throw error;
    }
  }

  /**
   * Holds it back from workers until `unpause`. A worker that holds it loses it at once: a step whose function is running runs
   * again later. What comes meanwhile (children, times, events, resumes) is kept. May be repeated.
   * @throws NotFoundError; ExecutionClosedError if it is final.
   */
  pause(): Promise<void> {
    return requestPause(this.#transport, this.id);
  }

  /**
   * Ends a pause: also that of an execution at which five workers were lost, one after the other (`statusReason`
   * "workers_lost"). Finished steps do not run again. One that was paused in the middle of a step goes on when the worker that
   * runs its function has ended it, or has lost its lease; until then its `statusReason` is "lease_release". May be repeated.
   * @throws NotFoundError; ExecutionClosedError if it is final.
   */
  unpause(): Promise<void> {
    return requestUnpause(this.#transport, this.id);
  }

  /**
   * Ends the wait of a `step.suspend` with its result. A step that does not wait yet is resumed as soon as it does. Returns
   * once that is durable; may be repeated with the same data.
   * @param data what the step resolves to: plain JSON data. Default: no value.
   * @throws NotFoundError; ExecutionClosedError if the execution is final; ResultConflictError if the step has another
   * outcome already, its timeout included, or is no `suspend`; LimitExceededError if too much waits for steps to come;
   * SerializationError, PayloadSizeError for the data.
   */
  resume(stepKey: string, data?: unknown): Promise<void> {
    return requestResume(this.#transport, { executionId: this.id, stepKey, data });
  }

  /**
   * Reads its events from the first on, and stays for those to come until it is final. A break of the connection is
   * bridged: no event is missed or repeated. With `descendants` those of all that it started, directly or not, come with
   * them.
   * @throws NotFoundError from the iterator; InvalidArgumentError for `descendants` of one that was started by another.
   */
  events(options: EventsOptions = {}): AsyncGenerator<ExecutionEvent, void, undefined> {
    return readEvents(this.#transport, this.id, options);
  }
}
