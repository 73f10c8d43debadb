import { createContext } from './activation-context.js';
import type { ActivationEnd, ActivationOptions, Work } from './activation-options.js';
import { LeaseLostError } from './api-errors.js';
import { executionCancelled, executionFailed, executionParked, executionSuspended } from './commands.js';
import { NonDeterminismError, StateMigrationError, WorkflowCancelledError } from './errors.js';
import { toFailure } from './failure.js';
import type { Command } from './gen/polos/v1/command_pb.js';
import { ExecutionStatus } from './gen/polos/v1/execution_pb.js';
import type { StepRecord } from './gen/polos/v1/step_pb.js';
import type { Assignment, CompleteStepResponse, Lease } from './gen/polos/v1/worker_service_pb.js';
import { GRACE_MS } from './grace.js';
import { HookedHandler } from './hook-steps.js';
import { CommitRefusal, type CommitRule, Journal } from './journal.js';
import { LeaseHolder, leaseOf } from './lease-holder.js';
import { PAYLOAD_BYTES_MAX } from './payload.js';
import { RecordedChanges } from './recorded-changes.js';
import { RecordedOutcomes } from './recorded-outcomes.js';
import { ReplayCheck } from './replay-check.js';
import { currentScope } from './scope.js';
import { bringUpToDate, openState } from './state-opening.js';
import { isStateChange, type StepOutcome, type StepRequest } from './step-request.js';
import { StepRequests } from './step-requests.js';
import { StepRunner } from './step-runner.js';
import { createSteps } from './steps.js';
import { Bell, turn } from './turn.js';
import { readPayload, toResult } from './workflow-values.js';

/**
 * One handler at work on one execution, under a lease.
 *
 * Everything happens in turns. A turn lets the code run until it is idle: all microtasks done and the event loop turned
 * once. Then the activation does the first of these that it can, and takes another turn:
 *
 *  1. deliver the next recorded outcome (replay);
 *  2. compare the rebuilt state with the recorded one, once, when the record is used up;
 *  3. deliver one outcome that the server brought, or one of a step that ran here;
 *  4. commit what was delivered since the last commit, with the state's change, the children and waits asked for and, if
 *     the handler is done, its end; wait for the acknowledgement;
 *  5. start the functions of the steps asked for;
 *  6. suspend, if only the server can bring what the code waits for;
 *  7. wait for something to happen.
 *
 * So the code gets outcomes one at a time, in the order in which they are recorded, live and on replay alike; one commit
 * is in flight at a time; and no function starts before everything that its code has seen is durable.
 */
export class Activation {
  readonly executionId: string;
  readonly #options: Omit<ActivationOptions, 'assignment' | 'steps'>;
  /** Until the handler has begun: a long history should not stay in memory twice. */
  #assignment: Assignment | undefined;
  readonly #abort = new AbortController();
  readonly #bell = new Bell();
  readonly #requests: StepRequests;
  readonly #recorded = new RecordedOutcomes();
  readonly #changes: RecordedChanges;
  readonly #check: ReplayCheck;
  readonly #leaseHolder: LeaseHolder;
  #work: Work | undefined;
  #handler: HookedHandler | undefined;
  #ending: { readonly result: unknown } | { readonly error: unknown } | undefined;
  #contradiction: NonDeterminismError | undefined;
  #isCancelled = false;
  #isDropped = false;

