import { afterAll, beforeAll, expect, test } from 'vitest';
import { Stage } from './cli-process.js';

let stage: Stage;
let completed: string;
let failed: string;
beforeAll(async () => {
  stage = await Stage.open();
  completed = await run('greet', '--payload', '{"name":"Ada"}', '--session-id', 'breakfast');
  failed = await run('fragile');
});
afterAll(() => stage?.close());

/** Runs a workflow to its end, and answers the execution's id. */
async function run(workflow: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await stage.polos(['invoke', workflow, ...args]);
  await stage.polos(['execution', 'result', stdout.trim()]);
  return stdout.trim();
}

test('list shows a line for each execution, newest first', async () => {
  const { status, stdout } = await stage.polos(['execution', 'list', '--limit', '2']);
  expect(status).toBe(0);
  const lines = stdout.trimEnd().split('\n');
  expect(lines[0]).toMatch(/^EXECUTION +WORKFLOW +STATUS +STEPS +TOOK +CREATED$/);
  expect(lines[1]).toMatch(
    new RegExp(`^${failed}  fragile +failed +1 +\\S+ m?s  20\\d\\d-\\d\\d-\\d\\d [\\d:]{8} \\(.*\\)$`),
  );
  expect(lines[2]).toMatch(new RegExp(`^${completed}  greet +completed +2 `));
});

test.each([
  [['--workflow', 'greet']],
  [['--status', 'completed', '--workflow', 'greet']],
  [['--session-id', 'breakfast']],
  [['--since', '1h', '--filter', 'session_id = "breakfast"']],
])('list %j finds one', async (options) => {
  const { executions } = await stage.json('execution', 'list', ...options);
  expect(executions).toMatchObject([
    { id: completed, workflowId: 'greet', status: 'completed', stepCount: 2 },
  ]);
});

test('list says how to go on when there are more', async () => {
  const { stderr } = await stage.polos(['execution', 'list', '--limit', '1']);
  const [, token] = /--page-token (\S+)\n$/.exec(stderr) ?? [];
  const { executions } = await stage.json('execution', 'list', '--limit', '1', '--page-token', token!);
  expect(executions).toMatchObject([{ id: completed }]);
});

test('list refuses a status and a filter that do not exist', async () => {
  const status = await stage.polos(['execution', 'list', '--status', 'great']);
  const filter = await stage.polos(['execution', 'list', '--filter', 'colour = red']);
  expect([status.status, filter.status]).toEqual([1, 1]);
  expect(status.stderr).toContain('there is no status "GREAT"; there are QUEUED');
  expect(filter.stderr).toContain('there is no field "colour"');
});

test('get shows a person what there is to know', async () => {
  const { status, stdout } = await stage.polos(['execution', 'get', completed]);
  expect(status).toBe(0);
  expect(stdout).toContain(`execution  ${completed}\nworkflow   greet\nstatus     completed\n`);
  expect(stdout).toMatch(/^closed {5}20.*\(.*\), took /m);
  expect(stdout).toContain('result     {\n             "greeting": "Hello, Ada!"\n           }\n');
  const other = await stage.polos(['execution', 'get', failed]);
  expect(other.stdout).toMatch(/^failure +StepExecutionError: .*it broke$/m);
});

test('get gives a script the whole execution', async () => {
  expect(await stage.json('execution', 'get', completed)).toMatchObject({
    id: completed,
    projectId: 'default',
    status: 'completed',
    payload: { name: 'Ada' },
    result: { greeting: 'Hello, Ada!' },
    sessionId: 'breakfast',
    stepCount: 2,
  });
});

test('an execution that does not exist is an error with its id', async () => {
  const commands = ['get', 'result', 'events', 'state', 'steps', 'cancel'];
  const outcomes = await Promise.all(commands.map((name) => stage.polos(['execution', name, 'nope'])));
  for (const { status, stdout, stderr } of outcomes) {
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^error: there is no execution "?nope"? in this project.* \(NOT_FOUND\)\n/);
  }
});

test('result prints the result, or the failure with exit status 1', async () => {
  const good = await stage.polos(['execution', 'result', completed]);
  expect(good).toMatchObject({ status: 0, stdout: '{\n  "greeting": "Hello, Ada!"\n}\n' });
  const bad = await stage.polos(['execution', 'result', failed]);
  expect(bad).toMatchObject({ status: 1, stdout: '' });
  expect(bad.stderr).toContain('caused by RangeError: it broke');
});

