import type { StepOutcome, StepRecord } from '../../server/src/core/step.js';
import type { Assignment, Completion, LeaseRef, WorkerAction } from '../../server/src/engine/api.js';
import { EngineError } from '../../server/src/engine/errors.js';
import type { AwaitedOperation, Operation } from './programs.js';
import { WORKFLOWS } from './worker.js';
import { PROJECT, type World } from './world.js';

/** Thrown through a handler that has nothing more to do here. */
class Left extends Error {
  override readonly name = 'Left';
}

/** What a handler needs of its worker. */
export interface Process {
  readonly world: World;
  /** Waits while the process is held up; false if it died. */
  goesOn(): Promise<boolean>;
}

/** Runs one assignment: replays what is recorded, does the rest, and commits each step before the next begins. */
export class Handler {
  readonly lease: LeaseRef;
  private readonly process: Process;
  private readonly assignment: Assignment;
  private readonly outcomes = new Map<string, StepRecord>();
  private leaseUntil: number;
  private isLost = false;
  private isCancelled = false;
  private sequence = 0;
  private revision: number;
  /** What the code made of the outcomes so far: the state's log, and how much of it is committed. */
  private readonly log: string[] = [];
  private committed: readonly string[];

  constructor(process: Process, assignment: Assignment) {
    this.process = process;
    this.assignment = assignment;
    this.lease = assignment.lease;
    this.leaseUntil = assignment.leaseExpiresAt;
    this.revision = assignment.execution.stateRevision;
    this.committed = JSON.parse(assignment.state).log;
    for (const step of assignment.steps.steps) this.outcomes.set(step.key, step);
  }

  /** Ends when the execution does, or when it is out of this worker's hands. */
  async run(): Promise<void> {
    try {
      await this.perform();
    } catch (error) {
      if (!(error instanceof Left)) this.process.world.violated(`a handler met ${(error as Error).stack}`);
    }
  }

  hear(news: {
    readonly leaseLost: boolean;
    readonly cancelRequested: boolean;
    readonly outcomes: readonly StepRecord[];
    readonly expiresAt?: number;
  }): void {
    if (news.leaseLost) this.isLost = true;
    if (news.cancelRequested) this.isCancelled = true;
    if (news.expiresAt !== undefined) this.leaseUntil = Math.max(this.leaseUntil, news.expiresAt);
    this.arrive(news.outcomes);
  }

  private async perform(): Promise<void> {
    const { world } = this.process;
    const { input, execution } = this.assignment;
    const number = Number(input.payload && 'json' in input.payload ? input.payload.json : 'none');
    const program = world.programs[number];
    if (!program) throw new Error(`no program ${number}`);
    const failure = { type: 'Error', message: `program ${number} fails`, retryable: false };
    const end = (): WorkerAction =>
      program.fails
        ? { type: 'fail_execution', failure }
        : { type: 'complete_execution', result: { json: JSON.stringify(this.log) } };
    for (const [index, operation] of program.operations.entries()) {
      const isLast = index === program.operations.length - 1 && program.endsWithStep;
      if (operation.type === 'step') await this.step(operation, isLast ? end : undefined);
      if (operation.type === 'waits') await this.waits(operation.waits);
      if (operation.type === 'detached') await this.detached(operation);
      if (operation.type === 'stumble' && execution.failedAttempts === 0) {
        const stumble = { type: 'Error', message: 'stumbled', retryable: true };
        await this.commit([{ type: 'fail_execution', failure: stumble }]);
      }
    }
    await this.commit([end()]);
    throw new Error('the execution goes on after its end');
  }

  private async step(operation: Extract<Operation, { type: 'step' }>, end: (() => WorkerAction) | undefined) {
    const { key, ms, value, fails } = operation;
    if (!this.outcomes.has(key)) {
      await this.stayAlive();
      // Nobody else can have it as long as the lease lasts: only then a body may begin.
      if (this.process.world.clock.now() >= this.leaseUntil) throw new Left();
      const { executionId, epoch } = this.lease;
      const root = this.assignment.execution.rootExecutionId;
      await this.process.world.body({ executionId, root, key, epoch, ms });
      const failure = { type: 'StepError', message: `${value}`, retryable: false };
      const outcome: StepOutcome = fails
        ? { type: 'failed', failure }
        : { type: 'completed', result: { json: `${value}` } };
      const record: WorkerAction = { type: 'record_step', key, kind: 'run', outcome, attempts: [] };
      if (end) this.log.push(`${key} ${text(outcome)}`);
      await this.commit(end ? [record, end()] : [record]);
      this.outcomes.set(key, { key, kind: 'run', sequence: 1, outcome, attempts: [], recordedAt: 0 });
    }
    this.log.push(`${key} ${text(this.outcomes.get(key)?.outcome)}`);
  }

