import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { ServerProgram } from '../fault/processes.js';
import { type Outcome, polos, runProgram, temporaryFolder } from './cli-process.js';
import { BUILD_MS, buildExamples, exampleProgram } from './example-programs.js';

let server: ServerProgram;
beforeAll(async () => {
  await buildExamples();
  server = await ServerProgram.start();
}, BUILD_MS);

/** Exports a day into a folder of its own. */
async function report(day: string, env: Readonly<Record<string, string>> = {}) {
  const folder = temporaryFolder();
  onTestFinished(() => folder.remove());
  const outcome = await runProgram([exampleProgram('report'), day, folder.path], {
    env: { POLOS_API_URL: server.url, POLOS_LOG_LEVEL: 'silent', ...env },
  });
  return { ...outcome, ...readingsOf(outcome) };
}

/** The steps in their order, the state, and what was told at the end. */
function readingsOf({ stdout }: Outcome) {
  const steps = Array.from(
    stdout.matchAll(/ {2}step_(\w+) {2}(\S+)$/gm),
    ([, what, key]) => `${key} ${what}`,
  );
  const [, state = ''] = /^State: (.*)$/m.exec(stdout) ?? [];
  const told = Array.from(stdout.matchAll(/^There? .*|^The report .*/gm), ([line]) => line);
  const [, id = ''] = /^Report (\S+)$/m.exec(stdout) ?? [];
  return { id, steps, state: JSON.parse(state), told };
}

test('a day is exported, published, and told of once', async () => {
  const { status, stderr, steps, state, told } = await report('2026-11-20');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(steps).toEqual([
    'on_start.chooseDay.0 finish',
    'export finish',
    'publish finish',
    'on_end.tellHowItEnded.0 finish',
    'on_end.noteFailure.1 finish',
  ]);
  expect(state).toEqual({ phase: 'published', rows: 1_000 });
  const [, path = ''] = /^The report of 2026-11-20 is there: (.*)$/.exec(told.join('\n')) ?? [];
  expect(basename(path)).toBe('orders-2026-11-20.csv');
  expect((await readFile(path, 'utf8')).split('\n')).toHaveLength(1_001);
});

test('without a day it is about the one before', async () => {
  const days = () =>
    [0, 86_400_000].map((ms) => new Date(Date.now() - 86_400_000 - ms).toISOString().slice(0, 10));
  const { told } = await report('yesterday');
  // Midnight may have passed meanwhile.
  expect(days().some((day) => told[0]?.startsWith(`The report of ${day} is there`))).toBe(true);
});

test('an export that hangs twice is given up twice, and succeeds', async () => {
  const { id, status, state } = await report('2026-11-19', { ORDERS_HANG: '2' });
  expect({ status, state }).toEqual({ status: 0, state: { phase: 'published', rows: 1_000 } });
  const { stdout } = await polos(['execution', 'steps', id, '-o', 'json'], {
    env: { POLOS_API_URL: server.url },
  });
  const [, step] = JSON.parse(stdout).steps;
  const silent = {
    failure: { type: 'StepTimeoutError', message: expect.stringContaining('gave no heartbeat') },
  };
  expect(step).toMatchObject({ key: 'export', attempts: [silent, silent, { number: 3 }] });
  expect(step.attempts[2].failure).toBeUndefined();
});

test('a day that never was is tried once, and told of', async () => {
  const { id, status, stderr, steps, state, told } = await report('2019-05-05');
  expect(status).toBe(1);
  expect(stderr).toContain('failed: StepExecutionError: step "export" failed: the shop opened on 2020-01-01');
  expect(steps).toContain('export fail');
  expect(steps).not.toContain('publish finish');
  expect(state).toEqual({ phase: 'failed', rows: 0 });
  expect(told).toEqual([expect.stringMatching(/^There is no report of 2019-05-05: step "export" failed/)]);
  const { stdout } = await polos(['execution', 'steps', id, '-o', 'json'], {
    env: { POLOS_API_URL: server.url },
  });
  expect(JSON.parse(stdout).steps[1].attempts).toHaveLength(1);
});

test('a day that is not over is refused by a hook before anything is exported', async () => {
  const { status, stderr, steps, told } = await report('2999-01-01');
  expect(status).toBe(1);
  expect(stderr).toContain('failed: HookExecutionError: 2999-01-01 is not over yet');
  expect(steps).toEqual([
    'on_start.chooseDay.0 finish',
    'on_end.tellHowItEnded.0 finish',
    'on_end.noteFailure.1 finish',
  ]);
  expect(told).toEqual(['There is no report of 2999-01-01: 2999-01-01 is not over yet']);
});
