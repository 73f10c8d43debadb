import { create } from '@bufbuild/protobuf';
import { AccessDeniedError, ExecutionClosedError, LeaseLostError, NotFoundError } from './api-errors.js';
import {
  approximateBytes,
  executionFailed,
  outcomeAccepted,
  stateChanged,
  stepFinished,
} from './commands.js';
import { NonDeterminismError } from './errors.js';
import type { Command } from './gen/polos/v1/command_pb.js';
import { type Failure, FailureSchema } from './gen/polos/v1/failure_pb.js';
import type { CompleteStepResponse } from './gen/polos/v1/worker_service_pb.js';
import type { LeaseHolder } from './lease-holder.js';
import { toPayload } from './payload.js';
import type { StateChange, StateDocument } from './state/state-document.js';
import type { FreshOutcome } from './step-body.js';
import { isBroughtByServer, kindName, type StepOutcome } from './step-request.js';
import type { StepRequests } from './step-requests.js';

/** When to commit although more could be delivered: commands, and bytes of their texts. The server takes 1,000. */
const COMMANDS_MAX = 500;
const BYTES_MAX = 512 * 1024;

/** The server refused a commit: nothing of it has happened. `cause` is the typed error of its answer. */
export class CommitRefusal extends Error {
  constructor(cause: unknown) {
    super('the server refused a commit', { cause });
  }

  /** Whether nothing of this lease will be accepted any more. */
  get isFinal(): boolean {
    const { cause } = this;
    return (
      cause instanceof LeaseLostError ||
      cause instanceof ExecutionClosedError ||
      cause instanceof NotFoundError ||
      cause instanceof AccessDeniedError
    );
  }
}

/** How a commit is made. */
export interface CommitRule {
  /** Whether the code may still be on its way to another state without a step's outcome. */
  readonly isUnsettled: boolean;
  /** Whether to save what changed in the state. Default true. */
  readonly withState?: boolean;
}

/** Collects what is to be committed next, and commits it together with what changed in the state. */
export class Journal {
  readonly document: StateDocument;
  readonly #leaseHolder: LeaseHolder;
  #commands: Command[] = [];
  #bytes = 0;
  #isAnswered = false;
  #isRefused = false;

  constructor(document: StateDocument, leaseHolder: LeaseHolder) {
    this.document = document;
    this.#leaseHolder = leaseHolder;
  }

  /** Whether nothing is to be committed. */
  get isEmpty(): boolean {
    return this.#commands.length === 0;
  }

  /** Whether the next commit has grown large enough. */
  get isFull(): boolean {
    return this.#commands.length >= COMMANDS_MAX || this.#bytes >= BYTES_MAX;
  }

  /**
   * Adds the outcome of a step that ran here.
   * @returns the outcome to deliver: a failure instead, if the step's changes of the state conflict with others.
   * @throws StateValidationError if its changes cannot be saved.
   */
  record(outcome: FreshOutcome): StepOutcome {
    if (outcome.stateRefusal !== undefined) throw outcome.stateRefusal;
    const { statePatch, stateBase } = outcome;
    const conflict =
      stateBase && statePatch !== '' ? this.document.conflict(statePatch, stateBase) : undefined;
    const settled = conflict === undefined ? outcome : conflicting(outcome, conflict);
    this.#add(stepFinished(settled));
    return settled;
  }

  /** Adds the outcome of a step whose code is gone; its changes of the state go with it. */
  recordUndelivered(outcome: FreshOutcome): void {
    if (outcome.stateRefusal !== undefined) return;
    this.#add(stepFinished({ ...outcome, statePatch: '' }));
  }

  /** Gives an outcome that the server brought its place in the order. */
  accept(outcome: StepOutcome): void {
    this.#add(outcomeAccepted(outcome.key));
  }

  /**
   * Applies what a step's function changed in the state, as its outcome is delivered; in a rehearsal as far as it fits.
   * @throws NonDeterminismError if the recorded change does not fit the state that the code came to.
   */
  merge(outcome: StepOutcome, { isRehearsal }: { readonly isRehearsal: boolean }): void {
    if (outcome.statePatch === '') return;
    try {
      if (isRehearsal) this.document.changeAside(outcome.statePatch, true);
      else this.document.apply(outcome.statePatch);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      const message = `what step "${outcome.key}" changed in the state does not fit it: ${error.message}`;
      throw new NonDeterminismError(message, outcome.key);
    }
  }

