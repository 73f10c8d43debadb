import { PolosClient } from '@polos/sdk';
import type { Home } from './home.js';
import { type ServerProcess, startServerProcess } from './server-process.js';
import { startWorkerProcess } from './worker-process.js';

/** What something took. */
export interface Usage {
  readonly milliseconds: number;
  readonly serverSeconds: number;
  readonly mongodSeconds: number;
  readonly memoryMiB: number;
  /** What server and database wrote to the disk, as far as the kernel says so. */
  readonly writtenBytes: number;
}

/** A server, a worker in a process of its own, and a client. */
export class Stage {
  private readonly home: Home;
  private server: ServerProcess;
  private worker: { stop(): Promise<void> };
  client: PolosClient;

  private constructor(home: Home, server: ServerProcess, worker: { stop(): Promise<void> }) {
    this.home = home;
    this.server = server;
    this.worker = worker;
    this.client = new PolosClient({ apiUrl: server.url });
  }

  static async open(home: Home): Promise<Stage> {
    const server = await startServerProcess(home);
    return new Stage(home, server, await startWorkerProcess(server.url));
  }

  /** New processes, on the same data. */
  async restart(): Promise<void> {
    await this.leave();
    this.server = await startServerProcess(this.home);
    this.worker = await startWorkerProcess(this.server.url);
    this.client = new PolosClient({ apiUrl: this.server.url });
  }

  /** Does something, and measures what it took. The server must be the same one at its end. */
  async measure<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly usage: Usage }> {
    const before = await this.server.usage();
    const mongodBefore = this.home.usage();
    const started = performance.now();
    const value = await work();
    const milliseconds = performance.now() - started;
    const after = await this.server.usage();
    const serverSeconds = after.cpuSeconds - before.cpuSeconds;
    const mongodAfter = this.home.usage();
    const mongodSeconds = mongodAfter.cpuSeconds - mongodBefore.cpuSeconds;
    const writtenBytes =
      after.writtenBytes - before.writtenBytes + mongodAfter.writtenBytes - mongodBefore.writtenBytes;
    const { memoryMiB } = after;
    return { value, usage: { milliseconds, serverSeconds, mongodSeconds, memoryMiB, writtenBytes } };
  }

  async close(): Promise<void> {
    await this.leave();
    await this.home.stop();
  }

  private async leave(): Promise<void> {
    this.client.close();
    await this.worker.stop();
    await this.server.stop();
  }
}
