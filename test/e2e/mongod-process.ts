import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { command } from '../mongodb/command.js';
import { mongodPath } from '../mongodb/mongod.js';
import { until } from '../mongodb/until.js';

/** Beside those of test/mongodb, and below those that systems give to outgoing connections. */
const PORTS = { from: 30_000, to: 32_000 };
const ATTEMPTS_MAX = 5;

/** Ends with the test's process, however that ends, and takes mongod ($1) and its data ($2) along. */
const GUARD = `trap '' INT TERM HUP; read -r line; kill -9 "$1"; sleep 0.2; rm -rf "$2"`;

/** A mongod that is set up in another way than the shared one of test/mongodb. */
export interface MongodProcess {
  readonly port: number;
  /** `HOST:PORT`. */
  readonly host: string;
  /** Kills it, and removes its data. */
  stop(): Promise<void>;
}

/** Starts one that is no member of a replica set unless the arguments say so. */
export async function startMongod(...args: readonly string[]): Promise<MongodProcess> {
  const program = mongodPath();
  if (program === undefined) throw new Error('there is no mongod; npm test prepares one');
  for (let attempt = 1; ; attempt += 1) {
    const mongod = await startAt(randomInt(PORTS.from, PORTS.to), program, args);
    if (mongod !== undefined) return mongod;
    if (attempt === ATTEMPTS_MAX) throw new Error('no mongod could be started');
  }
}

/** Starts one that asks who its callers are, as a replica set of one with an administrator `root`, `secret`. */
export async function startMongodWithUsers(): Promise<MongodProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'polos-key-'));
  const keyFile = join(folder, 'key');
  writeFileSync(keyFile, 'aKeyThatMembersOfTheReplicaSetShare', { mode: 0o600 });
  const mongod = await startMongod('--replSet', 'rs0', '--auth', '--keyFile', keyFile);
  rmSync(folder, { recursive: true });
  const { port, host } = mongod;
  await command(port, { replSetInitiate: { _id: 'rs0', members: [{ _id: 0, host }] } });
  await until('a primary', async () => (await command(port, { hello: 1 })).isWritablePrimary || undefined);
  await command(port, { createUser: 'root', pwd: 'secret', roles: ['root'] });
  return mongod;
}

/** Undefined if it ended by itself, as where the port is taken. */
async function startAt(
  port: number,
  program: string,
  args: readonly string[],
): Promise<MongodProcess | undefined> {
  const data = mkdtempSync(join(tmpdir(), 'polos-mongod-'));
  const child = spawn(
    program,
    [
      ...['--port', `${port}`, '--bind_ip', '127.0.0.1', '--nounixsocket', '--dbpath', data],
      ...['--logpath', join(data, 'log'), '--quiet', '--wiredTigerCacheSizeGB', '0.25', '--oplogSize', '64'],
      ...args,
    ],
    { stdio: 'ignore' },
  );
  const exited = once(child, 'exit');
  const guard = spawn('sh', ['-c', GUARD, 'sh', `${child.pid}`, data], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const guardExited = once(guard, 'exit');
  const stop = async () => {
    guard.stdin.end();
    await Promise.all([exited, guardExited]);
  };
  const answered = until(`the mongod of port ${port}`, () => command(port, { hello: 1 }), { pauseMs: 20 });
  if (await Promise.race([answered, exited.then(() => undefined)])) {
    return { port, host: `127.0.0.1:${port}`, stop };
  }
  await stop();
  return undefined;
}
