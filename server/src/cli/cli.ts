import { readFileSync } from 'node:fs';
import { ConnectError } from '@connectrpc/connect';
import { Command, CommanderError } from 'commander';
import type { OutputOption, RunCall } from './call.js';
import { callErrorDocument, callErrorText } from './call-error.js';
import { connect, DEFAULT_API_URL } from './connection.js';
import { addExecutionCommands } from './execution-commands.js';
import { addInvokeCommand } from './invoke-command.js';
import { addScheduleCommands } from './schedule-commands.js';
import { addSchemaCommands } from './schema-commands.js';
import type { CheckServer } from './server-check-command.js';
import { addServerCommands } from './server-command.js';
import type { StartServer } from './server-start-command.js';
import { processTerminal, type Terminal } from './terminal.js';
import { addTopicCommands } from './topic-commands.js';
import { CommandError, ExitStatus, UsageError } from './usage-error.js';
import { addWorkerCommands } from './worker-commands.js';

/** What the command cannot do itself. */
export interface CliParts {
  readonly startServer: StartServer;
  readonly checkServer: CheckServer;
}

/**
 * Runs the `polos` command on the process's own streams and environment.
 * @param argv  as `process.argv` has it: the program's words begin at the third.
 * @returns the exit status. Never rejects for what the user or the server got wrong.
 */
export async function runCli(
  argv: readonly string[],
  { startServer, checkServer }: CliParts,
): Promise<ExitStatus> {
  const terminal = processTerminal();
  const run = { status: ExitStatus.done as ExitStatus };
  const program = createProgram();
  const runCall: RunCall = async (options, work) => {
    run.status = await carryOut(terminal, options, work);
  };
  const exit = (status: ExitStatus) => {
    run.status = status;
  };
  addServerCommands(program, { start: startServer, check: checkServer, terminal, exit });
  addInvokeCommand(program, runCall);
  addExecutionCommands(program, runCall);
  addTopicCommands(program, runCall);
  addWorkerCommands(program, runCall);
  addScheduleCommands(program, runCall);
  addSchemaCommands(program, runCall);
  try {
    await program.parseAsync(argv);
    return run.status;
  } catch (error) {
    return reportError(terminal, error);
  }
}

function createProgram(): Command {
  return new Command('polos')
    .description('Durable workflows whose state is a typed, readable document.')
    .version(version(), '-V, --version', 'print the version')
    .addHelpText('after', HELP_FOOT)
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError('(add --help for what there is)');
}

const HELP_FOOT = `
Environment of the commands that talk to a server:
  POLOS_API_URL     where it is (default: ${DEFAULT_API_URL})
  POLOS_API_KEY     the key it asks for, if it does
  POLOS_PROJECT_ID  your project (default: default)

Environment of server start:
  POLOS_API_KEYS              keys that callers must send one of, separated by commas
  POLOS_LOG_LEVEL             trace, debug, info (default), warn, error or silent
  POLOS_MONGODB_URL           --mongodb-url, also of server check
  POLOS_RETENTION_DAYS        --retention-days
  POLOS_TOPIC_RETENTION_DAYS  --topic-retention-days

Exit status: 0 done, 1 failed, 2 the command line cannot be meant.`;

/** dist/cli and src/cli are equally far from the package's folder. */
function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

async function carryOut(
  terminal: Terminal,
  { output }: OutputOption,
  work: Parameters<RunCall>[1],
): Promise<ExitStatus> {
  const isJson = output === 'json';
  const { client, url } = connect(process.env);
  try {
    return await work({
      client,
      terminal,
      isJson,
      answer: (document, text) => terminal.answer(isJson ? JSON.stringify(document) : text()),
      remark: (text) => {
        if (!isJson) terminal.remark(text);
      },
    });
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    if (isJson) terminal.remark(JSON.stringify(callErrorDocument(error)));
    else printError(terminal, callErrorText(error, url));
    return ExitStatus.failed;
  }
}

function reportError(terminal: Terminal, error: unknown): ExitStatus {
  // Commander has printed what it had to say; help and version that were asked for are no errors.
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitStatus.done : ExitStatus.usage;
  if (error instanceof UsageError) {
    printError(terminal, error.message);
    return ExitStatus.usage;
  }
  if (!(error instanceof CommandError)) throw error;
  printError(terminal, error.message);
  return ExitStatus.failed;
}

function printError(terminal: Terminal, message: string): void {
  terminal.remark(`${terminal.remarkColors.red('error:')} ${message}`);
}
