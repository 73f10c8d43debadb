import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { onTestFinished, type TestContext } from 'vitest';
import { systemClock } from '../../server/src/engine/clock.js';
import { Engine } from '../../server/src/engine/engine.js';
import { type Listener, listen } from '../../server/src/rpc/listen.js';
import { openMemoryStore } from '../../server/src/store/memory/memory-store.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A whole server over the memory store, for one test. */
export async function startServer(): Promise<Listener> {
  const store = openMemoryStore();
  const faults: unknown[] = [];
  const engine = new Engine({
    store,
    clock: systemClock(),
    leaseMs: 30_000,
    fault: (fault) => faults.push(fault),
  });
  await engine.start();
  const log = { info() {}, warn: console.warn, error: console.error };
  const listener = await listen({ engine, host: '127.0.0.1', port: 0, log });
  onTestFinished(async () => {
    await listener.close({ graceMs: 1_000 });
    await engine.stop();
    await store.close();
    if (faults.length > 0) throw new AggregateError(faults, 'work in the background failed');
  });
  return listener;
}

/** A program that is needed: by its path in .cache (scripts/tool-chains.mjs), or by its name. */
export interface Tool {
  readonly name: string;
  readonly command: string;
}

export const GRPCURL: Tool = { name: 'grpcurl', command: join(root, '.cache/bin/grpcurl') };
export const PYTHON: Tool = { name: 'Python with grpcio', command: join(root, '.cache/python/bin/python') };
export const CURL: Tool = { name: 'curl', command: 'curl' };

/** Skips the test where a tool is missing, with its name; fails instead where CI=true. */
export function need(tool: Tool, { skip }: TestContext): void {
  const isThere = tool.command.includes('/')
    ? existsSync(tool.command)
    : spawnSync(tool.command, ['--version']).status === 0;
  if (isThere) return;
  if (process.env.CI === 'true') throw new Error(`${tool.name} is missing, and required when CI=true`);
  skip(`${tool.name} is missing`);
}

/** What a program printed, and how it ended. */
export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a tool to its end, in the repository's root unless `cwd` says else. */
export async function run(
  { command }: Tool,
  args: readonly string[],
  { environment = {}, cwd = root }: { environment?: Readonly<Record<string, string>>; cwd?: string } = {},
): Promise<Ran> {
  try {
    const env = { ...process.env, ...environment };
    const { stdout, stderr } = await promisify(execFile)(command, args, { cwd, env });
    return { status: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: unknown; stdout?: string; stderr?: string };
    if (typeof code !== 'number') throw error;
    return { status: code, stdout: stdout ?? '', stderr: stderr ?? '' };
  }
}
