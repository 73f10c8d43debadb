import { setTimeout as wait } from 'node:timers/promises';
import { DriverProcess, type Report } from '../../client-conformance/driver-process.js';
import type { Language } from '../../client-conformance/languages.js';
import { Balancer } from '../../fault/balancer.js';
import { ServerProgram } from '../../fault/processes.js';
import type { Random } from '../../simulation/random.js';
import type { WorkflowScript } from './instructions.js';

/** How soon a silent worker loses its work. */
const LEASE_MS = 1_000;
const WORKERS = 2;
/** From a report of a worker to the kill. */
const LATE_MS_MAX = 40;
/** Reports of workers between two kills. */
const REPORTS_MAX = 6;
/** What is killed, in turn. */
const TARGETS = ['worker', 'both', 'worker', 'worker', 'server'] as const;

/** A call of a step's function. */
export interface Call {
  readonly executionId: string;
  readonly stepKey: string;
  /** When the worker was started that made it. */
  readonly workerAt: number;
}

interface WorkerProcess {
  readonly driver: DriverProcess;
  readonly name: string;
  readonly startedAt: number;
}

/** What a site is made of. */
export interface SiteOptions {
  readonly language: Language;
  /** Servers share it; missing for the embedded store, which takes one server. */
  readonly mongodbUrl?: string;
}

/** Server processes on one store, and worker processes that serve workflows that are data. Close it. */
export class KilledSite {
  /** Where all servers are to be found, whichever is there. */
  readonly url: string;
  /** Of the workers since `serve`. */
  readonly calls: Call[] = [];
  readonly #language: Language;
  readonly #balancer: Balancer;
  readonly #servers: readonly ServerProgram[];
  readonly #workers: WorkerProcess[] = [];
  /** Started, and serve nothing yet. */
  readonly #spare: DriverProcess[] = [];
  #project = '';
  #workflows: readonly WorkflowScript[] = [];
  #count = 0;
  #reported: () => void = () => {};
  /** The worker that has last called a step's function. */
  #reporter = '';

  private constructor(
    language: Language,
    site: { readonly url: string; readonly balancer: Balancer; readonly servers: readonly ServerProgram[] },
  ) {
    this.#language = language;
    this.url = site.url;
    this.#balancer = site.balancer;
    this.#servers = site.servers;
  }

  /** Starts the servers: two if they can share the store. */
  static async start({ language, mongodbUrl }: SiteOptions): Promise<KilledSite> {
    const options = { leaseMs: LEASE_MS, ...(mongodbUrl !== undefined && { mongodbUrl }) };
    const count = mongodbUrl === undefined ? 1 : 2;
    const servers = await Promise.all(Array.from({ length: count }, () => ServerProgram.start(options)));
    const balancer = new Balancer();
    balancer.use(servers.map(({ port }) => port));
    return new KilledSite(language, { url: await balancer.openEntrance(), balancer, servers });
  }

  /** Ends all processes. */
  async close(): Promise<void> {
    const drivers = [...this.#spare, ...this.#workers.map(({ driver }) => driver)];
    await Promise.all(drivers.map((driver) => driver.end('SIGKILL')));
    await Promise.all(this.#servers.map((server) => server.kill()));
    this.#balancer.close();
  }

  /** Has workers serve these workflows of a project, and no others any more. */
  async serve(project: string, workflows: readonly WorkflowScript[]): Promise<void> {
    this.#project = project;
    this.#workflows = workflows;
    this.calls.length = 0;
    const former = this.#workers.splice(0);
    await Promise.all(former.map(({ driver }) => driver.end('SIGKILL')));
    for (let n = 0; n < WORKERS; n++) this.#startWorker();
  }

  /**
   * Kills workers and servers with -9 while steps are running, and starts others in their place; no more often than that, for
   * all of it has to end.
   * @param signal ends it.
   * @returns what was killed, how often.
   */
  async wreak(
    random: Random,
    { kills, signal }: { readonly kills: number; readonly signal: AbortSignal },
  ): Promise<{ readonly workers: number; readonly servers: number }> {
    const killed = { workers: 0, servers: 0 };
    signal.addEventListener('abort', () => this.#reported());
    let restarted: Promise<void> = Promise.resolve();
    for (let turn = 0; turn < kills; turn++) {
      for (let left = random.between(1, REPORTS_MAX); left > 0; left--) await this.#nextCall(signal);
      if (signal.aborted) break;
      await wait(random.between(0, LATE_MS_MAX));
      const target = TARGETS[turn % TARGETS.length];
      if (target !== 'server') {
        await this.#killWorker(random);
        killed.workers += 1;
      }
      if (target !== 'worker') {
        const server = random.pick(this.#servers);
        await restarted;
        await server.kill();
        // Where there is another one, workers go on, and are killed meanwhile.
        restarted = server.restart();
        restarted.catch(() => {});
        killed.servers += 1;
      }
    }
    await restarted;
    return killed;
  }

  async #nextCall(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      this.#reported = resolve;
    });
  }

  async #killWorker(random: Random): Promise<void> {
    const reporter = this.#workers.findIndex(({ name }) => name === this.#reporter);
    const place = reporter >= 0 && random.chance(0.75) ? reporter : random.between(0, WORKERS - 1);
    const [victim] = this.#workers.splice(place, 1);
    await victim?.driver.end('SIGKILL');
    this.#startWorker();
  }

  #startWorker(): void {
    this.#count += 1;
    const name = `w${this.#count}`;
    const startedAt = performance.now();
    const driver = this.#spare.pop() ?? this.#newDriver();
    this.#workers.push({ driver, name, startedAt });
    const asked = driver.ask({
      do: 'startWorker',
      url: this.url,
      project: this.#project,
      worker: name,
      workflows: this.#workflows,
      unattended: true,
    });
    // Killed before it was ready.
    asked.catch(() => {});
    this.#spare.push(this.#newDriver());
  }

  #newDriver(): DriverProcess {
    return new DriverProcess(this.#language, (report) => this.#note(report));
  }

  #note({ event, worker, step, execution }: Report & { readonly execution?: string }): void {
    const by = this.#workers.find(({ name }) => name === worker);
    if (event !== 'ran' || by === undefined) return;
    this.calls.push({ executionId: execution ?? '', stepKey: step ?? '', workerAt: by.startedAt });
    this.#reporter = by.name;
    this.#reported();
  }
}
