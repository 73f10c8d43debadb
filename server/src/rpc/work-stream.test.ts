import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import type { Completion, EngineApi, WorkSink } from '../engine/api.js';
import { EngineError } from '../engine/errors.js';
import { WorkRequestSchema, type WorkResponse } from '../gen/polos/v1/worker_service_pb.js';
import { Code, type RpcError } from './status.js';
import { PEER_SILENCE_MS_MAX, WorkStream } from './work-stream.js';

type Sent = NonNullable<MessageInitShape<typeof WorkRequestSchema>['message']>;

const HELLO: Sent = { case: 'hello', value: { workerId: 'w1' } };
const EXECUTION = { status: 'running', stateRevision: 1, stepCount: 1 } as Completion['execution'];

test('a worker that says hello is welcome and gets what it has credits for', async () => {
  const stage = new Stage();
  await stage.send(HELLO, { case: 'credits', value: { count: 3 } });
  expect(stage.calls).toEqual(['open w1', 'grant 3', 'touch']);
  expect(stage.answers).toEqual(['welcome']);
});

test.each<[string, Sent[], string]>([
  [
    'credits first',
    [{ case: 'credits', value: { count: 1 } }],
    'hello: the first message of a Work stream is hello',
  ],
  ['a second hello', [HELLO, HELLO], 'hello: it was sent already'],
  [
    'no credit',
    [HELLO, { case: 'credits', value: { count: 0 } }],
    'count: must be greater than or equal to 1',
  ],
  ['a message that is empty', [HELLO, { case: undefined }], 'message: exactly one is required'],
])('%s ends the stream with INVALID_ARGUMENT', async (_, messages, reason) => {
  const stage = new Stage();
  await stage.send(...messages);
  expect(stage.ended).toMatchObject({ code: Code.invalidArgument });
  expect((stage.ended as RpcError).message).toContain(reason);
});

test('a worker that the server does not know is told so', async () => {
  const stage = new Stage();
  await stage.send({ case: 'hello', value: { workerId: 'unknown' } });
  expect(stage.ended).toMatchObject({ code: Code.notFound });
});

test('completions are answered by their call ids as they end', async () => {
  const stage = new Stage();
  await stage.send(HELLO, complete(1n), complete(2n));
  stage.completions[1]?.resolve({ execution: EXECUTION, outcomes: [] });
  await settled();
  stage.completions[0]?.reject(
    new EngineError({
      type: 'rejected',
      executionId: 'e',
      rejection: { type: 'lease_lost', epoch: 1, currentEpoch: 2 },
    }),
  );
  await settled();
  expect(stage.answers).toEqual(['welcome', 'completed 2', 'completed 1 error 10']);
  expect(stage.ended).toBeUndefined();
});

test('a completion that breaks a rule is answered by itself, and the stream goes on', async () => {
  const stage = new Stage();
  const noSequence = { lease: { executionId: 'e', epoch: 1n, token: 't' }, commands: [{}] };
  await stage.send(HELLO, { case: 'complete', value: { callId: 5n, request: noSequence } });
  await stage.send({ case: 'complete', value: { callId: 6n } });
  await settled();
  expect(stage.answers).toEqual(['welcome', 'completed 5 error 3', 'completed 6 error 3']);
  expect(stage.ended).toBeUndefined();
});

test('what was asked for before the worker stopped sending is answered before the end', async () => {
  const stage = new Stage();
  await stage.send(HELLO, complete(1n));
  stage.stream.halfClosed();
  expect(stage.ended).toBeUndefined();
  stage.completions[0]?.resolve({ execution: EXECUTION, outcomes: [] });
  await settled();
  expect(stage.answers).toEqual(['welcome', 'completed 1']);
  expect(stage.ended).toBe('ok');
  expect(stage.calls.slice(-2)).toEqual(['drain', 'close']);
});

test('a worker that reads nothing is not read from, gets no credits, and in the end is cut off', async () => {
  const stage = new Stage();
  await stage.send(HELLO);
  stage.size = 5_000_000;
  stage.sink.notify(NOTICE);
  await stage.send({ case: 'credits', value: { count: 2 } });
  const reads = stage.reads;
  expect(stage.calls).not.toContain('grant 2');
  stage.flushAll();
  expect(stage.calls).toContain('grant 2');
  expect(stage.reads).toBe(reads + 1);
  for (let index = 0; index < 15; index++) stage.sink.notify(NOTICE);
  expect(stage.ended).toMatchObject({ code: Code.resourceExhausted });
});

test('every eighth message waits for the event loop to turn, so that the others are answered first', async () => {
  const stage = new Stage();
  await stage.send(HELLO);
  for (let index = 0; index < 6; index++) await stage.send(complete(BigInt(index)));
  const reads = stage.reads;
  await settled();
  expect(stage.reads).toBe(reads + 1);
});

