import { type Execution, isFinal } from '../../server/src/core/execution.js';
import type { Assignment, LeaseRef, WorkerAction } from '../../server/src/engine/api.js';
import { Engine } from '../../server/src/engine/engine.js';
import { EngineError } from '../../server/src/engine/errors.js';
import { HandClock, settled } from '../../server/src/engine/hand-clock.mjs';
import { slotsFrom, slotsGroup } from '../../server/src/engine/slot-record.js';
import { intercepted } from '../../server/src/engine/slow-store.mjs';
import { MemoryDatabase, openMemoryStore } from '../../server/src/store/memory/memory-store.js';
import { type ExecutionWrite, type Store, StoreFault } from '../../server/src/store/store.js';
import type { Random } from './random.js';
import { SlotWatch } from './slot-watch.js';

const PROJECT = 'p';
const LEASE_MS = 30_000;
const WORKFLOWS = ['w0', 'w1'];
const KEYS = [undefined, undefined, 'x', 'y'];

/** How long all may take to end once nothing goes wrong any more. */
const PATIENCE_MS = 300_000;

/** The limits of the queues. */
type Limits = Readonly<Record<string, number>>;

/**
 * Servers that share a store and die between any two calls of it, executions of limited queues, and everything that
 * makes an execution want a slot or give one up, at random. After each commit no more run than may.
 */
export class LimitedQueues {
  readonly violations: string[] = [];
  /** How many ran with a slot, in all. */
  granted = 0;
  private readonly random: Random;
  private readonly limits: Limits;
  private readonly watch: SlotWatch;
  private readonly clock = new HandClock();
  private readonly database = new MemoryDatabase();
  private readonly store = openMemoryStore(this.database);
  private readonly servers: Server[] = [];
  private readonly latest = new Map<string, Execution>();
  private readonly held: { readonly lease: LeaseRef; sequence: number }[] = [];
  private faults = true;
  private worker = '';

  constructor(random: Random, limits: Limits) {
    this.random = random;
    this.limits = limits;
    this.watch = new SlotWatch(this.store, limits, (what) => this.violations.push(what));
  }

  /** Plays so many rounds, then lets everything end, and checks what is left. */
  async play(rounds: number): Promise<void> {
    this.faults = false;
    for (let place = 0; place < 3; place++) await this.startServer(place);
    await this.register();
    await this.clock.turn(1_000);
    this.faults = true;
    for (let round = 0; round < rounds && this.violations.length === 0; round++) {
      for (let count = this.random.between(1, 4); count > 0; count--) this.doSomething();
      await this.clock.turn(this.random.pick([0, 0, 10, 500, 3_000, 12_000]));
    }
    this.faults = false;
    await this.clock.turn(12_000);
    await this.finish();
    if (this.violations.length === 0) await this.checkLeft();
  }

  private doSomething(): void {
    const { random } = this;
    const roll = random.next();
    const id = this.latest.size > 0 ? random.pick([...this.latest.keys()]) : undefined;
    const ask = (call: (engine: Engine) => Promise<unknown>) => void this.ask(call);
    if (roll < 0.3) ask((engine) => this.invoke(engine));
    else if (roll < 0.55) ask((engine) => this.poll(engine, random.between(1, 4)));
    else if (roll < 0.8) this.act();
    else if (roll < 0.84) this.held.length = 0;
    else if (!id) return;
    else if (roll < 0.89) ask((engine) => engine.cancel(PROJECT, id));
    else if (roll < 0.94) ask((engine) => engine.pause(PROJECT, id));
    else ask((engine) => engine.unpause(PROJECT, id));
  }

  private invoke(engine: Engine): Promise<unknown> {
    const { random } = this;
    const concurrencyKey = random.pick(KEYS);
    return engine.invoke({
      ...{
        projectId: PROJECT,
        workflowId: random.pick(WORKFLOWS),
        queue: random.pick(Object.keys(this.limits)),
      },
      ...{ requestDigest: '', searchAttributes: {}, priority: random.between(-1, 1) },
      ...{ startDelayMs: random.chance(0.2) ? 2_000 : 0 },
      ...(concurrencyKey !== undefined && { concurrencyKey }),
    });
  }

  private async poll(engine: Engine, max: number): Promise<void> {
    const wait = { max, waitMs: this.random.pick([0, 1_000, 20_000]), signal: new AbortController().signal };
    for (const { lease } of await engine.poll(PROJECT, this.worker, wait))
      this.held.push({ lease, sequence: 0 });
  }

  /** One of the executions that the worker holds goes on. */
  private act(): void {
    const { random, held } = this;
    if (held.length === 0) return;
    const holding = held.splice(random.between(0, held.length - 1), 1)[0] as (typeof held)[number];
    holding.sequence += 1;
    const actions = random.pick(ENDINGS)(`${holding.lease.epoch}`);
    void this.ask((engine) => complete(engine, holding.lease, holding.sequence, actions));
  }

  /** Nothing goes wrong any more: everything has to come to its end. */
  private async finish(): Promise<void> {
    const end = this.clock.now() + PATIENCE_MS;
    for (const [id, { status }] of this.latest) {
      if (!isFinal(status)) await this.ask((engine) => engine.unpause(PROJECT, id));
    }
    while (this.violations.length === 0) {
      const open = [...this.latest.values()].filter(({ status }) => !isFinal(status));
      if (open.length === 0) return;
      if (this.clock.now() > end) {
        this.violations.push(
          `24: ${open.map(({ id, status, slot }) => `${id} ${status} ${JSON.stringify(slot)}`)}`,
        );
        return;
      }
      for (const { id, status } of open)
        if (status === 'paused') await this.ask((engine) => engine.unpause(PROJECT, id));
      await this.register();
      const taken: Assignment[] = [];
      void this.ask(async (engine) => {
        const wait = { max: 100, waitMs: 500, signal: new AbortController().signal };
        taken.push(...(await engine.poll(PROJECT, this.worker, wait)));
      });
      await this.clock.turn(1_000);
      for (const { lease } of taken)
        void this.ask((engine) => complete(engine, lease, 1, [{ type: 'complete_execution' }]));
      await settled();
    }
  }

