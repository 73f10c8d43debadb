import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { expect, onTestFinished, test } from 'vitest';
import { Compatibility, SchemaKind } from '../../server/src/gen/polos/v1/schema_pb.js';
import { WorkerService } from '../../server/src/gen/polos/v1/worker_service_pb.js';
import { WorkflowService } from '../../server/src/gen/polos/v1/workflow_service_pb.js';
import { ServerProgram, type ServerProgramOptions } from '../fault/processes.js';
import { uniqueDatabase, withMongodb } from '../mongodb/shared.js';

const schema = (n: object) => JSON.stringify({ type: 'object', properties: { n } });
const V1 = schema({ type: 'integer' });
const V2 = schema({ type: 'integer', minimum: 10 });
const EXECUTIONS = 60;

/** Registers through one server, invokes through both, and asks the other one. */
async function reportsAgree(options: ServerProgramOptions[]): Promise<void> {
  const servers = await Promise.all(options.map((each) => ServerProgram.start(each)));
  onTestFinished(async () => {
    await Promise.all(servers.map((server) => server.kill()));
  });
  const clients = servers.map(({ url }) => {
    const transport = createGrpcTransport({ baseUrl: url });
    return {
      workflows: createClient(WorkflowService, transport),
      workers: createClient(WorkerService, transport),
    };
  });
  const [here, there] = [clients[0]!, clients.at(-1)!];
  const register = async (client: typeof here, stateSchema: string) =>
    (await client.workers.registerWorker({ workflows: [{ id: 'evolving', stateSchema }] })).schemaReports;

  expect(await register(here, V1)).toMatchObject([{ liveStates: { checked: 0n, complete: true } }]);
  const ids: string[] = [];
  for (let n = 0; n < EXECUTIONS; n++) {
    const { workflows } = n % 2 === 0 ? here : there;
    ids.push(
      (await workflows.invoke({ workflowId: 'evolving', initialState: JSON.stringify({ n }) })).executionId,
    );
  }

  const asked = {
    ...{ workflowId: 'evolving', kind: SchemaKind.STATE, pageSize: 7 },
    schema: { schema: { case: 'jsonSchema' as const, value: V2 } },
  };
  const broken: string[] = [];
  let [checked, pages, pageToken] = [0n, 0, ''];
  do {
    const { report, nextPageToken } = await there.workflows.checkSchema({ ...asked, pageToken });
    expect(report?.comparison?.compatibility).toBe(pages === 0 ? Compatibility.BREAKING : undefined);
    expect(report?.liveStates?.complete).toBe(nextPageToken === '');
    for (const { executionId, issues } of report?.liveStates?.breakingExecutions ?? []) {
      expect(issues).toMatchObject([{ path: '/n', keyword: 'minimum' }]);
      broken.push(executionId);
    }
    checked += report?.liveStates?.checked ?? 0n;
    pages += 1;
    pageToken = nextPageToken;
  } while (pageToken !== '');
  expect(broken.sort()).toEqual(ids.slice(0, 10).sort());
  expect(checked).toBe(BigInt(EXECUTIONS));
  expect(pages).toBeGreaterThanOrEqual(Math.ceil(EXECUTIONS / 7));

  const [report] = await register(there, V2);
  expect(report).toMatchObject({
    comparison: {
      compatibility: Compatibility.BREAKING,
      findings: [{ schemaPath: '/properties/n', keyword: 'minimum' }],
    },
    liveStates: { checked: BigInt(EXECUTIONS), breaking: 10n, unchecked: 0n, complete: true },
  });
  const [before, after] = [report?.previousDigest ?? '', report?.digest ?? ''].map((value) => ({
    schema: { case: 'digest' as const, value },
  }));
  const { comparison } = await here.workflows.compareSchemas({ before: after!, after: before! });
  expect(comparison?.compatibility).toBe(Compatibility.COMPATIBLE);
}

test('a check and a registration say which live states a schema breaks', () => reportsAgree([{}]));

withMongodb(() => {
  test('each server of one MongoDB answers for all of it', { timeout: 120_000 }, async () => {
    const { url: mongodbUrl } = await uniqueDatabase();
    await reportsAgree([{ mongodbUrl }, { mongodbUrl }]);
  });
});