test('with a thousand completions under way the next message is read when one has ended', async () => {
  const stage = new Stage();
  await stage.send(HELLO);
  for (let index = 0; index < 1_000; index++) {
    await stage.send(complete(BigInt(index)));
    await settled();
  }
  const reads = stage.reads;
  stage.completions[0]?.resolve({ execution: EXECUTION, outcomes: [] });
  await settled();
  expect(stage.reads).toBe(reads + 1);
});

test('silence of the server for 15 s is broken, silence of the worker for 60 s ends the stream', async () => {
  const stage = new Stage();
  await stage.send(HELLO);
  const now = performance.now();
  stage.stream.tick(now + 14_000);
  expect(stage.answers).toEqual(['welcome']);
  stage.stream.tick(now + 15_000);
  expect(stage.answers).toEqual(['welcome', 'keepalive']);
  stage.stream.tick(now + PEER_SILENCE_MS_MAX);
  expect(stage.ended).toMatchObject({ code: Code.unavailable });
  expect(stage.calls.at(-1)).toBe('close');
});

test('a server that stops says so once, and takes the worker no more assignments', async () => {
  const stage = new Stage();
  await stage.send(HELLO);
  stage.stream.drain();
  stage.stream.drain();
  expect(stage.answers).toEqual(['welcome', 'drain']);
  expect(stage.calls.filter((call) => call === 'drain')).toHaveLength(1);
});

test('after the connection is gone nothing is sent, and the session is closed once', async () => {
  const stage = new Stage();
  await stage.send(HELLO, complete(1n));
  stage.stream.gone();
  stage.stream.gone();
  stage.completions[0]?.resolve({ execution: EXECUTION, outcomes: [] });
  stage.sink.notify(NOTICE);
  await settled();
  expect(stage.answers).toEqual(['welcome']);
  expect(stage.calls.filter((call) => call === 'close')).toHaveLength(1);
});

const NOTICE = { executionId: 'e', epoch: 1, cancelRequested: true, leaseLost: false, outcomes: [] };

function complete(callId: bigint): Sent {
  const commands = [{ command: { case: 'executionSuspended', value: {} } as const }];
  const request = { lease: { executionId: 'e', epoch: 1n, token: 't' }, sequence: 1n, commands };
  return { case: 'complete', value: { callId, request } };
}

/** Lets promises that have settled be heard. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A stream between a worker and an engine that both do what a test says. */
class Stage {
  readonly calls: string[] = [];
  readonly answers: string[] = [];
  readonly completions: { resolve(completion: Completion): void; reject(error: Error): void }[] = [];
  readonly stream: WorkStream;
  ended: 'ok' | RpcError | undefined;
  reads = 0;
  /** Bytes that each message counts for. */
  size = 10;
  sink!: WorkSink;
  readonly #unflushed: ((bytes: number) => void)[] = [];

  constructor() {
    const call = (text: string) => void this.calls.push(text);
    const engine: Partial<EngineApi> = {
      openWork: async (_, workerId, sink) => {
        if (workerId !== 'w1') throw new EngineError({ type: 'not_found', resource: 'worker', id: workerId });
        this.sink = sink;
        call(`open ${workerId}`);
        return {
          grant: (count) => call(`grant ${count}`),
          touch: () => call('touch'),
          drain: () => call('drain'),
          close: () => call('close'),
        };
      },
      complete: () => new Promise((resolve, reject) => void this.completions.push({ resolve, reject })),
    };
    const log = { info() {}, warn() {}, error() {} };
    const transport = {
      send: (message: WorkResponse, flushed: (bytes: number) => void) => {
        this.answers.push(described(message));
        this.#unflushed.push(flushed);
        return this.size;
      },
      read: () => void this.reads++,
      end: (error?: RpcError) => {
        this.ended = error ?? 'ok';
      },
    };
    this.stream = new WorkStream({ engine: engine as EngineApi, projectId: 'p', transport, log });
    this.stream.begin();
  }

  /** Sends one message after the other, each when the one before was taken. */
  async send(...messages: Sent[]): Promise<void> {
    for (const message of messages) {
      this.stream.receive(create(WorkRequestSchema, { message }));
      await Promise.resolve();
    }
  }

  flushAll(): void {
    for (const flushed of this.#unflushed.splice(0)) flushed(this.size);
  }
}

function described({ message }: WorkResponse): string {
  if (message.case !== 'completed') return message.case ?? 'nothing';
  const { callId, answer } = message.value;
  return `completed ${callId}${answer.case === 'error' ? ` error ${answer.value.code}` : ''}`;
}
