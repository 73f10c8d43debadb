import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isFree } from './server-process.js';

/** What the program was asked to do. */
export interface Options {
  /** The files to process, each once. */
  readonly files: readonly string[];
  /** Whether they are the default ones. */
  readonly isDemonstration: boolean;
  /** Whether to end after the run instead of serving on. */
  readonly exits: boolean;
}

/** The program was called in a way that cannot be meant. */
export class UsageError extends Error {}

/** How to call it. */
export const USAGE = `Usage: npm start [-- [--exit] [FILE...]]
  FILE...  the files to process (default: the repository's .proto files, and one that does not exist)
  --exit   stop after the run
Environment:
  POLOS_PORT  the port of the server (default: 8080 or, if that is taken, a free one)`;

const DEFAULT_PORT = 8080;

// From examples/dist/batch-processor, where the compiled program is.
const PROTO_FOLDER = fileURLToPath(new URL('../../../proto/polos/v1', import.meta.url));

/** Reads the command line. @throws UsageError for an option that does not exist. */
export function readOptions(args: readonly string[]): Options {
  const { values, positionals } = parse(args);
  const isDemonstration = positionals.length === 0;
  // A step's key is made of the file's path, so each file can be there only once.
  const files = [...new Set(isDemonstration ? demonstrationFiles() : positionals)];
  return { files, isDemonstration, exits: values.exit };
}

/** The port to listen on, and what to say if it is not the usual one. @throws UsageError for a POLOS_PORT that is none. */
export async function choosePort(
  env: NodeJS.ProcessEnv,
): Promise<{ readonly port: number; readonly remark?: string }> {
  const { POLOS_PORT } = env;
  if (POLOS_PORT) {
    const port = Number(POLOS_PORT);
    if (/^\d+$/.test(POLOS_PORT) && port <= 65_535) return { port };
    throw new UsageError(`POLOS_PORT is "${POLOS_PORT}"; it should be a number from 0 to 65535`);
  }
  if (await isFree(DEFAULT_PORT)) return { port: DEFAULT_PORT };
  return { port: 0, remark: `port ${DEFAULT_PORT} is taken; the server listens on a free one` };
}

function parse(args: readonly string[]) {
  try {
    const options = { exit: { type: 'boolean', default: false } } as const;
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function demonstrationFiles(): string[] {
  const folder = relative(process.cwd(), PROTO_FOLDER);
  const protos = readdirSync(PROTO_FOLDER).filter((name) => name.endsWith('.proto'));
  return [...protos.sort(), 'no-such-file.proto'].map((name) => join(folder, name));
}
