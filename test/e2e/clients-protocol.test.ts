import { once } from 'node:events';
import { expect, test } from 'vitest';
import { Health } from '../../server/src/gen/grpc/health/v1/health_pb.js';
import { WorkerService } from '../../server/src/gen/polos/v1/worker_service_pb.js';
import { WorkflowService } from '../../server/src/gen/polos/v1/workflow_service_pb.js';
import type { Listener } from '../../server/src/rpc/listen.js';
import { pathOf } from '../../server/src/rpc/method.js';
import { Code } from '../../server/src/rpc/status.js';
import { details, open, raw, refused, serve, violations } from './clients-stub.js';

const { invoke } = WorkflowService.method;

test('a method answers over gRPC', async () => {
  const { call } = await serve();
  const response = await call(invoke, { workflowId: 'w' });
  expect(response).toMatchObject({
    executionId: 'e1',
    created: true,
    createTime: { seconds: 1_795_000_000n },
  });
});

test('a compressed request is read', async () => {
  const { call } = await serve({ channel: { 'grpc.default_compression_algorithm': 2 } });
  expect(await call(invoke, { workflowId: 'w', initialState: 'x'.repeat(10_000) })).toMatchObject({
    created: true,
  });
});

test.each([
  ['HTTP/2, byte by byte', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', /^..[^P]/s],
  [
    'HTTP/1.1, byte by byte',
    'GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
    /200 OK.*ok\n/s,
  ],
  [
    'PUT, which begins like HTTP/2',
    'PUT / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
    /404 Not Found/,
  ],
])('%s, is told apart', async (_, bytes, answer) => {
  const socket = open((await serve()).listener);
  for (const byte of bytes) {
    socket.write(byte, 'latin1');
    await new Promise((resolve) => setImmediate(resolve));
  }
  let received = '';
  while (!answer.test(received)) received += (await once(socket, 'data'))[0].toString('latin1');
  expect(received).toMatch(answer);
});

test.each([
  [{}, 'an API key is needed'],
  [{ authorization: 'Bearer wrong' }, 'the API key is not known'],
  [{ authorization: 'Basic one' }, 'an API key is needed'],
])('with API keys the headers %j are not let in, over gRPC and Connect', async (headers, reason) => {
  const { call, json } = await serve({ apiKeys: ['one', 'two'] });
  const error = await refused(call(invoke, { workflowId: 'w' }, headers));
  expect(error).toMatchObject({ code: Code.unauthenticated, details: expect.stringContaining(reason) });
  const { status, body } = await json('/polos.v1.WorkflowService/Invoke', { workflowId: 'w' }, headers);
  expect({ status, body }).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
});

test('each API key is let in, and health needs none', async () => {
  const { call, json } = await serve({ apiKeys: ['one', 'two'] });
  for (const key of ['one', 'two']) {
    const headers = { authorization: `Bearer ${key}` };
    expect(await call(invoke, { workflowId: 'w' }, headers)).toMatchObject({ created: true });
    expect(await json('/polos.v1.WorkflowService/Invoke', { workflowId: 'w' }, headers)).toMatchObject({
      status: 200,
    });
  }
  expect(await call(Health.method.check, {})).toMatchObject({ status: 1 });
});

test('the project is that of its header', async () => {
  const { call, requests } = await serve();
  await call(invoke, { workflowId: 'w' });
  await call(invoke, { workflowId: 'w' }, { 'x-project-id': 'Team_1.a-b' });
  expect(requests).toMatchObject([{ projectId: 'default' }, { projectId: 'Team_1.a-b' }]);
  const error = await refused(call(invoke, { workflowId: 'w' }, { 'x-project-id': 'no/slash' }));
  expect(violations(error)).toMatchObject([{ field: 'x-project-id' }]);
});

test('a request that breaks a rule of its .proto file is refused with every field', async () => {
  const { call, requests } = await serve();
  const error = await refused(call(invoke, { workflowId: 'w'.repeat(201), priority: 101 }));
  expect(error.code).toBe(Code.invalidArgument);
  expect(violations(error)).toMatchObject([{ field: 'workflow_id' }, { field: 'priority' }]);
  expect(requests).toEqual([]);
});

test('a schema that is too large has an error of its own', async () => {
  const { call } = await serve();
  const workflows = [{ id: 'a' }, { id: 'b', stateSchema: 'ä'.repeat(131_073) }];
  const error = await refused(call(WorkerService.method.registerWorker, { workflows }));
  expect(error.code).toBe(Code.resourceExhausted);
  expect(details(error)).toMatchObject([
    { limit: 'schema_bytes', maximum: 262_144n, actual: 262_146n, path: 'workflows[1].state_schema' },
  ]);
});

test.each([
  ['a little', 4_194_304],
  ['far', 9_000_000],
])('a message that is %s too large is refused', async (_, bytes) => {
  const { call } = await serve();
  const error = await refused(call(invoke, { workflowId: 'w', initialState: 'x'.repeat(bytes) }));
  expect(error.code).toBe(Code.resourceExhausted);
  if (bytes < 8_000_000)
    expect(details(error)).toMatchObject([{ limit: 'message_bytes', maximum: 4_194_304n }]);
});

test('bytes that are no message are refused as the caller’s mistake', async () => {
  const { client } = await serve();
  const error = await refused(raw(client, pathOf(invoke), Buffer.from([0xff, 0xff])));
  expect(error.code).toBe(Code.invalidArgument);
  expect(error.details).toContain('the message is no polos.v1.InvokeRequest');
});

test('a method that is declared for later says so, a method that does not exist is unknown', async () => {
  const { call, client } = await serve();
  const error = await refused(call(WorkflowService.method.forkExecution, { executionId: 'e' }));
  expect(error).toMatchObject({
    code: Code.unimplemented,
    details: expect.stringContaining('ForkExecution is declared'),
  });
  const unknown = await refused(raw(client, '/polos.v1.WorkflowService/Nothing', Buffer.alloc(0)));
  expect(unknown.code).toBe(Code.unimplemented);
});

test('what goes wrong inside is INTERNAL, and the log knows it by the incident', async () => {
  const logged: { incident?: string; err?: Error }[] = [];
  const engine = { invoke: () => Promise.reject(new TypeError('secret')) };
  const { call } = await serve({ engine, logged });
  const error = await refused(call(invoke, { workflowId: 'w' }));
  expect(error.code).toBe(Code.internal);
  expect(error.details).not.toContain('secret');
  expect(error.details).toContain(logged[0]?.incident);
  expect(logged[0]?.err?.message).toBe('secret');
});

test('a page of this machine may call, another one may not unless keys are asked for', async () => {
  const preflight = async (listener: Listener, origin: string) => {
    const response = await fetch(`${listener.url}/polos.v1.WorkflowService/Invoke`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST' },
    });
    return response.headers.get('access-control-allow-origin');
  };
  const withoutKeys = (await serve()).listener;
  expect(await preflight(withoutKeys, 'http://localhost:5173')).toBe('http://localhost:5173');
  expect(await preflight(withoutKeys, 'https://example.com')).toBeNull();
  expect(await preflight(withoutKeys, 'http://localhost.example.com')).toBeNull();
  const withKeys = (await serve({ apiKeys: ['k'] })).listener;
  expect(await preflight(withKeys, 'https://example.com')).toBe('*');
});

test('Work over HTTP/1.1 says what to use', async () => {
  const { json } = await serve();
  const { status, body } = await json('/polos.v1.WorkerService/Work', {});
  expect({ status, body }).toMatchObject({ status: 501, body: { code: 'unimplemented' } });
  expect(body.message).toContain('call it with gRPC');
});
