import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Document } from 'mongodb';
import { command } from '../mongodb/command.js';
import { mongodPath } from '../mongodb/mongod.js';
import { until } from '../mongodb/until.js';

/** What is to go wrong: https://github.com/mongodb/mongo/wiki/The-%22failCommand%22-fail-point */
export interface CommandFailure {
  readonly failCommands: readonly string[];
  /** Only for clients of this name. */
  readonly appName?: string;
  readonly closeConnection?: true;
  readonly errorCode?: number;
  /** The command is carried out, and only this says that it may not last. */
  readonly writeConcernError?: { readonly code: number; readonly errmsg: string };
}

/** How often, and after how many that go well. */
export type FailureMode = 'alwaysOn' | 'off' | { readonly times: number } | { readonly skip: number };

/** A mongod, primary of a replica set of one, that fails on demand. */
export class FailingMongod {
  readonly url: string;
  readonly #port: number;
  readonly #directory: string;
  readonly #child: ChildProcess;

  private constructor(port: number, directory: string, child: ChildProcess) {
    this.url = `mongodb://127.0.0.1:${port}/?replicaSet=rs0`;
    this.#port = port;
    this.#directory = directory;
    this.#child = child;
  }

  static async start(): Promise<FailingMongod> {
    const directory = await mkdtemp(join(tmpdir(), 'polos-mongodb-'));
    const port = await freePort();
    const child = spawn(mongodPath()!, [
      ...['--replSet', 'rs0', '--port', `${port}`, '--bind_ip', '127.0.0.1', '--nounixsocket', '--quiet'],
      ...['--dbpath', directory, '--logpath', join(directory, 'log'), '--wiredTigerCacheSizeGB', '0.25'],
      ...[
        '--setParameter',
        'diagnosticDataCollectionEnabled=false',
        '--setParameter',
        'enableTestCommands=1',
      ],
    ]);
    const mongod = new FailingMongod(port, directory, child);
    const members = [{ _id: 0, host: `127.0.0.1:${port}` }];
    await until('mongod', () => command(port, { replSetInitiate: { _id: 'rs0', members } }));
    await until('a primary', async () => (await command(port, { hello: 1 })).isWritablePrimary || undefined);
    return mongod;
  }

  /** Commands fail from now on. Replaces what was said before. */
  async failCommands(data: CommandFailure, mode: FailureMode): Promise<void> {
    await this.#configure('failCommand', { mode, data });
  }

  /** The next write that can be repeated is carried out, and its connection closed. */
  async loseNextAnswer(): Promise<void> {
    await this.#configure('onPrimaryTransactionalWrite', {
      mode: { times: 1 },
      data: { closeConnection: true },
    });
  }

  /** Nothing fails any more. */
  async heal(): Promise<void> {
    await this.#configure('failCommand', { mode: 'off' });
    await this.#configure('onPrimaryTransactionalWrite', { mode: 'off' });
  }

  /** Ends it, and removes its data. */
  async stop(): Promise<void> {
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exit;
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #configure(name: string, settings: Document): Promise<void> {
    await command(this.#port, { configureFailPoint: name, ...settings });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('a server has an address');
  return address.port;
}
