import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WorkerService } from '../../server/src/gen/polos/v1/worker_service_pb.js';
import { Stage, temporaryFolder } from './cli-process.js';

const folder = temporaryFolder();
let stage: Stage;
let executionId: string;

const schema = (n: object, more: object = {}) =>
  JSON.stringify({ type: 'object', properties: { n }, ...more });
const V1 = schema({ type: 'number' });
const V2 = schema({ type: 'number', minimum: 5 });

beforeAll(async () => {
  stage = await Stage.open();
  const workers = createClient(WorkerService, createGrpcTransport({ baseUrl: stage.url }));
  const register = (stateSchema: string) =>
    workers.registerWorker({ workflows: [{ id: 'evolving', stateSchema, payloadSchema: V1 }] });
  await register(V1);
  executionId = String((await stage.json('invoke', 'evolving', '--initial-state', '{"n":1}')).executionId);
  await stage.json('invoke', 'evolving', '--initial-state', '{"n":7}');
  await register(V2);
});
afterAll(async () => {
  await stage?.close();
  folder.remove();
});

function file(text: string): string {
  const path = join(folder.path, 'schema.json');
  writeFileSync(path, text);
  return path;
}

test('schema diff compares the current version with the one before', async () => {
  const { status, stdout } = await stage.polos(['schema', 'diff', 'evolving']);
  expect(status).toBe(0);
  expect(stdout.trimEnd().split('\n')).toEqual([
    'breaking: some values that the first allows do not fit the second',
    expect.stringMatching(/^MEANS +AT +KEYWORD +WHAT$/),
    expect.stringMatching(/^breaking +\/properties\/n +minimum +the bound is 5 now, and was nothing$/),
  ]);
});

test('schema diff compares what it is given: digests, their beginnings, files and stdin', async () => {
  const { schemas } = (await stage.json('schema', 'list', '--workflow', 'evolving')) as {
    schemas: { digest: string; kind: string }[];
  };
  const [newer, older] = schemas.filter(({ kind }) => kind === 'state').map(({ digest }) => digest);
  const back = await stage.json('schema', 'diff', 'evolving', newer!, older!.slice(0, 9));
  expect(back).toMatchObject({ compatibility: 'compatible', findings: [{ keyword: 'minimum' }] });
  const given = await stage.polos(['schema', 'diff', 'evolving', `@${file(V2)}`, '-', '-o', 'json'], {
    stdin: V1,
  });
  expect(JSON.parse(given.stdout)).toEqual(back);
  const one = await stage.polos(['schema', 'diff', 'evolving', '--kind', 'payload']);
  expect(one).toMatchObject({ status: 1, stderr: expect.stringContaining('only one version of the schema') });
});

test('schema check says what a schema would break, and fails then', async () => {
  const strict = file(schema({ type: 'number', minimum: 3 }, { required: ['n'] }));
  const broken = await stage.polos(['schema', 'check', 'evolving', '--kind', 'state', strict]);
  expect(broken.status).toBe(1);
  expect(broken.stdout).toContain('2 live executions: 1 fit, 1 do not fit');
  expect(broken.stdout).toMatch(new RegExp(`${executionId} +queued +1 +/n minimum: must be >= 3`));
  const fine = await stage.polos(['schema', 'check', 'evolving', file(V1)]);
  expect(fine).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('2 live executions: 2 fit, 0 do not fit'),
  });
});

test('schema check has a document for scripts', async () => {
  const { status, stdout } = await stage.polos(['schema', 'check', 'evolving', file(V2), '--output', 'json']);
  expect(status).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    ...{ workflowId: 'evolving', kind: 'state' },
    comparison: { compatibility: 'compatible' },
    liveStates: {
      ...{ checked: 2, breaking: 1, complete: true },
      breakingExecutions: [{ executionId, status: 'queued', issues: [{ path: '/n', keyword: 'minimum' }] }],
    },
  });
});

test('schema check fails for a schema that the server cannot use, and for a payload that may break', async () => {
  const unusable = await stage.polos(['schema', 'check', 'evolving', file('{"type":7}')]);
  expect(unusable).toMatchObject({
    status: 1,
    stdout: expect.stringContaining('the server cannot use this schema'),
  });
  const payload = await stage.polos(['schema', 'check', 'evolving', '--kind', 'payload', file(V2)]);
  expect(payload.status).toBe(1);
  const same = await stage.polos(['schema', 'check', 'evolving', '--kind', 'payload', file(V1)]);
  expect(same).toMatchObject({ status: 0, stdout: 'this is the current schema\n' });
  const missing = await stage.polos(['schema', 'check', 'evolving', '/nowhere.json']);
  expect(missing.status).toBe(2);
});
