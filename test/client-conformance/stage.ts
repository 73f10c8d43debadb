import { ServerProgram } from '../fault/processes.js';
import { uniqueDatabase } from '../mongodb/shared.js';
import { DriverProcess, type Report } from './driver-process.js';
import type { Language } from './languages.js';

/** Where servers keep what they are given. */
export type StoreName = 'embedded' | 'mongodb';

/** Leases of servers where no worker dies: nothing but a fault lets one run out. */
const CALM_LEASE_MS = 60_000;
/** Leases of servers where workers are killed: each scenario waits for one to run out. */
const BRISK_LEASE_MS = 2_000;

/** How a server is set up. */
export interface ServerWish {
  readonly isBrisk: boolean;
  readonly apiKeys: readonly string[];
}

/** The servers and driver processes that scenarios share, each started when the first one needs it. */
export class Stage {
  readonly store: StoreName;
  readonly #servers = new Map<boolean, Promise<ServerProgram>>();
  readonly #drivers = new Map<string, DriverProcess>();
  readonly #listeners = new Map<string, (report: Report) => void>();
  readonly #cleanups: (() => unknown)[] = [];

  constructor(store: StoreName) {
    this.store = store;
  }

  /** The server that scenarios share. */
  server(isBrisk: boolean): Promise<ServerProgram> {
    const known = this.#servers.get(isBrisk);
    if (known !== undefined) return known;
    const started = this.ownServer({ isBrisk, apiKeys: [] });
    this.#servers.set(isBrisk, started);
    return started;
  }

  /** A server that nobody else uses. */
  async ownServer({ isBrisk, apiKeys }: ServerWish): Promise<ServerProgram> {
    const leaseMs = isBrisk ? BRISK_LEASE_MS : CALM_LEASE_MS;
    const env = apiKeys.length > 0 ? { POLOS_API_KEYS: apiKeys.join(',') } : {};
    if (this.store === 'embedded') return ServerProgram.start({ leaseMs, env });
    const { url } = await uniqueDatabase((drop) => this.#cleanups.push(drop));
    return ServerProgram.start({ leaseMs, env, mongodbUrl: url });
  }

  /** The driver of a language that scenarios share. */
  driver(language: Language): DriverProcess {
    const known = this.#drivers.get(language.name);
    if (known !== undefined) return known;
    const started = this.ownDriver(language);
    this.#drivers.set(language.name, started);
    return started;
  }

  /** A driver that nobody else uses. End it. */
  ownDriver(language: Language): DriverProcess {
    return new DriverProcess(language, (report) => this.#listeners.get(report.project ?? '')?.(report));
  }

  /** Has what drivers report of a project told to one scenario. */
  listen(project: string, listener: (report: Report) => void): void {
    this.#listeners.set(project, listener);
  }

  /** A scenario is over: nothing of its project is of interest any more. */
  forget(project: string): void {
    this.#listeners.delete(project);
  }

  /** Ends all that is shared. */
  async close(): Promise<void> {
    for (const driver of this.#drivers.values()) await driver.end('SIGKILL');
    for (const server of this.#servers.values()) await (await server).kill();
    for (const cleanUp of this.#cleanups) await cleanUp();
  }
}
