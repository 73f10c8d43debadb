import { type Command, Option } from 'commander';
import { parseInteger, parseText } from './options.js';
import type { Terminal } from './terminal.js';
import { CommandError, UsageError } from './usage-error.js';

/** How a server is to be started: what the command line says, and nothing that it leaves out. */
export interface ServerStartOptions {
  readonly store?: 'embedded' | 'mongodb';
  readonly dataDir?: string;
  readonly mongodbUrl?: string;
  readonly retentionDays?: string;
  readonly topicRetentionDays?: string;
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

interface Parts {
  readonly start: StartServer;
  readonly terminal: Terminal;
}

/** Adds `start` to `server`. */
export function addServerStartCommand(group: Command, parts: Parts): void {
  group
    .command('start')
    .summary('start a server, and serve until SIGTERM or SIGINT')
    .description(
      'Starts a server. Prints one line on stdout, `polos listening on http://HOST:PORT`, as soon as it accepts calls, ' +
        'and its log on stderr. On SIGTERM or SIGINT it lets calls under way end and exits with status 0.',
    )
    .addOption(
      new Option(
        '--store <store>',
        'where executions are kept (default: mongodb if there is a URL for it and no --data-dir, otherwise embedded)',
      ).choices(['embedded', 'mongodb']),
    )
    .option(
      '--data-dir <directory>',
      'the directory of the embedded store; made if it is missing (default: ".polos")',
      parseText,
    )
    .option('--mongodb-url <url>', MONGODB_URL, parseText)
    .option(
      '--retention-days <days>',
      'delete executions this many days after they closed: 30, or with other projects 30,a=7,b=never ' +
        '(default: POLOS_RETENTION_DAYS, otherwise never)',
      parseText,
    )
    .option(
      '--topic-retention-days <days>',
      'delete events of topics, and the keys they were published under, after so many days: 30, or 30,a=7,b=never ' +
        '(default: POLOS_TOPIC_RETENTION_DAYS, otherwise never)',
      parseText,
    )
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
    .action((options: ServerStartOptions) => serve(options, parts));
}

/** What `--mongodb-url` is, for help texts. */
export const MONGODB_URL =
  'the MongoDB and the database in it: mongodb://USER:PASSWORD@HOST,HOST/DATABASE?OPTIONS (default: POLOS_MONGODB_URL, ' +
  'which keeps the password out of the list of processes)';

async function serve(options: ServerStartOptions, { start, terminal }: Parts): Promise<void> {
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
    throw await problemOf(error, options);
  }
}

async function problemOf(error: unknown, options: ServerStartOptions): Promise<Error> {
  // Loaded here alone: it would make every command 60 ms slower.
  const { ZodError } = await import('zod');
  if (error instanceof ZodError) return configurationProblem(error.issues, options);
  return new CommandError(startProblem(error as NodeJS.ErrnoException, options), { cause: error });
}

/** What a flag says, or fails to say, is a usage error; what only the environment says is not. */
async function configurationProblem(
  issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[],
  options: ServerStartOptions,
): Promise<Error> {
  const { ENVIRONMENT } = await import('../config.js');
  const variables: Readonly<Record<string, string>> = ENVIRONMENT;
  const problems = issues.map(({ path: [name], message }) => {
    const variable = variables[String(name)];
    const isFromEnvironment = variable !== undefined && !(String(name) in options) && process.env[variable];
    return { isFromEnvironment, text: `${isFromEnvironment ? variable : flagOf(String(name))}: ${message}` };
  });
  const text = problems.map((problem) => problem.text).join('\n');
  return problems.every(({ isFromEnvironment }) => isFromEnvironment)
    ? new CommandError(`the server's configuration is not acceptable\n${text}`)
    : new UsageError(text);
}

function flagOf(option: string): string {
  return `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function startProblem({ code, message }: NodeJS.ErrnoException, { host, port }: ServerStartOptions): string {
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
