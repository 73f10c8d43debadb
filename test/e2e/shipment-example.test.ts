import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { ServerProgram } from '../fault/processes.js';
import { root, runProgram } from './cli-process.js';
import { BUILD_MS, buildExamples } from './example-programs.js';

const SHIPMENT = join(root, 'examples/dist/shipment/main.js');

let server: ServerProgram;
beforeAll(async () => {
  await buildExamples();
  server = await ServerProgram.start();
}, BUILD_MS);

function shipment(...args: readonly string[]) {
  return runProgram([SHIPMENT, ...args], { env: { POLOS_API_URL: server.url } });
}

test('a shipment shows its events with those of its parcels, and the same from a place on', async () => {
  const { status, stdout } = await shipment('ship', 'tea', 'salt');
  expect(status).toBe(0);
  const lines = stdout.split('\n').filter((line) => /^ *\d+ {2}/.test(line));
  expect(lines.map((line) => Number.parseInt(line, 10))).toEqual(lines.map((_, index) => index + 1));
  expect(lines[0]).toMatch(/^ {3}1 {2}shipment {10}workflow_queued$/);
  expect(lines.at(-1)).toMatch(/ {2}shipment {10}workflow_finish$/);
  for (const parcel of ['parcel_1', 'parcel_2']) {
    const places = lines.flatMap((line, index) => (line.endsWith(`  ${parcel}`) ? [index] : []));
    expect(lines[places[0] ?? 0]).toContain('child_start');
  }
  expect(lines.filter((line) => / {4}parcel \w{4} {5}workflow_finish$/.test(line))).toHaveLength(2);
  expect(stdout).toContain('Shipped: tea, 300 g; salt, 400 g');

  const [, id = ''] = /^Shipment (\S+)$/m.exec(stdout) ?? [];
  expect((await shipment('follow', id, '9')).stdout.trimEnd().split('\n')).toEqual(lines.slice(9));
});

test('a shipment that does not exist is an error, and no shipment a usage error', async () => {
  expect(await shipment('follow', 'nobody')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('nobody'),
  });
  expect(await shipment('ship')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('Usage: main.js'),
  });
});
