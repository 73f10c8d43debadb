import type { Execution } from '../core/execution.js';
import { MemoryDatabase, openMemoryStore } from '../store/memory/memory-store.js';
import type { Store } from '../store/store.js';
import type * as api from './api.js';
import { Engine, type EngineOptions } from './engine.js';
import { HandClock, settled } from './hand-clock.mjs';

// For tests only; `.mts`, so that the build of `src/**/*.ts` leaves it out.

/** How long leases last in these tests. */
export const LEASE_MS = 30_000;

/** The project that everything belongs to unless a test says otherwise. */
export const PROJECT = 'p1';

/** An engine over a memory store, with a clock to turn, and its API with what no test cares about filled in. */
export class Harness {
  readonly clock: HandClock;
  readonly faults: unknown[] = [];
  readonly store: Store;
  engine: Engine;
  private readonly options: Partial<EngineOptions>;
  /** How many completions there were under each lease. */
  private sequences = new Map<string, number>();

  constructor(store = openMemoryStore(), clock = new HandClock(), options: Partial<EngineOptions> = {}) {
    this.store = store;
    this.clock = clock;
    this.options = options;
    this.engine = this.newEngine();
  }

  /** An engine that has taken up where the last one on the store left off. */
  static async open(store?: Store, options?: Partial<EngineOptions>): Promise<Harness> {
    const harness = new Harness(store, undefined, options);
    await harness.engine.start();
    await settled();
    return harness;
  }

  /** Engines beside each other on one database, as if each were in a process of its own. */
  static async openBeside(
    count: number,
    around: (store: Store, place: number) => Store = (store) => store,
  ): Promise<Harness[]> {
    const database = new MemoryDatabase();
    const clock = new HandClock();
    const harnesses = Array.from(
      { length: count },
      (_, place) => new Harness(around(openMemoryStore(database), place), clock),
    );
    const sequences = new Map<string, number>();
    for (const harness of harnesses) {
      harness.sequences = sequences;
      await harness.engine.start();
    }
    await settled();
    return harnesses;
  }

  /** Another engine on the same store, after this one has stopped or as if it had died. */
  async restart(): Promise<void> {
    this.engine = this.newEngine();
    await this.engine.start();
    await settled();
  }

  async invoke(asked: Partial<api.InvokeRequest> = {}): Promise<string> {
    return (await this.invokeFully(asked)).executionId;
  }

  invokeFully(asked: Partial<api.InvokeRequest> = {}): Promise<api.Invoked> {
    return this.engine.invoke({
      ...{ projectId: PROJECT, workflowId: 'order', requestDigest: 'd', priority: 0, startDelayMs: 0 },
      ...{ searchAttributes: {}, ...asked },
    });
  }

  /** Registers a worker for some workflows, by id or by definition; answers the worker's id. */
  async register(
    workflows: readonly (string | Partial<api.WorkflowDefinition>)[] = ['order'],
    said: Partial<api.WorkerRegistration> = {},
  ): Promise<string> {
    return (await this.registerFully(workflows, said)).workerId;
  }

  registerFully(
    workflows: readonly (string | Partial<api.WorkflowDefinition>)[],
    said: Partial<api.WorkerRegistration> = {},
  ): Promise<api.RegisteredWorker> {
    return this.engine.registerWorker({
      ...{ projectId: PROJECT, queues: [], deploymentId: '', buildId: '', sdkName: 'test', sdkVersion: '1' },
      ...{ identity: 'test', maxConcurrentExecutions: 100, ...said },
      workflows: workflows.map((workflow) => ({
        ...{ id: 'order', description: '', schemas: {} },
        ...(typeof workflow === 'string' ? { id: workflow } : workflow),
      })),
    });
  }

  /** One Poll; waits for 30 s of the clock unless told otherwise. */
  poll(workerId: string, said: Partial<api.Wait & { readonly max: number }> = {}) {
    const wait = { max: 1, waitMs: 30_000, signal: new AbortController().signal, ...said };
    return this.engine.poll(PROJECT, workerId, wait);
  }

  /** What a Poll brings that is there already. */
  async takeAll(workerId: string, max = 1_000): Promise<readonly api.Assignment[]> {
    const patience = new AbortController();
    const polled = this.poll(workerId, { max, signal: patience.signal });
    await settled();
    patience.abort();
    return polled;
  }

