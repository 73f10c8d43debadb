import { afterAll, beforeAll, expect, test } from 'vitest';
import { Stage } from './cli-process.js';

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
});
afterAll(() => stage?.close());

test('worker list shows who serves what', async () => {
  const { status, stdout } = await stage.polos(['worker', 'list']);
  expect(status).toBe(0);
  const [heading, line] = stdout.trimEnd().split('\n');
  expect(heading).toMatch(
    /^WORKER +PROCESS +WORKFLOWS +STREAM +BUSY +SDK +DEPLOYMENT +REGISTERED +LAST SEEN$/,
  );
  expect(line).toMatch(/greet, quiet, fragile, endless +open +0 of 100 +polos-typescript 0\.1\.0 +- +20/);
  expect(await stage.json('worker', 'list')).toMatchObject({
    workers: [
      {
        workflowIds: ['greet', 'quiet', 'fragile', 'endless'],
        runningExecutions: 0,
        maxConcurrentExecutions: 100,
      },
    ],
  });
});

test('schema list shows the versions, and schema show prints one by the beginning of its digest', async () => {
  const { stdout } = await stage.polos(['schema', 'list', '--workflow', 'greet']);
  const [heading, ...lines] = stdout.trimEnd().split('\n');
  expect(heading).toMatch(/^DIGEST +WORKFLOW +KIND +CURRENT +REGISTERED$/);
  expect(lines.map((line) => line.split(/ +/).slice(1, 4))).toEqual([
    ['greet', 'payload', 'yes'],
    ['greet', 'state', 'yes'],
  ]);
  const [digest] = lines[0]!.split(' ');
  const shown = await stage.polos(['schema', 'show', digest!]);
  expect(shown.status).toBe(0);
  expect(JSON.parse(shown.stdout)).toMatchObject({
    type: 'object',
    properties: { name: { type: 'string' } },
  });
  expect(shown.stderr).toMatch(/^payload of greet, current, /);
  const whole = await stage.json('schema', 'show', digest!);
  expect(whole).toMatchObject({
    workflowId: 'greet',
    kind: 'payload',
    current: true,
    jsonSchema: { type: 'object' },
  });
  expect(await stage.json('schema', 'show', String(whole.digest))).toEqual(whole);
});

test('a schema that does not exist is an error', async () => {
  const start = await stage.polos(['schema', 'show', '0123456789']);
  const whole = await stage.polos(['schema', 'show', '0'.repeat(64)]);
  expect([start.status, whole.status]).toEqual([1, 1]);
  expect(start.stderr).toBe(
    'error: there is no schema 0123456789 in this project; polos schema list shows them\n',
  );
  expect(whole.stderr).toContain('(NOT_FOUND)');
});
