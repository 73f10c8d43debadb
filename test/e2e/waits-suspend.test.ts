import { ExecutionClosedError, NotFoundError, ResultConflictError, WorkflowFailedError } from '@polos/sdk';
import { beforeAll, expect, test } from 'vitest';
import { type Program, ServerProgram } from '../fault/processes.js';
import { type Outcome, polos } from './cli-process.js';
import { GRPCURL, need, run } from './clients-server.js';
import { connect, startWorker } from './stage.js';
import { happened, stepsOf } from './waits-stage.js';

let server: ServerProgram;
let worker: Program;
beforeAll(async () => {
  server = await ServerProgram.start();
  worker = await startWorker('waits-worker', server.url, { POLOS_MAX_CONCURRENT_WORKFLOWS: '1' });
});

function command(...args: readonly string[]): Promise<Outcome> {
  return polos(args, { env: { POLOS_API_URL: server.url } });
}

test('an execution that waits holds no worker, survives its loss, and is resumed from the command line', async () => {
  const client = connect(server.url);
  const execution = await client.invoke('approval');
  await happened(execution, 'workflow_wait');
  expect(await execution.status()).toBe('waiting');
  const { stdout } = await command('worker', 'list', '-o', 'json');
  expect(JSON.parse(stdout).workers).toMatchObject([{ runningExecutions: 0, maxConcurrentExecutions: 1 }]);
  // The only place of the only worker is free.
  expect(await client.run('quick')).toBe('quick');
  await worker.signal('SIGKILL');
  const data = '{"approved":true,"note":"schön"}';
  expect(await command('execution', 'resume', execution.id, 'approval', '--data', data)).toEqual({
    status: 0,
    stdout: 'resumed\n',
    stderr: '',
  });
  worker = await startWorker('waits-worker', server.url, { POLOS_MAX_CONCURRENT_WORKFLOWS: '1' });
  expect(await execution.result()).toEqual({ decision: { approved: true, note: 'schön' } });
  expect((await execution.state()).value).toEqual({ phase: 'decided' });
  expect(stepsOf(worker)).toEqual([]);
});

test('whoever is to resume it sees the data in the event', async () => {
  const execution = await connect(server.url).invoke('approval', { timeout: 600 });
  await happened(execution, 'workflow_wait');
  for await (const { type, stepKey, data } of execution.events({ follow: false })) {
    if (type !== 'step_suspend') continue;
    expect({ stepKey, data }).toMatchObject({ stepKey: 'approval', data: { data: { for: 'you' } } });
  }
  const { stdout } = await command('execution', 'steps', execution.id, '-o', 'json');
  expect(JSON.parse(stdout).steps[1]).toMatchObject({ key: 'approval', kind: 'suspend', status: 'pending' });
  await execution.resume('approval');
  expect(await execution.result()).toEqual({ decision: 'no value' });
});

test('a resume that comes before the wait is not lost', async () => {
  const client = connect(server.url);
  const execution = await client.invoke('two_approvals', {}, { startDelaySeconds: 0.5 });
  await execution.resume('second', 'two');
  // The public SDK's order of arguments.
  await client.resume('two_approvals', execution.id, 'first', null);
  await client.resume(execution.id, 'first', null);
  await expect(client.resume(execution.id, 'first', 'other')).rejects.toThrow(ResultConflictError);
  expect(await execution.result()).toEqual([null, 'two']);
});

test('a second resume is fine with the same data, and refused with other data', async () => {
  const execution = await connect(server.url).invoke('two_approvals');
  await happened(execution, 'step_suspend', 'first');
  await execution.resume('first', { n: 1 });
  await happened(execution, 'step_suspend', 'second');
  await execution.resume('first', { n: 1 });
  const refused = await execution.resume('first', { n: 2 }).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(ResultConflictError);
  expect(refused).toMatchObject({ stepKey: 'first', retryable: false, status: 'FAILED_PRECONDITION' });
  const { status, stderr } = await command('execution', 'resume', execution.id, 'first', '--data', '2');
  expect(status).toBe(1);
  expect(stderr).toContain('the step "first" has another outcome already (FAILED_PRECONDITION)\n');
  expect(stderr).toContain(`  What is recorded: polos execution steps ${execution.id}\n`);
  await execution.resume('second', 2);
  expect(await execution.result()).toEqual([{ n: 1 }, 2]);
  await execution.resume('second', 2);
  await expect(execution.resume('second', 3)).rejects.toThrow(ExecutionClosedError);
});