  constructor(options: ActivationOptions) {
    const { assignment, steps, ...rest } = options;
    const { port, leaseMs, receivedAt, graceMs = GRACE_MS } = rest;
    const lease = leaseOf(assignment);
    this.executionId = lease.executionId;
    this.#options = rest;
    this.#assignment = assignment;
    this.#leaseHolder = new LeaseHolder(port, lease, leaseMs, receivedAt);
    this.#requests = new StepRequests(this.executionId, {
      asked: () => this.#bell.ring(),
      contradicted: (error) => {
        this.#contradiction ??= error;
        this.#bell.ring();
      },
    });
    for (const { key, kind } of steps) if (!isStateChange(kind)) this.#requests.record(key, kind);
    this.#recorded.add(steps);
    const parts = { executionId: this.executionId, versions: rest.workflow.config, logger: rest.logger };
    this.#changes = new RecordedChanges(this.#recorded, parts);
    this.#changes.add(steps);
    const isFirstRun = steps.length === 0 && (assignment.execution?.stateRevision ?? 1n) <= 1n;
    this.#check = new ReplayCheck({
      requests: this.#requests,
      recorded: this.#recorded,
      isStateVerified: isFirstRun || assignment.stateUnsettled,
      graceMs,
      ring: () => this.#bell.ring(),
    });
  }

  /** The lease that it holds, or held last. */
  get lease(): Lease {
    return this.#leaseHolder.lease;
  }

  /** How many outcomes its code has. It does not change while it is suspended. */
  get stepsSeen(): number {
    return this.#recorded.deliveredCount;
  }

  /** Runs until the execution is closed, suspended or lost. After `suspended`, `resume` and then `run` go on. */
  async run(): Promise<ActivationEnd> {
    const end = await this.#runUntilEnd();
    this.#check.stop();
    if (end !== 'suspended') this.#abort.abort(new Error('the execution is over on this worker'));
    return end;
  }

  /**
   * Takes a suspended activation up again under a new lease.
   * @param receivedAt when the assignment came (performance.now).
   * @returns false if the record is not what the code has seen: then a new activation must replay it.
   */
  resume(assignment: Assignment, steps: readonly StepRecord[], receivedAt = performance.now()): boolean {
    const revision = this.#work?.journal.document.revision;
    const isSame =
      revision !== undefined &&
      !this.#isDropped &&
      !assignment.cancelRequested &&
      assignment.execution?.stateRevision === revision &&
      this.#recorded.matches(steps, Number(assignment.omittedSteps));
    if (!isSame) return false;
    this.#leaseHolder.renew(leaseOf(assignment), receivedAt);
    this.#recorded.add(steps);
    return true;
  }

  /** Takes outcomes that the server brought while the lease is held. Repeated ones change nothing. */
  bring(records: readonly StepRecord[]): void {
    this.#recorded.add(records);
    this.#bell.ring();
  }

  /** Takes note that the server said the lease is held, in answer to what was sent then (performance.now). */
  confirm(sentAt: number): void {
    this.#leaseHolder.confirm(sentAt);
    this.#bell.ring();
  }

  /**
   * Somebody asked to cancel the execution: `ctx.signal` aborts, what the code waits for rejects with
   * WorkflowCancelledError, and no further function starts. It ends when the handler and all functions have.
   */
  cancel(): void {
    if (this.#isCancelled || this.#isDropped) return;
    this.#isCancelled = true;
    this.#abort.abort(new WorkflowCancelledError(this.executionId));
    this.#requests.cancel();
    this.#bell.ring();
  }

  /** The lease is over: stops quietly. The code stays where it waits, for ever; nothing is committed any more. */
  drop(): void {
    if (this.#isDropped) return;
    this.#isDropped = true;
    this.#abort.abort(new Error('this worker no longer holds the execution'));
    this.#bell.ring();
  }

  /** Resolves once no function of a step runs any more. */
  async whenStill(): Promise<void> {
    await this.#work?.runner.whenIdle();
  }

  async #runUntilEnd(): Promise<ActivationEnd> {
    try {
      this.#work ??= await this.#begin(this.#assignment);
    } catch (error) {
      return this.#failUnopened(error);
    }
    for (;;) {
      await turn();
      this.#bell.reset();
      const end = await this.#advance(this.#work);
      if (this.#isDropped) return 'dropped';
      if (end !== undefined) return end;
    }
  }

  /** Does the first thing that can be done. Returns undefined to take another turn. */
  async #advance({ journal, runner }: Work): Promise<ActivationEnd | undefined> {
    if (this.#isDropped) return 'dropped';
    try {
      if (this.#contradiction !== undefined) throw this.#contradiction;
      if (this.#isCancelled) return await this.#advanceCancelled(journal, runner);
      if (this.#deliverNumbered(journal)) return undefined;
      if (!(await this.#check.isDone(journal.document, this.#ending !== undefined))) {
        return await this.#bell.wait();
      }
      if (this.#deliverOne(journal, runner)) return undefined;
      return await this.#commitOrStart(journal, runner);
    } catch (error) {
      return await this.#fail(journal, error);
    }
  }

  async #begin(assignment: Assignment | undefined): Promise<Work> {
    const { workflow, deploymentId, logger, payloadBytesMax = PAYLOAD_BYTES_MAX } = this.#options;
    this.#assignment = undefined;
    if (assignment?.execution === undefined)
      throw new Error('the server sent an assignment without an execution');
    const { execution } = assignment;
    const { config } = workflow;
    const payload = await readPayload(config, execution.payload);
    const { recorded, response } = await bringUpToDate(assignment, workflow, this.#leaseHolder);
    if (response !== undefined) {
      this.#changes.add(response.outcomes);
      if (this.#note(response) !== undefined)
        throw new CommitRefusal(new LeaseLostError('the lease is over'));
    }
    const { firstMigration } = this.#changes;
    const document = await openState(execution.initialState, recorded, { config, firstMigration });
    const ctx = createContext(execution, {
      document,
      step: createSteps((kind, key, work) => this.#requests.ask(kind, key, work)),
      signal: this.#abort.signal,
      deploymentId,
    });
    const journal = new Journal(document, this.#leaseHolder);
    if (assignment.cancelRequested) {
      this.#ending = { result: undefined };
      this.cancel();
    } else {
      this.#changes.applyBeforeCode(journal);
      const isRecorded = (key: string) => this.#requests.isRecorded(key);
      const handler = new HookedHandler({ workflow, execution, payloadBytesMax, logger, isRecorded });
      this.#handler = handler;
      void this.#callHandler(() => handler.run(ctx, payload));
    }
    const [signal, lease] = [this.#abort.signal, this.#leaseHolder];
    const surroundings = { executionId: this.executionId, document, signal, lease, payloadBytesMax };
    const runner = new StepRunner(surroundings, () => this.#bell.ring());
    return { journal, runner };
  }

  async #callHandler(handler: () => Promise<unknown>): Promise<void> {
    try {
      this.#ending = { result: await currentScope.run({ executionId: this.executionId }, handler) };
    } catch (error) {
      this.#ending = { error };
    }
    this.#bell.ring();
  }

  /** @returns whether an outcome was delivered. */
  #deliverNumbered(journal: Journal): boolean {
    const next = this.#recorded.nextNumbered;
    if (next === undefined) return false;
    if (isStateChange(next.kind)) {
      if (this.#ending !== undefined || this.#requests.pendingCount === 0) return false;
      this.#check.stop();
      this.#changes.applyNext(journal);
      return true;
    }
    const request = this.#requests.get(next.key);
    if (request === undefined) return false;
    this.#check.stop();
    this.#recorded.advance();
    this.#deliver(journal, request, next);
    this.#changes.applyBeforeCode(journal);
    return true;
  }

  /** Delivers one outcome that the server brought, or one of a step that ran here. */
  #deliverOne(journal: Journal, runner: StepRunner): boolean {
    if (this.#ending !== undefined || journal.isFull) return false;
    const brought = this.#recorded.takeBrought(({ key }) => this.#requests.get(key) !== undefined);
    if (brought !== undefined) {
      journal.accept(brought);
      this.#deliverAsked(journal, brought);
      return true;
    }
    const finished = runner.take();
    if (finished === undefined) return false;
    this.#deliverAsked(journal, journal.record(finished));
    return true;
  }

  #deliverAsked(journal: Journal, outcome: StepOutcome): void {
    const request = this.#requests.get(outcome.key);
    if (request !== undefined) this.#deliver(journal, request, outcome);
  }

  #deliver(journal: Journal, request: StepRequest, outcome: StepOutcome): void {
    journal.merge(outcome, this.#changes);
    this.#recorded.noteDelivered(outcome.key);
    this.#requests.deliver(request, outcome);
  }

  async #commitOrStart(journal: Journal, runner: StepRunner): Promise<ActivationEnd | undefined> {
    if (this.#ending !== undefined) return this.#commitEnding(journal, this.#ending);
    journal.askServer(this.#requests);
    const isStill = !runner.isBusy && !runner.hasFinished && this.#requests.awaitsOnlyServer;
    const canSuspend = isStill && this.#recorded.brought.length === 0;
    if (!journal.isEmpty || canSuspend) {
      const rule = { isUnsettled: this.#requests.pendingCount === 0 };
      const last = canSuspend ? [executionSuspended(this.#options.isKept?.() ?? true)] : [];
      const end = this.#note(await journal.commit(last, rule));
      // Nothing of that ended it: somebody took it from this worker.
      return end === 'closed' ? 'dropped' : end;
    }
    if (this.#requests.hasWaiting) {
      // The next heartbeat says whether the lease is still held, and rings.
      if (!this.#leaseHolder.isSurelyHeld) return this.#bell.wait();
      for (const request of this.#requests.takeWaiting()) runner.start(request);
      return undefined;
    }
    if (isStill) this.#check.expectBrought(false);
    return this.#bell.wait();
  }

  async #commitEnding(
    journal: Journal,
    ending: { readonly result: unknown } | { readonly error: unknown },
  ): Promise<ActivationEnd | undefined> {
    if ('error' in ending) throw ending.error;
    this.#check.expectBrought(true);
    const { workflow, payloadBytesMax = PAYLOAD_BYTES_MAX } = this.#options;
    const completed = await toResult(workflow.config, ending.result, payloadBytesMax);
    if (!journal.askServer(this.#requests, { onlyAnswered: true })) {
      return this.#note(await journal.commit([], { isUnsettled: true }));
    }
    const forgotten = this.#requests.takeForgotten();
    if (forgotten !== undefined) this.#options.logger.warn(forgotten);
    return this.#note(await journal.commit([completed], { isUnsettled: false }));
  }

  async #advanceCancelled(journal: Journal, runner: StepRunner): Promise<ActivationEnd | undefined> {
    if (this.#ending === undefined || runner.isBusy) return this.#bell.wait();
    for (let outcome = runner.take(); outcome !== undefined; outcome = runner.take()) {
      journal.recordUndelivered(outcome);
    }
    const rule = { isUnsettled: false, withState: this.#check.isStateCurrent };
    return this.#note(await journal.commit([executionCancelled()], rule));
  }

  /** Ends this attempt with an error: the handler's, or one that the handler must not go on after. */
  async #fail(journal: Journal, error: unknown): Promise<ActivationEnd> {
    if (error instanceof CommitRefusal && error.isFinal) return this.#lost(error);
    const isChanged = error instanceof NonDeterminismError;
    // Who changed the state meant well by the execution: other code, or another change, may let it go on.
    if (error instanceof StateMigrationError || (isChanged && !this.#changes.isEmpty))
      return this.#park(error);
    // What the handler failed with, before its onEnd hooks ran into this.
    const first = isChanged ? undefined : this.#handler?.failure;
    const failure = first ?? toFailure(error instanceof CommitRefusal ? error.cause : error);
    const withState = this.#check.isStateCurrent && !isChanged;
    // The second time only the failure itself is sent: what the server refused was something beside it.
    for (let time = 1; ; time++) {
      try {
        return this.#note(await journal.fail(failure, withState)) ?? 'closed';
      } catch (refused) {
        if (time === 2 || !(refused instanceof CommitRefusal) || refused.isFinal) return this.#lost(refused);
      }
    }
  }

  /** Ends an attempt of an execution whose payload or state could not be read, so that there is no journal. */
  async #failUnopened(error: unknown): Promise<ActivationEnd> {
    if (error instanceof CommitRefusal) return this.#lost(error);
    if (error instanceof StateMigrationError) return this.#park(error);
    return this.#endWith(executionFailed(toFailure(error)), { isUnsettled: true });
  }

  /** Has an execution held back whose state does not fit the code. */
  #park(error: unknown): Promise<ActivationEnd> {
    this.#options.logger.error(`execution ${this.executionId} is held back: ${String(error)}`);
    return this.#endWith(executionParked(toFailure(error)), { isUnsettled: false });
  }

  async #endWith(command: Command, { isUnsettled }: CommitRule): Promise<ActivationEnd> {
    try {
      return this.#note(await this.#leaseHolder.complete([command], isUnsettled)) ?? 'closed';
    } catch (refused) {
      return this.#lost(refused);
    }
  }

  #lost(error: unknown): ActivationEnd {
    this.drop();
    const refusal = error instanceof CommitRefusal ? error : new CommitRefusal(error);
    const { logger } = this.#options;
    const message = `execution ${this.executionId} stops on this worker: ${String(refusal.cause)}`;
    logger[refusal.isFinal ? 'info' : 'error'](message);
    return 'dropped';
  }

  /** Takes what the answer to a commit says. Returns how the activation ends with it, if it does. */
  #note(response: CompleteStepResponse): ActivationEnd | undefined {
    this.#recorded.add(response.outcomes);
    if (response.status === ExecutionStatus.WAITING) return 'suspended';
    if (response.status !== ExecutionStatus.RUNNING) return 'closed';
    if (response.cancelRequested) this.cancel();
    return undefined;
  }
}
