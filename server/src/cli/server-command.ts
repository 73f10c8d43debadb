import { type Command, Option } from 'commander';
import { parseInteger, parseText } from './options.js';
import type { Terminal } from './terminal.js';
import { CommandError, UsageError } from './usage-error.js';

/** How a server is to be started. */
export interface ServerStartOptions {
  readonly store: 'embedded' | 'mongodb';
  readonly dataDir: string;
  readonly mongodbUrl?: string;
  readonly host: string;
  readonly port: number;
  readonly leaseMs?: number;
}

/** A server that accepts calls. */
export interface StartedServer {
  /** Where: `http://HOST:PORT`. */
  readonly url: string;
  /** Lets calls under way end, then stops. */
  close(): Promise<void>;
}

/** Starts a server in this process. */
export type StartServer = (options: ServerStartOptions) => Promise<StartedServer>;

/** Adds `server` with its commands. */
export function addServerCommands(program: Command, { start, terminal }: ServerCommandParts): void {
  const group = program.command('server').summary('run a server');
  group
    .command('start')
    .summary('start a server, and serve until SIGTERM or SIGINT')
    .description(
      'Starts a server. Prints one line on stdout, `polos listening on http://HOST:PORT`, as soon as it accepts calls, ' +
        'and its log on stderr. On SIGTERM or SIGINT it lets calls under way end and exits with status 0.',
    )
    .addOption(
      new Option('--store <store>', 'where executions are kept')
        .choices(['embedded', 'mongodb'])
        .default('embedded'),
    )
    .option(
      '--data-dir <directory>',
      'the directory of the embedded store; made if it is missing',
      parseText,
      '.polos',
    )
    .option('--mongodb-url <url>', 'the MongoDB to use with --store mongodb', parseText)
    .option(
      '--host <address>',
      'the address to listen on; beyond loopback set POLOS_API_KEYS',
      parseText,
      '127.0.0.1',
    )
    .option(
      '--port <number>',
      'the port to listen on; 0 picks a free one',
      parseInteger({ from: 0, to: 65_535 }),
      8080,
    )
    .option(
      '--lease-ms <ms>',
      'how long a worker may be silent before another gets its executions (default: 30000)',
      parseInteger({ from: 500, to: 3_600_000 }),
    )
    .action((options: ServerStartOptions) => serve(options, { start, terminal }));
}

/** What the server commands need from outside. */
export interface ServerCommandParts {
  readonly start: StartServer;
  readonly terminal: Terminal;
}

async function serve(options: ServerStartOptions, { start, terminal }: ServerCommandParts): Promise<void> {
  if (options.store === 'mongodb') {
    throw new UsageError('the MongoDB store does not exist yet; use --store embedded');
  }
  const stop = new StopSignal();
  try {
    const server = await startOrExplain(options, start);
    terminal.answer(`polos listening on ${server.url}`);
    await stop.arrived;
    await server.close();
  } finally {
    stop.ignore();
  }
}

/**
 * The first signal to stop. A second one ends the process at once, as it would by itself. A process that started this one
 * with an IPC channel takes it along when it dies, however it dies.
 */
class StopSignal {
  readonly arrived: Promise<void>;
  #resolve = () => {};

  constructor() {
    this.arrived = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    for (const event of STOP_EVENTS) process.on(event, this.#stop);
  }

  /** Listens no more. Listening to `disconnect` would keep the process alive. */
  ignore(): void {
    for (const event of STOP_EVENTS) process.off(event, this.#stop);
  }

  readonly #stop = () => {
    this.ignore();
    this.#resolve();
  };
}

const STOP_EVENTS = ['SIGTERM', 'SIGINT', 'disconnect'] as const;

async function startOrExplain(options: ServerStartOptions, start: StartServer): Promise<StartedServer> {
  try {
    return await start(options);
  } catch (error) {
    throw new CommandError(await startProblem(error, options), { cause: error });
  }
}

async function startProblem(error: unknown, { host, port }: ServerStartOptions): Promise<string> {
  // Loaded here alone: it would make every command 60 ms slower.
  const { ZodError, z } = await import('zod');
  if (error instanceof ZodError)
    return `the server's configuration is not acceptable\n${z.prettifyError(error)}`;
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} of ${host} is taken by another process; give another --port, or 0 for a free one`;
    case 'EACCES':
      return `port ${port} of ${host} is not allowed for this user; give a --port above 1023`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${host} is no address of this machine; give another --host`;
    default:
      return `the server could not be started: ${message}`;
  }
}
