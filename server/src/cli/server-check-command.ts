import type { Command } from 'commander';
import type { OutputOption } from './call.js';
import { outputOption, parseText } from './options.js';
import { checkText } from './server-check-text.js';
import { MONGODB_URL } from './server-start-command.js';
import type { Terminal } from './terminal.js';
import { ExitStatus, UsageError } from './usage-error.js';

/** What a server would find on a MongoDB, and do there when it starts. */
export interface ServerCheck {
  /** Without user and password; missing for a URL that makes no sense. */
  readonly address?: string;
  /** Missing where nothing answers, or lets nobody in. */
  readonly deployment?: {
    readonly version: string;
    readonly topology: 'replica_set' | 'sharded' | 'standalone' | 'not_initiated';
    readonly setName?: string;
    readonly members: readonly {
      readonly address: string;
      readonly role: 'primary' | 'secondary' | 'arbiter';
    }[];
    /** `NAME@DATABASE`; missing where nobody has to say who he is. */
    readonly user?: string;
    readonly missing: readonly string[];
  };
  readonly layoutVersion?: number;
  /** Why no server can start; none if one can. */
  readonly refusals: readonly { readonly message: string; readonly retryable: boolean }[];
  readonly plan: readonly PlannedPart[];
  /** What to say in mongosh to spread the collections over the shards. */
  readonly shardCommands: readonly string[];
}

/** A part of the layout, how it is there, and whether a server makes or replaces it when it starts. */
export interface PlannedPart {
  readonly what: 'collection' | 'index' | 'validator';
  readonly name: string;
  readonly state: 'present' | 'missing' | 'different';
  readonly isMade: boolean;
}

/** Looks at a MongoDB, and writes nothing there. */
export type CheckServer = (options: { readonly mongodbUrl: string }) => Promise<ServerCheck>;

interface Parts {
  readonly check: CheckServer;
  readonly terminal: Terminal;
  readonly exit: (status: ExitStatus) => void;
}

interface CheckOptions extends OutputOption {
  readonly mongodbUrl?: string;
}

/** Adds `check` to `server`. */
export function addServerCheckCommand(group: Command, parts: Parts): void {
  group
    .command('check')
    .summary('tell whether a server can run on a MongoDB, and what it would make there')
    .description(
      'Tells whether a server can run on a MongoDB, and which collections, indexes and validators it would make when it ' +
        'starts. Writes nothing. The exit status is 1 if no server can run there.',
    )
    .option('--mongodb-url <url>', MONGODB_URL, parseText)
    .addOption(outputOption())
    .action((options: CheckOptions) => runCheck(options, parts));
}

async function runCheck(
  { mongodbUrl, output }: CheckOptions,
  { check, terminal, exit }: Parts,
): Promise<void> {
  const url = mongodbUrl ?? process.env.POLOS_MONGODB_URL;
  if (url === undefined || url === '') throw new UsageError('--mongodb-url or POLOS_MONGODB_URL is needed');
  const found = await check({ mongodbUrl: url });
  const isOk = found.refusals.length === 0;
  terminal.answer(
    output === 'json' ? JSON.stringify({ ok: isOk, ...found }) : checkText(found, terminal.colors),
  );
  exit(isOk ? ExitStatus.done : ExitStatus.failed);
}
