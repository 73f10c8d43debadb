import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { defineWorkflow, PolosClient, Worker } from '@polos/sdk';
import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { z as z3 } from 'zod/v3';
import { SchemaViolationSchema } from '../../server/src/gen/polos/v1/error_details_pb.js';
import { SchemaKind } from '../../server/src/gen/polos/v1/schema_pb.js';
import { WorkerService } from '../../server/src/gen/polos/v1/worker_service_pb.js';
import { WorkflowService } from '../../server/src/gen/polos/v1/workflow_service_pb.js';
import { ServerProgram } from '../fault/processes.js';

const PLAIN = JSON.stringify({
  type: 'object',
  properties: {
    items: {
      type: 'array',
      items: { type: 'object', properties: { 'a/b': { type: 'number' } }, required: ['a/b'] },
    },
  },
});

/** How each library says the same: a list of objects with a number in them. */
const LIBRARIES = {
  zod3: z3.object({ items: z3.array(z3.object({ 'a/b': z3.number() })).default([]) }),
  zod4: z.object({ items: z.array(z.object({ 'a/b': z.number() })).default([]) }),
};

let server: ServerProgram;

beforeAll(async () => {
  server = await ServerProgram.start();
  const client = new PolosClient({ apiUrl: server.url });
  const workflows = Object.entries(LIBRARIES).map(([id, schema]) =>
    defineWorkflow({ id, payloadSchema: schema, stateSchema: schema }, async () => 'done', {
      autoRegister: false,
    }),
  );
  const worker = new Worker({ client, workflows, handleSignals: false });
  const running = worker.run();
  await worker.whenRunning();
  await worker.shutdown();
  await running;
  client.close();
  await raw().workers.registerWorker({
    workflows: [{ id: 'plain', payloadSchema: PLAIN, stateSchema: PLAIN }],
  });
});

describe.each(['zod3', 'zod4', 'plain'])(
  'what breaks a schema of %s is refused with its place and keyword',
  (id) => {
    const wrong = JSON.stringify({ items: [{ 'a/b': 1 }, { 'a/b': 'one' }] });
    const missing = JSON.stringify({ items: [{}] });

    test.each([
      ['payload', { payload: { body: { case: 'json' as const, value: wrong } } }, '/items/1/a~1b', 'type'],
      ['payload', { payload: { body: { case: 'json' as const, value: missing } } }, '/items/0', 'required'],
      ['initial_state', { initialState: wrong }, '/items/1/a~1b', 'type'],
      ['initial_state', { initialState: missing }, '/items/0', 'required'],
    ])('as %s %#', async (value, given, path, keyword) => {
      const error = await errorOf(raw().workflows.invoke({ workflowId: id, ...payload('{}'), ...given }));
      expect(error.code).toBe(Code.InvalidArgument);
      expect(error.findDetails(SchemaViolationSchema)).toMatchObject([
        { value, issues: [{ path, keyword }] },
      ]);
    });

    test('as the state of a commit', async () => {
      const { workflows, workers } = raw();
      const { schemas } = await workflows.listSchemas({ workflowId: id });
      const { digest = '' } = schemas.find(({ kind }) => kind === SchemaKind.STATE) ?? {};
      const { schema } = await workflows.getSchema({ digest });
      const stateSchema = schema?.jsonSchema ?? '';
      const workflowId = `${id}-commit`;
      const { workerId } = await workers.registerWorker({ workflows: [{ id: workflowId, stateSchema }] });
      await workflows.invoke({ workflowId, initialState: '{}' });
      const { assignments } = await workers.poll({ workerId, wait: { seconds: 10n } });
      const { lease, execution } = assignments[0]!;
      const change = { case: 'document' as const, value: wrong };
      const baseRevision = execution?.stateRevision ?? 0n;
      const commands = [{ command: { case: 'stateChanged' as const, value: { baseRevision, change } } }];
      const error = await errorOf(workers.completeStep({ lease: lease!, sequence: 1n, commands }));
      expect(error.code).toBe(Code.InvalidArgument);
      expect(error.findDetails(SchemaViolationSchema)).toMatchObject([
        { value: 'state', digest, issues: [{ path: '/items/1/a~1b', keyword: 'type' }] },
      ]);
    });
  },
);

function payload(json: string) {
  return { payload: { body: { case: 'json' as const, value: json } } };
}

function raw() {
  const transport = createGrpcTransport({ baseUrl: server.url });
  return {
    workflows: createClient(WorkflowService, transport),
    workers: createClient(WorkerService, transport),
  };
}

async function errorOf(call: Promise<unknown>): Promise<ConnectError> {
  return ConnectError.from(
    await call.then(
      () => new Error('it was accepted'),
      (error: unknown) => error,
    ),
  );
}
