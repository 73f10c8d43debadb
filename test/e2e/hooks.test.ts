import { type ExecutionHandle, RemoteError, WorkflowFailedError } from '@polos/sdk';
import { beforeAll, expect, test, vi } from 'vitest';
import { type Program, ServerProgram } from '../fault/processes.js';
import { connect, startWorker } from './stage.js';

// Other tests keep the machine busy meanwhile.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let server: ServerProgram;
beforeAll(async () => {
  server = await ServerProgram.start();
});

async function startHooksWorker(stopIn = ''): Promise<Program> {
  return startWorker('hooks-worker', server.url, { STOP_IN: stopIn });
}

/** What a worker did after it had started. */
function doingsOf({ lines }: Program): string[] {
  return lines.filter((line) => line !== 'started');
}

async function failureOf(execution: ExecutionHandle): Promise<RemoteError> {
  const error = await execution.result().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(WorkflowFailedError);
  const { cause } = error as WorkflowFailedError;
  expect(cause).toBeInstanceOf(RemoteError);
  return cause;
}

test('a worker killed in the middle of onEnd repeats no hook that had ended, and another one finishes', async () => {
  const first = await startHooksWorker('fourth');
  const execution = await connect(server.url).invoke('fine', { n: 1 });
  await first.line('hook fourth');
  expect((await execution.state()).value).toEqual({ n: 3, hooks: ['first', 'second', 'third'] });
  await first.signal('SIGKILL');
  const second = await startHooksWorker();
  expect(await execution.result()).toEqual({ wrapped: 3 });
  expect((await execution.state()).value).toEqual({
    n: 3,
    hooks: ['first', 'second', 'third', 'fourth', 'fifth'],
  });
  expect(doingsOf(first)).toEqual([
    'hook first null',
    'hook second null',
    'handler 2',
    'hook third 3',
    'hook fourth {"wrapped":3}',
  ]);
  expect(doingsOf(second)).toEqual(['handler 2', 'hook fourth {"wrapped":3}', 'hook fifth {"wrapped":3}']);
  await second.signal('SIGKILL');
});

test('killed in the onEnd of a failure, the execution still fails with what its hooks were told', async () => {
  const first = await startHooksWorker('fourth');
  const execution = await connect(server.url).invoke('broken', { n: 1 });
  const [, told] = /^hook fourth (.*)$/.exec(await first.line('hook fourth')) ?? [];
  await first.signal('SIGKILL');
  const second = await startHooksWorker();
  // The second worker's handler threw another message, which nobody is told of.
  expect(await failureOf(execution)).toMatchObject({ type: 'RangeError', message: told });
  expect(told).toMatch(/^attempt 2 by \d+$/);
  expect(doingsOf(first).filter((line) => line.startsWith('hook'))).toEqual([
    'hook first null',
    'hook second null',
    `hook third ${told}`,
    `hook fourth ${told}`,
  ]);
  expect(doingsOf(second)).toEqual(['handler 2', `hook fourth ${told}`, `hook fifth ${told}`]);
  expect((await execution.get()).retryCount).toBe(2);
  await second.signal('SIGKILL');
});

test('a caller and a parent get the error of a hook that failed, at the first attempt', async () => {
  const worker = await startHooksWorker();
  const client = connect(server.url);
  const execution = await client.invoke('closed', { n: 1 });
  expect(await failureOf(execution)).toMatchObject({
    type: 'HookExecutionError',
    message: 'closed today',
    details: { hookName: 'gate', phase: 'onStart' },
  });
  expect((await execution.state()).value).toEqual({ hooks: ['gate', 'fifth'] });
  expect((await execution.get()).retryCount).toBe(1);
  expect(doingsOf(worker)).toEqual(['hook gate null', 'hook fifth closed today']);
  expect(await client.run('parent')).toEqual(['StepExecutionError', 'HookExecutionError']);
  await worker.signal('SIGKILL');
});

test('a cancel in the middle of onEnd ends the execution as cancelled, and no further hook runs', async () => {
  const worker = await startHooksWorker('fourth');
  const client = connect(server.url);
  const execution = await client.invoke('fine', { n: 1 });
  await worker.line('hook fourth');
  expect(await client.cancelExecution(execution.id)).toBe(true);
  worker.say('go on');
  await expect(execution.result()).rejects.toThrow('was cancelled');
  expect(doingsOf(worker).at(-1)).toBe('hook fourth {"wrapped":3}');
  expect((await execution.state()).value).toEqual({ n: 3, hooks: ['first', 'second', 'third'] });
  await worker.signal('SIGKILL');
});
