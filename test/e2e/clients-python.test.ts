import { expect, test } from 'vitest';
import { need, PYTHON, run, startServer } from './clients-server.js';

test('Python runs a workflow of two steps with grpcio and unary calls alone', {
  timeout: 60_000,
}, async (context) => {
  need(PYTHON, context);
  const { port } = await startServer();
  const { status, stdout, stderr } = await run(PYTHON, [
    'test/e2e/programs/clients_two_steps.py',
    `127.0.0.1:${port}`,
  ]);
  expect(status, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    'sent again': true,
    result: 15,
    states: [{ sum: 0 }, { sum: 6 }, { sum: 9 }],
    steps: [
      ['double', 1, 6],
      ['square', 2, 9],
    ],
    events: ['workflow_queued', 'workflow_start', 'step_finish', 'step_finish', 'workflow_finish'],
    late: ['FAILED_PRECONDITION', { 'polos.v1.ExecutionClosed': expect.stringContaining('COMPLETED') }],
    errors: {
      unknown: ['NOT_FOUND', { 'google.rpc.ResourceInfo': expect.stringContaining('"nobody"') }],
      'no worker': ['NOT_FOUND', { 'google.rpc.ResourceInfo': expect.stringContaining('"worker"') }],
      'no I-JSON': [
        'INVALID_ARGUMENT',
        { 'google.rpc.BadRequest': expect.stringContaining('"payload.json"') },
      ],
      'too large': [
        'RESOURCE_EXHAUSTED',
        { 'polos.v1.LimitExceeded': expect.stringContaining('actual: 2097154') },
      ],
      later: ['UNIMPLEMENTED', {}],
    },
  });
});
