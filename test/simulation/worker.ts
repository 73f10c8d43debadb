import type { StepRecord } from '../../server/src/core/step.js';
import type {
  Assignment,
  LeaseRef,
  LeaseReport,
  WorkNotice,
  WorkSession,
} from '../../server/src/engine/api.js';
import { Handler } from './handler.js';
import type { Server } from './server.js';
import { type Build, FIRST_BUILD } from './versions.js';
import { ConnectionLost, PROJECT, type World } from './world.js';

/** The workflows of all programs. */
export const WORKFLOWS = ['w0', 'w1', 'w2'];

const CAPACITY = 20;
const HEARTBEAT_MS = 10_000;

/** A worker process that crashes, is held up, and connects again, over and over. */
export class Worker {
  private readonly world: World;
  private readonly streams: boolean;
  private readonly handlers = new Map<string, Handler>();
  /** What the code of executions that wait had seen, as far as it is kept. */
  private readonly kept = new Map<string, ReadonlyMap<string, StepRecord>>();
  /** Lost leases under which nothing runs any more, until the server has taken note of them. */
  private readonly released = new Set<LeaseRef>();
  private workerId = '';
  /** Grows with each crash: what an earlier life began has no effect any more. */
  private life = 0;
  private build = FIRST_BUILD;
  private held: Promise<void> = Promise.resolve();

  constructor(world: World, { streams }: { readonly streams: boolean }) {
    this.world = world;
    this.streams = streams;
  }

  start(): void {
    this.life += 1;
    this.held = Promise.resolve();
    this.handlers.clear();
    this.kept.clear();
    this.released.clear();
    const { life } = this;
    const serve = this.streams ? () => this.stream(life) : () => this.poll(life);
    void this.forever(life, serve);
  }

  /** Loses everything in memory, and starts anew a little later, with other code if it is given. */
  async crash(build: Build = this.build): Promise<void> {
    this.life += 1;
    this.build = build;
    await this.world.sleep(this.world.random.between(0, 10_000));
    this.start();
  }

  /** Does nothing for a while, and then goes on as if nothing had been. */
  holdUp(ms: number): void {
    this.held = this.world.sleep(ms);
  }

  /** Waits while the process is held up; false if this life is over. */
  async goesOn(life: number): Promise<boolean> {
    await this.held;
    return life === this.life;
  }

  private async forever(life: number, serve: () => Promise<void>): Promise<void> {
    while (await this.goesOn(life)) {
      try {
        await serve();
      } catch (error) {
        if (!this.world.mayPass(error))
          this.world.violated(`a worker met ${(error as Error).stack} ${JSON.stringify(error)}`);
        await this.world.sleep(this.world.random.between(100, 1_000));
      }
    }
  }

  private async register(): Promise<string> {
    const { build } = this;
    const { stateVersion } = build;
    const { workerId } = await this.world.call((engine) =>
      engine.registerWorker({
        ...{
          projectId: PROJECT,
          queues: [],
          deploymentId: `version ${stateVersion}`,
          buildId: build.isBroken ? 'broken' : '',
          sdkName: 'simulation',
          sdkVersion: '',
        },
        ...{ identity: '', maxConcurrentExecutions: CAPACITY },
        workflows: WORKFLOWS.map((id) => ({
          ...{ id, description: '', schemas: {} },
          // Version 1 is what nobody says.
          ...(stateVersion > 1 && { stateVersion }),
        })),
      }),
    );
    this.workerId = workerId;
    this.world.versions.registered(workerId, build);
    return workerId;
  }

  /** One registration's worth of polling. */
  private async poll(life: number): Promise<void> {
    const workerId = await this.register();
    let isOver = false;
    const heart = this.beat(life, workerId, () => isOver);
    try {
      while (await this.goesOn(life)) {
        const max = CAPACITY - this.handlers.size;
        const wait = { max, waitMs: 10_000, signal: new AbortController().signal };
        const taken = max > 0 ? await this.world.call((engine) => engine.poll(PROJECT, workerId, wait)) : [];
        if (max === 0) await this.world.sleep(500);
        for (const assignment of taken) this.take(life, assignment, () => {});
      }
    } catch (error) {
      // Judged now: the heart may be held up for long.
      throw this.world.mayPass(error) ? new ConnectionLost(String(error)) : error;
    } finally {
      isOver = true;
      await heart;
    }
  }

