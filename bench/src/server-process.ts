import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Home } from './home.js';

/** A server process. */
export interface ServerProcess {
  readonly url: string;
  /** Seconds of CPU and bytes written to the disk so far, and MiB of memory now. */
  usage(): Promise<ProcessUsage>;
  stop(): Promise<void>;
}

/** What a process took. */
interface ProcessUsage {
  readonly cpuSeconds: number;
  readonly memoryMiB: number;
  readonly writtenBytes: number;
}

const COMMAND = fileURLToPath(new URL('../../server/bin/polos.js', import.meta.url));

/** Kernel ticks in a second; Linux has said 100 for decades. */
const TICKS_PER_SECOND = 100;

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

async function usageOf(pid: number): Promise<ProcessUsage> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const io = await readFile(`/proc/${pid}/io`, 'utf8');
  const kibibytes = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
    memoryMiB: kibibytes / 1024,
    writtenBytes: Number(/^write_bytes: (\d+)/m.exec(io)?.[1] ?? 0),
  };
}