  /**
   * Applies a change of the state that no code asked for.
   * @returns the places that it names and that are not there (any more, or yet): what it says of them was left out.
   * @throws NonDeterminismError if it does not fit the state that the code came to.
   */
  changeAside(
    { statePatch, kind, isBeforeCode = false }: StepOutcome,
    { isRehearsal }: { readonly isRehearsal: boolean },
  ): readonly string[] {
    try {
      return this.document.changeAside(statePatch, isBeforeCode || isRehearsal);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new NonDeterminismError(`${kindName(kind)} does not fit the state: ${error.message}`, '');
    }
  }

  /**
   * Adds what the code asked of the server: children to start, waits to begin, events to publish; if asked for, only that of
   * which the outcome is in the answer.
   * @returns false if some of it did not fit, and has to wait for the next commit.
   */
  askServer(requests: StepRequests, { onlyAnswered } = { onlyAnswered: false }): boolean {
    let isAll = true;
    const isWanted = (command: Command): boolean => {
      isAll = this.isEmpty || (!this.isFull && this.#bytes + approximateBytes(command) <= BYTES_MAX);
      return isAll;
    };
    for (;;) {
      const request = requests.takeForServer({ onlyAnswered, isWanted });
      if (request?.command === undefined) return isAll;
      if (!isBroughtByServer(request.kind)) this.#isAnswered = true;
      this.#add(request.command);
    }
  }

  /**
   * Commits all that was added, what changed in the state, and the last commands.
   * @throws StateValidationError, StateSizeError if the state must not be saved; CommitRefusal if the server refused.
   */
  async commit(last: readonly Command[], rule: CommitRule): Promise<CompleteStepResponse> {
    const change = rule.withState === false ? undefined : await this.document.change();
    // Outcomes that come with the answer, of children that nobody waits for and of events, come after the state was taken.
    return this.#send(last, change, rule.isUnsettled || this.#isAnswered);
  }

  /**
   * Ends this attempt of the handler. The state is saved if it may be; otherwise a step that changed it is not recorded
   * either, nor what came after it. Once the server has refused a commit, nothing but the failure is sent.
   * @throws CommitRefusal if the server refused.
   */
  async fail(failure: Failure, withState: boolean): Promise<CompleteStepResponse> {
    if (this.#isRefused) {
      this.#commands = [];
      return this.#send([executionFailed(failure)], undefined, true);
    }
    const change = withState ? await this.#changeIfValid() : null;
    if (change === null) this.#forgetChanges();
    return this.#send([executionFailed(failure)], change ?? undefined, failure.retryable);
  }

  async #send(
    last: readonly Command[],
    change: StateChange | undefined,
    isUnsettled: boolean,
  ): Promise<CompleteStepResponse> {
    const commands = change === undefined ? this.#commands : [...this.#commands, stateChanged(change)];
    try {
      const response = await this.#leaseHolder.complete([...commands, ...last], isUnsettled);
      this.document.committed(change, response.stateRevision);
      this.#commands = [];
      this.#bytes = 0;
      this.#isAnswered = false;
      return response;
    } catch (error) {
      this.#isRefused = true;
      throw new CommitRefusal(error);
    }
  }

  /** The failure that is being committed matters more than why the state cannot be saved with it: null then. */
  async #changeIfValid(): Promise<StateChange | undefined | null> {
    try {
      return await this.document.change();
    } catch {
      return null;
    }
  }

  /** Without its change of the state, no step that has one may be recorded; nor what was delivered after it. */
  #forgetChanges(): void {
    const first = this.#commands.findIndex(
      ({ command }) => command.case === 'stepCompleted' && command.value.statePatch !== '',
    );
    if (first >= 0) this.#commands.length = first;
  }

  #add(command: Command): void {
    this.#commands.push(command);
    this.#bytes += approximateBytes(command);
  }
}

function conflicting(outcome: FreshOutcome, path: string): FreshOutcome {
  const advice = 'change the state after the await of the step instead';
  const message = `the step's function changed "${path}" of the state, which another branch changed too; ${advice}`;
  const details = toPayload({ path });
  const failure = create(FailureSchema, {
    type: 'StateConflictError',
    message,
    stepKey: outcome.key,
    ...(details !== undefined && { details }),
  });
  return { ...outcome, result: undefined, statePatch: '', failure };
}
