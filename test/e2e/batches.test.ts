import {
  BatchInvokeError,
  batchInvoke,
  InvalidArgumentError,
  PayloadValidationError,
  Polos,
  WorkflowFailedError,
} from '@polos/sdk';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Program, ServerProgram } from '../fault/processes.js';
import { childrenOf, countEvents, squaresOf } from './batches-stage.js';
import { connect, startWorker } from './stage.js';
import { happened } from './waits-stage.js';

let server: ServerProgram;
let worker: Program;
beforeAll(async () => {
  server = await ServerProgram.start({ leaseMs: 2_000 });
  worker = await startWorker('batch-worker', server.url);
});

test('a batch comes to the results of its children in order, failures among them', async () => {
  const execution = await connect(server.url).invoke('squares', { count: 25 });
  expect(await execution.result()).toEqual(squaresOf(25));
  expect((await execution.state()).value).toEqual({ failed: 2 });
  const { workflow_ready, children_start, step_finish } = await countEvents(execution);
  expect({ workflow_ready, children_start, step_finish }).toEqual({
    workflow_ready: 1,
    children_start: 1,
    step_finish: 1,
  });
});

test('ten thousand children are one step', async () => {
  const execution = await connect(server.url).invoke('squares', { count: 10_000 });
  expect(await execution.result()).toEqual(squaresOf(10_000));
  expect(await childrenOf(server.url, execution.id)).toHaveLength(10_000);
  expect((await execution.get()).stepCount).toBe(1);
});

test('results that are too large together fail the step with a typed error; one by one they are there', async () => {
  const execution = await connect(server.url).invoke('echoes', { lengths: [1_100_000, 1_100_000] });
  await execution.resume('begin');
  const error = await execution.result().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(WorkflowFailedError);
  expect(error).toMatchObject({ errorType: 'BatchSizeError' });
  const [child] = await childrenOf(server.url, execution.id);
  expect(
    await connect(server.url)
      .getHandle(child?.id ?? '')
      .result(),
  ).toHaveLength(1_100_000);
});

test('a parent whose payload, state and results fill three messages goes to another worker', async () => {
  const client = connect(server.url);
  const lengths = [1_000_000, 1_000_000];
  const execution = await client.invoke('echoes', { lengths, pad: 'y'.repeat(1_900_000) });
  await happened(execution, 'workflow_wait');
  await worker.signal('SIGKILL');
  await execution.resume('begin');
  worker = await startWorker('batch-worker', server.url);
  await happened(execution, 'children_start');
  await worker.signal('SIGKILL');
  worker = await startWorker('batch-worker', server.url);
  expect(await execution.result()).toEqual(lengths);
});

test('cancelling the parent ends all children', async () => {
  const execution = await connect(server.url).invoke('patients', { count: 300 });
  await happened(execution, 'workflow_wait');
  await execution.cancel();
  const open = async () =>
    (await childrenOf(server.url, execution.id)).filter(
      ({ status }) => !String(status).includes('CANCELLED'),
    );
  await expect.poll(async () => (await childrenOf(server.url, execution.id)).length).toBe(300);
  await expect.poll(open, { timeout: 20_000 }).toEqual([]);
});

test('children that nobody waits for go on when their parent has ended', async () => {
  const client = connect(server.url);
  const ids = await client.run<string[]>('fire', { workflow: 'patient', count: 3 });
  for (const [place, id] of ids.entries()) {
    await client.resume(id, 'approval', place);
    expect(await client.getHandle(id).result()).toEqual({ said: place });
  }
});

test('a workflow resumes another one, before it waits or after', async () => {
  const client = connect(server.url);
  const early = await client.invoke('patient', undefined, { startDelaySeconds: 0.5 });
  expect(await client.run('boss', { executionId: early.id, said: 'early' })).toBe('told');
  expect(await early.result()).toEqual({ said: 'early' });
  const waiting = await client.invoke('patient');
  await happened(waiting, 'workflow_wait');
  expect(await client.run('boss', { executionId: waiting.id, said: { a: [1] } })).toBe('told');
  expect(await waiting.result()).toEqual({ said: { a: [1] } });
  expect(await client.run('boss', { executionId: waiting.id, said: 'late' })).toBe(
    'StepExecutionError of tell: ExecutionClosedError',
  );
  expect(await client.run('boss', { executionId: 'nobody', said: 1 })).toBe(
    'StepExecutionError of tell: NotFoundError',
  );
});

