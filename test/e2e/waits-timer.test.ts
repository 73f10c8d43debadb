import { setTimeout as delay } from 'node:timers/promises';
import type { ExecutionHandle } from '@polos/sdk';
import { expect, test } from 'vitest';
import { ServerProgram } from '../fault/processes.js';
import { connect, startWorker } from './stage.js';
import { happened, stepsOf } from './waits-stage.js';

test('a wait of 1 s survives kill -9 of the worker, and is never early', async () => {
  const server = await ServerProgram.start();
  const first = await startWorker('waits-worker', server.url);
  const execution = await connect(server.url).invoke('nap', { seconds: 1 });
  await happened(execution, 'workflow_wait');
  await first.signal('SIGKILL');
  const second = await startWorker('waits-worker', server.url);
  expect(await execution.result()).toEqual(['before', 'after']);
  expect(stepsOf(first)).toEqual(['before']);
  expect(stepsOf(second)).toEqual(['after']);
  expect((await execution.state()).value).toEqual({ log: ['before', 'after'] });
  await expectNotEarly(execution, 1_000);
});

test('a wait of 1 s survives kill -9 of the server, whose worker goes on', async () => {
  const server = await ServerProgram.start();
  const worker = await startWorker('waits-worker', server.url);
  const execution = await connect(server.url).invoke('nap', { seconds: 1 });
  await happened(execution, 'workflow_wait');
  await server.kill();
  await server.restart();
  expect(await execution.result()).toEqual(['before', 'after']);
  expect(stepsOf(worker)).toEqual(['before', 'after']);
  await expectNotEarly(execution, 1_000);
});

test('a time that comes while server and worker are down is made up for', async () => {
  const server = await ServerProgram.start();
  const first = await startWorker('waits-worker', server.url);
  const execution = await connect(server.url).invoke('nap', { seconds: 1 });
  const began = await happened(execution, 'step_wait', 'nap');
  await happened(execution, 'workflow_wait');
  await Promise.all([server.kill(), first.signal('SIGKILL')]);
  await pastTime(began + 1_000);
  await server.restart();
  const second = await startWorker('waits-worker', server.url);
  expect(await execution.result()).toEqual(['before', 'after']);
  expect(stepsOf(second)).toEqual(['after']);
});

test('a wait goes on while its worker is killed in the step beside it, and comes before that step', async () => {
  const server = await ServerProgram.start();
  const first = await startWorker('waits-worker', server.url);
  const execution = await connect(server.url).invoke('busy_nap', { at: Date.now() + 3_000 });
  await first.line('step busy');
  await first.signal('SIGKILL');
  const second = await startWorker('waits-worker', server.url);
  await second.line('step busy');
  await happened(execution, 'step_finish', 'nap');
  second.say('go on');
  expect(await execution.result()).toEqual(['nap', 'busy']);
});

test('an execution that waits is cancelled at once, and its time comes to nothing', async () => {
  const server = await ServerProgram.start();
  const worker = await startWorker('waits-worker', server.url);
  const execution = await connect(server.url).invoke('nap', { seconds: 1 });
  const began = await happened(execution, 'step_wait', 'nap');
  await happened(execution, 'workflow_wait');
  expect(await execution.cancel()).toBe(true);
  expect(await execution.status()).toBe('cancelled');
  await expect(execution.result()).rejects.toMatchObject({ name: 'WorkflowCancelledError' });
  await pastTime(began + 1_200);
  const types: string[] = [];
  for await (const { type } of execution.events()) types.push(type);
  expect(types.at(-1)).toBe('workflow_cancel');
  expect(stepsOf(worker)).toEqual(['before']);
});

/** Only a clock can tell that a time has passed at which nothing happened. */
async function pastTime(ms: number): Promise<void> {
  await delay(Math.max(0, ms - Date.now()));
}

/** The server's clock decides, and stamps the events. */
async function expectNotEarly(execution: ExecutionHandle, ms: number): Promise<void> {
  const began = await happened(execution, 'step_wait', 'nap');
  const ended = await happened(execution, 'step_finish', 'nap');
  expect(ended - began).toBeGreaterThanOrEqual(ms);
}
