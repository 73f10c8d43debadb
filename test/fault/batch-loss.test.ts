import { expect, onTestFinished, test, vi } from 'vitest';
import { childrenOf, countEvents, squaresOf } from '../e2e/batches-stage.js';
import { connect, startWorker } from '../e2e/stage.js';
import { uniqueDatabase, withMongodb } from '../mongodb/shared.js';
import { type Program, ServerProgram, type ServerProgramOptions } from './processes.js';

// Three losses, each bridged by leases that run out; and other tests keep the machine busy.
vi.setConfig({ testTimeout: 240_000 });

const COUNT = 1_000;

/** Executions that a worker takes at once. */
const AT_ONCE = 50;

/** Resolves once a worker has begun so many steps. */
function hasRun({ lines }: Program, count: number): Promise<void> {
  return vi.waitUntil(() => lines.length > count, { timeout: 60_000, interval: 10 }).then(() => {});
}

/** Starts a thousand children, and kills the server and the worker while some are done, some run and some do not exist. */
async function loseAllInTheMiddle(options: ServerProgramOptions): Promise<void> {
  const server = await ServerProgram.start({ leaseMs: 2_000, ...options });
  onTestFinished(() => server.kill());
  const start = (env = {}) =>
    startWorker('batch-worker', server.url, { POLOS_MAX_CONCURRENT_WORKFLOWS: `${AT_ONCE}`, ...env });
  const first = await start({ SLOW_MS: '5' });
  const execution = await connect(server.url).invoke('squares', { count: COUNT });
  await hasRun(first, 300);
  await server.kill();
  await server.restart();
  await hasRun(first, 500);
  await first.signal('SIGKILL');
  const second = await start();
  await hasRun(second, 100);
  await Promise.all([server.kill(), second.signal('SIGKILL')]);
  await server.restart();
  const third = await start();
  expect(await execution.result()).toEqual(squaresOf(COUNT));
  expect(await childrenOf(server.url, execution.id)).toHaveLength(COUNT);
  const { children_start, step_finish, workflow_ready } = await countEvents(execution);
  expect({ children_start, step_finish, workflow_ready }).toEqual({
    children_start: 1,
    step_finish: 1,
    workflow_ready: 1,
  });
  // Only what was under way at a loss may have run again: as much as a worker takes at once.
  const ran = [first, second, third].flatMap(({ lines }) => lines.filter((line) => line.startsWith('step ')));
  expect(new Set(ran).size).toBe(squaresOf(COUNT).filter((square) => typeof square === 'number').length);
  expect(ran.length - new Set(ran).size).toBeLessThanOrEqual(3 * AT_ONCE);
}

test('a thousand children survive kill -9 of server and workers in their middle, each once', () =>
  loseAllInTheMiddle({}));

withMongodb(() => {
  test('the same on MongoDB', async () => {
    const { url } = await uniqueDatabase();
    await loseAllInTheMiddle({ mongodbUrl: url });
  });

  test('a thousand children of which three servers tell their parent, one of them killed', async () => {
    const { url } = await uniqueDatabase();
    const start = () => ServerProgram.start({ leaseMs: 2_000, mongodbUrl: url });
    const servers = await Promise.all([start(), start(), start()]);
    onTestFinished(async () => void (await Promise.all(servers.map((server) => server.kill()))));
    const [one, two, three] = servers as [ServerProgram, ServerProgram, ServerProgram];
    const workers = await Promise.all(
      servers.map(({ url }) => startWorker('batch-worker', url, { SLOW_MS: '2' })),
    );
    const execution = await connect(one.url).invoke('squares', { count: COUNT });
    await hasRun(workers[1] as Program, 100);
    await two.kill();
    const watched = connect(three.url).getHandle(execution.id);
    expect(await watched.result()).toEqual(squaresOf(COUNT));
    expect(await childrenOf(three.url, execution.id)).toHaveLength(COUNT);
    const { children_start, step_finish, workflow_ready } = await countEvents(watched);
    expect({ children_start, step_finish, workflow_ready }).toEqual({
      children_start: 1,
      step_finish: 1,
      workflow_ready: 1,
    });
  });
});
