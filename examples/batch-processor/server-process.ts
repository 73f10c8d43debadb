import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A Polos server in a process of its own, on the embedded store. */
export interface ServerProcess {
  /** Where it listens: `http://HOST:PORT`. */
  readonly url: string;
  /** Resolves when it has ended, whoever ended it. */
  readonly ended: Promise<void>;
  /** Lets it finish what it is doing, and waits for its end. */
  stop(): Promise<void>;
}

// From examples/dist/batch-processor, where the compiled program is.
const COMMAND = fileURLToPath(new URL('../../../server/bin/polos.js', import.meta.url));
const HOST = '127.0.0.1';

/**
 * Starts a server. Its log goes to this process's stderr, warnings and errors only.
 * @param port  0 picks a free one.
 * @throws Error when it ends before it listens; it has said why on stderr.
 */
export async function startServer({ port, dataDir }: ServerPlace): Promise<ServerProcess> {
  const args = [COMMAND, 'server', 'start', '--host', HOST, '--port', String(port), '--data-dir', dataDir];
  const child = spawn(process.execPath, args, {
    // The IPC channel ends the server when this process dies, even by kill -9.
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    env: { POLOS_LOG_LEVEL: 'warn', ...process.env },
    // Ctrl-C reaches all processes of a terminal's group; the worker must be done before its server stops.
    detached: true,
  });
  const ended = once(child, 'exit').then(() => undefined);
  const url = await Promise.race([listening(child), ended]);
  if (!url) throw new Error('the server did not start');
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await ended;
  };
  return { url, ended, stop };
}

/** Where a server keeps its data and listens. */
export interface ServerPlace {
  readonly port: number;
  readonly dataDir: string;
}

/** Whether nothing listens on a port. */
export async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  try {
    probe.listen(port, HOST);
    await once(probe, 'listening');
    probe.close();
    await once(probe, 'close');
    return true;
  } catch {
    return false;
  }
}

async function listening({ stdout }: ChildProcess): Promise<string | undefined> {
  if (!stdout) return undefined;
  let url: string | undefined;
  for await (const line of createInterface(stdout)) {
    url = /^polos listening on (\S+)$/.exec(line)?.[1];
    if (url) break;
  }
  stdout.resume();
  return url;
}
