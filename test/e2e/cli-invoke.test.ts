import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Stage, temporaryFolder } from './cli-process.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
});
afterAll(() => stage?.close());

test('invoke prints the id alone on stdout, and what to do next on stderr', async () => {
  const { status, stdout, stderr } = await stage.polos(['invoke', 'greet', '--payload', '{"name":"Ada"}']);
  expect(status).toBe(0);
  expect(stdout.trim()).toMatch(UUID);
  expect(stderr).toBe(`started; follow it with: polos execution events ${stdout.trim()} --follow\n`);
});

test('invoke --wait prints the result on stdout and exits 0 when it completes', async () => {
  const { status, stdout, stderr } = await stage.polos([
    'invoke',
    'greet',
    '--payload',
    '{"name":"Ada"}',
    '--wait',
  ]);
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toEqual({ greeting: 'Hello, Ada!' });
  expect(stderr).toMatch(/^execution [0-9a-f-]{36} started\nexecution [0-9a-f-]{36} completed after \d/);
});

test('invoke --wait prints nothing on stdout for "no value"', async () => {
  const { status, stdout, stderr } = await stage.polos(['invoke', 'quiet', '--wait']);
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  expect(stderr).toContain('completed');
  expect(stderr).toContain('without a result');
  expect(await stage.json('invoke', 'quiet', '--wait')).not.toHaveProperty('result');
});

test('invoke --wait of what fails exits 1, with the error, its cause and its step on stderr', async () => {
  const { status, stdout, stderr } = await stage.polos(['invoke', 'fragile', '--wait']);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toContain('failed after');
  expect(stderr).toMatch(/^StepExecutionError: .*it broke$/m);
  expect(stderr).toMatch(/^caused by RangeError: it broke$/m);
});

test('a script gets one document, with the result or the failure in it', async () => {
  const done = await stage.json('invoke', 'greet', '--payload', '{"name":"Ada"}', '--wait');
  expect(done).toMatchObject({ created: true, status: 'completed', result: { greeting: 'Hello, Ada!' } });
  expect(done.executionId).toMatch(UUID);
  const { status, stdout, stderr } = await stage.polos(['invoke', 'fragile', '--wait', '--output', 'json']);
  expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
  expect(JSON.parse(stdout)).toMatchObject({
    status: 'failed',
    failure: { type: 'StepExecutionError', cause: { type: 'RangeError', message: 'it broke' } },
  });
});

test('the payload may come from stdin or a file', async () => {
  const folder = temporaryFolder();
  const path = join(folder.path, 'payload.json');
  writeFileSync(path, '\ufeff{\n  "name": "file"\n}\n');
  const args = ['invoke', 'greet', '--wait', '--payload'];
  const fromStdin = await stage.polos([...args, '-'], { stdin: '{"name":"stdin"}\n' });
  const fromFile = await stage.polos([...args, `@${path}`]);
  folder.remove();
  expect(JSON.parse(fromStdin.stdout)).toEqual({ greeting: 'Hello, stdin!' });
  expect(JSON.parse(fromFile.stdout)).toEqual({ greeting: 'Hello, file!' });
});

test('the initial state is where the execution begins', async () => {
  const initial = '{"count":10,"greeted":["Bob"]}';
  const { executionId } = await stage.json(
    'invoke',
    'greet',
    '--payload',
    '{"name":"Ada"}',
    '--initial-state',
    initial,
    '--wait',
  );
  const { state } = await stage.json('execution', 'state', String(executionId));
  expect(state).toEqual({ count: 11, greeted: ['Bob', 'Ada'] });
});

test('a payload that breaks the schema is refused with each place, and nothing is started', async () => {
  const before = await stage.json('execution', 'list', '--workflow', 'greet', '--limit', '1');
  const { status, stdout, stderr } = await stage.polos(['invoke', 'greet', '--payload', '{"name":7}']);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(/^error: the payload does not fit the schema that a worker registered for it\n/);
  expect(stderr).toMatch(/^ {4}\/name +must be string +type$/m);
  expect(stderr).toMatch(/Nothing was started\. The schema: polos schema show [0-9a-f]{12}/);
  expect(await stage.json('execution', 'list', '--workflow', 'greet', '--limit', '1')).toEqual(before);
});

