import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { usageOf } from './process-usage.js';
import type { RunningWorker } from './worker-process.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const INTERPRETER = `${ROOT}.cache/python/bin/python`;

/** Whether there is a Python with what the SDK needs: `npm test` makes it. */
export const hasPython = existsSync(INTERPRETER);

/** Starts a Python worker in a process of its own; resolves once it is registered. */
export async function startPythonWorker(apiUrl: string): Promise<RunningWorker> {
  const child = spawn(INTERPRETER, [`${ROOT}bench/python/worker.py`, apiUrl], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, POLOS_LOG_LEVEL: 'warn', PYTHONPATH: `${ROOT}clients/python/src` },
  });
  const line = await once(createInterface(child.stdout), 'line');
  if (line[0] !== 'ready') throw new Error(`the Python worker said ${line[0]}`);
  return {
    usage: () => usageOf(child.pid ?? 0),
    async stop() {
      child.stdin.end();
      await once(child, 'exit');
    },
  };
}