test('a timeout is a WaitTimeoutError, after which nobody can resume the step', async () => {
  const execution = await connect(server.url).invoke('two_approvals', { timeout: 0.2 });
  await happened(execution, 'step_fail', 'first');
  await happened(execution, 'step_suspend', 'second');
  await expect(execution.resume('first', 'late')).rejects.toThrow(ResultConflictError);
  await execution.resume('second', 'on time');
  expect(await execution.result()).toEqual(['WaitTimeoutError of first', 'on time']);
});

test('a timeout that the code does not catch fails the execution for good', async () => {
  const execution = await connect(server.url).invoke('approval', { timeout: 0.2 });
  const error = await execution.result().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(WorkflowFailedError);
  expect(error).toMatchObject({ errorType: 'WaitTimeoutError' });
  expect((await execution.state()).value).toEqual({ phase: 'waiting' });
});

test('an execution that waits is cancelled at once, and cannot be resumed', async () => {
  const client = connect(server.url);
  const execution = await client.invoke('approval');
  await happened(execution, 'workflow_wait');
  expect(await client.cancelExecution(execution.id)).toBe(true);
  expect(await execution.status()).toBe('cancelled');
  const refused = await execution.resume('approval', 1).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(ExecutionClosedError);
  expect(refused).toMatchObject({ executionStatus: 'cancelled' });
});

test('a timeout survives kill -9 of the server', async () => {
  const other = await ServerProgram.start();
  await startWorker('waits-worker', other.url);
  const execution = await connect(other.url).invoke('two_approvals', { timeout: 1 });
  await happened(execution, 'workflow_wait');
  await other.kill();
  await other.restart();
  await execution.resume('second', 'on time');
  expect(await execution.result()).toEqual(['WaitTimeoutError of first', 'on time']);
});

test('what cannot be resumed is refused with the reason', async () => {
  await expect(connect(server.url).resume('nope', 'approval')).rejects.toThrow(NotFoundError);
  const missing = await command('execution', 'resume', 'nope', 'approval');
  expect(missing.status).toBe(1);
  expect(missing.stderr).toMatch(/^error: there is no execution "nope" in this project.* \(NOT_FOUND\)\n/);
  const broken = await command('execution', 'resume', 'nope', 'approval', '--data', '{approved}');
  expect(broken.status).toBe(2);
  expect(broken.stderr).toContain('--data is not JSON');
  const incomplete = await command('execution', 'resume', 'nope');
  expect(incomplete.status).toBe(2);
  expect(incomplete.stderr).toContain("missing required argument 'step'");
});

test('another kind of step cannot be resumed', async () => {
  const execution = await connect(server.url).invoke('nap', { seconds: 600 });
  await happened(execution, 'workflow_wait');
  await expect(execution.resume('nap', 1)).rejects.toThrow(ResultConflictError);
  await execution.cancel();
});

test('grpcurl resumes, as the guide says', async (context) => {
  need(GRPCURL, context);
  const execution = await connect(server.url).invoke('approval');
  await happened(execution, 'workflow_wait');
  const body = { execution_id: execution.id, step_key: 'approval', data: { json: '{"approved":true}' } };
  const address = new URL(server.url).host;
  const args = ['-plaintext', '-d', JSON.stringify(body), address];
  const resumed = await run(GRPCURL, [...args, 'polos.v1.WorkflowService/ResumeExecution']);
  expect(resumed).toMatchObject({ status: 0, stdout: '{}\n' });
  expect(await execution.result()).toEqual({ decision: { approved: true } });
});

test('the answer for a script names what was resumed', async () => {
  const execution = await connect(server.url).invoke('approval');
  const args = ['execution', 'resume', execution.id, 'approval', '--data', 'null', '--output', 'json'];
  const { status, stdout } = await command(...args);
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toEqual({ executionId: execution.id, stepKey: 'approval' });
  expect(await execution.result()).toEqual({ decision: null });
});
