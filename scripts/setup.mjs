// Makes a fresh clone ready: installs packages and builds the SDK and the server, each only when needed.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CommandFailed, root, run, tool } from './run.mjs';
import { once } from './stamp.mjs';

const OLDEST_NODE = [20, 19];
const COMPILER_INPUTS = ['package-lock.json', 'tsconfig.base.json'];
const SDK_INPUTS = ['src', 'package.json', 'tsconfig.json', 'tsdown.config.ts'].map(
  (path) => `clients/typescript/${path}`,
);
const SERVER_INPUTS = ['server/src', 'server/package.json', 'server/tsconfig.json'];

/** Silent when everything is in place; otherwise one line for each thing it does. Rejects with CommandFailed. */
export async function setup() {
  requireNode();
  await install();
  await build('@polos/sdk', {
    inputs: SDK_INPUTS,
    output: 'clients/typescript/dist/index.js',
    command: [tool('tsdown'), ['--logLevel', 'warn']],
    cwd: 'clients/typescript',
  });
  await build('@polos/server', {
    inputs: SERVER_INPUTS,
    output: 'server/dist/main.js',
    command: [tool('tsc'), ['-b', 'server']],
  });
}

/** Builds a workspace of programs on top of the SDK and the server; call setup() first. */
export async function buildPrograms(workspace, entry) {
  await build(`@polos/${workspace}`, {
    inputs: [workspace, 'test/mongodb', ...SDK_INPUTS, ...SERVER_INPUTS],
    output: entry,
    command: [tool('tsc'), ['-b', workspace]],
  });
}

/** Calls `main`; when it fails, prints the reason (with a tool's own output) and exits 1. */
export async function runMain(main) {
  try {
    await main();
  } catch (error) {
    reportFailure(error);
    process.exit(1);
  }
}

/** Prints a failure: a failed command's output and status, or the error's message. */
export function reportFailure(error) {
  if (error instanceof CommandFailed) console.error(error.output.trimEnd());
  console.error(error instanceof CommandFailed ? error.message : error);
}

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  console.error(`Polos needs Node.js ${OLDEST_NODE.join('.')} or newer; this is ${process.versions.node}.`);
  process.exit(1);
}

async function install() {
  if (isInstalled()) return;
  console.log('Installing packages (npm ci)');
  await run('npm', ['ci', '--no-progress']);
}

/** Whether node_modules holds what package-lock.json names; npm records what it installed in a file of the same form. */
function isInstalled() {
  const record = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  const wanted = packagesIn(join(root, 'package-lock.json'));
  const installed = packagesIn(record);
  const isSame = ([path, entry]) =>
    installed.has(path) ? installed.get(path).integrity === entry.integrity : entry.optional === true;
  return [...wanted].every(isSame) && [...installed.keys()].every((path) => wanted.has(path));
}

function packagesIn(lockfile) {
  const { packages } = JSON.parse(readFileSync(lockfile, 'utf8'));
  return new Map(Object.entries(packages).filter(([path]) => path.includes('node_modules/')));
}

async function build(name, { inputs, output, command: [program, args], cwd = '.' }) {
  const stampName = name.replace('@polos/', '');
  await once(stampName, { inputs: [...COMPILER_INPUTS, ...inputs], outputs: [output] }, async () => {
    console.log(`Building ${name}`);
    await run(program, args, { cwd: join(root, cwd) });
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runMain(setup);
