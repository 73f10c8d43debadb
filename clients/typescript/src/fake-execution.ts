import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { LeaseLostError, ResultConflictError } from './api-errors.js';
import type {
  AskedChild,
  FakeBatch,
  FakeChild,
  FakeOutcome,
  FakePublication,
  FakeResume,
  FakeWait,
} from './fake-records.js';
import { FakeState } from './fake-state.js';
import type { Command } from './gen/polos/v1/command_pb.js';
import { ExecutionStatus } from './gen/polos/v1/execution_pb.js';
import { type Failure, FailureSchema } from './gen/polos/v1/failure_pb.js';
import { type Payload, PayloadSchema } from './gen/polos/v1/payload_pb.js';
import { StepKind, type StepRecord, StepRecordSchema, StepStatus } from './gen/polos/v1/step_pb.js';
import {
  type Assignment,
  AssignmentSchema,
  type CompleteStepRequest,
  CompleteStepRequestSchema,
  type CompleteStepResponse,
  CompleteStepResponseSchema,
} from './gen/polos/v1/worker_service_pb.js';
import type { CompletionPort } from './lease-holder.js';
import { fromPayload, toPayload } from './payload.js';
import type { JsonObject } from './state/json.js';
import type { PatchOperation } from './state/patch.js';
import { durationMs } from './time.js';

/**
 * The server's side of one execution, for tests of the worker's side: it records what CompleteStep commits, as the
 * protocol says, and nothing else. Every message goes through its binary form.
 */
export class FakeExecution implements CompletionPort {
  readonly executionId = '00000000-0000-7000-8000-000000000001';
  readonly steps: StepRecord[] = [];
  readonly commits: CompleteStepRequest[] = [];
  readonly children: FakeChild[] = [];
  readonly waits: FakeWait[] = [];
  readonly batches: FakeBatch[] = [];
  readonly resumes: FakeResume[] = [];
  readonly published: FakePublication[] = [];
  /** Its state, over time. */
  readonly history: FakeState;
  status: number = ExecutionStatus.QUEUED;
  result: Payload | undefined;
  failure: Failure | undefined;
  failedAttempts = 0;
  /** The retry policy's; undefined for the default. */
  maxRetries: number | undefined;
  cancelRequested = false;
  /** Called before a commit is carried out; may throw what the server would answer, or a crash. */
  beforeCommit: (request: CompleteStepRequest) => void | Promise<void> = () => {};
  /** Called after a commit is carried out, before its answer; a rejection is a lost answer. */
  afterCommit: (request: CompleteStepRequest) => void | Promise<void> = () => {};
  readonly #payload: unknown;
  readonly #initialState: string;
  #epoch = 0n;
  #sequence = 0n;
  /** How many outcomes the code has seen that a worker said it keeps. */
  #keptSteps = 0;
  /** What steps were resumed with that do not wait yet. */
  readonly #early = new Map<string, unknown>();

