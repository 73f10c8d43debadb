import { fileURLToPath } from 'node:url';
import {
  type ExecutionHandle,
  ExecutionRunningError,
  InvalidArgumentError,
  ResultConflictError,
  StateValidationError,
} from '@polos/sdk';
import { describe, expect, test, vi } from 'vitest';
import { polos } from '../e2e/cli-process.js';
import { connect } from '../e2e/stage.js';
import { happened } from '../e2e/waits-stage.js';
import { uniqueDatabase, withMongodb } from '../mongodb/shared.js';
import { Program, ServerProgram, startWorker as startFiveSteps } from './processes.js';

// Other tests keep the machine busy meanwhile.
vi.setConfig({ testTimeout: 120_000 });

type StartServer = () => Promise<ServerProgram>;

const SCRIPT = fileURLToPath(new URL('programs/ordering-worker.mjs', import.meta.url));
const MADE = { reason: 'the customer was promised it', author: 'ada' };

async function startWorker(server: ServerProgram, name: string): Promise<Program> {
  const worker = new Program(SCRIPT, [], { POLOS_API_URL: server.url, NAME: name });
  await worker.line('started');
  return worker;
}

async function begin(
  server: ServerProgram,
  initialState: Record<string, unknown> = {},
): Promise<ExecutionHandle<number[]>> {
  return connect(server.url).invoke<number[]>('ordering', undefined, { initialState });
}

function put(path: string, value: unknown) {
  return [{ op: 'replace', path, value } as never];
}

async function untilStatus(execution: ExecutionHandle, ...statuses: readonly string[]): Promise<void> {
  await expect.poll(() => execution.status(), { timeout: 60_000 }).toBeOneOf([...statuses]);
}

