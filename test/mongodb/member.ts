import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { mongodPath } from './mongod.js';
import { until } from './until.js';

/** Below the ports that systems give to outgoing connections, so that a member finds its own free after a restart. */
const PORTS = { first: 15_000, count: 15_000, attempts: 20 };
const STARTS_MAX = 5;
const LISTENING_MS = 30_000;
const RESTART_MS = 20_000;

/** In the log of a mongod that listens; who answers at its port may be another. */
const LISTENING = '"msg":"Waiting for connections"';

/** How mongod ends where it cannot listen. */
const CANNOT_LISTEN = 'status 48';

/** What Linux counts the time of processes in. */
const TICK_MS = 10;

/**
 * Waits for the end of its standard input. A line before it means that all is well; without one the test's process
 * is gone, however it went, and takes mongod ($1) and the data ($2) with it.
 */
const GUARD = `trap '' INT TERM HUP
read -r line && exit
kill -9 "$1"
rm -rf "$2" || { sleep 1; rm -rf "$2"; }`;

/** What makes a mongod a member. */
const MEMBER = ['--replSet', 'rs0', '--setParameter', 'diagnosticDataCollectionEnabled=false'];

/** A mongod process, of a ReplicaSet unless it is told otherwise, on a port and a directory of its own that it keeps when it is restarted. */
export class Member {
  readonly port: number;
  readonly #directory: string;
  readonly #given: readonly string[];
  #child: ChildProcess | undefined;
  #exited: Promise<unknown> = Promise.resolve();
  #isPaused = false;

  private constructor(port: number, directory: string, given: readonly string[]) {
    this.port = port;
    this.#directory = directory;
    this.#given = given;
  }

  /**
   * Starts one in a folder of `directory`, which is removed with everything in it if this process dies.
   * @param given  arguments instead of those of a member.
   */
  static async start(directory: string, given: readonly string[] = MEMBER): Promise<Member> {
    for (let attempt = 1; ; attempt += 1) {
      const member = new Member(await freePort(), directory, given);
      try {
        await member.#start();
        return member;
      } catch (error) {
        if (!(error instanceof PortIsTaken) || attempt === STARTS_MAX) throw error;
      }
    }
  }

  /** Whether there is a process, paused or not. */
  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  /** Whether it can answer: it is neither killed nor paused. */
  get isAwake(): boolean {
    return this.isRunning && !this.#isPaused;
  }

  /** Of the process that runs now. */
  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error(`the mongod of port ${this.port} is not running`);
    return this.#child.pid;
  }

  /** User and system time of the process so far, in milliseconds, to 10 ms. Linux only. */
  cpuMs(): number {
    const stat = readFileSync(`/proc/${this.pid}/stat`, 'utf8');
    const [, , , , , , , , , , , user, system] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(user) + Number(system)) * TICK_MS;
  }

  /** What the process wrote to the disk so far, in bytes. Linux only. */
  writtenBytes(): number {
    return Number(/^write_bytes: (\d+)/m.exec(readFileSync(`/proc/${this.pid}/io`, 'utf8'))?.[1] ?? 0);
  }

  /** kill -9; does nothing to one that is not running. */
  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#exited;
  }

  /** Stops the process where it is: connections stay, and nothing is answered. */
  pause(): void {
    process.kill(this.pid, 'SIGSTOP');
    this.#isPaused = true;
  }

  /** Lets a paused process go on. */
  resume(): void {
    process.kill(this.pid, 'SIGCONT');
    this.#isPaused = false;
  }

  /** Starts it again on its port and data, after kill -9 if it still runs. Resolves once it listens. */
  async restart(): Promise<void> {
    await this.kill();
    await until(`port ${this.port}`, () => this.#start().then(() => true), { limitMs: RESTART_MS });
  }

  async #start(): Promise<void> {
    const program = mongodPath();
    if (program === undefined) throw new Error('there is no mongod; npm test prepares one');
    const folder = join(this.#directory, `${this.port}`);
    mkdirSync(folder, { recursive: true });
    const log = join(folder, 'log');
    rmSync(log, { force: true });
    const child = spawn(program, this.#args(folder, log), { stdio: 'ignore' });
    const guard = spawn('sh', ['-c', GUARD, 'sh', `${child.pid}`, this.#directory], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    guard.stdin.on('error', () => {});
    this.#child = child;
    this.#isPaused = false;
    let end: unknown;
    this.#exited = once(child, 'exit')
      .then(([status]) => `status ${status}`, String)
      .then((how) => {
        end = how;
        this.#child = undefined;
        guard.stdin.end('over\n');
      });
    try {
      await until(
        `the mongod of port ${this.port}`,
        async () => end !== undefined || textOf(log).includes(LISTENING) || undefined,
        { limitMs: LISTENING_MS, pauseMs: 20 },
      );
    } catch (error) {
      await this.kill();
      throw error;
    }
    if (end === CANNOT_LISTEN) throw new PortIsTaken(`port ${this.port} is taken`);
    if (end !== undefined) throw new Error(`mongod ended with ${end}: ${lastLines(log)}`);
  }

  #args(folder: string, log: string): string[] {
    return [
      ...['--port', `${this.port}`, '--bind_ip', '127.0.0.1', '--nounixsocket'],
      ...['--dbpath', folder, '--logpath', log, '--quiet'],
      ...['--wiredTigerCacheSizeGB', '0.25', '--oplogSize', '512'],
      ...this.#given,
    ];
  }
}

class PortIsTaken extends Error {}

async function freePort(): Promise<number> {
  for (let attempt = 1; ; attempt += 1) {
    const port = PORTS.first + Math.floor(Math.random() * PORTS.count);
    const server = createServer().listen(port, '127.0.0.1');
    try {
      await once(server, 'listening');
    } catch (error) {
      if (attempt === PORTS.attempts) throw error;
      continue;
    }
    server.close();
    await once(server, 'close');
    return port;
  }
}

function lastLines(log: string): string {
  return textOf(log).trimEnd().split('\n').slice(-5).join('\n') || 'it wrote no log';
}

/** What it says so far. */
function textOf(log: string): string {
  return existsSync(log) ? readFileSync(log, 'utf8') : '';
}
