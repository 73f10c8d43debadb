import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { root, Stage } from './cli-process.js';
import { need, PYTHON, run, type Tool } from './clients-server.js';

// Other tests keep the machine busy meanwhile, and packages come over the network.
vi.setConfig({ testTimeout: 900_000 });

const PACKAGE = join(root, 'clients/python');
const RUFF: Tool = { name: 'ruff', command: join(root, '.cache/python/bin/ruff') };
const PYRIGHT: Tool = { name: 'pyright', command: join(root, 'node_modules/.bin/pyright') };

/** What must end without a complaint. */
const CHECKS = [
  { name: 'ruff check', tool: RUFF, args: ['check', '--no-cache', '.'] },
  { name: 'ruff format', tool: RUFF, args: ['format', '--no-cache', '--check', '.'] },
  { name: 'mypy', tool: PYTHON, args: ['-m', 'mypy', '--cache-dir', '/dev/null'] },
  { name: 'pyright', tool: PYRIGHT, args: ['--pythonpath', PYTHON.command] },
  { name: 'pytest', tool: PYTHON, args: ['-m', 'pytest', '-q', '-p', 'no:cacheprovider'] },
];

test.for(CHECKS)('$name finds nothing wrong with the Python SDK', async ({ tool, args }, context) => {
  need(PYTHON, context);
  need(tool, context);
  const { status, stdout, stderr } = await run(tool, args, { cwd: PACKAGE });
  expect(status, `${stdout}${stderr}`).toBe(0);
});

test('wheel and sdist hold the same package, which runs where nothing else is installed', async (context) => {
  need(PYTHON, context);
  const folder = mkdtempSync(join(tmpdir(), 'polos-python-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [dist, rebuilt, environment] = ['dist', 'rebuilt', 'environment'].map((name) => join(folder, name));
  await succeed(PYTHON, ['-m', 'hatchling', 'build', '-d', dist!], PACKAGE);
  const [wheel, sdist] = ['.whl', '.tar.gz'].map((end) => join(dist!, fileWith(dist!, end)));
  const pip = ['-m', 'pip', '--quiet', '--disable-pip-version-check'];
  await succeed(
    PYTHON,
    [...pip, 'wheel', '--no-deps', '--no-build-isolation', '-w', rebuilt!, sdist!],
    folder,
  );
  const names =
    'import sys, zipfile; print(*(sorted(zipfile.ZipFile(path).namelist()) for path in sys.argv[1:]), sep="\\n")';
  const listed = await succeed(
    PYTHON,
    ['-c', names, wheel!, join(rebuilt!, fileWith(rebuilt!, '.whl'))],
    folder,
  );
  const [built, again] = listed.trimEnd().split('\n');
  expect(built).toContain("'polos/py.typed'");
  expect(again).toBe(built);

  await succeed(PYTHON, ['-m', 'venv', environment!], folder);
  const python: Tool = { name: 'an empty Python', command: join(environment!, 'bin/python') };
  await succeed(python, [...pip, 'install', wheel!], folder);
  const stage = await Stage.open();
  onTestFinished(() => stage.close());
  const program = join(root, 'test/e2e/programs/python_hello.py');
  expect(await succeed(python, ['-I', '-W', 'error', program, stage.url], folder)).toBe('Hello, Ada! 1\n');
});

test('workflows in Python and in TypeScript start each other', async (context) => {
  need(PYTHON, context);
  const stage = await Stage.open();
  onTestFinished(() => stage.close());
  const worker = spawn(PYTHON.command, ['-W', 'error', 'test/e2e/programs/python_family.py'], {
    cwd: root,
    env: { ...process.env, PYTHONPATH: join(PACKAGE, 'src'), POLOS_API_URL: stage.url },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void worker.kill('SIGKILL'));
  await once(worker.stdout, 'data');
  const payload = JSON.stringify({ names: ['Ada', 'Émile'] });
  const answer = await stage.json('invoke', 'python.party', '--payload', payload, '--wait');
  const expected = ['Hello, Ada!', 'Hello, Émile!', 'StepExecutionError: RangeError'];
  expect(answer.result).toEqual(expected);
  const { executions } = await stage.json('execution', 'list', '--workflow', 'greet');
  const [child] = executions as { id: string }[];
  const { state } = await stage.json('execution', 'state', child!.id);
  expect(state).toEqual({ greeted: ['Émile'], count: 6 });

  // What its model refuses, the server refuses.
  const refused = await stage.polos(['invoke', 'python.party', '--payload', '{"names":"Ada"}']);
  expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining('/names') });
  worker.kill('SIGTERM');
  expect(await once(worker, 'exit')).toEqual([0, null]);
});

function fileWith(folder: string, end: string): string {
  return readdirSync(folder).find((name) => name.endsWith(end)) ?? `no ${end}`;
}

/** Runs a tool that must end with status 0. @returns what it printed. */
async function succeed(tool: Tool, args: readonly string[], cwd: string): Promise<string> {
  const { status, stdout, stderr } = await run(tool, args, { cwd });
  expect(status, `${stdout}${stderr}`).toBe(0);
  return stdout;
}
