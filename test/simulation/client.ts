import { isFinal } from '../../server/src/core/execution.js';
import type { NumberedEvent } from '../../server/src/engine/api.js';
import type { Engine } from '../../server/src/engine/engine.js';
import { EngineError } from '../../server/src/engine/errors.js';
import { TreeReader } from './tree-reader.js';
import { INITIAL_STATE } from './versions.js';
import { WORKFLOWS } from './worker.js';
import { ConnectionLost, PROJECT, type World } from './world.js';

/** What is asked of one execution at the top of a tree. */
export interface Wish {
  readonly key: string;
  readonly program: number;
  /** When it is cancelled, in milliseconds after its start; missing for never. */
  readonly cancelAfterMs?: number;
  /** When it is paused, and for how long; missing for never. */
  readonly pause?: { readonly afterMs: number; readonly forMs: number };
  /** How long after its start, and then after each other, an operator repairs its state; missing for never. */
  readonly repairsAfterMs?: readonly number[];
}

/** A caller: starts an execution, follows its events, awaits its end; tries everything again that gets lost. */
export class Client {
  readonly wish: Wish;
  executionId = '';
  isDone = false;
  /** The cancel request was acknowledged before the execution was final. */
  wasCancelled = false;
  /** What the repairs added to the state that were acknowledged, in order. */
  readonly repaired: string[] = [];
  /** Follow its execution with all that descends from it. */
  treeReaders: readonly TreeReader[] = [];
  private readonly world: World;

  constructor(world: World, wish: Wish) {
    this.world = world;
    this.wish = wish;
  }

  async run(): Promise<void> {
    const { key, program, cancelAfterMs, pause, repairsAfterMs = [] } = this.wish;
    const invoke = () => this.invoke(key, program);
    if (this.world.faults && this.world.random.chance(0.3)) this.persistently(invoke).catch(() => {});
    this.executionId = await this.persistently(invoke);
    this.treeReaders = [0, 1].map(() => new TreeReader(this.world, this.executionId));
    await Promise.all([
      this.awaitEnd(),
      this.follow(),
      ...this.treeReaders.map((reader) => reader.run()),
      cancelAfterMs !== undefined && this.cancel(cancelAfterMs),
      pause && this.pause(pause),
      this.repair(repairsAfterMs),
    ]);
    this.isDone = true;
  }

  private async invoke(key: string, program: number): Promise<string> {
    const { executionId } = await this.world.call((engine) =>
      engine.invoke({
        ...{ projectId: PROJECT, workflowId: WORKFLOWS[program % WORKFLOWS.length] ?? '', priority: 0 },
        ...{ idempotencyKey: key, requestDigest: `${program}`, startDelayMs: program % 2 === 0 ? 0 : 1_000 },
        ...{ payload: { json: `${program}` }, initialState: INITIAL_STATE, searchAttributes: {} },
      }),
    );
    return executionId;
  }

  private async awaitEnd(): Promise<void> {
    const wait = { waitMs: 20_000, signal: new AbortController().signal };
    for (;;) {
      const view = await this.persistently(() =>
        this.world.call((engine) => engine.awaitResult(PROJECT, this.executionId, wait)),
      );
      if (isFinal(view.execution.status)) return;
    }
  }

  /** Promise 11: however often the stream breaks, no event is missed or repeated. */
  private async follow(): Promise<void> {
    let cursor = 0;
    let isFinished = false;
    while (!isFinished) {
      await this.persistently(async () => {
        const server = this.world.upServer;
        if (!server) throw new ConnectionLost('no server');
        const signal = new AbortController().signal;
        const from = { afterEvent: cursor, follow: true, signal };
        const pages = server.engine.events(PROJECT, this.executionId, from)[Symbol.asyncIterator]();
        for (;;) {
          const page = await server.whileAlive(pages.next());
          if (page.done) break;
          for (const event of page.value) cursor = this.next(cursor, event);
          isFinished = page.value.some(({ type }) => END.has(type));
        }
        if (!isFinished)
          this.world.violated(`11: the events of ${this.executionId} ended with number ${cursor}`);
      });
    }
  }

  private next(cursor: number, { sequence }: NumberedEvent): number {
    if (sequence !== cursor + 1) {
      this.world.violated(`11: event ${sequence} of ${this.executionId} came after ${cursor}`);
    }
    return sequence;
  }

  private async cancel(afterMs: number): Promise<void> {
    await this.world.sleep(afterMs);
    this.wasCancelled = await this.unlessFinal((engine) => engine.cancel(PROJECT, this.executionId));
  }

  /** It comes to the same as if it had not been paused. */
  private async pause({ afterMs, forMs }: NonNullable<Wish['pause']>): Promise<void> {
    await this.world.sleep(afterMs);
    await this.unlessFinal((engine) => engine.pause(PROJECT, this.executionId));
    await this.world.sleep(forMs);
    await this.unlessFinal((engine) => engine.unpause(PROJECT, this.executionId));
  }

  /** Adds a line to the state with each repair; pauses the execution where a worker holds it. */
  private async repair(afterMs: readonly number[]): Promise<void> {
    for (const [index, ms] of afterMs.entries()) {
      await this.world.sleep(ms);
      const line = `repair ${index}`;
      let isOver = false;
      while (!isOver) {
        const { json, revision, final } = await this.persistently(() =>
          this.world.call((engine) => engine.state(PROJECT, this.executionId)),
        );
        if (final) return;
        if (JSON.parse(json).repairs.includes(line))
          this.world.violated(`${line} happened before it was made`);
        isOver = await this.tryRepair(line, revision);
        if (isOver) continue;
        if (this.world.random.chance(0.5)) {
          await this.unlessFinal((engine) => engine.pause(PROJECT, this.executionId));
        }
        // One that somebody asked to cancel is not paused: it runs until its worker has heard of it.
        await this.world.sleep(this.world.random.between(1, 500));
      }
      await this.unlessFinal((engine) => engine.unpause(PROJECT, this.executionId));
    }
  }

  /** False where it has to be tried again, against what is there then. */
  private async tryRepair(line: string, expectedRevision: number): Promise<boolean> {
    const patch = [{ op: 'add', path: '/repairs/-', value: line }] as const;
    const made = { expectedRevision, patch, digest: line, reason: 'a simulation', author: 'its client' };
    try {
      await this.persistently(() =>
        this.world.call((engine) => engine.patchState(PROJECT, this.executionId, made)),
      );
      this.repaired.push(line);
      return true;
    } catch (error) {
      if (!(error instanceof EngineError) || error.problem.type !== 'rejected') throw error;
      const { type } = error.problem.rejection;
      if (type !== 'running' && type !== 'state_revision_conflict' && type !== 'closed') throw error;
      return type === 'closed';
    }
  }

  /** Asks until there is an answer; false if that was that the execution is final. */
  private async unlessFinal(ask: (engine: Engine) => Promise<unknown>): Promise<boolean> {
    try {
      await this.persistently(() => this.world.call(ask));
      return true;
    } catch (error) {
      const isClosed = error instanceof EngineError && error.problem.type === 'rejected';
      if (!isClosed) throw error;
      return false;
    }
  }

  private async persistently<T>(ask: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        if (!this.world.mayPass(error)) throw error;
        await this.world.sleep(this.world.random.between(50, 1_000));
      }
    }
  }
}

const END = new Set(['workflow_finish', 'workflow_fail', 'workflow_cancel', 'workflow_timeout']);