  /** Nobody holds a slot, waits for one or has something to tell. */
  private async checkLeft(): Promise<void> {
    await this.clock.turn(40_000);
    for (const [id, { outbox }] of this.latest) {
      if (outbox.length > 0) this.violations.push(`24: ${id} has ${JSON.stringify(outbox)}`);
    }
    for (const queue of Object.keys(this.limits)) {
      const query = { group: slotsGroup({ projectId: PROJECT, queue }), limit: 100 };
      for (const record of await this.store.listRecords(query)) {
        const { holders } = slotsFrom(record);
        if (holders.length > 0) this.violations.push(`a slot of ${queue} leaked: ${JSON.stringify(holders)}`);
      }
    }
  }

  private committed({ execution }: ExecutionWrite): void {
    this.latest.set(execution.id, execution);
    this.watch.committed(execution);
    if (execution.status === 'running') this.granted += 1;
  }

  /** Asks a server that is up; what goes wrong is nobody's concern here. */
  private async ask(call: (engine: Engine) => Promise<unknown>): Promise<void> {
    const server = this.random.pick(this.servers);
    try {
      await server.whileAlive(call(server.engine));
    } catch (error) {
      if (!(error instanceof EngineError || error instanceof StoreFault || error instanceof Died))
        throw error;
    }
  }

  private async register(): Promise<void> {
    await this.ask(async (engine) => {
      const { workerId } = await engine.registerWorker({
        ...{ projectId: PROJECT, queues: [], deploymentId: '', buildId: '', sdkName: '', sdkVersion: '' },
        ...{ identity: '', maxConcurrentExecutions: 100 },
        workflows: [
          ...WORKFLOWS.map((id) => ({ id, description: '', schemas: {} })),
          ...Object.entries(this.limits).map(([queue, queueConcurrencyLimit]) => ({
            ...{ id: `declares ${queue}`, description: '', schemas: {}, queue, queueConcurrencyLimit },
          })),
        ],
      });
      this.worker = workerId;
    });
  }

  private async startServer(place: number): Promise<void> {
    const server = new Server(this.clock, (isAlive) => this.connect(place, isAlive), this.violations);
    this.servers[place] = server;
    await server.engine.start().catch(() => this.restart(place));
  }

  private restart(place: number): void {
    this.servers[place]?.die();
    this.clock.callAt(this.clock.now() + this.random.between(0, 8_000), () => void this.startServer(place));
  }

  private connect(place: number, isAlive: () => boolean): Store {
    const mishap = () => {
      if (!this.faults || !isAlive()) return;
      if (this.random.chance(0.004)) this.restart(place);
      else if (this.random.chance(0.01)) throw new StoreFault('the connection broke', { retryable: true });
    };
    const pause = async () => {
      for (let turns = this.random.between(0, 8); turns > 0; turns--) await undefined;
    };
    return intercepted(openMemoryStore(this.database), async (method, carryOut, args) => {
      await pause();
      mishap();
      // What is under way when its sender dies may still be carried out.
      if (!isAlive() && this.random.chance(0.5)) return forever();
      const answer = await carryOut();
      if (method === 'commit' && answer === 'committed') this.committed(args[0] as ExecutionWrite);
      await pause();
      mishap();
      return isAlive() ? answer : forever();
    });
  }
}

class Died extends Error {
  override readonly name = 'Died';
}

/** An engine that can be killed at any moment. */
class Server {
  readonly engine: Engine;
  private isAlive = true;
  private proclaim: (error: Died) => void = () => {};
  private readonly death: Promise<never>;

  constructor(clock: HandClock, connect: (isAlive: () => boolean) => Store, violations: string[]) {
    this.death = new Promise((_, reject) => {
      this.proclaim = reject;
    });
    this.death.catch(() => {});
    this.engine = new Engine({
      store: connect(() => this.isAlive),
      clock: {
        now: () => clock.now(),
        callAt: (at, call) => clock.callAt(at, () => this.isAlive && call()),
      },
      leaseMs: LEASE_MS,
      fault: (error) => {
        if (!(error instanceof StoreFault)) violations.push(`the engine failed: ${(error as Error).stack}`);
      },
    });
  }

  die(): void {
    this.isAlive = false;
    this.proclaim(new Died('the server died'));
  }

  /** An answer of this server's, unless it dies first. */
  whileAlive<T>(answer: Promise<T>): Promise<T> {
    return Promise.race([answer, this.death]);
  }
}

/** What a worker does with an execution, in one completion; the keys of steps are new in each epoch. */
const ENDINGS: readonly ((key: string) => readonly WorkerAction[])[] = [
  () => [{ type: 'complete_execution' }],
  () => [{ type: 'complete_execution' }],
  () => [{ type: 'fail_execution', failure: { type: 'Error', message: '', retryable: true } }],
  (key) => [
    { type: 'await_timer', key, delayMs: 3_000 },
    { type: 'suspend_execution', isKept: false },
  ],
  (key) => [
    { type: 'await_resume', key, timeoutMs: 5_000 },
    { type: 'suspend_execution', isKept: true },
  ],
];

function complete(engine: Engine, lease: LeaseRef, sequence: number, actions: readonly WorkerAction[]) {
  return engine.complete(PROJECT, { lease, sequence, digest: '', actions, stateUnsettled: false });
}

function forever(): Promise<never> {
  return new Promise(() => {});
}
