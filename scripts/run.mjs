import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root folder. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** A command that ended with another status than 0; `output` is all it printed. */
export class CommandFailed extends Error {
  constructor(command, { status, output }) {
    super(`${command} ended with status ${status}`);
    this.name = 'CommandFailed';
    this.output = output;
  }
}

/**
 * Runs a command in the repository's root and collects what it prints.
 * @returns its output; rejects with CommandFailed unless it exits 0.
 */
export function run(command, args, { env = {}, cwd = root } = {}) {
  const shown = [command, ...args].join(' ');
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    child.on('error', (error) =>
      reject(new CommandFailed(shown, { status: error.code, output: String(error) })),
    );
    child.on('close', (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new CommandFailed(shown, { status: code ?? signal, output }));
    });
  });
}

/** Runs a command in the repository's root with this process's terminal; resolves to its exit status. */
export function runVisibly(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', (error) => {
      console.error(String(error));
      resolve(1);
    });
    child.on('close', (code) => resolve(code ?? 1));
  });
}

/** The path of a tool installed by npm. */
export function tool(name) {
  return join(root, 'node_modules', '.bin', name);
}
