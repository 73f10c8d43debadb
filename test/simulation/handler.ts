import type { StepOutcome, StepRecord } from '../../server/src/core/step.js';
import type {
  Assignment,
  Completion,
  LeaseRef,
  StepPage,
  WorkerAction,
  WorkerChild,
} from '../../server/src/engine/api.js';
import { EngineError } from '../../server/src/engine/errors.js';
import type { AwaitedOperation, Operation } from './programs.js';
import { type Build, INITIAL_STATE, linesOf, migrated, placeOfLines } from './versions.js';
import { WORKFLOWS } from './worker.js';
import { PROJECT, type World } from './world.js';

/** Thrown through a handler that has nothing more to do here. */
class Left extends Error {
  override readonly name = 'Left';
}

/** What a handler needs of its worker. */
export interface Process {
  readonly world: World;
  readonly build: Build;
  /** Waits while the process is held up; false if it died. */
  goesOn(): Promise<boolean>;
  /** False once it died. */
  isAlive(): boolean;
  /** Keeps an execution in memory while it waits, or does not; answers whether it does. */
  keep(executionId: string, outcomes: ReadonlyMap<string, StepRecord>): boolean;
  /** What is kept of an execution, if it is; from then on it is not. */
  takeKept(executionId: string): ReadonlyMap<string, StepRecord> | undefined;
}

/** Runs one assignment: replays what is recorded, does the rest, and commits each step before the next begins. */
export class Handler {
  readonly lease: LeaseRef;
  private readonly process: Process;
  private readonly assignment: Assignment;
  private readonly outcomes = new Map<string, StepRecord>();
  private leaseUntil: number;
  /** The lease was taken from it, as far as it has heard. */
  isLost = false;
  private isCancelled = false;
  private sequence = 0;
  private revision: number;
  /** Of the form of the state as it is committed. */
  private version: number;
  /** What the code made of the outcomes so far: the state's log, and how much of it is committed. */
  private readonly log: string[] = [];
  private committed: readonly string[];

  constructor(process: Process, assignment: Assignment) {
    this.process = process;
    this.assignment = assignment;
    this.lease = assignment.lease;
    this.leaseUntil = assignment.leaseExpiresAt;
    this.revision = assignment.execution.stateRevision;
    this.version = assignment.execution.stateVersion ?? 1;
    this.committed = linesOf(assignment.state, this.version);
  }

