import type { ExecutionHandle } from '@polos/sdk';
import { expect, test } from 'vitest';
import { connect } from '../e2e/stage.js';
import { type Program, ServerProgram, startWorker } from './processes.js';

const DONE = { done: [1, 2, 3, 4, 5], note: 'for ada' };

test('a worker killed in step 3 of 5 repeats neither step 1 nor step 2, and another worker finishes', async () => {
  const server = await ServerProgram.start();
  const first = await startWorker(server.url, 'first', 3);
  const execution = await invoke(server.url);
  await first.line('step 3');
  expect((await execution.state()).value).toEqual({ done: [1, 2], note: 'for ada' });
  await first.signal('SIGKILL');
  const second = await startWorker(server.url, 'second');
  await expectFinished(execution);
  expect(stepsOf(first)).toEqual([1, 2, 3]);
  expect(stepsOf(second)).toEqual([3, 4, 5]);
  expect(await typesOf(execution)).toEqual([
    'workflow_queued',
    'workflow_start',
    'step_finish',
    'step_finish',
    'worker_lost',
    'workflow_resume',
    'step_finish',
    'step_finish',
    'step_finish',
    'workflow_finish',
  ]);
});

test('a server killed while step 3 of 5 runs, and started again, lets the same worker go on where it is', async () => {
  const server = await ServerProgram.start({ leaseMs: 10_000 });
  const worker = await startWorker(server.url, 'only', 3);
  const execution = await invoke(server.url);
  await worker.line('step 3');
  await server.kill();
  worker.say('go on');
  await server.restart();
  await expectFinished(execution);
  expect(stepsOf(worker)).toEqual([1, 2, 3, 4, 5]);
});

test('a server and the worker killed together lose nothing that was acknowledged', async () => {
  const server = await ServerProgram.start();
  const first = await startWorker(server.url, 'first', 3);
  const execution = await invoke(server.url);
  await first.line('step 3');
  await Promise.all([server.kill(), first.signal('SIGKILL')]);
  await server.restart();
  expect((await execution.state()).value).toEqual({ done: [1, 2], note: 'for ada' });
  const second = await startWorker(server.url, 'second');
  await expectFinished(execution);
  expect(stepsOf(second)).toEqual([3, 4, 5]);
});

test('a worker that was paused past its lease finishes nothing any more, and goes on with new work', async () => {
  const server = await ServerProgram.start();
  const paused = await startWorker(server.url, 'paused', 3);
  const execution = await invoke(server.url);
  await paused.line('step 3');
  await paused.signal('SIGSTOP');
  const other = await startWorker(server.url, 'other');
  await expectFinished(execution);
  const finished = await typesOf(execution);
  await other.signal('SIGTERM');
  paused.say('go on');
  await paused.signal('SIGCONT');
  const next = await invoke(server.url, 'bob');
  await paused.line('bob step 3');
  paused.say('go on');
  expect(await next.result()).toEqual({ sum: 150 });
  // Its late step 3 left no trace: neither in the events nor in the state.
  expect(await typesOf(execution)).toEqual(finished);
  expect((await execution.state()).value).toEqual(DONE);
  expect(stepsOf(paused, 'ada')).toEqual([1, 2, 3]);
});

function invoke(url: string, who = 'ada'): Promise<ExecutionHandle<{ sum: number }>> {
  return connect(url).invoke<{ sum: number }>('five_steps', { who });
}

async function expectFinished(execution: ExecutionHandle<{ sum: number }>): Promise<void> {
  expect(await execution.result()).toEqual({ sum: 150 });
  expect((await execution.state()).value).toEqual(DONE);
}

/** The types of all events, which are numbered without gaps. */
async function typesOf(execution: ExecutionHandle<{ sum: number }>): Promise<string[]> {
  const types: string[] = [];
  for await (const event of execution.events()) {
    expect(event.sequence).toBe(types.length + 1);
    types.push(event.type);
  }
  return types;
}

/** The numbers of the steps whose function a worker called, in order. */
function stepsOf(worker: Program, who = 'ada'): number[] {
  return worker.lines
    .filter((line) => line.includes(`${who} step `))
    .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)));
}
