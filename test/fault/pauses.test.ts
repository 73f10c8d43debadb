import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionHandle } from '@polos/sdk';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { connect } from '../e2e/stage.js';
import { happened } from '../e2e/waits-stage.js';
import { uniqueDatabase, withMongodb } from '../mongodb/shared.js';
import { Program, ServerProgram, type ServerProgramOptions } from './processes.js';

// Other tests keep the machine busy meanwhile.
vi.setConfig({ testTimeout: 120_000 });

type StartServer = (options: ServerProgramOptions) => Promise<ServerProgram>;

const SCRIPT = fileURLToPath(new URL('programs/held-worker.mjs', import.meta.url));

/** Longer than any of these tests takes: what happens before its end has another reason. */
const LONG_LEASE_MS = 600_000;
const SHORT_LEASE_MS = 4_000;

/** A server, an execution in the middle of its step `held` at the worker `one`, and the worker `two`. */
class Stage {
  readonly server: ServerProgram;
  readonly execution: ExecutionHandle<string>;
  readonly one: Program;
  readonly two: Program;
  readonly #log: string;

  private constructor(parts: Pick<Stage, 'server' | 'execution' | 'one' | 'two'>, log: string) {
    this.server = parts.server;
    this.execution = parts.execution;
    this.one = parts.one;
    this.two = parts.two;
    this.#log = log;
  }

  static async set(start: StartServer, leaseMs: number): Promise<Stage> {
    const server = await start({ leaseMs });
    const folder = await mkdtemp(join(tmpdir(), 'polos-pauses-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const log = join(folder, 'log');
    const env = { POLOS_API_URL: server.url, LOG: log };
    // It takes nothing else while it has not heard that it has lost what it holds.
    const own = { NAME: 'one', HOLD: 'yes', POLOS_MAX_CONCURRENT_WORKFLOWS: '1' };
    const one = new Program(SCRIPT, [], { ...env, ...own });
    await one.line('started');
    const execution = await connect(server.url).invoke<string>('held');
    await one.line('holds');
    const two = new Program(SCRIPT, [], { ...env, NAME: 'two' });
    await two.line('started');
    return new Stage({ server, execution, one, two }, log);
  }

  /** What all workers did, in order. */
  async did(): Promise<string[]> {
    return (await readFile(this.#log, 'utf8')).trimEnd().split('\n');
  }

  /** Has another execution run to its end: a worker that has room for that would have taken what was ready before. */
  async runAnother(): Promise<string> {
    const other = await connect(this.server.url).invoke<string>('held');
    return other.result();
  }

  /** The events from the pause on. */
  async eventsFromPause() {
    const events = [];
    for await (const event of this.execution.events({ follow: false })) events.push(event);
    return events.slice(events.findIndex(({ type }) => type === 'workflow_pause'));
  }
}

const BEFORE = ['one begins first', 'one ends first', 'one begins held'];

function stepsOf(name: string, ...keys: string[]): string[] {
  return keys.flatMap((key) => [`${name} begins ${key}`, `${name} ends ${key}`]);
}

function describePauses(start: StartServer): void {
  test('a function that runs at the pause ends before another worker begins it, however soon that is unpaused', async () => {
    const stage = await Stage.set(start, LONG_LEASE_MS);
    const { execution, one } = stage;
    await execution.pause();
    expect(await execution.status()).toBe('paused');
    const { revision } = await execution.state();
    const patch = [{ op: 'add', path: '/note', value: 'repaired at once' }] as const;
    await execution.state.patch(patch, { expectedRevision: revision, reason: 'a test', author: 'ada' });
    await execution.unpause();
    expect(await execution.get()).toMatchObject({ status: 'queued', statusReason: 'lease_release' });
    await stage.runAnother();
    const others = (await stage.did()).length - BEFORE.length;
    expect(others, 'only the other execution went on').toBe(6);
    expect(await execution.status()).toBe('queued');
    one.say('go on');
    const winner = await execution.result();
    const did = await stage.did();
    expect(did[BEFORE.length + others]).toBe('one ends held');
    expect(did.slice(BEFORE.length + others + 1)).toEqual(stepsOf(winner, 'held', 'last'));
    expect((await execution.state()).value).toEqual({ note: 'repaired at once' });
  });

  test('a worker that let go while the execution was paused is not waited for', async () => {
    const stage = await Stage.set(start, LONG_LEASE_MS);
    const { execution, one } = stage;
    await execution.pause();
    one.say('go on');
    await expect.poll(() => stage.did()).toContain('one ends held');
    await execution.unpause();
    const winner = await execution.result();
    expect(await stage.did()).toEqual([...BEFORE, 'one ends held', ...stepsOf(winner, 'held', 'last')]);
  });

  test('a worker that hears of nothing is waited for until its lease is over, and then does no finished step again', async () => {
    const stage = await Stage.set(start, SHORT_LEASE_MS);
    const { execution, one } = stage;
    await one.signal('SIGSTOP');
    await execution.pause();
    await execution.unpause();
    expect(await execution.result()).toBe('two');
    await one.signal('SIGCONT');
    one.say('go on');
    await expect.poll(() => stage.did()).toContain('one ends held');
    // Whatever it would still do for that execution, it does before it takes another one.
    await stage.two.signal('SIGKILL');
    expect(
      await connect(stage.server.url)
        .invoke<string>('held')
        .then((next) => next.result()),
    ).toBe('one');
    const next = stepsOf('one', 'first', 'held', 'last');
    expect(await stage.did()).toEqual([
      ...BEFORE,
      ...stepsOf('two', 'held', 'last'),
      'one ends held',
      ...next,
    ]);
    await expectLeaseToBeOver(stage);
  });

  test('a worker killed while its execution is paused, and the server with it, holds it up no longer than its lease', async () => {
    const stage = await Stage.set(start, SHORT_LEASE_MS);
    const { execution, one, server } = stage;
    await execution.pause();
    await Promise.all([one.signal('SIGKILL'), server.kill()]);
    await server.restart();
    expect(await execution.status()).toBe('paused');
    await execution.unpause();
    expect(await execution.result()).toBe('two');
    expect(await stage.did()).toEqual([...BEFORE, ...stepsOf('two', 'held', 'last')]);
    await expectLeaseToBeOver(stage);
  });
}

/** By the server's clock: a completion leaves at least two thirds of a lease. */
async function expectLeaseToBeOver(stage: Stage): Promise<void> {
  const first = await happened(stage.execution, 'step_finish', 'first');
  const events = await stage.eventsFromPause();
  const types = events.map(({ type }) => type);
  expect(types.filter((type) => type !== 'workflow_ready').slice(0, 3)).toEqual([
    'workflow_pause',
    'workflow_unpause',
    'workflow_resume',
  ]);
  expect(types, 'nobody lost it').not.toContain('worker_lost');
  const resumed = events.find(({ type }) => type === 'workflow_resume');
  const waited = Number(resumed?.createdAt) - first;
  expect(waited).toBeGreaterThanOrEqual((SHORT_LEASE_MS * 2) / 3);
}

describe('pauses on the embedded store', () => {
  describePauses((options) => ServerProgram.start(options));
});

withMongodb(() => {
  describe('pauses on MongoDB', () => {
    describePauses(async (options) => {
      return ServerProgram.start({ ...options, mongodbUrl: (await uniqueDatabase()).url });
    });
  });
});