  private async detached({ key, program }: Extract<Operation, { type: 'detached' }>): Promise<void> {
    if (!this.outcomes.has(key)) await this.commit([start(key, program, false)]);
    this.log.push(`${key} started`);
  }

  private async waits(waits: readonly AwaitedOperation[]): Promise<void> {
    const { executionId } = this.lease;
    for (const wait of waits) if (wait.type === 'resume') this.process.world.resumeLater(executionId, wait);
    const fresh = waits.filter(({ key }) => !this.outcomes.has(key));
    if (fresh.length > 0) await this.commit(fresh.map(begin));
    const missing = new Set(waits.map(({ key }) => key).filter((key) => !this.outcomes.get(key)?.sequence));
    while (missing.size > 0) {
      const arrived = [...missing].filter((key) => this.outcomes.get(key)?.outcome);
      // A lost answer of an acceptance, or its repetition: accepting again changes nothing.
      await this.commit(
        arrived.length > 0
          ? arrived.map((key) => ({ type: 'accept_outcome', key }))
          : [{ type: 'suspend_execution' }],
      );
      for (const key of arrived) missing.delete(key);
    }
    for (const { key } of waits) this.log.push(`${key} ${text(this.outcomes.get(key)?.outcome)}`);
  }

  private arrive(steps: readonly StepRecord[]): void {
    for (const step of steps) {
      if (!this.outcomes.get(step.key)?.outcome) this.outcomes.set(step.key, step);
    }
  }

  /** Commits, with what changed in the state since the last commit; again until there is an answer. */
  private async commit(wanted: readonly WorkerAction[]): Promise<void> {
    await this.stayAlive();
    this.sequence += 1;
    const actions = this.isCancelled
      ? [{ type: 'cancel_execution' } as const]
      : [...this.stateChange(), ...wanted];
    const log = [...this.log];
    const { execution, outcomes } = await this.send(this.sequence, actions);
    if (execution.status !== 'running' || !execution.lease) throw new Left();
    this.committed = log;
    this.revision = execution.stateRevision;
    this.leaseUntil = execution.lease.expiresAt;
    if (execution.cancelRequestedAt !== undefined) this.isCancelled = true;
    this.arrive(outcomes);
  }

  private async send(sequence: number, actions: readonly WorkerAction[]): Promise<Completion> {
    const { world } = this.process;
    const request = {
      lease: this.lease,
      sequence,
      digest: JSON.stringify(actions),
      actions,
      stateUnsettled: false,
    };
    const ask = () => world.call((engine) => engine.complete(PROJECT, request));
    for (;;) {
      await this.stayAlive();
      if (world.faults && world.random.chance(0.1)) ask().catch(() => {});
      try {
        return await ask();
      } catch (error) {
        if (isOver(error)) throw new Left();
        if (!world.mayPass(error)) throw error;
        await world.sleep(world.random.between(50, 2_000));
      }
    }
  }

  /** The state's log must be what the code made of the recorded outcomes, as far as it was committed. */
  private stateChange(): WorkerAction[] {
    const { committed, log } = this;
    if (committed.some((line, index) => line !== log[index])) {
      throw new Error(`the state of ${this.lease.executionId} is ${committed} and should begin ${log}`);
    }
    const patch = log.slice(committed.length).map((value) => ({ op: 'add', path: '/log/-', value }) as const);
    return patch.length === 0
      ? []
      : [{ type: 'change_state', baseRevision: this.revision, change: { patch } }];
  }

  private async stayAlive(): Promise<void> {
    if (!(await this.process.goesOn()) || this.isLost) throw new Left();
  }
}

function begin(wait: AwaitedOperation): WorkerAction {
  const { type, key } = wait;
  switch (type) {
    case 'child':
      return start(key, wait.program, true);
    case 'timer':
      return { type: 'await_timer', key, delayMs: wait.ms };
    case 'resume':
      return { type: 'await_resume', key };
    case 'timeout':
      return { type: 'await_resume', key, timeoutMs: wait.ms };
  }
}

function start(key: string, program: number, waits: boolean): WorkerAction {
  const workflowId = WORKFLOWS[program % WORKFLOWS.length] ?? '';
  const child = { workflowId, payload: { json: `${program}` }, initialState: '{"log":[]}', priority: 0 };
  return { type: 'start_child', key, waits, child };
}

function text(outcome: StepOutcome | undefined): string {
  if (outcome?.type === 'failed') return `failed with ${outcome.failure.type} ${outcome.failure.message}`;
  return outcome?.result && 'json' in outcome.result ? outcome.result.json : 'nothing';
}

/** The lease is lost, or the execution is closed: for this handler that is the same. */
function isOver(error: unknown): boolean {
  if (!(error instanceof EngineError) || error.problem.type !== 'rejected') return false;
  const { rejection } = error.problem;
  return rejection.type === 'lease_lost' || rejection.type === 'closed';
}