test('a caller starts a batch and has handles, also as a function and with Polos', async () => {
  const client = connect(server.url);
  const items = [1, 2, 3].map((n) => ({ workflow: 'square', payload: { n } }));
  const handles = await client.batchInvoke(items, { sessionId: 'breakfast', userId: 'ada' });
  expect(await Promise.all(handles.map((handle) => handle.result()))).toEqual([1, 4, 9]);
  expect(await handles[0]?.get()).toMatchObject({ sessionId: 'breakfast', userId: 'ada' });
  const [other] = await batchInvoke(client, [{ workflow: 'square', payload: { n: 4 } }], 'lunch');
  expect(await other.result()).toBe(16);
  expect((await other.get()).sessionId).toBe('lunch');
  const polos = new Polos({ apiUrl: server.url });
  onTestFinished(() => polos.getClient().close());
  const [last] = await polos.batchInvoke([{ workflow: 'square', payload: { n: 5 }, startDelaySeconds: 0.1 }]);
  expect(await last.result()).toBe(25);
  expect(await client.batchInvoke([])).toEqual([]);
});

test('a caller starts more than one request holds', async () => {
  const client = connect(server.url);
  const text = 'z'.repeat(1_500_000);
  const items = Array.from({ length: 5 }, (_, n) => ({ workflow: 'square', payload: { n, text } }));
  const handles = await client.batchInvoke(items);
  expect(await Promise.all(handles.map((handle) => handle.result()))).toEqual([0, 1, 4, 9, 16]);
});

test('what cannot be started fails nothing else, and is named by its place', async () => {
  const client = connect(server.url);
  const error = await client
    .batchInvoke([
      { workflow: 'square', payload: { n: 1 } },
      { workflow: 'square', payload: { n: 'two' } },
      { workflow: 'x'.repeat(201) },
      { workflow: 'square', payload: { n: 4 } },
    ])
    .catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(BatchInvokeError);
  const { executionIds, errors, message } = error as BatchInvokeError;
  expect(message).toContain('2 of 4 executions could not be started; item 1: ');
  expect([...errors.keys()]).toEqual([1, 2]);
  expect(errors.get(1)).toBeInstanceOf(PayloadValidationError);
  expect(errors.get(2)).toBeInstanceOf(InvalidArgumentError);
  expect(executionIds[1]).toBeUndefined();
  expect(await client.getHandle(executionIds[3] ?? '').result()).toBe(16);
});

test('one idempotency key is one execution, also twice in a batch', async () => {
  const client = connect(server.url);
  const item = { workflow: 'square', payload: { n: 6 }, idempotencyKey: `key ${Math.random()}` };
  const [first, second] = await client.batchInvoke([item, item]);
  const [third] = await client.batchInvoke([item]);
  expect(new Set([first.id, second.id, third.id]).size).toBe(1);
});

test('of ten thousand errors the later ones are short, so that the answer fits a message', async () => {
  const requests = Array.from({ length: 10_000 }, () => ({
    workflowId: 'square',
    payload: { json: '{"n":"x"}' },
  }));
  const response = await fetch(`${server.url}/polos.v1.WorkflowService/BatchInvoke`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ requests }),
  });
  const text = await response.text();
  const { items } = JSON.parse(text) as { items: { error: { code: number; details?: unknown[] } }[] };
  expect(items).toHaveLength(10_000);
  expect(new Set(items.map(({ error }) => error.code))).toEqual(new Set([3]));
  expect(items[0]?.error.details).not.toEqual([]);
  expect(text.length).toBeLessThan(4_194_304);
});
