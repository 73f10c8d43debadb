import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A server of its own, on an empty data directory that goes with it. */
export interface ServerProcess {
  readonly url: string;
  /** Seconds of CPU so far, and MiB of memory now. */
  usage(): Promise<{ readonly cpuSeconds: number; readonly memoryMiB: number }>;
  stop(): Promise<void>;
}

const COMMAND = fileURLToPath(new URL('../../server/bin/polos.js', import.meta.url));

/** Kernel ticks in a second; Linux has said 100 for decades. */
const TICKS_PER_SECOND = 100;

/** Starts a server on the embedded store and a free port. */
export async function startServerProcess(): Promise<ServerProcess> {
  const dataDir = await mkdtemp(join(tmpdir(), 'polos-bench-'));
  const child = spawn(process.execPath, [COMMAND, 'server', 'start', '--port', '0', '--data-dir', dataDir], {
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
      await rm(dataDir, { recursive: true });
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

async function usageOf(pid: number) {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const kibibytes = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
    memoryMiB: kibibytes / 1024,
  };
}
