import { type Execution, isFinal } from '../../server/src/core/execution.js';
import { Engine } from '../../server/src/engine/engine.js';
import { EngineError } from '../../server/src/engine/errors.js';
import { HandClock, settled } from '../../server/src/engine/hand-clock.mjs';
import { MemoryDatabase, openMemoryStore } from '../../server/src/store/memory/memory-store.js';
import { type ExecutionWrite, type Store, StoreFault } from '../../server/src/store/store.js';
import type { AwaitedOperation, Program } from './programs.js';
import type { Random } from './random.js';
import { Server } from './server.js';
import { SlotWatch } from './slot-watch.js';
import { VersionWatch } from './versions.js';

export const PROJECT = 'p';

/** The queues whose concurrency is limited. */
const LIMITS = { w1: 2, w2: 1 };

/** How long nothing may happen to what is not done yet, once faults have healed (promise 24). */
const STUCK_MS = 60_000;

/** The request or its answer got lost: nobody knows whether it was carried out. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

/** Virtual time, one database, one or more servers on it, and a record of what must not happen. */
export class World {
  readonly clock = new HandClock();
  /** What the simulation looks at. */
  readonly store: Store;
  readonly random: Random;
  readonly programs: readonly Program[];
  readonly violations: string[] = [];
  readonly versions = new VersionWatch((what) => this.violated(what));
  faults: boolean;
  storeIsDown = false;
  private readonly database: MemoryDatabase | undefined;
  private readonly servers: (Server | undefined)[];
  /** When something happened to a tree of executions, by its root; missing once all of it is done. */
  private readonly active = new Map<string, number>();
  private readonly open = new Map<string, number>();
  private readonly recorded = new Set<string>();
  private readonly bodies = new Set<string>();
  /** The bodies that run, and whether nobody else may run them: their worker lives, and its lease is not over. */
  private readonly underWay = new Map<string, Set<() => boolean>>();
  private readonly running = new Map<string, number>();
  private readonly resumed = new Set<string>();
  /** Since when executions have had messages to deliver. */
  private readonly outboxes = new Map<string, number>();
  private healedAt: number;
  private readonly slots: SlotWatch;
  /** By root, executions that are not final. */
  private readonly unfinished = new Map<string, Map<string, Execution>>();