function describeRepairs(start: StartServer): void {
  test('a repair while it waits survives the death of server and worker, and is undone as it was made', async () => {
    const server = await start();
    const first = await startWorker(server, 'one');
    const execution = await begin(server);
    await happened(execution, 'workflow_wait');
    const { revision, value } = await execution.state();
    const repaired = await execution.state.patch(put('/price', 7), { ...MADE, expectedRevision: revision });
    expect(repaired).toBe(revision + 1);
    await Promise.all([server.kill(), first.signal('SIGKILL')]);
    await server.restart();
    expect((await execution.state()).value).toEqual({ ...value, price: 7 });
    await startWorker(server, 'two');
    await connect(server.url).resume(execution.id, 'first');
    await happened(execution, 'step_finish', 'pay_first');
    await untilStatus(execution, 'waiting');
    expect((await execution.state()).value).toMatchObject({ price: 7, paid: [21] });

    const latest = (await execution.state()).revision;
    const back = await execution.state.diff(repaired, revision);
    await execution.state.patch(back, { ...MADE, reason: 'no, it was not', expectedRevision: latest });
    await connect(server.url).resume(execution.id, 'second');
    expect(await execution.result()).toEqual([21, 3]);
    const made = [];
    for await (const { repair } of execution.state.revisions()) if (repair) made.push(repair.reason);
    expect(made).toEqual([MADE.reason, 'no, it was not']);
  });

  test('kept code is not gone on with: the same worker replays, with no death at all', async () => {
    const server = await start();
    await startWorker(server, 'only');
    const execution = await begin(server);
    await happened(execution, 'workflow_wait');
    const { revision } = await execution.state();
    await execution.state.patch(put('/price', 7), { ...MADE, expectedRevision: revision });
    for (const part of ['first', 'second']) await connect(server.url).resume(execution.id, part);
    expect(await execution.result()).toEqual([21, 21]);
  });

  test('one that fails again and again goes on once its state is repaired', async () => {
    const server = await start();
    const worker = await startWorker(server, 'only');
    const execution = await begin(server, { price: -1 });
    await happened(execution, 'workflow_retry');
    await execution.pause();
    const { revision } = await execution.state();
    await execution.state.patch(put('/price', 4), { ...MADE, expectedRevision: revision });
    await execution.unpause();
    await happened(execution, 'workflow_wait');
    await worker.line('only price 4');
    expect(worker.lines.at(-1)).toBe('only price 4');
    for (const part of ['first', 'second']) await connect(server.url).resume(execution.id, part);
    expect(await execution.result()).toEqual([12, 12]);
    expect((await execution.state()).value).toEqual({ price: 4, count: 3, paid: [12, 12] });
  });

  test('one that has not begun begins with the repaired state', async () => {
    const server = await start();
    const execution = await begin(server, { price: -1 });
    await execution.state.patch(put('/price', 5), { ...MADE, expectedRevision: 1 });
    await server.kill();
    await server.restart();
    const worker = await startWorker(server, 'first');
    await happened(execution, 'workflow_wait');
    expect(await worker.line('first price')).toBe('first price 5');
    await worker.signal('SIGKILL');
    await startWorker(server, 'second');
    for (const part of ['first', 'second']) await connect(server.url).resume(execution.id, part);
    expect(await execution.result()).toEqual([15, 15]);
  });

  test('what must not be done is refused by type, and changes nothing', async () => {
    const server = await start();
    await startWorker(server, 'only');
    const execution = await begin(server);
    await happened(execution, 'workflow_wait');
    const { revision, value } = await execution.state();
    const patch = (operations: never[], expectedRevision = revision) =>
      execution.state.patch(operations, { ...MADE, expectedRevision });
    await expect(patch(put('/price', 'seven'))).rejects.toThrow(StateValidationError);
    await expect(patch(put('/nothing', 7))).rejects.toThrow(InvalidArgumentError);
    await expect(patch(put('/price', 7), revision - 1)).rejects.toThrow(ResultConflictError);
    await expect(
      execution.state.patch(put('/price', 7), { expectedRevision: revision, reason: '', author: 'ada' }),
    ).rejects.toThrow(InvalidArgumentError);
    expect(await patch(put('/price', 1))).toBe(revision);
    expect(await execution.state()).toMatchObject({ revision, value });
    const patches = [patch(put('/price', 7)), patch(put('/price', 7))];
    expect(await Promise.all(patches), 'a repetition').toEqual([revision + 1, revision + 1]);
  });

  test('the command repairs, says so, and takes a repair back', async () => {
    const server = await start();
    await startWorker(server, 'only');
    const execution = await begin(server);
    await happened(execution, 'workflow_wait');
    const { revision } = await execution.state();
    const command = (...args: readonly string[]) =>
      polos(['execution', ...args], { env: { POLOS_API_URL: server.url } });
    const repair = ['patch-state', execution.id, '--reason', 'a typo', '--author', 'grace'];
    const patch = '[{"op":"replace","path":"/price","value":7}]';
    const unsaid = await command(...repair, '--patch', patch);
    expect([unsaid.status, unsaid.stderr]).toEqual([2, expect.stringContaining('--expected-revision')]);
    const done = await command(...repair, '--patch', patch, '--expected-revision', `${revision}`);
    expect([done.status, done.stdout]).toEqual([0, `the state is at revision ${revision + 1}\n`]);
    const listed = await command('state', execution.id, '--revisions');
    expect(listed.stdout).toContain('repaired by grace: a typo');
    const undone = await command(...repair, '--undo', `${revision + 1}`);
    expect([undone.status, undone.stdout]).toEqual([0, `the state is at revision ${revision + 2}\n`]);
    expect((await execution.state()).value).toMatchObject({ price: 1 });
    const again = await command(...repair, '--undo', `${revision + 1}`);
    expect([again.status, again.stderr]).toEqual([1, expect.stringContaining('"/price" was changed again')]);
    const { stdout } = await command('steps', execution.id);
    expect(stdout).toContain('state_repair');
  });
}

test('one that a worker holds has to be paused first, which takes it from the worker', async () => {
  const server = await ServerProgram.start({ leaseMs: 10_000 });
  const worker = await startFiveSteps(server.url, 'one', 3);
  const execution = await connect(server.url).invoke<{ sum: number }>('five_steps', { who: 'ada' });
  await worker.line('step 3');
  const { revision } = await execution.state();
  const patch = () =>
    execution.state.patch(put('/note', 'for grace'), { ...MADE, expectedRevision: revision });
  await expect(patch()).rejects.toThrow(ExecutionRunningError);
  await execution.pause();
  await patch();
  worker.say('go on');
  await startFiveSteps(server.url, 'two');
  await worker.signal('SIGTERM');
  await execution.unpause();
  expect(await execution.result()).toEqual({ sum: 150 });
  expect((await execution.state()).value).toEqual({ done: [1, 2, 3, 4, 5], note: 'for grace' });
});

describe('repairs on the embedded store', () => {
  describeRepairs(() => ServerProgram.start());
});

withMongodb(() => {
  describe('repairs on MongoDB', () => {
    describeRepairs(async () => ServerProgram.start({ mongodbUrl: (await uniqueDatabase()).url }));
  });
});
