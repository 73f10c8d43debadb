import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Program, polos, root, temporaryFolder } from './cli-process.js';

const COMMAND = join(root, 'server/bin/polos.js');

test.each(['SIGTERM', 'SIGINT'] as const)(
  'a server says where it listens, in one line, and ends with status 0 on %s',
  async (signal) => {
    const { server } = await start();
    const { status, stdout, stderr } = await server.end(signal);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^polos listening on http:\/\/127\.0\.0\.1:\d+$/);
    expect(stderr).toBe('');
  },
);

test('the data directory is .polos in the working directory unless another is named', async () => {
  const { folder, server } = await start({ args: [] });
  expect(existsSync(join(folder, '.polos'))).toBe(true);
  await server.end('SIGTERM');
});

test('what one server recorded, the next on the same directory knows', async () => {
  const first = await start();
  const { stdout } = await polos(['invoke', 'nobody', '--payload', '{"n":1}'], {
    env: { POLOS_API_URL: first.url },
  });
  await first.server.end('SIGTERM');
  const second = await start({ folder: first.folder });
  const got = await polos(['execution', 'get', stdout.trim(), '-o', 'json'], {
    env: { POLOS_API_URL: second.url },
  });
  expect(JSON.parse(got.stdout)).toMatchObject({
    status: 'queued',
    statusReason: 'no_worker',
    payload: { n: 1 },
  });
  await second.server.end('SIGTERM');
});

test('a second server on the same directory is refused', async () => {
  const { folder, server } = await start();
  const { status, stdout, stderr } = await polos(['server', 'start', '--port', '0', '--data-dir', 'data'], {
    cwd: folder,
  });
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(/^error: the server could not be started: .*data.*\n$/);
  await server.end('SIGTERM');
});

test('a port that is taken is an error with what to do', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  onTestFinished(() => void other.close());
  const { port } = other.address() as { port: number };
  const folder = temporaryFolder();
  onTestFinished(() => folder.remove());
  const outcome = await polos(['server', 'start', '--port', `${port}`], { cwd: folder.path });
  const stderr = `error: port ${port} of 127.0.0.1 is taken by another process; give another --port, or 0 for a free one\n`;
  expect(outcome).toEqual({ status: 1, stdout: '', stderr });
});

test.each([
  ['POLOS_LOG_LEVEL', 'loud'],
  ['POLOS_RETENTION_DAYS', '0'],
])('a %s that is not acceptable is an error that names it', async (name, value) => {
  const folder = temporaryFolder();
  onTestFinished(() => folder.remove());
  const env = { [name]: value };
  const { status, stderr } = await polos(['server', 'start', '--port', '0'], { cwd: folder.path, env });
  expect(status).toBe(1);
  expect(stderr).toMatch(
    new RegExp(`^error: the server's configuration is not acceptable\\n${name}: .+\\n$`),
  );
});

test.each([
  ['--data-dir', 'data'],
  ['--store', 'embedded'],
])('with %s %s the URL of a MongoDB in the environment does not count', async (...args) => {
  const { server } = await start({ args, env: { POLOS_MONGODB_URL: 'mongodb://127.0.0.1:1' } });
  expect(await server.end('SIGTERM')).toMatchObject({ status: 0 });
});

test('with API keys the command needs one of them', async () => {
  const { server, url } = await start({ env: { POLOS_API_KEYS: 'one,two' } });
  const list = (key: string) =>
    polos(['execution', 'list'], { env: { POLOS_API_URL: url, POLOS_API_KEY: key } });
  expect(await list('two')).toMatchObject({ status: 0, stdout: 'no executions\n' });
  const { status, stderr } = await list('three');
  expect(status).toBe(1);
  expect(stderr).toContain('(UNAUTHENTICATED)');
  expect(stderr).toContain('Set POLOS_API_KEY to a key that the server accepts');
  await server.end('SIGTERM');
});

interface StartOptions {
  readonly folder?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a server in a folder that goes with the test. */
async function start({ folder, args = ['--data-dir', 'data'], env = {} }: StartOptions = {}) {
  const temporary = folder ? undefined : temporaryFolder();
  const cwd = folder ?? temporary!.path;
  const server = new Program([COMMAND, 'server', 'start', '--port', '0', ...args], { cwd, env });
  onTestFinished(async () => {
    await server.end('SIGKILL');
    temporary?.remove();
  });
  const url = (await server.line(/^polos listening on /)).replace('polos listening on ', '');
  return { server, url, folder: cwd };
}
