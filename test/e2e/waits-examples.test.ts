import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { ServerProgram } from '../fault/processes.js';
import { type Outcome, Program, runProgram } from './cli-process.js';
import { BUILD_MS, buildExamples, exampleProgram } from './example-programs.js';
import { connect } from './stage.js';
import { happened } from './waits-stage.js';

const REMINDER = exampleProgram('waits');
const ORDERS = exampleProgram('approval');

let server: ServerProgram;
beforeAll(async () => {
  await buildExamples();
  server = await ServerProgram.start();
}, BUILD_MS);

function orders(...args: readonly string[]): Promise<Outcome> {
  return runProgram([ORDERS, ...args], { env: { POLOS_API_URL: server.url } });
}

test('the reminder writes at once, sends when its time has come, and shows its events', async () => {
  const { status, stdout } = await runProgram([REMINDER, '1'], { env: { POLOS_API_URL: server.url } });
  expect(status).toBe(0);
  const types = Array.from(stdout.matchAll(/^ {2}\S+Z {2}(\w+) {2}(\w*)$/gm), ([, type, key]) =>
    `${type} ${key}`.trim(),
  );
  const places = ['step_wait until_due', 'step_finish write', 'workflow_wait', 'step_finish until_due'];
  expect(types.filter((type) => places.includes(type))).toEqual(places);
  expect(types.slice(-2)).toEqual(['step_finish send', 'workflow_finish']);
  expect(stdout).toContain('To Ada: Dear Ada, this is to remind you of the tea.');
});

test('a reminder that is stopped while it waits goes on when it is started again', async () => {
  const env = { POLOS_API_URL: server.url };
  const first = new Program([REMINDER, '3', 'tea'], { env });
  const [, id] = /^Reminder (\S+), /.exec(await first.line(/^Reminder /)) ?? [];
  await first.line(/workflow_wait/);
  await first.end('SIGKILL');
  const { status, stdout } = await runProgram([REMINDER, '3', 'tea'], { env });
  expect({ status, sent: stdout.match(/^To Ada: /gm)?.length }).toEqual({ status: 0, sent: 1 });
  expect(stdout).toContain(`Reminder ${id}, `);
});

test('an order is approved, rejected, or expires, and is decided once', async () => {
  const env = { POLOS_API_URL: server.url };
  const worker = new Program([ORDERS, 'serve'], { env });
  onTestFinished(async () => void (await worker.end('SIGTERM')));
  const place = async (...args: readonly string[]) => (await orders('order', ...args)).stdout.trim();

  const approved = await place('tea');
  await worker.line(/^reserved tea$/);
  expect(await orders('approve', approved, 'Bob')).toMatchObject({ status: 0, stderr: '' });
  expect((await orders('result', approved)).stdout).toMatch(/^shipped .*"decidedBy":"Bob"/);
  const second = await orders('reject', approved, 'Eve');
  expect(second).toMatchObject({ status: 1, stderr: expect.stringContaining('which is final') });

  const rejected = await place('milk');
  expect((await orders('reject', rejected, 'Bob', 'too dear')).status).toBe(0);
  expect((await orders('result', rejected)).stdout).toMatch(/^rejected .*"reason":"too dear"/);

  const expired = await place('salt', '0.2');
  expect((await orders('result', expired)).stdout).toMatch(/^expired /);

  const nonsense = await place('rice');
  const execution = connect(server.url).getHandle(nonsense);
  await happened(execution, 'step_suspend', 'approval');
  await execution.resume('approval', 'yes!');
  expect(await execution.result()).toBe('rejected');
  await worker.line(/^released rice$/);
});

test.each([[[]], [['order']], [['decide', 'x']]])('%j is a usage error', async (args: string[]) => {
  const { status, stderr } = await orders(...args);
  expect({ status, stderr }).toMatchObject({ status: 2, stderr: expect.stringContaining('Usage: main.js') });
});
