import { expect, onTestFinished, test, vi } from 'vitest';
import { uniqueDatabase, withMongodb } from '../mongodb/shared.js';
import { concurrencyOf, invokeAll, type LimitWorker, startLimitWorker } from './limit-site.js';
import { ServerProgram } from './processes.js';

// Promise 17, by what the workers themselves measure: they say when the functions of their steps begin and end.

vi.setConfig({ testTimeout: 180_000 });

const LIMIT = 3;
const KEYS = ['a', 'b'];
/** Long enough that a worker on a busy machine does not lose a lease while it runs. */
const LEASE_MS = 6_000;

function payloads(count: number, { ms = 30, waits = false } = {}) {
  return Array.from({ length: count }, (_, index) => ({
    ...{ ms, waits: waits && index % 3 === 0 },
    key: KEYS[index % KEYS.length] as string,
  }));
}

async function started(count: number, mongodbUrl?: string): Promise<ServerProgram[]> {
  const options = { leaseMs: LEASE_MS, ...(mongodbUrl !== undefined && { mongodbUrl }) };
  const servers = await Promise.all(Array.from({ length: count }, () => ServerProgram.start(options)));
  onTestFinished(async () => {
    await Promise.all(servers.map((server) => server.kill()));
  });
  return servers;
}

/** The limit was reached and never exceeded, for each key. */
function expectWithin(workers: readonly LimitWorker[], what: string): void {
  const { peaks, utilization } = concurrencyOf(workers, LIMIT);
  console.log(`${what}: ${Math.round(utilization * 100)} % of the slots' time in use`);
  expect(Object.fromEntries(peaks)).toEqual(Object.fromEntries(KEYS.map((key) => [key, LIMIT])));
}

async function limitsHold(servers: readonly ServerProgram[], what: string): Promise<void> {
  const workers = await Promise.all(
    [0, 1, 2].map((index) => startLimitWorker(servers[index % servers.length] as ServerProgram, LIMIT)),
  );
  const executions = await invokeAll(servers, payloads(120, { ms: 150, waits: true }));
  await Promise.all(executions.map((execution) => execution.getResult()));
  expectWithin(workers, what);
}

async function limitsHoldUnderFire(servers: readonly ServerProgram[], what: string): Promise<void> {
  const serverOf = (index: number) => servers[index % servers.length] as ServerProgram;
  const workers = await Promise.all([0, 1].map((index) => startLimitWorker(serverOf(index), LIMIT)));
  const results: Promise<unknown>[] = [];
  for (let round = 0; round < 3; round++) {
    const executions = await invokeAll(servers, payloads(40, { ms: 100, waits: true }));
    results.push(...executions.map((execution) => execution.getResult()));
    // Whoever gets the work: it need not be all of them.
    const doomed = await vi.waitFor(() => workers.find(({ isAtWork }) => isAtWork) ?? Promise.reject(), {
      timeout: 60_000,
      interval: 5,
    });
    await Promise.all([doomed.kill(), serverOf(round).kill()]);
    await serverOf(round).restart();
    workers.push(await startLimitWorker(serverOf(round), LIMIT));
  }
  await Promise.all(results);
  expectWithin(workers, what);
}

test('no more run at once than the limit of their queue and key', async () => {
  await limitsHold(await started(1), 'embedded');
});

test('nor while workers and the server are killed with slots in their hands, and all of them end', async () => {
  await limitsHoldUnderFire(await started(1), 'embedded, under fire');
});

withMongodb(() => {
  test('nor on two servers that share MongoDB', async () => {
    await limitsHold(await started(2, (await uniqueDatabase()).url), 'MongoDB');
  });

  test('nor while workers and these servers are killed', async () => {
    await limitsHoldUnderFire(await started(2, (await uniqueDatabase()).url), 'MongoDB, under fire');
  });
});
