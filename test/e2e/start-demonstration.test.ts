import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Program, polos, type RunOptions, root, runProgram, temporaryFolder } from './cli-process.js';

/** Building what is not built yet takes its time. */
const TIMEOUT_MS = 120_000;

const START = join(root, 'scripts/start.mjs');

test('npm start -- --exit runs the batch on the .proto files, shows each event, result and state, twice', {
  timeout: TIMEOUT_MS,
}, async () => {
  const cwd = folder();
  for (const _ of ['first', 'second']) {
    const { status, stdout, stderr } = await runProgram([START, '--exit'], at(cwd));
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const types = Array.from(stdout.matchAll(/^ {2}\d\d:\d\d:\d\d\.\d{3} +(\d+) {2}(\w+)/gm));
    expect(types.map(([, sequence]) => Number(sequence))).toEqual(types.map((_, index) => index + 1));
    expect(types[0]?.[2]).toBe('workflow_queued');
    expect(types.at(-1)?.[2]).toBe('workflow_finish');
    expect(stdout).toMatch(/step_finish +process_\S*workflow_service\.proto {2}kind=run attempts=1$/m);
    expect(stdout).toMatch(
      /step_fail +process_\S*no-such-file\.proto {2}kind=run attempts=3 failure="ENOENT/m,
    );
    expect(stdout).toContain('Result: {"processed":13,"failed":1}');
    expect(stdout).toMatch(/^ {2}processedCount {2}13$/m);
    expect(stdout).toMatch(/^ {2}failedItems {5}\S*no-such-file\.proto$/m);
    expect(stdout).toMatch(/^ {2}startedAt {7}20\d\d-/m);
  }
});

test('npm start goes on serving, knows earlier runs, and ends with status 0 on Ctrl-C', {
  timeout: TIMEOUT_MS,
}, async () => {
  const cwd = folder();
  writeFileSync(join(cwd, 'a.txt'), 'one\ntwo');
  await runProgram([START, '--exit', 'a.txt', 'a.txt'], at(cwd));
  const program = start(['a.txt'], cwd);
  const url = await servingUrl(program);
  const env = { POLOS_API_URL: url };
  const { executions } = JSON.parse((await polos(['execution', 'list', '-o', 'json'], { env })).stdout);
  expect(executions).toMatchObject([{ workflowId: 'batch_processor' }, { workflowId: 'batch_processor' }]);
  const { stdout } = await polos(['execution', 'steps', executions[1].id, '-o', 'json'], { env });
  expect(JSON.parse(stdout).steps).toMatchObject([{ key: 'process_a.txt', result: { lines: 2, bytes: 7 } }]);
  const payload = '{"timestamp":"now","items":["a.txt"]}';
  const invoked = await polos(['invoke', 'batch_processor', '--payload', payload, '--wait'], { env });
  expect(JSON.parse(invoked.stdout)).toEqual({ processed: 1, failed: 0 });
  expect(await program.end('SIGINT')).toMatchObject({ status: 0, stderr: '' });
});

test('events appear while the run is under way', { timeout: TIMEOUT_MS }, async () => {
  const cwd = folder();
  writeFileSync(join(cwd, 'a.txt'), 'one');
  const program = start(['--exit', 'a.txt', 'missing.txt'], cwd);
  await program.line(/step_finish +process_a\.txt/);
  expect(program.lines.join('\n')).not.toContain('Result:');
  expect((await program.end()).stdout).toContain('Result: {"processed":1,"failed":1}');
});

test('a port that is taken is replaced by a free one, unless POLOS_PORT named it', {
  timeout: TIMEOUT_MS,
}, async () => {
  const other = createServer().listen(8080, '127.0.0.1');
  // Whoever has it already serves the purpose.
  await Promise.race([once(other, 'listening'), new Promise((resolve) => other.once('error', resolve))]);
  onTestFinished(() => void other.close());
  const cwd = folder();
  writeFileSync(join(cwd, 'a.txt'), 'one');
  const replaced = await runProgram([START, '--exit', 'a.txt'], { cwd });
  expect(replaced).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('port 8080 is taken; the server listens on a free one'),
  });
  const named = await runProgram([START, '--exit', 'a.txt'], { cwd, env: { POLOS_PORT: '8080' } });
  expect(named).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('port 8080 of 127.0.0.1 is taken'),
  });
});

test.each<[args: string[], env: Record<string, string>, problem: string]>([
  [['--exi'], {}, "Unknown option '--exi'"],
  [['--exit'], { POLOS_PORT: 'http' }, 'POLOS_PORT is "http"; it should be a number'],
])('npm start -- %j with %j is a usage error', { timeout: TIMEOUT_MS }, async (args, env, problem) => {
  const { status, stderr } = await runProgram([START, ...args], { cwd: folder(), env });
  expect(status).toBe(2);
  expect(stderr).toContain(problem);
  expect(stderr).toContain('Usage: npm start');
});

test('the server does not outlive a killed npm start', { timeout: TIMEOUT_MS }, async () => {
  const cwd = folder();
  writeFileSync(join(cwd, 'a.txt'), 'one');
  const program = start(['a.txt'], cwd);
  const socket = connect(Number(new URL(await servingUrl(program)).port), '127.0.0.1');
  await once(socket, 'connect');
  const closed = once(socket, 'close');
  await program.end('SIGKILL');
  await closed;
});

/** On any free port, with its data in this folder. */
function at(cwd: string): RunOptions {
  return { cwd, env: { POLOS_PORT: '0' } };
}

function start(args: readonly string[], cwd: string): Program {
  const program = new Program([START, ...args], at(cwd));
  onTestFinished(async () => void (await program.end('SIGTERM')));
  return program;
}

async function servingUrl(program: Program): Promise<string> {
  const line = await program.line(/^Serving at /);
  return line.split(' ')[2]!;
}

/** A folder that goes with the test. */
function folder(): string {
  const { path, remove } = temporaryFolder();
  onTestFinished(remove);
  return path;
}