  constructor(payload?: unknown, initialState?: object) {
    this.#payload = payload;
    this.#initialState = initialState === undefined ? '' : JSON.stringify(initialState);
    this.history = new FakeState(this.#initialState);
  }

  /** The state of the last commit. */
  get state(): JsonObject {
    return JSON.parse(this.history.text) as JsonObject;
  }

  /** The state after each revision, as text; the first is revision 1. */
  get revisions(): string[] {
    return this.history.revisions;
  }

  /** What the handler returned. */
  get resultValue(): unknown {
    return fromPayload(this.result);
  }

  /** Gives the execution to a worker under a new lease: `toKeeper` if that is the one that keeps its code. */
  assign({ toKeeper = false } = {}): Assignment {
    this.#epoch += 1n;
    this.#sequence = 0n;
    this.status = ExecutionStatus.RUNNING;
    const payload = toPayload(this.#payload);
    const numbered = this.steps.filter(({ sequence }) => sequence > 0n);
    numbered.sort((a, b) => Number(a.sequence - b.sequence));
    const others = this.steps.filter(({ sequence }) => sequence === 0n);
    if (!toKeeper) this.#keptSteps = 0;
    const assignment = create(AssignmentSchema, {
      lease: { executionId: this.executionId, epoch: this.#epoch, token: `token-${this.#epoch}` },
      execution: {
        id: this.executionId,
        workflowId: 'fake',
        rootExecutionId: this.executionId,
        rootWorkflowId: 'fake',
        sessionId: 'session',
        initialState: this.#initialState,
        stateRevision: BigInt(this.revisions.length),
        stateVersion: this.history.version,
        failedAttempts: this.failedAttempts,
        ...(payload !== undefined && { payload }),
        ...(this.maxRetries !== undefined && { retryPolicy: { maxRetries: this.maxRetries } }),
      },
      state: this.history.text,
      omittedSteps: BigInt(this.#keptSteps),
      steps: [...numbered.slice(this.#keptSteps), ...others],
      stateUnsettled: this.history.isUnsettled,
      cancelRequested: this.cancelRequested,
    });
    return fromBinary(AssignmentSchema, toBinary(AssignmentSchema, assignment));
  }

  /** Ends a child: its outcome is there, without a sequence. */
  finishChild(stepKey: string, outcome: FakeOutcome): StepRecord {
    return this.#bring(stepKey, outcome);
  }

  /** Ends a child of a batch; the outcome is there with the last of them. */
  finishBatchChild(stepKey: string, index: number, outcome: FakeOutcome): void {
    const batch = this.batches.find((each) => each.stepKey === stepKey);
    const child = batch?.children[index];
    if (!batch || !child) throw new Error(`no child ${index} of a batch under the key "${stepKey}"`);
    const named = { workflowId: child.workflowId, executionId: child.id };
    const { type, message } = 'failure' in outcome ? outcome.failure : {};
    batch.results.set(
      index,
      'failure' in outcome
        ? { ...named, success: false, error: { type, message } }
        : { ...named, success: true, ...outcome },
    );
    if (batch.results.size < batch.children.length) return;
    const inOrder = batch.children.map((_, place) => batch.results.get(place));
    this.#bring(stepKey, { result: JSON.parse(JSON.stringify(inOrder)) });
  }

  /** The server has the outcome of a batch, or of a resume. */
  answer(stepKey: string, outcome: FakeOutcome): StepRecord {
    return this.#bring(stepKey, outcome);
  }

  /** The time of a wait has come. */
  fireTimer(stepKey: string): StepRecord {
    return this.#bring(stepKey, { result: undefined });
  }

  /** Somebody resumes a step. @returns undefined if it does not wait yet. */
  resume(stepKey: string, data?: unknown): StepRecord | undefined {
    if (this.steps.some(({ key }) => key === stepKey)) return this.#bring(stepKey, { result: data });
    this.#early.set(stepKey, data);
    return undefined;
  }

  /** An event came for a step that waits for one; as the server words it. */
  deliverEvent(stepKey: string, event: object): StepRecord {
    return this.#bring(stepKey, { result: event });
  }

  /** The timeout of a step that waits to be resumed, or for an event, has passed. */
  expire(stepKey: string): StepRecord {
    const message = `the step "${stepKey}" was not resumed in time`;
    return this.#bring(stepKey, { failure: create(FailureSchema, { type: 'WaitTimeoutError', message }) });
  }

  #bring(stepKey: string, outcome: FakeOutcome): StepRecord {
    const step = this.steps.find(({ key }) => key === stepKey);
    if (step?.status !== StepStatus.PENDING) throw new Error(`nothing waits under the key "${stepKey}"`);
    if ('failure' in outcome) {
      step.status = StepStatus.FAILED;
      step.failure = outcome.failure;
    } else {
      step.status = StepStatus.COMPLETED;
      step.result = toPayload(outcome.result);
    }
    if (this.status === ExecutionStatus.WAITING) this.status = ExecutionStatus.QUEUED;
    return step;
  }

  /** An operator changes the state. */
  repair(patch: readonly PatchOperation[]): void {
    this.#keptSteps = 0;
    this.steps.push(this.history.repair(patch, this.#placed() + 1));
  }

  async complete(sent: CompleteStepRequest): Promise<CompleteStepResponse> {
    const bytes = toBinary(CompleteStepRequestSchema, sent);
    const request = fromBinary(CompleteStepRequestSchema, bytes);
    await this.beforeCommit(request);
    if (request.lease?.epoch !== this.#epoch || this.status !== ExecutionStatus.RUNNING) {
      throw new LeaseLostError('the lease is over');
    }
    if (request.sequence !== this.#sequence + 1n) throw new ResultConflictError('there is a gap');
    this.#sequence = request.sequence;
    const [first] = request.commands;
    const isCode = first?.command.case !== 'stateMigrated' && first?.command.case !== 'executionParked';
    if (isCode) this.history.isUnsettled = request.stateUnsettled;
    this.commits.push(request);
    this.#keptSteps = 0;
    const started = request.commands.flatMap((command) => this.#carryOut(command));
    this.history.isUnsettled ||= !isCode && !this.history.isBegun;
    this.history.isBegun = true;
    await this.afterCommit(request);
    const open = this.steps.filter(
      ({ sequence, status }) => sequence === 0n && status !== StepStatus.PENDING,
    );
    return create(CompleteStepResponseSchema, {
      status: this.status,
      stateRevision: BigInt(this.revisions.length),
      stepCount: BigInt(this.#placed()),
      cancelRequested: this.cancelRequested,
      outcomes: [...started, ...open],
    });
  }

  #carryOut({ command }: Command): StepRecord[] {
    switch (command.case) {
      case 'stepCompleted': {
        const { stepKey, result, statePatch, attempts, kind } = command.value;
        this.#record({ key: stepKey, kind, status: StepStatus.COMPLETED, statePatch, attempts }, result);
        return [];
      }
      case 'stepFailed': {
        const { stepKey, failure, attempts, kind } = command.value;
        const fields = { key: stepKey, kind, status: StepStatus.FAILED, attempts };
        this.#record({ ...fields, ...(failure && { failure }) });
        return [];
      }
      case 'childStarted':
        return [this.#startChild(command.value)];
      case 'childrenStarted':
        return [this.#startBatch(command.value)];
      case 'resumeSent': {
        const { stepKey, executionId, suspendedStepKey, data } = command.value;
        this.resumes.push({ stepKey, executionId, suspendedStepKey, data: fromPayload(data) });
        const fields = { key: stepKey, kind: StepKind.RESUME, status: StepStatus.PENDING, sequence: 0n };
        this.#record(fields);
        return [];
      }
      case 'eventPublished':
        return [this.#publish(command.value)];
      case 'timerAwaited': {
        const { stepKey, delay, fireTime } = command.value;
        if ((delay === undefined) === (fireTime === undefined)) throw new ResultConflictError('not one time');
        const when = {
          ...(delay && { delayMs: durationMs(delay) }),
          ...(fireTime && { fireTime: timestampMs(fireTime) }),
        };
        this.#beginWait({ stepKey, ...when }, StepKind.WAIT_FOR);
        return [];
      }
      case 'resumeAwaited': {
        const { stepKey, data, timeout } = command.value;
        const options = {
          ...(data && { data: fromPayload(data) }),
          ...(timeout && { timeoutMs: durationMs(timeout) }),
        };
        this.#beginWait({ stepKey, ...options }, StepKind.SUSPEND);
        if (this.#early.has(stepKey)) this.#bring(stepKey, { result: this.#early.get(stepKey) });
        return [];
      }
      case 'eventAwaited': {
        const { stepKey, topic, cursor, timeout } = command.value;
        const options = { topic, ...(cursor !== '' && { cursor }) };
        const end = timeout && { timeoutMs: durationMs(timeout) };
        this.#beginWait({ stepKey, ...options, ...end }, StepKind.WAIT_FOR_EVENT);
        return [];
      }
      case 'outcomeAccepted': {
        const { stepKey } = command.value;
        const step = this.steps.find(({ key, sequence }) => key === stepKey && sequence === 0n);
        if (step === undefined) throw new ResultConflictError(`no outcome of "${stepKey}" is to be accepted`);
        step.sequence = BigInt(this.#placed() + 1);
        return [];
      }
      case 'stateChanged':
        this.history.change(command.value.baseRevision, command.value.change);
        return [];
      case 'stateMigrated': {
        const record = this.history.migrate(command.value, this.#placed() + 1);
        this.steps.push(record);
        return [record];
      }
      case 'executionParked':
        this.failure = command.value.failure;
        this.status = ExecutionStatus.PAUSED;
        return [];
      case 'executionCompleted':
        this.status = ExecutionStatus.COMPLETED;
        this.result = command.value.result;
        return [];
      case 'executionFailed':
        this.failure = command.value.failure;
        this.failedAttempts += 1;
        this.status = command.value.failure?.retryable ? ExecutionStatus.QUEUED : ExecutionStatus.FAILED;
        return [];
      case 'executionSuspended': {
        const isPending = this.steps.some(({ status }) => status === StepStatus.PENDING);
        const hasOutcome = this.steps.some(
          ({ sequence, status }) => sequence === 0n && status !== StepStatus.PENDING,
        );
        if (!isPending && !hasOutcome) throw new ResultConflictError('no step is pending');
        if (hasOutcome) return [];
        this.status = ExecutionStatus.WAITING;
        if (command.value.kept) this.#keptSteps = this.#placed();
        return [];
      }
      case 'executionCancelled':
        this.status = ExecutionStatus.CANCELLED;
        return [];
      default:
        throw new ResultConflictError(`unexpected command ${command.case}`);
    }
  }

  #record(fields: Partial<Omit<StepRecord, '$typeName' | '$unknown'>>, result?: Payload): StepRecord {
    if (this.steps.some(({ key }) => key === fields.key)) {
      throw new ResultConflictError(`"${fields.key}" is recorded already`);
    }
    const step = create(StepRecordSchema, {
      sequence: BigInt(this.#placed() + 1),
      ...fields,
      ...(result !== undefined && { result: create(PayloadSchema, result) }),
    });
    this.steps.push(step);
    return step;
  }

  #startChild(child: Extract<Command['command'], { case: 'childStarted' }>['value']): StepRecord {
    const { stepKey, wait } = child;
    const childExecutionId = this.#noteChild(stepKey, wait, child);
    if (!wait) {
      const fields = { key: stepKey, kind: StepKind.INVOKE, status: StepStatus.COMPLETED, childExecutionId };
      return this.#record(fields, toPayload(childExecutionId));
    }
    const fields = { key: stepKey, kind: StepKind.INVOKE_AND_WAIT, status: StepStatus.PENDING };
    return this.#record({ ...fields, sequence: 0n, childExecutionId });
  }

  #startBatch({
    stepKey,
    children,
    wait,
  }: Extract<Command['command'], { case: 'childrenStarted' }>['value']): StepRecord {
    const named = children.map((child) => ({
      id: this.#noteChild(stepKey, wait, child),
      workflowId: child.workflowId,
    }));
    if (!wait) {
      const fields = { key: stepKey, kind: StepKind.BATCH_INVOKE, status: StepStatus.COMPLETED };
      return this.#record(fields, toPayload(named.map(({ id }) => id)));
    }
    this.batches.push({ stepKey, children: named, results: new Map() });
    const fields = { key: stepKey, kind: StepKind.BATCH_INVOKE_AND_WAIT, status: StepStatus.PENDING };
    return this.#record({ ...fields, sequence: 0n });
  }

  /** Answers the child's id. */
  #noteChild(stepKey: string, wait: boolean, { workflowId, payload, initialState }: AskedChild): string {
    this.children.push({
      stepKey,
      workflowId,
      wait,
      payload: fromPayload(payload),
      initialState: initialState === '' ? undefined : JSON.parse(initialState),
    });
    return `child-${this.children.length}`;
  }

  #publish({
    stepKey,
    topic,
    type,
    data,
  }: Extract<Command['command'], { case: 'eventPublished' }>['value']): StepRecord {
    this.published.push({ stepKey, type, data: fromPayload(data), ...(topic !== '' && { topic }) });
    return this.#record({ key: stepKey, kind: StepKind.PUBLISH_EVENT, status: StepStatus.COMPLETED });
  }

  #beginWait(wait: FakeWait, kind: StepKind): void {
    this.waits.push(wait);
    this.#record({ key: wait.stepKey, kind, status: StepStatus.PENDING, sequence: 0n });
  }

  /** How many outcomes have a place in the order. */
  #placed(): number {
    return this.steps.filter(({ sequence }) => sequence > 0n).length;
  }
}
