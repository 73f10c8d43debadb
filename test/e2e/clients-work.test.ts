import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { expect, test } from 'vitest';
import { ExecutionStatus } from '../../server/src/gen/polos/v1/execution_pb.js';
import {
  type Assignment,
  WorkerService,
  WorkRequestSchema,
  type WorkResponse,
} from '../../server/src/gen/polos/v1/worker_service_pb.js';
import { WorkflowService } from '../../server/src/gen/polos/v1/workflow_service_pb.js';
import { startServer } from './clients-server.js';

type Sent = NonNullable<MessageInitShape<typeof WorkRequestSchema>['message']>;
type Received<Case extends WorkResponse['message']['case']> = Extract<
  WorkResponse['message'],
  { case: Case }
>['value'];

test('executions run over one Work stream, as many at a time as there are credits', async () => {
  const { callers, worker } = await connect();
  const ids = [];
  for (let index = 0; index < 5; index++) ids.push((await callers.invoke({ workflowId: 'w' })).executionId);
  worker.send({ case: 'credits', value: { count: 2 } });
  const first = [await worker.next('assignment'), await worker.next('assignment')];
  worker.send({ case: 'credits', value: { count: 3 } });
  const rest = [
    await worker.next('assignment'),
    await worker.next('assignment'),
    await worker.next('assignment'),
  ];
  const assigned = [...first, ...rest];
  expect(assigned.map(({ execution }) => execution?.id).sort()).toEqual([...ids].sort());
  for (const [index, assignment] of assigned.entries()) worker.send(finish(assignment, BigInt(index)));
  const answers = [];
  for (const _ of assigned) answers.push(await worker.next('completed'));
  expect(answers.map(({ callId }) => callId).sort()).toEqual([0n, 1n, 2n, 3n, 4n]);
  expect(answers.every(({ answer }) => answer.case === 'response')).toBe(true);
  const { executions } = await callers.listExecutions({ filter: 'workflow_id = "w" AND status = COMPLETED' });
  expect(executions).toHaveLength(5);
});

test('a worker hears of a cancel, and its late result is told apart from a committed one', async () => {
  const { callers, worker } = await connect();
  const { executionId } = await callers.invoke({ workflowId: 'w' });
  worker.send({ case: 'credits', value: { count: 1 } });
  const assignment = await worker.next('assignment');
  expect(await callers.cancelExecution({ executionId })).toMatchObject({ status: ExecutionStatus.RUNNING });
  expect(await worker.next('notice')).toMatchObject({ executionId, cancelRequested: true });
  worker.send(command(assignment, 1n, { case: 'executionCancelled', value: {} }));
  expect(await worker.next('completed')).toMatchObject({
    answer: { case: 'response', value: { status: ExecutionStatus.CANCELLED } },
  });
  worker.send({ ...finish(assignment, 2n, 2n) });
  const { answer } = await worker.next('completed');
  expect(answer).toMatchObject({
    case: 'error',
    value: { details: [{ typeUrl: expect.stringMatching(/ExecutionClosed|LeaseLost/) }] },
  });
});

test('leases are renewed over the stream, and one that was never given is not held', async () => {
  const { callers, worker, workerId } = await connect();
  await callers.invoke({ workflowId: 'w' });
  worker.send({ case: 'credits', value: { count: 1 } });
  const { lease } = await worker.next('assignment');
  const forged = { executionId: lease!.executionId, epoch: 1n, token: 'forged' };
  worker.send({ case: 'extendLeases', value: { workerId, leases: [lease!, forged] } });
  expect(await worker.next('leasesExtended')).toMatchObject({ reports: [{ held: true }, { held: false }] });
});

test('a worker that drains gets no more assignments, and the stream ends after its last answer', async () => {
  const { callers, worker } = await connect();
  await callers.invoke({ workflowId: 'w' });
  worker.send({ case: 'credits', value: { count: 10 } });
  const assignment = await worker.next('assignment');
  worker.send({ case: 'drain', value: {} }, finish(assignment, 1n));
  await worker.next('completed');
  const { executionId } = await callers.invoke({ workflowId: 'w' });
  worker.end();
  expect(await worker.rest()).toEqual([]);
  const { execution } = await callers.getExecution({ executionId });
  expect(execution?.status).toBe(ExecutionStatus.QUEUED);
});

/** A server, and a worker with an open stream. */
async function connect() {
  const transport = createGrpcTransport({ baseUrl: (await startServer()).url });
  const callers = createClient(WorkflowService, transport);
  const workers = createClient(WorkerService, transport);
  const { workerId } = await workers.registerWorker({ workflows: [{ id: 'w' }] });
  const worker = new StreamingWorker((requests) => workers.work(requests));
  worker.send({ case: 'hello', value: { workerId } });
  await worker.next('welcome');
  return { callers, worker, workerId };
}

function finish(assignment: Assignment, callId: bigint, sequence = 1n): Sent {
  return command(assignment, callId, { case: 'executionCompleted', value: {} }, sequence);
}

function command(assignment: Assignment, callId: bigint, asked: object, sequence = 1n): Sent {
  const commands = [{ command: asked as { case: 'executionCompleted'; value: object } }];
  return { case: 'complete', value: { callId, request: { lease: assignment.lease!, sequence, commands } } };
}

/** Sends what a test says and hands out the answers one by one. */
class StreamingWorker {
  readonly #answers: AsyncIterator<WorkResponse>;
  readonly #waiting: Sent[] = [];
  #wake: (() => void) | undefined;
  #isEnded = false;

  constructor(
    open: (
      requests: AsyncIterable<MessageInitShape<typeof WorkRequestSchema>>,
    ) => AsyncIterable<WorkResponse>,
  ) {
    this.#answers = open(this.#requests())[Symbol.asyncIterator]();
  }

  send(...messages: Sent[]): void {
    this.#waiting.push(...messages);
    this.#wake?.();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake?.();
  }

  async next<Case extends NonNullable<WorkResponse['message']['case']>>(
    expected: Case,
  ): Promise<Received<Case>> {
    const { value, done } = await this.#answers.next();
    if (done || value.message.case !== expected)
      throw new Error(`${value?.message.case} came, not ${expected}`);
    return value.message.value as Received<Case>;
  }

  async rest(): Promise<WorkResponse[]> {
    const rest: WorkResponse[] = [];
    for (;;) {
      const { value, done } = await this.#answers.next();
      if (done) return rest;
      rest.push(value);
    }
  }

  async *#requests() {
    for (;;) {
      for (const message of this.#waiting.splice(0)) yield create(WorkRequestSchema, { message });
      if (this.#isEnded) return;
      if (this.#waiting.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