  constructor(options: {
    readonly random: Random;
    readonly programs: readonly Program[];
    readonly faults: boolean;
    readonly servers: number;
  }) {
    this.random = options.random;
    this.programs = options.programs;
    this.faults = options.faults;
    this.servers = Array(options.servers).fill(undefined);
    this.database = options.servers > 1 ? new MemoryDatabase() : undefined;
    this.store = openMemoryStore(this.database);
    this.healedAt = options.faults ? Number.POSITIVE_INFINITY : this.clock.now();
    this.slots = new SlotWatch(this.store, LIMITS, (what) => this.violated(what));
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.clock.callAt(this.clock.now() + ms, resolve);
    });
  }

  /** Turns the clock from timer to timer until `isOver`. */
  async runUntil(isOver: () => boolean): Promise<void> {
    for (;;) {
      await settled();
      if (isOver() || this.violations.length > 0) return;
      await this.clock.turn(this.clock.nextAt() - this.clock.now());
      await this.checkProgress();
    }
  }

  heal(): void {
    this.faults = false;
    this.storeIsDown = false;
    this.healedAt = this.clock.now();
  }

  async startServers(): Promise<void> {
    await Promise.all([...this.servers.keys()].map((place) => this.startServer(place)));
  }

  /** Has a worker declare the limits of queues before anything goes wrong. */
  async declareLimits(): Promise<void> {
    const engine = new Engine({ store: this.store, clock: this.clock, leaseMs: 1, fault: () => {} });
    await engine.registerWorker({
      ...{ projectId: PROJECT, queues: [], deploymentId: '', buildId: '', sdkName: '', sdkVersion: '' },
      ...{ identity: '', maxConcurrentExecutions: 1 },
      workflows: Object.entries(LIMITS).map(([queue, queueConcurrencyLimit]) => {
        return { id: `declares ${queue}`, description: '', schemas: {}, queue, queueConcurrencyLimit };
      }),
    });
  }

  private async startServer(place: number): Promise<void> {
    const server = new Server(this, this.database ? openMemoryStore(this.database) : this.store);
    this.servers[place] = server;
    while (server.isAlive && !(await server.start())) await this.sleep(1_000);
  }

  /** Kills a server in the middle of whatever it does; another one starts a little later. */
  async killServer(): Promise<void> {
    const place = this.random.between(0, this.servers.length - 1);
    this.servers[place]?.die();
    this.servers[place] = undefined;
    await this.sleep(this.random.between(100, 5_000));
    await this.startServer(place);
  }

  /** One call of a client or a worker, over a network that loses requests and answers. */
  async call<T>(ask: (engine: Engine) => Promise<T>): Promise<T> {
    const { random, faults } = this;
    if (!this.upServer) await this.sleep(random.between(50, 500));
    const server = this.upServer;
    if (!server) throw new ConnectionLost('no server');
    if (faults && random.chance(0.02)) throw new ConnectionLost('the request was lost');
    const answer = await server.whileAlive(ask(server.engine));
    if (faults && random.chance(0.03)) throw new ConnectionLost('the answer was lost');
    return answer;
  }

  /** A server that is up. */
  get upServer(): Server | undefined {
    const up = this.servers.filter((server) => server?.isUp);
    return up.length > 1 ? this.random.pick(up) : up[0];
  }

  /** Whether an error is one that its caller has to live with, and may try again after. */
  mayPass(error: unknown): boolean {
    if (error instanceof ConnectionLost) return true;
    if (error instanceof StoreFault) return this.faults || this.clock.now() - this.healedAt < 10_000;
    return (
      error instanceof EngineError &&
      error.problem.type === 'not_found' &&
      error.problem.resource === 'worker'
    );
  }

  violated(what: string): void {
    this.violations.push(what);
  }

  /** Notes what the store holds now. */
  committed(write: ExecutionWrite): void {
    const { execution, before, entry } = write;
    this.versions.committed(write);
    const { id, rootExecutionId: root, status, outbox } = execution;
    this.slots.committed(execution);
    this.noteUnfinished(execution);
    if (outbox.length === 0) this.outboxes.delete(id);
    else if (!this.outboxes.has(id)) this.outboxes.set(id, this.clock.now());
    if (!before) this.count(root, 1);
    if (entry) this.happened(root);
    const isHeldBack = execution.pausedFor === 'workers_lost' || execution.pausedFor === 'state_misfit';
    if (isHeldBack && !before?.pausedFor) void this.unpauseLater(id);
    if (entry && isFinal(status) && entry.events.some(({ type }) => isEnd(type))) this.count(root, -1);
    for (const step of entry?.steps ?? []) {
      if (step.type === 'recorded' || step.type === 'arrived') this.recorded.add(`${id} ${step.key}`);
      const wait = step.type === 'arrived' ? before?.waits[step.key] : undefined;
      if (wait?.kind === 'wait_for' && (wait.until ?? 0) > execution.updatedAt) {
        this.violated(
          `13: the wait ${step.key} of ${id} ended ${(wait.until ?? 0) - execution.updatedAt} ms early`,
        );
      }
    }
  }

  /** Has somebody resume a step, once, whatever becomes of the handler that asked for it. */
  resumeLater(
    executionId: string,
    { key, afterMs, value }: Extract<AwaitedOperation, { type: 'resume' }>,
  ): void {
    const name = `${executionId} ${key}`;
    if (this.resumed.has(name)) return;
    this.resumed.add(name);
    void this.sleep(afterMs).then(() => this.resume(executionId, key, value));
  }

  /** Has somebody publish a value, once; see `resumeLater`. */
  publishLater(topic: string, { afterMs, value }: Extract<AwaitedOperation, { type: 'event' }>): void {
    if (this.resumed.has(topic)) return;
    this.resumed.add(topic);
    void this.sleep(afterMs).then(() => this.publish(topic, value));
  }

  /** Publishes a value, once, however often that takes. */
  publish(topic: string, value: string | number): Promise<void> {
    const json = JSON.stringify(value);
    const publication = { topic, events: [{ type: 'said', data: { json } }] };
    const once = { idempotencyKey: json, digest: json };
    return this.untilAnswered('publication', async (engine) => {
      await engine.publish(PROJECT, { ...publication, ...once });
    });
  }

  private resume(executionId: string, stepKey: string, value: number): Promise<void> {
    const given = { stepKey, data: { json: `${value}` } };
    return this.untilAnswered('resume', (engine) => engine.resume(PROJECT, executionId, given));
  }

  /** The one who looks after executions at which too many workers were lost, or which did not fit the code. */
  private async unpauseLater(executionId: string): Promise<void> {
    await this.sleep(this.random.between(0, 10_000));
    await this.untilAnswered('unpause', (engine) => engine.unpause(PROJECT, executionId));
  }

  /** Asks, sometimes twice, until there is an answer: also that the execution is final. */
  private async untilAnswered(what: string, ask: (engine: Engine) => Promise<void>): Promise<void> {
    for (;;) {
      if (this.faults && this.random.chance(0.2)) this.call(ask).catch(() => {});
      try {
        return await this.call(ask);
      } catch (error) {
        const isClosed = error instanceof EngineError && error.problem.type === 'rejected';
        const isOver = isClosed && error.problem.rejection.type === 'closed';
        if (isOver) return;
        if (!this.mayPass(error))
          return this.violated(`a ${what} met ${(error as Error).stack} ${JSON.stringify(error)}`);
        await this.sleep(this.random.between(50, 2_000));
      }
    }
  }

  /** Runs a step's body; promises 3 and 4. */
  async body(step: {
    readonly executionId: string;
    readonly root: string;
    readonly key: string;
    readonly epoch: number;
    readonly ms: number;
    /** Whether the worker lives and its lease is not over. */
    readonly isGuarded: () => boolean;
  }): Promise<void> {
    const { executionId, root, key, epoch, ms, isGuarded } = step;
    const name = `${executionId} ${key}`;
    if (this.recorded.has(name)) this.violated(`3: the body of ${name} ran again`);
    const others = this.underWay.get(name) ?? new Set();
    if ([...others].some((isOtherGuarded) => isOtherGuarded()))
      this.violated(`4: the body of ${name} ran in epoch ${epoch} while another worker was at it`);
    this.underWay.set(name, others.add(isGuarded));
    if (this.bodies.has(`${name} ${epoch}`))
      this.violated(`4: the body of ${name} ran twice in epoch ${epoch}`);
    this.bodies.add(`${name} ${epoch}`);
    this.running.set(root, (this.running.get(root) ?? 0) + 1);
    await this.sleep(ms);
    others.delete(isGuarded);
    this.running.set(root, (this.running.get(root) ?? 0) - 1);
    this.happened(root);
  }

  happened(root: string): void {
    if (this.open.has(root)) this.active.set(root, this.clock.now());
  }

  get isIdle(): boolean {
    return this.open.size === 0 && this.outboxes.size === 0;
  }

  private noteUnfinished(execution: Execution): void {
    const unfinished = this.unfinished.get(execution.rootExecutionId) ?? new Map<string, Execution>();
    this.unfinished.set(execution.rootExecutionId, unfinished);
    if (isFinal(execution.status)) unfinished.delete(execution.id);
    else unfinished.set(execution.id, execution);
  }

  /** Whether a tree waits for a slot that others hold: it is theirs to go on. */
  private async isHeldUp(root: string): Promise<boolean> {
    const waits = [...(this.unfinished.get(root)?.values() ?? [])].map((each) => this.slots.isHeldUp(each));
    return (await Promise.all(waits)).includes(true);
  }

  private count(root: string, change: number): void {
    const open = (this.open.get(root) ?? 0) + change;
    if (open > 0) this.open.set(root, open);
    else this.open.delete(root);
    if (open === 0) this.active.delete(root);
  }

  private async checkProgress(): Promise<void> {
    const silence = (since: number) => this.clock.now() - Math.max(since, this.healedAt);
    for (const [root, at] of this.active) {
      if (this.running.get(root) || silence(at) <= STUCK_MS || (await this.isHeldUp(root))) continue;
      this.violated(`24: nothing happened to ${root} for ${silence(at)} ms`);
    }
    for (const [id, at] of this.outboxes) {
      if (silence(at) > STUCK_MS)
        this.violated(`24: a message of ${id} was not delivered for ${silence(at)} ms`);
    }
  }
}

function isEnd(eventType: string): boolean {
  return ['workflow_finish', 'workflow_fail', 'workflow_cancel', 'workflow_timeout'].includes(eventType);
}