  /** Ends when the execution does, or when it is out of this worker's hands. */
  async run(): Promise<void> {
    try {
      await this.load();
      if (this.version < this.process.build.stateVersion) await this.migrate();
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

  /** What is recorded so far: sent, kept, or fetched. */
  private async load(): Promise<void> {
    const { omittedSteps, steps } = this.assignment;
    const kept = this.process.takeKept(this.lease.executionId);
    let page = steps;
    if (omittedSteps > 0) {
      for (const step of kept?.values() ?? []) this.outcomes.set(nameOf(step), step);
      const seen = [...this.outcomes.values()].filter(({ sequence }) => sequence > 0).length;
      if (kept && seen !== omittedSteps) throw new Error(`it has seen ${seen} steps, not ${omittedSteps}`);
      if (!kept) page = await this.fetchSteps(0);
    }
    for (;;) {
      for (const step of page.steps) this.outcomes.set(nameOf(step), step);
      if (page.next === undefined) break;
      page = await this.fetchSteps(page.next);
    }
    this.checkRepairs();
    const { world } = this.process;
    world.versions.checkReplay(this.lease.executionId, this.version, this.outcomes.values());
  }

  /** Brings the state to the form of its own code, before anything else; parks the execution where it cannot. */
  private async migrate(): Promise<void> {
    const { stateVersion, isBroken } = this.process.build;
    const { version: fromVersion, revision: baseRevision } = this;
    const document = migrated(this.assignment.state);
    const failure = { type: 'StateMigrationError', message: 'nobody thought of it', retryable: false };
    await this.carryOut(
      isBroken
        ? { type: 'park_execution', failure }
        : { type: 'migrate_state', baseRevision, fromVersion, toVersion: stateVersion, document },
    );
    this.version = stateVersion;
  }

  /** The repairs in the order of outcomes make what the state holds of them. */
  private checkRepairs(): void {
    const records = [...this.outcomes.values()].filter(({ kind }) => kind === 'state_repair');
    const lines = records
      .sort((a, b) => a.sequence - b.sequence)
      .map(({ statePatch = '' }) => lineOf(statePatch));
    const { repairs } = JSON.parse(this.assignment.state);
    if (JSON.stringify(lines) !== JSON.stringify(repairs)) {
      throw new Error(
        `the state of ${this.lease.executionId} has the repairs ${repairs}, its steps have ${lines}`,
      );
    }
  }

  private async fetchSteps(place: number): Promise<StepPage> {
    const { world } = this.process;
    for (;;) {
      await this.stayAlive();
      try {
        return await world.call((engine) => engine.listSteps(PROJECT, this.lease.executionId, place));
      } catch (error) {
        if (!world.mayPass(error)) throw error;
        await world.sleep(world.random.between(50, 2_000));
      }
    }
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
      if (operation.type === 'values') await this.values(operation);
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
      const { world } = this.process;
      const isGuarded = () => this.process.isAlive() && world.clock.now() < this.leaseUntil;
      await world.body({ executionId, root, key, epoch, ms, isGuarded });
      const failure = { type: 'StepError', message: `${value}`, retryable: false };
      const outcome: StepOutcome = fails
        ? { type: 'failed', failure }
        : { type: 'completed', result: { json: `${value}` } };
      const record: WorkerAction = { type: 'record_step', key, kind: 'run', outcome, attempts: [] };
      if (end) this.log.push(`${key} ${text(outcome)}`);
      await this.commit(end ? [record, end()] : [record]);
      this.note(key, 'run', outcome);
    }
    this.log.push(`${key} ${text(this.outcomes.get(key)?.outcome)}`);
  }

  private async values({ key, count }: Extract<Operation, { type: 'values' }>): Promise<void> {
    const keys = Array.from({ length: count }, (_, index) => `${key}v${index}`);
    const outcome = { type: 'completed', result: { json: '1' } } as const;
    if (!this.outcomes.has(keys[0] as string)) {
      const fields = { type: 'record_step', kind: 'random', outcome, attempts: [] } as const;
      await this.commit(keys.map((each) => ({ ...fields, key: each })));
      for (const each of keys) this.note(each, 'random', outcome);
    }
    if (!keys.every((each) => this.outcomes.has(each))) throw new Error(`some values of ${key} are missing`);
    this.log.push(`${count} values`);
  }

  /** The code has seen an outcome that is recorded. */
  private note(key: string, kind: StepRecord['kind'], outcome: StepOutcome): void {
    this.outcomes.set(key, { key, kind, sequence: 1, outcome, attempts: [], recordedAt: 0 });
  }

  private async detached({ key, program }: Extract<Operation, { type: 'detached' }>): Promise<void> {
    if (!this.outcomes.has(key)) await this.commit([start(key, program, false)]);
    this.log.push(`${key} started`);
  }

  private async waits(waits: readonly AwaitedOperation[]): Promise<void> {
    const { executionId } = this.lease;
    for (const wait of waits) {
      if (wait.type === 'resume') this.process.world.resumeLater(executionId, wait);
      if (wait.type === 'event') this.process.world.publishLater(topicOf(executionId, wait), wait);
    }
    const fresh = waits
      .flatMap((wait) => begin(wait, executionId))
      .filter(({ key }) => !this.outcomes.has(key));
    if (fresh.length > 0) await this.commit(fresh);
    const keys = waits.flatMap((wait) => ('by' in wait ? [wait.key, wait.by] : [wait.key]));
    const missing = new Set(keys.filter((key) => !this.outcomes.get(key)?.sequence));
    while (missing.size > 0) {
      const arrived = [...missing].filter((key) => this.outcomes.get(key)?.outcome);
      // A lost answer of an acceptance, or its repetition: accepting again changes nothing.
      if (arrived.length > 0) await this.commit(arrived.map((key) => ({ type: 'accept_outcome', key })));
      else await this.suspend();
      for (const key of arrived) {
        missing.delete(key);
        const step = this.outcomes.get(key) as StepRecord;
        this.outcomes.set(key, { ...step, sequence: 1 });
      }
    }
    for (const key of keys) this.log.push(`${key} ${text(this.outcomes.get(key)?.outcome)}`);
  }

  /** What it keeps is there before the server knows: it may give the execution back at once. */
  private async suspend(): Promise<void> {
    const { executionId } = this.lease;
    const isKept = this.process.keep(executionId, this.outcomes);
    await this.commit([{ type: 'suspend_execution', isKept }]);
    this.process.takeKept(executionId);
  }

  private arrive(steps: readonly StepRecord[]): void {
    for (const step of steps) {
      if (!this.outcomes.get(nameOf(step))?.outcome) this.outcomes.set(nameOf(step), step);
    }
  }

  /** Commits, with what changed in the state since the last commit. */
  private async commit(wanted: readonly WorkerAction[]): Promise<void> {
    const log = [...this.log];
    await this.carryOut(...this.stateChange(), ...wanted);
    this.committed = log;
  }

  /** One completion, or the cancellation if there is to be one; again until there is an answer. */
  private async carryOut(...wanted: readonly WorkerAction[]): Promise<void> {
    await this.stayAlive();
    this.sequence += 1;
    const actions = this.isCancelled ? [{ type: 'cancel_execution' } as const] : wanted;
    const { execution, outcomes } = await this.send(this.sequence, actions);
    if (execution.status === 'paused') this.isLost = true;
    if (execution.status !== 'running' || !execution.lease) throw new Left();
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
        if (isOver(error)) {
          this.isLost = true;
          throw new Left();
        }
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
    const path = placeOfLines(this.version);
    const patch = log.slice(committed.length).map((value) => ({ op: 'add', path, value }) as const);
    return patch.length === 0
      ? []
      : [{ type: 'change_state', baseRevision: this.revision, change: { patch } }];
  }

  private async stayAlive(): Promise<void> {
    if (!(await this.process.goesOn()) || this.isLost) throw new Left();
  }
}

/** What asks the server for a wait, and, where the execution itself is to end it, for that, too. */
function begin(wait: AwaitedOperation, executionId: string): Keyed[] {
  const { type, key } = wait;
  switch (type) {
    case 'child':
      return [start(key, wait.program, true)];
    case 'batch':
      return [{ type: 'start_children', key, waits: true, children: wait.programs.map(childOf) }];
    case 'timer':
      return [{ type: 'await_timer', key, delayMs: wait.ms }];
    case 'resume':
      return [{ type: 'await_resume', key }];
    case 'told': {
      const data = { json: `${wait.value}` };
      const tell = { type: 'send_resume', key: wait.by, executionId, suspendedStepKey: key, data } as const;
      return [tell, { type: 'await_resume', key }];
    }
    case 'timeout':
      return [{ type: 'await_resume', key, timeoutMs: wait.ms }];
    case 'event':
      return [{ type: 'await_event', key, topic: topicOf(executionId, wait) }];
    case 'heard': {
      const topic = topicOf(executionId, wait);
      const event = { type: 'said', data: { json: `${wait.value}` } };
      return [
        { type: 'publish_event', key: wait.by, topic, event },
        { type: 'await_event', key, topic },
      ];
    }
  }
}

/** Each wait for an event has a topic of its own, so that what comes depends on nothing else. */
export function topicOf(executionId: string, { key }: { readonly key: string }): string {
  return `${executionId} ${key}`;
}

/** Changes of the state have no key. */
function nameOf({ key, sequence }: StepRecord): string {
  return key === '' ? `#${sequence}` : key;
}

/** What a repair of the client's added. */
function lineOf(patch: string): string {
  return JSON.parse(patch)[0].value;
}

/** An action about a step. */
type Keyed = Extract<WorkerAction, { readonly key: string }>;

function start(key: string, program: number, waits: boolean): Keyed {
  return { type: 'start_child', key, waits, child: childOf(program) };
}

function childOf(program: number): WorkerChild {
  const workflowId = WORKFLOWS[program % WORKFLOWS.length] ?? '';
  return { workflowId, payload: { json: `${program}` }, initialState: INITIAL_STATE, priority: 0 };
}

/** The ids of a batch's children are others each time, and so are where an event was published, and when. */
export function withoutIds(text: string): string {
  return text.replaceAll(/"(executionId|topic|createTime)":"[^"]*",?/g, '');
}

function text(outcome: StepOutcome | undefined): string {
  if (outcome?.type === 'failed') return `failed with ${outcome.failure.type} ${outcome.failure.message}`;
  return outcome?.result && 'json' in outcome.result ? withoutIds(outcome.result.json) : 'nothing';
}

/** The lease is lost, or the execution is closed: for this handler that is the same. */
function isOver(error: unknown): boolean {
  if (!(error instanceof EngineError) || error.problem.type !== 'rejected') return false;
  const { rejection } = error.problem;
  return rejection.type === 'lease_lost' || rejection.type === 'closed';
}
