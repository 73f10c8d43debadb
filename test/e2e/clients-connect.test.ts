import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from '@connectrpc/connect-node';
import * as web from '@connectrpc/connect-web';
import { expect, onTestFinished, test } from 'vitest';
import { ResourceInfoSchema } from '../../server/src/gen/google/rpc/error_details_pb.js';
import { Health, HealthCheckResponse_ServingStatus } from '../../server/src/gen/grpc/health/v1/health_pb.js';
import { LimitExceededSchema } from '../../server/src/gen/polos/v1/error_details_pb.js';
import { ExecutionStatus } from '../../server/src/gen/polos/v1/execution_pb.js';
import { PayloadSchema } from '../../server/src/gen/polos/v1/payload_pb.js';
import { WorkerService } from '../../server/src/gen/polos/v1/worker_service_pb.js';
import { WorkflowService } from '../../server/src/gen/polos/v1/workflow_service_pb.js';
import { CURL, need, run, startServer } from './clients-server.js';

const TRANSPORTS: readonly [string, (baseUrl: string) => Transport][] = [
  ['Connect, JSON', (baseUrl) => createConnectTransport({ baseUrl, httpVersion: '1.1' })],
  [
    'Connect, binary',
    (baseUrl) => createConnectTransport({ baseUrl, httpVersion: '1.1', useBinaryFormat: true }),
  ],
  ['gRPC-Web', (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: '1.1' })],
  ['Connect, as browsers do it', (baseUrl) => web.createConnectTransport({ baseUrl })],
  ['gRPC-Web, as browsers do it', (baseUrl) => web.createGrpcWebTransport({ baseUrl })],
  ['gRPC', (baseUrl) => createGrpcTransport({ baseUrl })],
];

test.each(TRANSPORTS)('a workflow runs over %s, with its errors and events', async (_, transportTo) => {
  const { url } = await startServer();
  const transport = transportTo(url);
  const callers = createClient(WorkflowService, transport);
  const workers = createClient(WorkerService, transport);

  const { workerId } = await workers.registerWorker({ workflows: [{ id: 'w' }] });
  const { executionId } = await callers.invoke({ workflowId: 'w', payload: json('"\ufeffä€😀"') });
  const { assignments } = await workers.poll({ workerId });
  expect(assignments[0]?.execution?.payload).toEqual(json('"\ufeffä€😀"'));
  const lease = assignments[0]!.lease!;
  const step = { case: 'stepCompleted', value: { stepKey: '\ufeffkey', result: json('0') } } as const;
  const end = { case: 'executionCompleted', value: { result: json('[]') } } as const;
  const commands = [{ command: step }, { command: end }];
  expect(await workers.completeStep({ lease, sequence: 1n, commands })).toMatchObject({
    status: ExecutionStatus.COMPLETED,
  });
  const { execution } = await callers.awaitResult({ executionId });
  expect(execution?.result).toEqual(json('[]'));
  const { steps } = await callers.listSteps({ executionId });
  expect(steps).toMatchObject([{ key: '\ufeffkey', sequence: 1n }]);

  const types: string[] = [];
  for await (const { message } of callers.streamEvents({
    source: { case: 'executionId', value: executionId },
    follow: true,
    cursor: '1',
  })) {
    if (message.case === 'event') types.push(message.value.type);
  }
  expect(types).toEqual(['workflow_start', 'step_finish', 'workflow_finish']);

  const missing = await refused(callers.getExecution({ executionId: 'nobody' }));
  expect(missing.code).toBe(Code.NotFound);
  expect(missing.findDetails(ResourceInfoSchema)).toMatchObject([{ resourceName: 'nobody' }]);
  const large = await refused(
    callers.invoke({ workflowId: 'w', payload: json(`"${'x'.repeat(2_097_151)}"`) }),
  );
  expect(large.code).toBe(Code.ResourceExhausted);
  expect(large.findDetails(LimitExceededSchema)).toMatchObject([
    { limit: 'payload_bytes', actual: 2_097_153n },
  ]);
  const later = await refused(callers.forkExecution({ executionId: 'e' }));
  expect(later.code).toBe(Code.Unimplemented);
  const health = await createClient(Health, transport).check({});
  expect(health.status).toBe(HealthCheckResponse_ServingStatus.SERVING);
});

test.each(TRANSPORTS)('a message of 5 MB over %s is refused as too large', async (_, transportTo) => {
  const { url } = await startServer();
  const callers = createClient(WorkflowService, transportTo(url));
  const error = await refused(callers.invoke({ workflowId: 'w', initialState: 'x'.repeat(5_000_000) }));
  expect(error.code).toBe(Code.ResourceExhausted);
});

test('curl invokes, reads and follows in JSON over HTTP/1.1', async (context) => {
  need(CURL, context);
  const { url } = await startServer();
  const post = async (method: string, type: string, body: string) => {
    const headers = ['--header', `content-type: ${type}`, '--header', 'connect-protocol-version: 1'];
    const args = ['--silent', '--no-buffer', ...headers, '--data-binary', body, `${url}/polos.v1.${method}`];
    return (await run(CURL, args)).stdout;
  };
  const workflow = '{"workflowId":"w","payload":{"json":"[1]"}}';
  const invoked = JSON.parse(await post('WorkflowService/Invoke', 'application/json', workflow));
  expect(invoked).toMatchObject({ created: true });
  const id = JSON.stringify({ executionId: invoked.executionId });
  const state = JSON.parse(await post('WorkflowService/GetState', 'application/json', id));
  expect(state).toMatchObject({ state: { json: '{}', revision: '1' } });
  const refused = JSON.parse(
    await post('WorkflowService/GetExecution', 'application/json', '{"executionId":"x"}'),
  );
  expect(refused).toMatchObject({ code: 'not_found', details: [{ type: 'google.rpc.ResourceInfo' }] });

  // Each message of a stream has five bytes before it: no flags, and its length.
  const folder = mkdtempSync(join(tmpdir(), 'polos-curl-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(Buffer.byteLength(id), 1);
  writeFileSync(join(folder, 'request'), Buffer.concat([head, Buffer.from(id)]));
  const framed = await post(
    'WorkflowService/StreamEvents',
    'application/connect+json',
    `@${join(folder, 'request')}`,
  );
  expect(framed).toContain('"type":"workflow_queued"');
});

function json(value: string) {
  return create(PayloadSchema, { body: { case: 'json', value } });
}

async function refused(answer: Promise<unknown>): Promise<ConnectError> {
  return answer.then(
    () => Promise.reject(new Error('it was not refused')),
    (error: unknown) => ConnectError.from(error),
  );
}
