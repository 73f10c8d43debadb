import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { polos, temporaryFolder } from './cli-process.js';

// Nothing listens on port 1.
const NOWHERE = { POLOS_API_URL: 'http://127.0.0.1:1' };
const folder = temporaryFolder();
afterAll(() => folder.remove());

test.each([
  ['--help'],
  ['help'],
  ['invoke', '--help'],
  ['execution', 'events', '--help'],
  ['server', 'start', '--help'],
])('help that is asked for goes to stdout: %s %s %s', async (...args) => {
  const { status, stdout, stderr } = await polos(args);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/^Usage: polos/);
});

test('the version is that of the server package', async () => {
  expect(await polos(['--version'])).toEqual({ status: 0, stdout: '0.1.0\n', stderr: '' });
});

test.each<[args: string[], problem: string]>([
  [[], 'Usage: polos'],
  [['execution'], 'Usage: polos execution'],
  [['launch'], "unknown command 'launch'"],
  [['execution', 'lst'], 'Did you mean list?'],
  [['invoke'], "missing required argument 'workflow'"],
  [['invoke', 'a', 'b'], 'too many arguments'],
  [['invoke', 'a', '--pay', '1'], "unknown option '--pay'"],
  [['invoke', 'a', '--output', 'xml'], 'Allowed choices are text, json'],
  [['invoke', 'a', '--priority', '1000'], 'an integer from -100 to 100'],
  [['invoke', 'a', '--idempotency-key', ''], 'should not be empty'],
  [['invoke', 'a', '--start-delay', '5'], '--start-delay "5" is no duration; write one like'],
  [['invoke', 'a', '--attribute', 'x'], '--attribute "x" should be NAME=VALUE'],
  [['invoke', 'a', '--payload', '-', '--initial-state', '-'], 'cannot both be read from stdin'],
  [['execution', 'state', 'a', '--revision', '0'], 'an integer from 1'],
  [['schema', 'show', 'xyz'], '"xyz" is no digest'],
  [['server', 'start', '--port', '70000'], 'an integer from 0 to 65535'],
  [['server', 'start', '--store', 'redis'], 'Allowed choices are embedded, mongodb'],
  [['server', 'start', '--store', 'mongodb'], '--mongodb-url: the MongoDB store needs it'],
  [['server', 'start', '--retention-days', '0.5'], '--retention-days: "0.5" should be'],
  [['server', 'start', '--topic-retention-days', '30,a=0'], '--topic-retention-days: "a=0" should be'],
  [
    ['server', 'start', '--mongodb-url', 'mongodb://x', '--data-dir', 'x'],
    '--data-dir: it is for the embedded store',
  ],
  [
    ['server', 'start', '--mongodb-url', 'mongodb://x', '--store', 'embedded'],
    '--mongodb-url: it is for the MongoDB',
  ],
  [['server', 'check'], '--mongodb-url or POLOS_MONGODB_URL is needed'],
])('%j is a usage error', async (args, problem) => {
  const { status, stdout, stderr } = await polos(args, { env: NOWHERE });
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toContain(problem);
});

test.each<[argument: string, stdin: string, problem: string]>([
  ['{"a":1', '', '--payload is not JSON: the end is unexpected at column 7\n  {"a":1\n        ^\n'],
  ["{'a':1}", '', `--payload is not JSON: "'" is unexpected at column 2\n  {'a':1}\n   ^\n`],
  ['', '', '--payload is empty, and not JSON\n'],
  ['NaN', '', '--payload is not JSON: "N" is unexpected at column 1\n  NaN\n  ^\n'],
  ['-', '[\n1,\n]', '--payload (stdin) is not JSON: "]" is unexpected at line 3, column 1\n  ]\n  ^\n'],
  ['-', '', '--payload (stdin) is empty, and not JSON\n'],
])('a payload that is not JSON is refused with the place: %j %j', async (argument, stdin, problem) => {
  const outcome = await polos(['invoke', 'a', '--payload', argument], { env: NOWHERE, stdin });
  expect(outcome).toEqual({ status: 2, stdout: '', stderr: `error: ${problem}` });
});

test('a payload file that cannot be read, is no text or no JSON is refused with its name', async () => {
  writeFileSync(join(folder.path, 'bad.json'), '{"items": [\n  "a",,\n]}');
  writeFileSync(join(folder.path, 'latin1.json'), Buffer.from('"\xe9"', 'latin1'));
  const invoke = async (file: string) =>
    (await polos(['invoke', 'a', '--payload', `@${file}`], { cwd: folder.path, env: NOWHERE })).stderr;
  expect(await invoke('none.json')).toBe(
    'error: --payload: none.json cannot be read: no such file or directory\n',
  );
  expect(await invoke('latin1.json')).toBe('error: --payload: latin1.json is not UTF-8 text\n');
  expect(await invoke('bad.json')).toContain(
    '--payload (bad.json) is not JSON: "," is unexpected at line 2, column 7',
  );
});

test('where no server is, the command says where it looked and what to do', async () => {
  const { status, stdout, stderr } = await polos(['execution', 'list'], { env: NOWHERE });
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toContain('no Polos server reached at http://127.0.0.1:1: nothing listens there');
  expect(stderr).toContain('polos server start');
});

test('where something else answers, the command says so', async () => {
  const other = createServer((_, response) => response.end('hello')).listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  const url = `http://127.0.0.1:${port}`;
  const { status, stderr } = await polos(['execution', 'list'], { env: { POLOS_API_URL: url } });
  other.close();
  expect(status).toBe(1);
  expect(stderr).toContain(`no Polos server reached at ${url}`);
});

test('a POLOS_API_URL that is none is a usage error', async () => {
  const { status, stderr } = await polos(['worker', 'list'], { env: { POLOS_API_URL: 'localhost:8080' } });
  expect(status).toBe(2);
  expect(stderr).toBe(
    'error: POLOS_API_URL is "localhost:8080"; it should be a URL like http://localhost:8080\n',
  );
});

test('errors for scripts are JSON with a code', async () => {
  const { status, stderr } = await polos(['execution', 'list', '--output', 'json'], { env: NOWHERE });
  expect(status).toBe(1);
  expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'UNAVAILABLE', details: [] } });
});
