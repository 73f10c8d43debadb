import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Home } from './home.js';
import { type ProcessUsage, usageOf } from './process-usage.js';

/** A server process. */
export interface ServerProcess {
  readonly url: string;
  /** Seconds of CPU and bytes written to the disk so far, and MiB of memory now. */
  usage(): Promise<ProcessUsage>;
  stop(): Promise<void>;
}

const COMMAND = fileURLToPath(new URL('../../server/bin/polos.js', import.meta.url));

/** Starts a server in a home and on a free port. */
export async function startServerProcess({ serverArguments }: Home): Promise<ServerProcess> {
  const child = spawn(process.execPath, [COMMAND, 'server', 'start', '--port', '0', ...serverArguments], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, POLOS_LOG_LEVEL: 'warn' },
  });
  const url = await listeningUrl(child);
  return {
    url,
    usage: () => usageOf(child.pid ?? 0),
    async stop() {
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

async function listeningUrl(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('the server has no standard output');
  for await (const line of createInterface(child.stdout)) {
    const url = /^polos listening on (http:\S+)$/.exec(line)?.[1];
    if (url) return url;
  }
  throw new Error('the server ended before it listened');
}