test('result stops waiting when it is told to, with exit status 1', async () => {
  const { stdout } = await stage.polos(['invoke', 'nobody']);
  const { status, stderr } = await stage.polos(['execution', 'result', stdout.trim(), '--timeout', '10ms']);
  expect(status).toBe(1);
  expect(stderr).toBe(`execution ${stdout.trim()} is still queued (no worker)\n`);
});

test('events prints a line for each, without gaps', async () => {
  const { status, stdout } = await stage.polos(['execution', 'events', completed]);
  expect(status).toBe(0);
  const lines = stdout.trimEnd().split('\n');
  lines.forEach((line, index) => {
    expect(line).toMatch(new RegExp(`^\\d\\d:\\d\\d:\\d\\d\\.\\d{3} +${index + 1}  \\w+`));
  });
  expect(lines[0]).toContain('workflow_queued   workflowId=greet queue=greet');
  expect(stdout).toMatch(/step_finish +compose {2}kind=run attempts=1/);
  expect(lines.at(-1)).toMatch(/ workflow_finish$/);
});

test('events gives a script one document a line, from a cursor on', async () => {
  const { stdout } = await stage.polos([
    'execution',
    'events',
    completed,
    '--cursor',
    '2',
    '--follow',
    '-o',
    'json',
  ]);
  const events = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(events.map((event) => event.sequence)).toEqual(events.map((_, index) => index + 3));
  expect(events[0]).toMatchObject({
    executionId: completed,
    type: 'step_finish',
    stepKey: 'compose',
    data: { attempts: 1 },
  });
});

test('events --follow shows what happens as it happens, until the execution ends', async () => {
  const { stdout } = await stage.polos(['invoke', 'endless']);
  const id = stdout.trim();
  const events = stage.start(['execution', 'events', id, '--follow']);
  await events.line(/step_finish +begin/);
  const result = stage.start(['execution', 'result', id]);
  expect(await stage.polos(['execution', 'cancel', id])).toMatchObject({
    status: 0,
    stdout: 'asked to cancel; its worker is being told\n',
  });
  await events.line(/ workflow_cancel$/);
  expect((await events.end()).status).toBe(0);
  expect(await result.end()).toMatchObject({ status: 1, stderr: expect.stringContaining('cancelled') });
  expect(await stage.json('execution', 'cancel', id)).toEqual({ executionId: id, status: 'cancelled' });
});

test('cancel of what is final with another status is an error', async () => {
  const { status, stderr } = await stage.polos(['execution', 'cancel', completed]);
  expect(status).toBe(1);
  expect(stderr).toContain(`the execution ${completed} is completed, which is final (FAILED_PRECONDITION)`);
});

test('state prints the document, at the end or at an earlier revision', async () => {
  const last = await stage.polos(['execution', 'state', completed]);
  expect(JSON.parse(last.stdout)).toEqual({ greeted: ['Ada'], count: 1 });
  expect(last.stderr).toMatch(/^revision \d+, \d+ bytes, .* ago\), final\n$/);
  expect(await stage.json('execution', 'state', completed, '--revision', '1')).toMatchObject({
    executionId: completed,
    revision: 1,
    state: {},
  });
  const missing = await stage.polos(['execution', 'state', completed, '--revision', '99']);
  expect(missing.status).toBe(1);
  expect(missing.stderr).toContain('99');
});

test('steps lists what is recorded, with outcomes', async () => {
  const { stdout } = await stage.polos(['execution', 'steps', completed]);
  expect(stdout).toMatch(/^# +STEP +KIND +STATUS +TRIES +TOOK +OUTCOME\n/);
  expect(stdout).toMatch(/^1 +compose +run +completed +1 +\d+ ms +"Hello, Ada!"$/m);
  const { steps } = await stage.json('execution', 'steps', failed);
  expect(steps).toMatchObject([
    {
      key: 'break',
      kind: 'run',
      status: 'failed',
      sequence: 1,
      attempts: [{ number: 1 }],
      failure: { message: 'it broke' },
    },
  ]);
  const { stdout: text } = await stage.polos(['execution', 'steps', failed]);
  expect(text).toMatch(/^1 +break +run +failed +1 .*RangeError: it broke$/m);
});
