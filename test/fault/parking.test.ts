import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { polos } from '../e2e/cli-process.js';
import { connect } from '../e2e/stage.js';

import { uniqueDatabase, withMongodb } from '../mongodb/shared.js';
import { Program, ServerProgram, type ServerProgramOptions } from './processes.js';

vi.setConfig({ testTimeout: 120_000 });

const SCRIPT = fileURLToPath(new URL('programs/dying-worker.mjs', import.meta.url));

/** Starts a worker whenever the last one has ended, as a supervisor would, until it is told to stop. */
class Supervisor {
  readonly workers: Program[] = [];
  #isStopped = false;
  readonly #env: Readonly<Record<string, string>>;

  constructor(env: Readonly<Record<string, string>>) {
    this.#env = env;
    void this.#supervise();
    onTestFinished(() => this.stop());
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.workers.at(-1)?.signal('SIGKILL');
  }

  /** The steps whose functions all workers together have called, in order. */
  get steps(): string[] {
    return this.workers.flatMap(({ lines }) => lines.filter((line) => line.startsWith('step ')));
  }

  async #supervise(): Promise<void> {
    while (!this.#isStopped) {
      const worker = new Program(SCRIPT, [], this.#env);
      this.workers.push(worker);
      await worker.exited;
    }
  }
}

async function park(dies: string, options: ServerProgramOptions): Promise<void> {
  const server = await ServerProgram.start({ leaseMs: 500, ...options });
  onTestFinished(() => server.kill());
  const client = connect(server.url);
  const command = (...args: readonly string[]) => polos(args, { env: { POLOS_API_URL: server.url } });
  const supervisor = new Supervisor({ POLOS_API_URL: server.url, DIES: dies });
  const execution = await client.invoke('deadly');
  await expect.poll(() => execution.status(), { timeout: 60_000, interval: 200 }).toBe('paused');

  const info = await execution.get();
  expect(info).toMatchObject({ statusReason: 'workers_lost', error: { type: 'WorkersLostError' } });
  // Five losses in a row, the first of them after a step that counts as progress.
  const expected = ['step first', ...Array(5).fill('step second')];
  expect(supervisor.steps).toEqual(expected);
  const { stdout } = await command('execution', 'get', execution.id);
  expect(stdout).toMatch(/^status +paused \(workers lost\)$/m);
  expect(stdout).toContain(`then: polos execution unpause ${execution.id}`);
  expect(stdout).toContain('WorkersLostError: 5 workers in a row were lost');

  // The supervisor's next worker lives, and serves others.
  expect(await client.run('harmless')).toBe('fine');
  expect(supervisor.steps).toEqual(expected);
  await server.kill();
  await server.restart();
  expect(await client.run('harmless')).toBe('fine');
  expect(await execution.status()).toBe('paused');
  await supervisor.stop();

  const mended = new Supervisor({ POLOS_API_URL: server.url, DIES: '0' });
  const unpaused = await command('execution', 'unpause', execution.id);
  expect(unpaused).toEqual({ status: 0, stdout: 'unpaused\n', stderr: '' });
  expect(await execution.result()).toBe(3);
  expect(mended.steps).toEqual(['step second']);
}

test.each(['exit', 'kill'])(
  'a workflow that ends its worker by %s is held back, and completes with mended code',
  (dies) => park(dies, {}),
);

withMongodb(() => {
  test('the same on MongoDB', async () => {
    const { url } = await uniqueDatabase();
    await park('kill', { mongodbUrl: url });
  });
});

test('an execution is paused and unpaused by hand, from the SDK and from the command line', async () => {
  const server = await ServerProgram.start();
  onTestFinished(() => server.kill());
  const client = connect(server.url);
  const command = (...args: readonly string[]) => polos(args, { env: { POLOS_API_URL: server.url } });
  const execution = await client.invoke('harmless');
  await execution.pause();
  expect(await execution.get()).toMatchObject({ status: 'paused', statusReason: undefined });
  const supervisor = new Supervisor({ POLOS_API_URL: server.url, DIES: '0' });
  expect(await client.run('harmless')).toBe('fine');
  expect(await execution.status()).toBe('paused');
  await execution.unpause();
  expect(await execution.result()).toBe('fine');
  expect(supervisor.workers).toHaveLength(1);

  const refused = await command('execution', 'pause', execution.id);
  expect(refused.status).toBe(1);
  expect(refused.stderr).toContain('which is final');
  const other = await client.invoke('harmless', undefined, { startDelaySeconds: 600 });
  const paused = await command('execution', 'pause', other.id);
  expect(paused).toMatchObject({ status: 0, stdout: 'paused\n' });
  expect(paused.stderr).toContain(`polos execution unpause ${other.id}`);
  const json = await command('execution', 'unpause', other.id, '--output', 'json');
  expect(JSON.parse(json.stdout)).toEqual({ executionId: other.id });
});
