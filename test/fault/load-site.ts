import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PolosClient } from '@polos/sdk';
import { onTestFailed, onTestFinished } from 'vitest';
import { Balancer } from './balancer.js';
import { Load } from './load.js';
import { LoadJournal } from './load-journal.js';
import { freshDirectory, Program, ServerProgram } from './processes.js';

/** How soon a silent worker loses its work. */
export const LEASE_MS = 5_000;
const STEP_MS = 100;
const CONNECTIONS = 4;
/** Of what the servers logged, where a test failed. */
const LOG_LINES_MAX = 20;

/** How large a site is. */
export interface SiteOptions {
  /** The database that the servers share; missing for the embedded store, which takes one server. */
  readonly mongodbUrl?: string;
  readonly servers: number;
  readonly workers: number;
}

/** Server processes on one store behind a balancer, and worker processes and a load that know the balancer only. */
export class Site {
  readonly journal: LoadJournal;
  readonly load: Load;
  /** Those that were not killed. */
  readonly servers: ServerProgram[] = [];
  readonly #started: ServerProgram[] = [];
  readonly #balancer: Balancer;
  readonly #mongodbUrl: string | undefined;

  private constructor(parts: {
    readonly journal: LoadJournal;
    readonly load: Load;
    readonly balancer: Balancer;
    readonly mongodbUrl: string | undefined;
  }) {
    this.journal = parts.journal;
    this.load = parts.load;
    this.#balancer = parts.balancer;
    this.#mongodbUrl = parts.mongodbUrl;
  }

  /** Starts everything but the load. It ends with the test. */
  static async start({ mongodbUrl, servers, workers }: SiteOptions): Promise<Site> {
    const balancer = new Balancer();
    const journal = new LoadJournal(join(await freshDirectory(), 'journal'));
    const clients = await Promise.all(
      Array.from({ length: CONNECTIONS }, async () => {
        return new PolosClient({ apiUrl: await balancer.openEntrance() });
      }),
    );
    const site = new Site({ journal, load: new Load({ clients, journal }), balancer, mongodbUrl });
    onTestFinished(async () => {
      for (const client of clients) client.close();
      balancer.close();
      await Promise.all(site.servers.map((server) => server.kill()));
    });
    onTestFailed(() => console.error(site.incidents().slice(0, LOG_LINES_MAX).join('\n')));
    await Promise.all(Array.from({ length: servers }, () => site.addServer()));
    const url = await balancer.openEntrance();
    await Promise.all(Array.from({ length: workers }, (_, n) => startLoadWorker(url, `w${n}`, journal)));
    return site;
  }

  /** Starts one more server. */
  async addServer(): Promise<void> {
    const server = await ServerProgram.start({
      leaseMs: LEASE_MS,
      ...(this.#mongodbUrl !== undefined && { mongodbUrl: this.#mongodbUrl }),
      env: { POLOS_LOG_LEVEL: 'error' },
    });
    this.#started.push(server);
    this.servers.push(server);
    this.#balance();
  }

  /** What all servers logged of requests that failed for no reason that a server knows. */
  incidents(): string[] {
    return this.#started.flatMap(({ log }) => log.filter((line) => line.includes('"incident"')));
  }

  /** kill -9. The server is no longer counted among the site's. */
  async killServer(): Promise<void> {
    const [first, ...others] = this.servers;
    this.servers.splice(0, this.servers.length, ...others);
    await first?.kill();
    this.#balance();
  }

  #balance(): void {
    this.#balancer.use(this.servers.map(({ port }) => port));
  }
}

async function startLoadWorker(url: string, name: string, { path }: LoadJournal): Promise<void> {
  const script = fileURLToPath(new URL('programs/load-worker.mjs', import.meta.url));
  const env = { POLOS_API_URL: url, NAME: name, JOURNAL: path, STEP_MS: `${STEP_MS}` };
  const worker = new Program(script, [], env);
  onTestFinished(() => worker.signal('SIGKILL'));
  await worker.line('started');
}
