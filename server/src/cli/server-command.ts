import type { Command } from 'commander';
import { addServerCheckCommand, type CheckServer } from './server-check-command.js';
import { addServerStartCommand, type StartServer } from './server-start-command.js';
import type { Terminal } from './terminal.js';
import type { ExitStatus } from './usage-error.js';

/** What the server commands need from outside. */
export interface ServerCommandParts {
  readonly start: StartServer;
  readonly check: CheckServer;
  readonly terminal: Terminal;
  /** Told of the exit status of a command that ends with an answer. */
  readonly exit: (status: ExitStatus) => void;
}

/** Adds `server` with its commands. */
export function addServerCommands(program: Command, parts: ServerCommandParts): void {
  const group = program.command('server').summary('run a server, and check what it would run on');
  addServerStartCommand(group, parts);
  addServerCheckCommand(group, parts);
}
