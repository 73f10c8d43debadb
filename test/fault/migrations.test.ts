import { fileURLToPath } from 'node:url';
import type { ExecutionHandle } from '@polos/sdk';
import { describe, expect, test, vi } from 'vitest';
import { polos } from '../e2e/cli-process.js';
import { connect } from '../e2e/stage.js';
import { uniqueDatabase, withMongodb } from '../mongodb/shared.js';
import { Program, ServerProgram } from './processes.js';

// Other tests keep the machine busy meanwhile.
vi.setConfig({ testTimeout: 180_000 });

type StartServer = () => Promise<ServerProgram>;

const SCRIPT = fileURLToPath(new URL('programs/counting-worker.mjs', import.meta.url));
const MADE = { reason: 'a test', author: 'ada' };

async function startWorker(server: ServerProgram, version: number, env = {}): Promise<Program> {
  const worker = new Program(SCRIPT, [], { POLOS_API_URL: server.url, VERSION: `${version}`, ...env });
  await worker.line('started');
  return worker;
}

async function untilWaiting(execution: ExecutionHandle, stage: string): Promise<void> {
  const isThere = async () => {
    for await (const { type, stepKey } of execution.events({ follow: false })) {
      if (type === 'step_suspend' && stepKey === `after_${stage}`) return true;
    }
    return false;
  };
  await expect.poll(isThere, { timeout: 60_000, interval: 100 }).toBe(true);
  await expect.poll(() => execution.status(), { timeout: 60_000, interval: 50 }).toBe('waiting');
}

function describeMigrations(start: StartServer): void {
  test('an execution outlives two deployments, a repair, and the death of every worker and server', async () => {
    const server = await start();
    const client = connect(server.url);
    const first = await startWorker(server, 1);
    const execution = await client.invoke<number>('counting');
    await untilWaiting(execution, 'one');
    await Promise.all([first.signal('SIGKILL'), server.kill()]);
    await server.restart();

    const second = await startWorker(server, 2);
    await client.resume(execution.id, 'after_one', 1);
    await untilWaiting(execution, 'two');
    expect((await execution.state()).value).toEqual({ items: 22, seen: ['1'] });
    const { revision } = await execution.state();
    const patch = [{ op: 'replace', path: '/items', value: 100 }] as const;
    await execution.state.patch(patch, { ...MADE, expectedRevision: revision });
    await Promise.all([second.signal('SIGKILL'), server.kill()]);
    await server.restart();

    const third = await startWorker(server, 3);
    await client.resume(execution.id, 'after_two', 2);
    await untilWaiting(execution, 'three');
    expect((await execution.state()).value).toEqual({ total: 111, seen: ['1', '2'] });
    await third.signal('SIGKILL');
    await startWorker(server, 3);
    await client.resume(execution.id, 'after_three', 3);
    expect(await execution.result()).toBe(111);
    const made = [];
    for await (const { repair, migration } of execution.state.revisions()) {
      if (repair ?? migration)
        made.push(repair?.reason ?? `${migration?.fromVersion}-${migration?.toVersion}`);
    }
    expect(made).toEqual(['1-2', MADE.reason, '2-3']);
  });

  test('a worker of an earlier version never sees what a later one has migrated', async () => {
    const server = await start();
    const client = connect(server.url);
    const old = await startWorker(server, 1);
    const executions = await Promise.all(Array.from({ length: 8 }, () => client.invoke<number>('counting')));
    for (const execution of executions) await untilWaiting(execution, 'one');
    const recent = await startWorker(server, 2);
    for (const stage of ['one', 'two', 'three']) {
      for (const execution of executions) await client.resume(execution.id, `after_${stage}`, stage);
      if (stage === 'one') for (const execution of executions) await untilWaiting(execution, 'two');
      // The old worker keeps the code of its executions, and goes on with them, as long as it is there.
      if (stage === 'one') await old.signal('SIGKILL');
      if (stage === 'one') await startWorker(server, 1);
    }
    for (const execution of executions) expect(await execution.result()).toBe(33);
    expect(recent.lines.length).toBeGreaterThan(1);
    for (const execution of executions) {
      let version = 1;
      for await (const { type, data } of execution.events()) {
        if (type === 'state_migration') version += 1;
        if (type === 'state_migration') expect(data).toEqual({ fromVersion: 1, toVersion: 2 });
      }
      expect((await execution.state()).value).toHaveProperty(version === 1 ? 'count' : 'items', 33);
    }
  });

  test('a migration that throws holds the execution back, and a mended deployment goes on', async () => {
    const server = await start();
    const client = connect(server.url);
    const first = await startWorker(server, 1);
    const execution = await client.invoke<number>('counting');
    await untilWaiting(execution, 'one');
    const before = await execution.state();
    await first.signal('SIGKILL');
    const broken = await startWorker(server, 2, { BROKEN: 'yes' });
    await client.resume(execution.id, 'after_one', 1);
    await expect.poll(() => execution.status(), { timeout: 60_000 }).toBe('paused');
    expect(await execution.get()).toMatchObject({ statusReason: 'state_misfit' });
    expect(await execution.state()).toMatchObject({ value: before.value, revision: before.revision });
    const env = { POLOS_API_URL: server.url };
    const { stdout } = await polos(['execution', 'get', execution.id], { env });
    expect(stdout).toContain('nobody thought of count');
    expect(stdout).toContain('state misfit');
    await broken.signal('SIGKILL');
    await startWorker(server, 2);
    await execution.unpause();
    await client.resume(execution.id, 'after_two', 2);
    await client.resume(execution.id, 'after_three', 3);
    expect(await execution.result()).toBe(33);
    const { stdout: revisions } = await polos(['execution', 'state', execution.id, '--revisions'], { env });
    expect(revisions).toContain('migrated from version 1 to 2');
  });
}

describe('migrations on the embedded store', () => {
  describeMigrations(() => ServerProgram.start());
});

withMongodb(() => {
  describe('migrations on MongoDB', () => {
    describeMigrations(async () => ServerProgram.start({ mongodbUrl: (await uniqueDatabase()).url }));
  });
});
