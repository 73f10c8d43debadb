import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Activation } from '../../../clients/typescript/src/activation.js';
import { LeaseLostError } from '../../../clients/typescript/src/api-errors.js';
import type { WorkflowContext } from '../../../clients/typescript/src/context.js';
import {
  AssignmentSchema,
  type CompleteStepRequest,
  CompleteStepRequestSchema,
  CompleteStepResponseSchema,
} from '../../../clients/typescript/src/gen/polos/v1/worker_service_pb.js';
import { createLogger } from '../../../clients/typescript/src/logger.js';
import { type AnyWorkflow, defineWorkflow } from '../../../clients/typescript/src/workflow.js';
import { isFinal } from '../../../server/src/core/execution.js';
import type { Assignment } from '../../../server/src/engine/api.js';
import { Harness, LEASE_MS, PROJECT } from '../../../server/src/engine/harness.mjs';
import * as wire from '../../../server/src/gen/polos/v1/worker_service_pb.js';
import { fromCompletion } from '../../../server/src/rpc/codec/command.js';
import { toAssignment, toCompletion } from '../../../server/src/rpc/codec/worker.js';
import { canonical } from '../canonical-json.js';
import { FIRST_STATE, type Memory, type PerformedState, perform } from './performer.js';
import { isSequential, type Piece } from './program.js';

/** What goes wrong at one commit: the worker dies before the server has it, or before it has the answer. */
export type Fate = 'before' | 'after' | undefined;

/** What decides of an execution's fortunes, one question after the other. */
export interface Fortune {
  fate(): Fate;
  /** Whether a worker that suspended an execution has lost what it kept. */
  forgets(): boolean;
  /** Whether somebody reads state, steps and events just now. */
  looks(): boolean;
}

/** What an execution left behind. */
export interface Outcome {
  readonly status: string;
  readonly state: string;
  readonly result: string | undefined;
  readonly events: readonly string[];
}

/** Events that say how an execution fared, and not what it did; and those that a commit has in want of others. */
const PASSING = /^(workflow_|worker_lost$|state_change$|step_deliver$)/;

/** Lives of workers that one execution may take. */
const LIVES_MAX = 400;

/** Plays a random workflow with the real engine, on a memory store, and the real activation of the SDK. */
export class Theatre {
  private readonly pieces: readonly Piece[];
  private readonly fortune: Fortune;
  private readonly workflows: Readonly<Record<string, AnyWorkflow>>;
  private readonly memory: Memory = {
    stumbling: new Set(),
    stumbled: new Set(),
    onBody: (key) => this.beginBody(key),
  };
  private readonly kept = new Map<string, Activation>();
  private harness!: Harness;
  private workerId = '';
  private executionId = '';

  constructor(pieces: readonly Piece[], fortune: Fortune) {
    this.pieces = pieces;
    this.fortune = fortune;
    const { memory } = this;
    const options = { autoRegister: false };
    this.workflows = {
      random: defineWorkflow<unknown, PerformedState, number>(
        { id: 'random' },
        (ctx: WorkflowContext<PerformedState>) => perform(ctx, pieces, 'k', memory),
        options,
      ),
      child: defineWorkflow<number, Record<string, unknown>, number>(
        { id: 'child' },
        async (ctx, payload) => {
          ctx.state.payload = payload;
          return ctx.step.run('double', () => payload * 2);
        },
        options,
      ),
    };
  }

  /** Plays to the end. @throws Error for a step that runs though it is recorded, and for what readers must never see. */
  async play(): Promise<Outcome> {
    this.harness = await Harness.open();
    const { harness } = this;
    const retryPolicy = { maxRetries: 100, baseDelayMs: 100, maxDelayMs: 100 };
    this.workerId = await harness.register(Object.keys(this.workflows));
    this.executionId = await harness.invoke({
      workflowId: 'random',
      initialState: JSON.stringify(FIRST_STATE),
      retryPolicy,
    });
    for (let life = 0; life < LIVES_MAX; life++) {
      const assignments = await harness.takeAll(this.workerId);
      await Promise.all(assignments.map((assignment) => this.run(assignment)));
      const { execution } = await harness.engine.getExecution(PROJECT, this.executionId);
      if (isFinal(execution.status)) return this.outcome();
      if (assignments.length > 0) continue;
      await this.resumeSteps();
      // Too many workers died of it in a row, as far as the server can tell.
      if (execution.status === 'paused') await harness.engine.unpause(PROJECT, this.executionId);
      await harness.clock.turn(LEASE_MS / 2);
    }
    throw new Error('it did not come to an end');
  }

  private async run(given: Assignment): Promise<void> {
    const bytes = toBinary(wire.AssignmentSchema, toAssignment(given));
    const assignment = fromBinary(AssignmentSchema, bytes);
    const { executionId } = given.lease;
    const known = this.kept.get(executionId);
    this.kept.delete(executionId);
    const steps = await this.allSteps(given);
    const isForgotten = known === undefined || this.fortune.forgets();
    const sent = isForgotten ? steps : assignment.steps;
    const isTakenUp = !isForgotten && known.resume(assignment, sent);
    const activation = isTakenUp ? known : this.begin(assignment, steps);
    if ((await activation.run()) === 'suspended') this.kept.set(executionId, activation);
  }

