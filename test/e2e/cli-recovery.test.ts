import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Program, polos, root, temporaryFolder } from './cli-process.js';

const COMMAND = join(root, 'server/bin/polos.js');

test('events --follow and result go on over a restart of the server, and miss and repeat nothing', async () => {
  const folder = temporaryFolder();
  onTestFinished(folder.remove);
  const first = await startServer(folder.path, '0');
  const env = { POLOS_API_URL: first.url };
  const id = (await polos(['invoke', 'nobody'], { env })).stdout.trim();
  const events = new Program([COMMAND, 'execution', 'events', id, '--follow', '-o', 'json'], { env });
  const result = new Program([COMMAND, 'execution', 'result', id], { env });
  await events.line(/"workflow_queued"/);
  await result.remark(/no connected worker serves "nobody"/);
  await first.program.end('SIGKILL');
  await result.remark(/the connection to the server is lost; trying again for a minute/);
  const second = await startServer(folder.path, new URL(first.url).port);
  await result.remark(/connected again/);
  await polos(['execution', 'cancel', id], { env });
  const followed = await events.end();
  expect(followed).toMatchObject({ status: 0, stderr: '' });
  const types = followed.stdout.split('\n').map((line) => JSON.parse(line).type);
  expect(types).toEqual(['workflow_queued', 'workflow_cancel']);
  expect(await result.end()).toMatchObject({ status: 1, stderr: expect.stringContaining('cancelled') });
  await second.program.end('SIGTERM');
});

/** Starts a server on data in this folder. */
async function startServer(folder: string, port: string) {
  const args = ['server', 'start', '--port', port, '--data-dir', join(folder, 'data')];
  const program = new Program([COMMAND, ...args]);
  onTestFinished(async () => void (await program.end('SIGKILL')));
  const url = (await program.line(/^polos listening on /)).replace('polos listening on ', '');
  return { program, url };
}