test('an initial state that breaks the schema is refused with each place', async () => {
  const state = '{"count":"many","greeted":[1]}';
  const args = ['invoke', 'greet', '--payload', '{"name":"Ada"}', '--initial-state', state];
  const { status, stderr } = await stage.polos(args);
  expect(status).toBe(1);
  expect(stderr).toMatch(/^error: the initial state does not fit/);
  expect(stderr).toMatch(/^ {4}\/count +must be number +type$/m);
  expect(stderr).toMatch(/^ {4}\/greeted\/0 +must be string +type$/m);
  const forScript = await stage.polos([...args, '-o', 'json']);
  expect(forScript.status).toBe(1);
  expect(JSON.parse(forScript.stderr).error).toMatchObject({
    code: 'INVALID_ARGUMENT',
    details: [
      { type: 'google.rpc.BadRequest' },
      {
        type: 'polos.v1.SchemaViolation',
        value: 'initial_state',
        issues: [{ path: '/greeted/0' }, { path: '/count' }],
      },
    ],
  });
});

test.each([
  ['{"name":"a","name":"b"}', 'same member name twice'],
  ['{"name":12345678901234567890}', '2^53'],
])('JSON that would be altered is refused by the server: %s', async (payload, problem) => {
  const { status, stderr } = await stage.polos(['invoke', 'greet', '--payload', payload]);
  expect(status).toBe(1);
  expect(stderr).toContain(problem);
  expect(stderr).toContain('INVALID_ARGUMENT');
});

test('one idempotency key is one execution, and another request under it is refused', async () => {
  const invoke = (name: string) =>
    stage.polos(['invoke', 'greet', '--payload', `{"name":"${name}"}`, '--idempotency-key', 'k']);
  const first = await invoke('Ada');
  const again = await invoke('Ada');
  const other = await invoke('Bob');
  expect(again).toMatchObject({ status: 0, stdout: first.stdout });
  expect(again.stderr).toContain('was started by an earlier call with the same idempotency key');
  expect(other.status).toBe(1);
  expect(other.stderr).toContain(`polos execution get ${first.stdout.trim()}`);
});

test('every option reaches the execution', async () => {
  const id = '01890a5d-ac96-774b-bcce-b302099a8057';
  const options = ['--execution-id', id, '--queue', 'q', '--concurrency-key', 'c', '--priority', '-7'];
  const more = [
    '--start-delay',
    '1h',
    '--run-timeout',
    '1.5s',
    '--max-retries',
    '0',
    '--session-id',
    's',
    '--user-id',
    'u',
  ];
  const rest = ['--deployment-id', 'd', '--attribute', 'a=1', '--attribute', 'b=x=y', '--payload', 'null'];
  await stage.json('invoke', 'nobody', ...options, ...more, ...rest);
  expect(await stage.json('execution', 'get', id)).toMatchObject({
    id,
    status: 'queued',
    statusReason: 'start_delay',
    payload: null,
    queue: 'q',
    concurrencyKey: 'c',
    priority: -7,
    runTimeout: '1.5s',
    retryPolicy: { maxRetries: 0 },
    sessionId: 's',
    userId: 'u',
    deploymentId: 'd',
    searchAttributes: { a: '1', b: 'x=y' },
  });
});

test('a workflow that no worker serves is queued, and the command says so', async () => {
  const { status, stderr } = await stage.polos(['invoke', 'nobody']);
  expect(status).toBe(0);
  expect(stderr).toContain('queued: no connected worker serves "nobody"; it starts as soon as one connects');
});

test('another project sees none of it', async () => {
  const { stdout } = await stage.polos(['invoke', 'quiet']);
  const env = { POLOS_PROJECT_ID: 'other' };
  const { status, stderr } = await stage.polos(['execution', 'get', stdout.trim()], { env });
  expect(status).toBe(1);
  expect(stderr).toContain('(NOT_FOUND)');
  expect((await stage.polos(['execution', 'list'], { env })).stdout).toBe('no executions\n');
});
