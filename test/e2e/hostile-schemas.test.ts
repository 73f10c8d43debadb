import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { beforeAll, expect, test } from 'vitest';
import { HOSTILE_SCHEMAS } from '../../bench/src/hostile-schemas.js';
import { WorkerService } from '../../server/src/gen/polos/v1/worker_service_pb.js';
import { WorkflowService } from '../../server/src/gen/polos/v1/workflow_service_pb.js';
import { ServerProgram } from '../fault/processes.js';

let server: ServerProgram;

beforeAll(async () => {
  server = await ServerProgram.start();
  // The validator is loaded with the first schema.
  await raw().workers.registerWorker({ workflows: [{ id: 'first', payloadSchema: '{"type":"string"}' }] });
});

test.each(HOSTILE_SCHEMAS)(
  'others are served while somebody registers and uses $name',
  { timeout: 60_000 },
  async ({ name, schema, value, outcome }) => {
    const { workflows, workers } = raw();
    const others = serveOthers();
    const payloadSchema = JSON.stringify(schema);
    const registering = workers.registerWorker({ workflows: [{ id: name, payloadSchema }] });
    const problem = await registering.then(
      ({ schemaReports }) => schemaReports[0]?.problem ?? '',
      (error: unknown) => ConnectError.from(error).message,
    );
    const payload = { body: { case: 'json' as const, value: JSON.stringify(value) } };
    const code = await workflows.invoke({ workflowId: name, payload }).then(
      () => undefined,
      (error: unknown) => ConnectError.from(error).code,
    );
    const { calls, longestMs } = await others.stop();
    console.log(
      `${name}: ${problem || (code ? 'refused' : 'accepted')}; ${calls} other calls, ${longestMs.toFixed(1)} ms at most`,
    );
    expect(calls).toBeGreaterThan(0);
    if (outcome instanceof RegExp) expect(problem).toMatch(outcome);
    if (outcome === 'accepted' || outcome === 'refused') expect(problem).toBe('');
    if (outcome === 'accepted') expect(code).toBeUndefined();
    if (outcome === 'refused') expect(code).toBe(Code.InvalidArgument);
  },
);

/** A caller who has nothing to do with it, one call after the other. */
function serveOthers(): { stop(): Promise<{ readonly calls: number; readonly longestMs: number }> } {
  const { workflows } = raw();
  let isOver = false;
  const served = (async () => {
    let [calls, longestMs] = [0, 0];
    while (!isOver) {
      const started = performance.now();
      await workflows.invoke({ workflowId: 'another' });
      longestMs = Math.max(longestMs, performance.now() - started);
      calls += 1;
    }
    return { calls, longestMs };
  })();
  return {
    stop() {
      isOver = true;
      return served;
    },
  };
}

function raw() {
  const transport = createGrpcTransport({ baseUrl: server.url });
  return {
    workflows: createClient(WorkflowService, transport),
    workers: createClient(WorkerService, transport),
  };
}
