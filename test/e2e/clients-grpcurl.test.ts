import { expect, test } from 'vitest';
import { GRPCURL, need, run, startServer } from './clients-server.js';

test('grpcurl lists and describes the services, calls them, and shows errors with their details', async (context) => {
  need(GRPCURL, context);
  const { port } = await startServer();
  const grpcurl = (...args: readonly string[]) => {
    // The address stands before the command or the method, after the flags.
    const flags = args.slice(0, -1);
    const [method = ''] = args.slice(-1);
    return run(GRPCURL, ['-plaintext', ...flags, `127.0.0.1:${port}`, ...method.split(' ')]);
  };

  expect((await grpcurl('list')).stdout.split('\n')).toEqual([
    'grpc.health.v1.Health',
    'grpc.reflection.v1.ServerReflection',
    'polos.v1.WorkerService',
    'polos.v1.WorkflowService',
    '',
  ]);
  expect((await grpcurl('describe polos.v1.WorkerService')).stdout).toContain(
    'rpc Work ( stream .polos.v1.WorkRequest ) returns ( stream .polos.v1.WorkResponse );',
  );
  expect((await grpcurl('describe polos.v1.Command')).stdout).toContain(
    '.polos.v1.StepCompleted step_completed = 1',
  );

  const body = JSON.stringify({ workflow_id: 'w', payload: { json: '{"n":1}' } });
  const invoked = JSON.parse((await grpcurl('-d', body, 'polos.v1.WorkflowService/Invoke')).stdout);
  expect(invoked).toMatchObject({ created: true, executionId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
  const id = JSON.stringify({ execution_id: invoked.executionId });
  const got = await grpcurl('-d', id, 'polos.v1.WorkflowService/GetExecution');
  expect(JSON.parse(got.stdout)).toMatchObject({
    execution: { status: 'EXECUTION_STATUS_QUEUED', payload: { json: '{"n":1}' } },
  });

  const refused = await grpcurl('-d', '{"execution_id":"nobody"}', 'polos.v1.WorkflowService/GetExecution');
  expect(refused.status).not.toBe(0);
  expect(refused.stderr).toContain('Code: NotFound');
  expect(refused.stderr).toMatch(
    /"@type": "type.googleapis.com\/google.rpc.ResourceInfo",\s+"resourceName": "nobody"/,
  );
  const health = await grpcurl('-d', '{"service":"polos.v1.WorkflowService"}', 'grpc.health.v1.Health/Check');
  expect(JSON.parse(health.stdout)).toEqual({ status: 'SERVING' });
  const unknown = await grpcurl('-d', '{"service":"x"}', 'grpc.health.v1.Health/Check');
  expect(unknown.stderr).toContain('Code: NotFound');
});
