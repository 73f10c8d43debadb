import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, vi } from 'vitest';

/** The repository's root folder. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

/** What still runs ends with the test file, also when a test breaks off. */
const running = new Set<ChildProcess>();
afterAll(() => {
  for (const child of running) child.kill('SIGKILL');
});

// Other tests keep the machine busy meanwhile.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** What a process did. */
export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to run a process. */
export interface RunOptions {
  /** What runs the program. Default: Node.js. */
  readonly interpreter?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly cwd?: string;
}

/** Runs a program, of Node.js unless the options say otherwise, to its end. */
export async function runProgram(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const child = spawn(options.interpreter ?? process.execPath, args, {
    cwd: options.cwd,
    env: environment(options.env),
    stdio: 'pipe',
  });
  running.add(child);
  child.stdin.on('error', () => {}).end(options.stdin ?? '');
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  running.delete(child);
  return { status: child.exitCode, stdout, stderr };
}

/** Runs the `polos` command to its end. */
export function polos(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return runProgram([join(root, 'server/bin/polos.js'), ...args], options);
}

/** A process that goes on, and whose lines can be waited for. */
export class Program {
  /** What it has said on stdout so far. */
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #isEnded = false;
  #stderr = '';
  #wake = () => {};

  constructor(args: readonly string[], options: RunOptions = {}) {
    this.#child = spawn(options.interpreter ?? process.execPath, args, {
      cwd: options.cwd,
      env: environment(options.env),
      // The IPC channel ends a server when this process dies, however it dies.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    running.add(this.#child);
    this.#ended = once(this.#child, 'close').then(() => {
      running.delete(this.#child);
      this.#isEnded = true;
      this.#wake();
    });
    createInterface(this.#child.stdout!).on('line', (line) => {
      this.lines.push(line);
      this.#wake();
    });
    this.#child.stderr!.on('data', (chunk) => {
      this.#stderr += chunk;
      this.#wake();
    });
  }

  /** The first line of stdout that matches, as soon as it is there. Rejects when the process ends without. */
  line(pattern: RegExp): Promise<string> {
    return this.#first(pattern, () => this.lines);
  }

  /** The same of stderr. */
  remark(pattern: RegExp): Promise<string> {
    return this.#first(pattern, () => this.#stderr.split('\n'));
  }

  async #first(pattern: RegExp, lines: () => readonly string[]): Promise<string> {
    for (;;) {
      const found = lines().find((line) => pattern.test(line));
      if (found !== undefined) return found;
      if (this.#isEnded)
        throw new Error(`ended without ${pattern}: ${this.lines.join('\n')}\n${this.#stderr}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Sends a signal, unless it has ended, and waits for the end. */
  async end(signal?: NodeJS.Signals): Promise<Outcome> {
    if (signal && !this.#isEnded) this.#child.kill(signal);
    await this.#ended;
    return { status: this.#child.exitCode, stdout: this.lines.join('\n'), stderr: this.#stderr };
  }
}

/** A folder that is there until `remove`. */
export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'polos-e2e-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** A server on a fresh directory, a worker of programs/cli-worker.mjs, and the command set up for them. */
export class Stage {
  readonly url: string;
  readonly #programs: readonly Program[];
  readonly #folder: { remove(): void };

  private constructor(url: string, programs: readonly Program[], folder: { remove(): void }) {
    this.url = url;
    this.#programs = programs;
    this.#folder = folder;
  }

  /** Starts both, and waits until the server knows the worker. */
  static async open(): Promise<Stage> {
    const folder = temporaryFolder();
    const args = ['server', 'start', '--port', '0', '--data-dir', folder.path];
    const server = new Program([join(root, 'server/bin/polos.js'), ...args]);
    try {
      const url = (await server.line(/^polos listening on /)).replace('polos listening on ', '');
      const worker = new Program([join(root, 'test/e2e/programs/cli-worker.mjs')], {
        env: { POLOS_API_URL: url },
      });
      await worker.line(/^registered$/);
      return new Stage(url, [worker, server], folder);
    } catch (error) {
      await server.end('SIGTERM');
      folder.remove();
      throw error;
    }
  }

  /** Runs the command against this server. */
  polos(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return polos(args, { ...options, env: { POLOS_API_URL: this.url, ...options.env } });
  }

  /** The same with `--output json`, parsed; throws unless the exit status is 0. */
  async json(...args: readonly string[]): Promise<Record<string, unknown>> {
    const { status, stdout, stderr } = await this.polos([...args, '--output', 'json']);
    if (status !== 0) throw new Error(`polos ${args.join(' ')} ended with ${status}: ${stderr}${stdout}`);
    return JSON.parse(stdout);
  }

  /** The command as a process that goes on. */
  start(args: readonly string[]): Program {
    return new Program([join(root, 'server/bin/polos.js'), ...args], { env: { POLOS_API_URL: this.url } });
  }

  /** Ends the worker, then the server. */
  async close(): Promise<void> {
    for (const program of this.#programs) await program.end('SIGTERM');
    this.#folder.remove();
  }
}

/** The environment without what the developer may have set for Polos. */
function environment(env: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^POLOS_|^NO_COLOR$|^FORCE_COLOR$/.test(name),
  );
  return { ...Object.fromEntries(inherited), TZ: 'UTC', ...env };
}