  /** The one execution that is there already. */
  async take(workerId: string): Promise<api.Assignment> {
    const [assignment] = await this.takeAll(workerId, 1);
    if (!assignment) throw new Error('nothing to take');
    return assignment;
  }

  /** Opens a Work stream that notes what it is sent. */
  async openWork(workerId: string): Promise<Stream> {
    const stream = new Stream();
    stream.session = await this.engine.openWork(PROJECT, workerId, stream);
    return stream;
  }

  /** The next completion under an assignment's lease. */
  complete({ lease }: api.Assignment, ...actions: readonly api.WorkerAction[]): Promise<api.Completion> {
    const key = `${lease.executionId} ${lease.epoch}`;
    const sequence = (this.sequences.get(key) ?? 0) + 1;
    this.sequences.set(key, sequence);
    return this.completeAs(lease, sequence, actions);
  }

  completeAs(
    lease: api.LeaseRef,
    sequence: number,
    actions: readonly api.WorkerAction[],
  ): Promise<api.Completion> {
    const digest = JSON.stringify(actions);
    return this.engine.complete(PROJECT, { lease, sequence, digest, actions, stateUnsettled: false });
  }

  async execution(executionId: string): Promise<Execution> {
    return (await this.engine.getExecution(PROJECT, executionId)).execution;
  }

  async status(executionId: string): Promise<string> {
    return (await this.execution(executionId)).status;
  }

  /** The types of an execution's events so far. */
  async eventTypes(executionId: string): Promise<string[]> {
    const cursor = { afterEvent: 0, follow: false, signal: new AbortController().signal };
    const types: string[] = [];
    for await (const page of this.engine.events(PROJECT, executionId, cursor)) {
      for (const event of page) types.push(event.type);
    }
    return types;
  }

  private newEngine(): Engine {
    const { store, clock, options } = this;
    const fault = (error: unknown) => this.faults.push(error);
    return new Engine({ store, clock, leaseMs: LEASE_MS, fault, ...options });
  }
}

/** The worker's end of a Work stream. */
export class Stream implements api.WorkSink {
  readonly assignments: api.Assignment[] = [];
  readonly notices: api.WorkNotice[] = [];
  session: api.WorkSession = { grant() {}, touch() {}, drain() {}, close() {} };

  assign(assignment: api.Assignment): void {
    this.assignments.push(assignment);
  }

  notify(notice: api.WorkNotice): void {
    this.notices.push(notice);
  }
}

/** The handler returned nothing. */
export const DONE = { type: 'complete_execution' } as const satisfies api.WorkerAction;

/** The handler waits. */
export const SUSPEND = { type: 'suspend_execution', isKept: false } as const satisfies api.WorkerAction;

/** The handler returned this. */
export function done(json: string): api.WorkerAction {
  return { ...DONE, result: { json } };
}

/** A finished step. */
export function step(key: string, json = '1'): api.WorkerAction {
  return {
    type: 'record_step',
    key,
    kind: 'run',
    outcome: { type: 'completed', result: { json } },
    attempts: [],
  };
}

/** A child that the code waits for. */
export function child(
  key: string,
  workflowId = 'child',
  more: Partial<api.WorkerChild> = {},
): api.WorkerAction {
  return { type: 'start_child', key, waits: true, child: { workflowId, priority: 0, ...more } };
}

/** Children of one step; as many of the same workflow as the number says. */
export function children(
  key: string,
  asked: number | readonly Partial<api.WorkerChild>[],
  { waits = true } = {},
): api.WorkerAction {
  const list = typeof asked === 'number' ? Array.from({ length: asked }, (_, n) => numbered(n)) : asked;
  const all = list.map((each) => ({ workflowId: 'child', priority: 0, ...each }));
  return { type: 'start_children', key, waits, children: all };
}

function numbered(n: number): Partial<api.WorkerChild> {
  return { payload: { json: String(n) } };
}

/** The outcome of a child, delivered. */
export function accept(key: string): api.WorkerAction {
  return { type: 'accept_outcome', key };
}

/** A change of the whole state. */
export function state(
  baseRevision: number,
  value: { readonly [key: string]: never } | object,
): api.WorkerAction {
  const document = { value: value as never, bytes: Buffer.byteLength(JSON.stringify(value)) };
  return { type: 'change_state', baseRevision, change: { document } };
}

/** What a promise came to, if it has come to anything by now. */
export async function soFar<T>(promise: Promise<T>): Promise<T | 'pending'> {
  await settled();
  return Promise.race([promise, settled().then(() => 'pending' as const)]);
}
