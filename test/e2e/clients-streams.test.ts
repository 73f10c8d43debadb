import { once } from 'node:events';
import { connect as connectHttp2, constants } from 'node:http2';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import type { Client, ServiceError } from '@grpc/grpc-js';
import { expect, onTestFinished, test } from 'vitest';
import type { EngineApi } from '../../server/src/engine/api.js';
import {
  WorkerService,
  WorkRequestSchema,
  WorkResponseSchema,
} from '../../server/src/gen/polos/v1/worker_service_pb.js';
import {
  StreamEventsResponseSchema,
  WorkflowService,
} from '../../server/src/gen/polos/v1/workflow_service_pb.js';
import { pathOf } from '../../server/src/rpc/method.js';
import { Code } from '../../server/src/rpc/status.js';
import { asIs, open, refused, type Signals, serve } from './clients-stub.js';

const { invoke, awaitResult, streamEvents } = WorkflowService.method;

test.each(['deadline', 'cancel'])('a method hears that its caller is gone: %s', async (how) => {
  const { call, client, waiting } = await serve();
  // Connected before the time runs.
  await call(invoke, { workflowId: 'w' });
  const ended =
    how === 'deadline'
      ? refused(call(awaitResult, { executionId: 'e' }, {}, { deadline: Date.now() + 1_000 }))
      : refused(cancelledLater(client, waiting));
  const signal = await waiting.next();
  if (!signal.aborted) await once(signal, 'abort');
  expect((await ended).code).toBe(how === 'deadline' ? Code.deadlineExceeded : Code.cancelled);
});

test('a stream waits for a reader that does not read', async () => {
  let given = 0;
  const engine: Partial<EngineApi> = {
    async *events(_, executionId) {
      for (; given < 9_000; given++) {
        const data = { text: 'x'.repeat(10_000) };
        yield [
          { sequence: given + 1, executionId, workflowId: 'w', type: 't', data, at: 1, stateRevision: 1 },
        ];
      }
    },
  };
  const { client } = await serve({ engine });
  const request = toBinary(
    streamEvents.input,
    create(streamEvents.input, { source: { case: 'executionId', value: 'e' } }),
  );
  const stream = client.makeServerStreamRequest(pathOf(streamEvents), asIs, asIs, Buffer.from(request));
  stream.pause();
  await new Promise((resolve) => setTimeout(resolve, 200));
  // 90 MB are to be sent. grpc-js takes 8 MB that nobody has read, the kernel's two socket buffers up to 10 more.
  expect(given).toBeLessThan(3_000);
  let last = 0n;
  for await (const bytes of stream) {
    const { message } = fromBinary(StreamEventsResponseSchema, bytes);
    if (message.case === 'event') last = message.value.sequence;
  }
  expect(last).toBe(9_000n);
});

test('streams that are opened and reset at once leave no call behind and do not keep others out', async () => {
  const { listener, call, waiting } = await serve();
  const session = connectHttp2(listener.url);
  session.on('error', () => undefined);
  onTestFinished(() => session.destroy());
  const request = toBinary(awaitResult.input, create(awaitResult.input, { executionId: 'e' }));
  const frame = Buffer.concat([Buffer.from([0, 0, 0, 0, request.length]), request]);
  for (let index = 0; index < 900; index++) {
    const headers = { ':method': 'POST', ':path': pathOf(awaitResult), 'content-type': 'application/grpc' };
    const stream = session.request(headers);
    stream.on('error', () => undefined).end(frame);
    stream.close(constants.NGHTTP2_CANCEL);
  }
  expect(await call(invoke, { workflowId: 'w' })).toMatchObject({ created: true });
  await expect.poll(() => waiting.open()).toBe(0);
});

test('close ends idle connections of every kind, a long poll, a follower and a half-open socket', async () => {
  const { listener, call, client, json, waiting } = await serve();
  await call(invoke, { workflowId: 'w' });
  await json('/polos.v1.WorkflowService/Invoke', { workflowId: 'w' });
  const silent = open(listener);
  await once(silent, 'connect');
  const poll = call(awaitResult, { executionId: 'e' });
  await waiting.next();
  const request = toBinary(
    streamEvents.input,
    create(streamEvents.input, { source: { case: 'executionId', value: 'e' }, follow: true }),
  );
  const follower = client.makeServerStreamRequest(pathOf(streamEvents), asIs, asIs, Buffer.from(request));
  const followerEnd = once(follower.resume(), 'error');
  await waiting.next();
  const before = performance.now();
  await listener.close({ graceMs: 2_000 });
  expect(await poll).toMatchObject({ execution: { id: 'e' } });
  expect((await followerEnd)[0]).toMatchObject({ code: Code.unavailable });
  // The silent socket alone is waited for until it is cut.
  expect(performance.now() - before).toBeLessThan(3_000);
});

test('close waits for nothing when nothing is under way', async () => {
  const { listener, call, json } = await serve();
  await call(invoke, { workflowId: 'w' });
  await json('/polos.v1.WorkflowService/Invoke', { workflowId: 'w' });
  const before = performance.now();
  await listener.close({ graceMs: 10_000 });
  expect(performance.now() - before).toBeLessThan(2_000);
});

test('close cuts a method that does not end, and resolves', async () => {
  const { listener, call } = await serve({ engine: { invoke: () => new Promise(() => undefined) } });
  const ended = refused(call(invoke, { workflowId: 'w' }));
  await new Promise((resolve) => setTimeout(resolve, 50));
  await Promise.all([listener.close({ graceMs: 100 }), listener.close({ graceMs: 100 })]);
  expect([Code.unavailable, Code.cancelled]).toContain((await ended).code);
});

test('a worker finishes over its stream what it holds while the server drains', async () => {
  const { listener, client } = await serve();
  const stream = client.makeBidiStreamRequest(pathOf(WorkerService.method.work), asIs, asIs);
  const send = (message: MessageInitShape<typeof WorkRequestSchema>['message']) => {
    stream.write(Buffer.from(toBinary(WorkRequestSchema, create(WorkRequestSchema, { message: message! }))));
  };
  const answers = stream[Symbol.asyncIterator]();
  const next = async () => fromBinary(WorkResponseSchema, (await answers.next()).value).message;
  send({ case: 'hello', value: { workerId: 'w1' } });
  expect(await next()).toMatchObject({ case: 'welcome' });
  const closed = listener.close({ graceMs: 5_000 });
  expect(await next()).toMatchObject({ case: 'drain' });
  const commands = [{ command: { case: 'executionCompleted', value: {} } as const }];
  const request = { lease: { executionId: 'e', epoch: 1n, token: 't' }, sequence: 1n, commands };
  send({ case: 'complete', value: { callId: 9n, request } });
  expect(await next()).toMatchObject({
    case: 'completed',
    value: { callId: 9n, answer: { case: 'response' } },
  });
  stream.end();
  expect(await answers.next()).toMatchObject({ done: true });
  await closed;
});

function cancelledLater(client: Client, waiting: Signals): Promise<Buffer> {
  const request = toBinary(awaitResult.input, create(awaitResult.input, { executionId: 'e' }));
  return new Promise((resolve, reject) => {
    const answered = (error: ServiceError | null, value?: Buffer) =>
      error ? reject(error) : resolve(value as Buffer);
    const call = client.makeUnaryRequest(pathOf(awaitResult), asIs, asIs, Buffer.from(request), answered);
    expect
      .poll(() => waiting.open())
      .toBe(1)
      .then(() => call.cancel());
  });
}
