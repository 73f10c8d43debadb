import { afterAll, beforeAll, expect, test } from 'vitest';
import { Stage } from './cli-process.js';

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
});
afterAll(() => stage?.close());

test('publish prints the number of the event, and a key publishes once', async () => {
  const publish = ['event', 'publish', 'orders', '--type', 'paid', '--data', '{"amount":5}'];
  expect(await stage.polos(publish)).toEqual({ status: 0, stdout: '1\n', stderr: '' });
  const once = [...publish, '--idempotency-key', 'k'];
  expect((await stage.polos(once)).stdout).toBe('2\n');
  expect(await stage.json(...once)).toEqual({ topic: 'orders', sequences: [2] });
  const other = await stage.polos(['event', 'publish', 'orders', '--idempotency-key', 'k']);
  expect(other).toMatchObject({ status: 1, stdout: '' });
  expect(other.stderr).toContain('the idempotency key "k" was used for another request');
  expect((await stage.polos(['event', 'publish', 'orders'])).stdout).toBe('3\n');
});

test('stream prints what is there, a line for each event, from any number on', async () => {
  for (const data of ['"a"', '{"b":[1,2]}', 'null']) {
    await stage.polos(['event', 'publish', 'lines', '--data', data]);
  }
  const { status, stdout, stderr } = await stage.polos(['event', 'stream', 'lines']);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout.split('\n')).toEqual([
    expect.stringMatching(/^\S+ {5}1 {2}event +"a"$/),
    expect.stringMatching(/^\S+ {5}2 {2}event +b=\[1,2\]$/),
    expect.stringMatching(/^\S+ {5}3 {2}event +null$/),
    '',
  ]);
  const { stdout: json } = await stage.polos([
    'event',
    'stream',
    'lines',
    '--after',
    '1',
    '--output',
    'json',
  ]);
  const documents = json
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(documents).toMatchObject([
    { topic: 'lines', sequence: 2, type: 'event', data: { b: [1, 2] } },
    { topic: 'lines', sequence: 3, type: 'event', data: null },
  ]);
  expect(await stage.polos(['event', 'stream', 'nothing yet'])).toEqual({
    status: 0,
    stdout: '',
    stderr: '',
  });
});

test('stream --follow stays, and prints each event as it is published', async () => {
  const following = stage.start(['event', 'stream', 'live', '--follow']);
  await stage.polos(['event', 'publish', 'live', '--data', '"one"']);
  await following.line(/"one"$/);
  await stage.polos(['event', 'publish', 'live', '--data', '"two"']);
  await following.line(/"two"$/);
  expect(following.lines).toHaveLength(2);
  await following.end('SIGINT');
});

test.each([
  [['event', 'publish']],
  [['event', 'publish', 't', '--data', '{']],
  [['event', 'publish', 't', '--type', '']],
  [['event', 'stream', 't', '--after', '-1']],
  [['event', 'stream', 't', '--after', 'x']],
])('%j is a usage error', async (args) => {
  expect(await stage.polos(args)).toMatchObject({ status: 2, stdout: '' });
});

test('what the server refuses is told, with exit status 1', async () => {
  const beyond = await stage.polos(['event', 'stream', 'orders', '--after', '99']);
  expect(beyond).toMatchObject({ status: 1, stdout: '' });
  expect(beyond.stderr).toContain('the server never gave the cursor 99');
  const long = await stage.polos(['event', 'publish', 'x'.repeat(513)]);
  expect(long).toMatchObject({ status: 1, stdout: '' });
  expect(long.stderr).toContain('topic');
});
