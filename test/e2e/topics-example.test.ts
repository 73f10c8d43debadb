import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { ServerProgram } from '../fault/processes.js';
import { type Outcome, Program, root, runProgram } from './cli-process.js';
import { BUILD_MS, buildExamples } from './example-programs.js';

const EVENTS = join(root, 'examples/dist/events/main.js');

let server: ServerProgram;
beforeAll(async () => {
  await buildExamples();
  server = await ServerProgram.start();
}, BUILD_MS);

function events(...args: readonly string[]): Promise<Outcome> {
  return runProgram([EVENTS, ...args], { env: { POLOS_API_URL: server.url } });
}

function started(command: string): Program {
  const running = new Program([EVENTS, command], { env: { POLOS_API_URL: server.url } });
  onTestFinished(async () => void (await running.end('SIGKILL')));
  return running;
}

test('an order is paid by a client and by a workflow, also while no worker runs, and each reference pays once', async () => {
  const watch = started('watch');
  const first = started('serve');
  const id = (await events('order', 'A-1', '50')).stdout.trim();
  expect((await events('pay', 'A-1', '15', 'cash-7')).stdout).toBe('payment 1\n');
  expect((await events('pay', 'A-1', '15', 'cash-7')).stdout).toBe('payment 1\n');
  await first.end('SIGKILL');
  expect((await events('pay', 'A-1', '5')).stdout).toBe('payment 2\n');
  const second = started('serve');
  expect((await events('transfer', 'A-1', '30')).stdout).toBe('transfer for A-1\n');
  const { stdout } = await events('result', id);
  const payments = [
    { amount: 15, by: 'cash-7' },
    { amount: 5, by: 'somebody' },
    { amount: 30, by: 'transfer for A-1' },
  ];
  expect(stdout).toBe(`shipped ${JSON.stringify({ paid: 50, payments })}\n`);
  expect(second.lines).toContain('shipped A-1');
  await watch.line(/^1 A-1 shipped$/);

  const late = (await events('order', 'B-2', '50', '0.3')).stdout.trim();
  expect((await events('result', late)).stdout).toMatch(/^expired /);
  await watch.line(/^2 B-2 expired$/);
});

test.each([[[]], [['order', 'A']], [['pay', 'A', '-1']], [['result']], [['give', 'A', '1']]])(
  '%j is a usage error',
  async (args: string[]) => {
    const { status, stderr } = await events(...args);
    expect({ status, stderr }).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('Usage: main.js'),
    });
  },
);