  /** One Work stream's worth of work. */
  private async stream(life: number): Promise<void> {
    const workerId = await this.register();
    const server = this.world.upServer;
    if (!server) return;
    const session = await this.openStream(life, server, workerId);
    session.grant(Math.max(1, CAPACITY - this.handlers.size));
    const breaks = this.world.clock.now() + this.world.random.between(20_000, 120_000);
    let isOver = false;
    const heart = this.beat(life, workerId, () => isOver);
    while (
      (await this.goesOn(life)) &&
      server.isUp &&
      !(this.world.faults && this.world.clock.now() > breaks)
    ) {
      await this.world.sleep(500);
    }
    session.close();
    isOver = true;
    await heart;
  }

  private async openStream(life: number, server: Server, workerId: string): Promise<WorkSession> {
    const session: WorkSession = await server.engine.openWork(PROJECT, workerId, {
      assign: (assignment) => {
        void this.goesOn(life).then((goesOn) => {
          if (goesOn) this.take(life, assignment, () => server.isUp && session.grant(1));
        });
      },
      notify: (notice) => {
        void this.goesOn(life).then((goesOn) => goesOn && this.hear(notice));
      },
    });
    return session;
  }

  private take(life: number, assignment: Assignment, done: () => void): void {
    const { executionId } = assignment.lease;
    const { world } = this;
    const process = {
      world,
      build: this.build,
      goesOn: () => this.goesOn(life),
      isAlive: () => life === this.life,
      keep: (id: string, outcomes: ReadonlyMap<string, StepRecord>) => {
        if (life !== this.life || world.random.chance(0.3)) return false;
        this.kept.set(id, outcomes);
        return true;
      },
      takeKept: (id: string) => this.takeKept(id),
    };
    const handler = new Handler(process, assignment);
    this.handlers.set(executionId, handler);
    void handler.run().finally(() => {
      if (this.handlers.get(executionId) === handler) this.handlers.delete(executionId);
      done();
      if (handler.isLost) void this.release(life, handler.lease);
    });
  }

  /** Says at once that it has let go of a lost lease; if that gets lost, the next heartbeat says it again. */
  private async release(life: number, lease: LeaseRef): Promise<void> {
    if (!(await this.goesOn(life))) return;
    this.released.add(lease);
    await this.extend(this.workerId, []);
  }

  /** What was kept, unless there was no room for it any more. */
  private takeKept(executionId: string): ReadonlyMap<string, StepRecord> | undefined {
    const kept = this.kept.get(executionId);
    this.kept.delete(executionId);
    return this.world.random.chance(0.2) ? undefined : kept;
  }

  /** Heartbeats for what it holds, as long as the registration is good. */
  private async beat(life: number, workerId: string, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await this.world.sleep(HEARTBEAT_MS);
      if (!(await this.goesOn(life)) || isOver()) return;
      const leases = [...this.handlers.values()].map(({ lease }) => lease);
      await this.extend(workerId, leases);
    }
  }

  private async extend(workerId: string, leases: readonly LeaseRef[]): Promise<void> {
    const released = [...this.released];
    try {
      const reports = await this.world.call((engine) =>
        engine.extendLeases(PROJECT, workerId, leases, released),
      );
      for (const lease of released) this.released.delete(lease);
      for (const report of reports) this.hear({ ...report, leaseLost: !report.held });
    } catch (error) {
      if (!this.world.mayPass(error)) this.world.violated(`a heartbeat met ${String(error)}`);
    }
  }

  private hear({ executionId, epoch, ...news }: WorkNotice & Partial<LeaseReport>): void {
    const handler = this.handlers.get(executionId);
    if (handler?.lease.epoch === epoch) handler.hear(news);
  }
}
