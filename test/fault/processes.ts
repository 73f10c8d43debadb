import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

/** What is to be undone once the file's tests are over. */
const cleanups: (() => unknown)[] = [];
afterAll(async () => {
  for (const cleanUp of cleanups.reverse()) await cleanUp();
});

const COMMAND = fileURLToPath(new URL('../../server/bin/polos.js', import.meta.url));

/** What a program's environment has beside this process's. */
export type Environment = Readonly<Record<string, string>>;

/** A process whose lines can be waited for. It is killed when the tests of the file are over. */
export class Program {
  readonly lines: string[] = [];
  /** What it wrote on standard error, if POLOS_LOG_LEVEL is given; otherwise that goes where this process writes. */
  readonly log: string[] = [];
  readonly exited: Promise<unknown>;
  readonly #child: ChildProcess;
  #wake: () => void = () => {};
  #isOver = false;

  constructor(script: string, args: readonly string[], env: Environment) {
    const isLogKept = env.POLOS_LOG_LEVEL !== undefined;
    this.#child = spawn(process.execPath, [script, ...args], {
      stdio: ['pipe', 'pipe', isLogKept ? 'pipe' : 'inherit'],
      env: { ...process.env, POLOS_LOG_LEVEL: 'silent', ...env },
    });
    this.exited = once(this.#child, 'exit').then(() => {
      this.#isOver = true;
      this.#wake();
    });
    if (!this.#child.stdout) throw new Error('the process has no standard output');
    createInterface(this.#child.stdout).on('line', (line) => {
      this.lines.push(line);
      this.#wake();
    });
    if (this.#child.stderr) createInterface(this.#child.stderr).on('line', (line) => this.log.push(line));
    cleanups.push(() => this.signal('SIGKILL'));
  }

  /** Sends a signal and, if it is one that ends the process, waits for the end. */
  async signal(signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    if (this.#isOver) return;
    this.#child.kill(signal);
    if (signal === 'SIGKILL' || signal === 'SIGTERM') await this.exited;
  }

  /** Writes a line to the process. */
  say(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  /** The first line that holds the text, as soon as there is one. */
  async line(text: string): Promise<string> {
    for (;;) {
      const found = this.lines.find((line) => line.includes(text));
      if (found !== undefined) return found;
      if (this.#isOver)
        throw new Error(`the process ended without "${text}"; it said: ${this.lines.join(' | ')}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** How a server process is started. */
export interface ServerProgramOptions {
  /** How soon a silent worker loses its work. Default 1,000. */
  readonly leaseMs?: number;
  /** The database that it shares with others. Default: an embedded store in a fresh directory. */
  readonly mongodbUrl?: string;
  /** Where an embedded store is kept. Default: a fresh directory. */
  readonly dataDir?: string;
  readonly env?: Environment;
}

/** A server process that can be killed and started again on the same store and port. */
export class ServerProgram {
  readonly port: number;
  readonly #args: readonly string[];
  readonly #env: Environment;
  readonly #programs: [Program, ...Program[]];

  private constructor(port: number, args: readonly string[], env: Environment) {
    this.port = port;
    this.#args = args;
    this.#env = env;
    this.#programs = [new Program(COMMAND, args, env)];
  }

  /** Starts one on a port of its own. */
  static async start({
    leaseMs = 1_000,
    mongodbUrl,
    dataDir,
    env = {},
  }: ServerProgramOptions = {}): Promise<ServerProgram> {
    const storage =
      mongodbUrl === undefined
        ? ['--data-dir', dataDir ?? (await freshDirectory())]
        : ['--store', 'mongodb', '--mongodb-url', mongodbUrl];
    const port = await freePort();
    const args = ['server', 'start', ...storage, '--port', `${port}`, '--lease-ms', `${leaseMs}`];
    const server = new ServerProgram(port, args, env);
    await server.#listening();
    return server;
  }

  /** Where it listens. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** What it logged, if its environment has POLOS_LOG_LEVEL, before it was started again, too. */
  get log(): string[] {
    return this.#programs.flatMap(({ log }) => log);
  }

  /** kill -9. */
  async kill(): Promise<void> {
    await this.#programs[0].signal('SIGKILL');
  }

  /** SIGTERM, and its end. */
  async stop(): Promise<void> {
    await this.#programs[0].signal('SIGTERM');
  }

  /** Starts it again where it was. */
  async restart(): Promise<void> {
    this.#programs.unshift(new Program(COMMAND, this.#args, this.#env));
    await this.#listening();
  }

  async #listening(): Promise<void> {
    await this.#programs[0].line('polos listening on');
  }
}

/** A worker of the five-steps workflow; `stopIn` names the step in which it waits for a line. */
export async function startWorker(url: string, name: string, stopIn = 0): Promise<Program> {
  const script = fileURLToPath(new URL('programs/five-steps-worker.mjs', import.meta.url));
  const worker = new Program(script, [], { POLOS_API_URL: url, NAME: name, STOP_IN: `${stopIn}` });
  await worker.line('started');
  return worker;
}

/** A directory that is removed when the tests of the file are over. */
export async function freshDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'polos-fault-'));
  cleanups.push(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A restarted server must come back where its workers look for it, so the port cannot be 0. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || address === null) throw new Error('no port to be had');
  return address.port;
}
