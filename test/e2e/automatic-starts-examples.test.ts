import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { ServerProgram } from '../fault/processes.js';
import { type Outcome, Program, polos, runProgram } from './cli-process.js';
import { BUILD_MS, buildExamples, exampleProgram } from './example-programs.js';

const SCHEDULE = exampleProgram('schedule');
const EVENTS = exampleProgram('event-trigger');

let server: ServerProgram;
beforeAll(async () => {
  await buildExamples();
  server = await ServerProgram.start();
}, BUILD_MS);

function run(...args: readonly string[]): Promise<Outcome> {
  return runProgram(args, { env: { POLOS_API_URL: server.url } });
}

async function json(...args: readonly string[]): Promise<Record<string, unknown>> {
  const { stdout } = await polos([...args, '-o', 'json'], { env: { POLOS_API_URL: server.url } });
  return JSON.parse(stdout);
}

/** A worker, which the server knows. */
async function serve(example: string, workflowId: string): Promise<Program> {
  const worker = new Program([example, 'serve'], { env: { POLOS_API_URL: server.url } });
  onTestFinished(async () => void (await worker.end('SIGTERM')));
  const known = async () => JSON.stringify(await json('worker', 'list'));
  await expect.poll(known, { timeout: 30_000 }).toContain(workflowId);
  return worker;
}

test('the report declares its schedule, has one more for a shop, and can be had at once', async () => {
  await serve(SCHEDULE, 'report');
  const added = (await run(SCHEDULE, 'add', 'Berlin')).stdout.trim();
  const again = await run(SCHEDULE, 'add', 'Berlin');
  expect(again).toEqual({ status: 0, stdout: `${added}\n`, stderr: '' });
  const { schedules } = await json('schedule', 'list', '--workflow', 'report');
  const rest = { workflowId: 'report', timezone: 'Europe/Berlin', paused: false };
  expect(schedules).toMatchObject([
    { ...rest, key: 'Berlin', id: added, cron: '0 4 * * MON-FRI', payload: { shop: 'Berlin' } },
    { ...rest, key: 'workflow', cron: '30 3 * * MON-FRI', nextTime: expect.stringMatching(/T0[12]:30:00/) },
  ]);
  expect((await run(SCHEDULE, 'now', added)).stdout).toMatch(/^Berlin sold 144 from 20.*Z to 20.*Z\n$/);
  const [, { id: declared } = { id: '' }] = schedules as { id: string }[];
  expect((await run(SCHEDULE, 'now', declared)).stdout).toMatch(/^all shops sold 216 from /);
  const nothing = await run(SCHEDULE, 'now', 'unheard of');
  expect(nothing).toMatchObject({ status: 1, stderr: expect.stringContaining('no schedule "unheard of"') });
});

test('orders are packed three at a time, the rest after a second', async () => {
  const worker = await serve(EVENTS, 'packing');
  const ordered = await run(EVENTS, 'order', 'tea', 'milk', 'salt', 'rice');
  expect(ordered).toEqual({ status: 0, stdout: 'ordered: 1, 2, 3, 4\n', stderr: '' });
  await worker.line(/^packed tea, milk, salt$/);
  await worker.line(/^packed rice$/);
  const { executions } = await json('execution', 'list', '--workflow', 'packing');
  expect(executions).toHaveLength(2);
});

test.each([
  ['schedule', []],
  ['schedule', ['add']],
  ['event-trigger', ['order']],
])('%s %j is a usage error', async (example, args) => {
  expect(await run(example === 'schedule' ? SCHEDULE : EVENTS, ...args)).toMatchObject({
    status: 2,
    stdout: '',
  });
});
