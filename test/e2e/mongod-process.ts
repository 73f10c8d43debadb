import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { command } from '../mongodb/command.js';
import { Member } from '../mongodb/member.js';
import { until } from '../mongodb/until.js';

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
  const directory = mkdtempSync(join(tmpdir(), 'polos-mongod-'));
  const member = await Member.start(directory, args);
  const stop = async () => {
    await member.kill();
    await rm(directory, { recursive: true, force: true });
  };
  return { port: member.port, host: `127.0.0.1:${member.port}`, stop };
}

/** Starts the primary of a replica set of one. */
export async function startPrimary(...args: readonly string[]): Promise<MongodProcess> {
  const mongod = await startMongod('--replSet', 'rs0', ...args);
  const { port, host } = mongod;
  await command(port, { replSetInitiate: { _id: 'rs0', members: [{ _id: 0, host }] } });
  await until('a primary', async () => (await command(port, { hello: 1 })).isWritablePrimary || undefined);
  return mongod;
}

/** Starts one that asks who its callers are, as a replica set of one with an administrator `root`, `secret`. */
export async function startMongodWithUsers(): Promise<MongodProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'polos-key-'));
  const keyFile = join(folder, 'key');
  writeFileSync(keyFile, 'aKeyThatMembersOfTheReplicaSetShare', { mode: 0o600 });
  const mongod = await startPrimary('--auth', '--keyFile', keyFile);
  rmSync(folder, { recursive: true });
  await command(mongod.port, { createUser: 'root', pwd: 'secret', roles: ['root'] });
  return mongod;
}