  private begin(
    assignment: ReturnType<typeof fromBinary<typeof AssignmentSchema>>,
    steps: typeof assignment.steps,
  ) {
    const workflow = this.workflows[assignment.execution?.workflowId ?? ''];
    if (!workflow) throw new Error('an execution of an unknown workflow');
    const activation: Activation = new Activation({
      workflow,
      assignment,
      steps,
      port: { complete: (request) => this.complete(request, activation) },
      logger: createLogger('silent'),
      leaseMs: 600_000,
    });
    return activation;
  }

  private async complete(sent: CompleteStepRequest, activation: Activation) {
    const fate = this.fortune.fate();
    const die = (): never => {
      activation.drop();
      this.kept.delete(activation.executionId);
      throw new LeaseLostError('killed');
    };
    if (fate === 'before') die();
    const bytes = toBinary(CompleteStepRequestSchema, sent);
    const request = fromCompletion(fromBinary(wire.CompleteStepRequestSchema, bytes));
    const completing = this.harness.engine.complete(PROJECT, request);
    // Readers come while it is being committed, too.
    if (this.fortune.looks()) await this.look();
    const completion = await completing;
    const hasFailed = request.actions.some(({ type }) => type === 'fail_execution');
    if (hasFailed) for (const key of this.memory.stumbling) this.memory.stumbled.add(key);
    if (this.fortune.looks()) await this.look();
    if (fate === 'after') die();
    const answer = toBinary(wire.CompleteStepResponseSchema, toCompletion(completion));
    return create(CompleteStepResponseSchema, fromBinary(CompleteStepResponseSchema, answer));
  }

  /** No reader ever sees a step's result without its change of the state, or the other way round. */
  private async look(): Promise<void> {
    const before = await this.markedSteps();
    const eventsBefore = await this.events();
    const { state } = await this.state();
    const marks = Object.keys(state.marks);
    const after = await this.markedSteps();
    const missing = before.find((key) => !marks.includes(key));
    if (missing) throw new Error(`a reader saw the step ${missing} without its change of the state`);
    const early = marks.find((key) => !after.includes(key));
    if (early) throw new Error(`a reader saw the change of ${early} without the step`);
    const unfinished = before.find(
      (key) => !eventsBefore.some((event) => event.startsWith(`step_finish ${key} `)),
    );
    if (unfinished) throw new Error(`a reader saw the step ${unfinished} without its event`);
    if (Object.values(state.marks).some((count) => count !== 1)) throw new Error('a change was made twice');
  }

  private beginBody(key: string): void {
    if (this.recordedKeys.has(key)) throw new Error(`the function of ${key} ran again`);
  }

  private readonly recordedKeys = new Set<string>();

  /** Steps with a result whose functions changed the state. */
  private async markedSteps(): Promise<string[]> {
    const { steps } = await this.harness.engine.listSteps(PROJECT, this.executionId, 0);
    for (const { key, outcome } of steps) if (outcome) this.recordedKeys.add(key);
    return steps.filter(({ statePatch }) => statePatch).map(({ key }) => key);
  }

  private async state(): Promise<{ readonly state: PerformedState }> {
    const { json } = await this.harness.engine.state(PROJECT, this.executionId);
    return { state: JSON.parse(json) };
  }

  /** What happened, but for what depends on how often workers died and on what shared a commit. */
  private async events(): Promise<string[]> {
    const cursor = { afterEvent: 0, follow: false, signal: new AbortController().signal };
    const found: string[] = [];
    for await (const page of this.harness.engine.events(PROJECT, this.executionId, cursor)) {
      for (const { type, stepKey, published } of page) {
        if (PASSING.test(type) && type !== 'workflow_finish') continue;
        const data = published?.data && 'json' in published.data ? published.data.json : '';
        found.push(`${type} ${stepKey ?? ''} ${data}`);
      }
    }
    return found;
  }

  private async resumeSteps(): Promise<void> {
    const { engine } = this.harness;
    const { steps } = await engine.listSteps(PROJECT, this.executionId, 0);
    for (const { key, kind, outcome } of steps) {
      if (kind !== 'suspend' || outcome) continue;
      await engine.resume(PROJECT, this.executionId, { stepKey: key, data: { json: '5' } });
    }
  }

  private async allSteps(given: Assignment) {
    let { steps, next } = await this.harness.engine.listSteps(PROJECT, given.lease.executionId, 0);
    while (next !== undefined) {
      const page = await this.harness.engine.listSteps(PROJECT, given.lease.executionId, next);
      steps = [...steps, ...page.steps];
      next = page.next;
    }
    const whole = { ...given, omittedSteps: 0, steps: { steps } };
    return fromBinary(AssignmentSchema, toBinary(wire.AssignmentSchema, toAssignment(whole))).steps;
  }

  private async outcome(): Promise<Outcome> {
    if (this.harness.faults.length > 0) throw new AggregateError(this.harness.faults);
    const { engine } = this.harness;
    const wait = { waitMs: 0, signal: new AbortController().signal };
    const view = await engine.awaitResult(PROJECT, this.executionId, wait);
    const { state } = await this.state();
    const events = await this.events();
    const isOrdered = isSequential(this.pieces);
    return {
      status: view.execution.status,
      state: canonical(isOrdered ? state : { ...state, log: [...state.log].sort() }),
      result: view.result && 'json' in view.result ? view.result.json : view.execution.failure?.message,
      events: isOrdered ? events : [...events].sort(),
    };
  }
}
