import { fileURLToPath } from 'node:url';
import { PolosClient } from '@polos/sdk';
import { expect, onTestFinished, test } from 'vitest';
import { startPrimary } from '../e2e/mongod-process.js';
import { command } from '../mongodb/command.js';
import { uniqueDatabase, withMongod, withMongodb } from '../mongodb/shared.js';
import { Program, ServerProgram } from './processes.js';

const INVOCATIONS = 200;
const INVOCATIONS_WITHOUT_STREAM = 20;
/** Far from what is measured, which is printed: speed is not tested. */
const SANE_MS = 500;
/** How often a server looks for work while it is told of none. */
const POLL_MS = 1_000;
/** For a machine that does other things, too. */
const POLL_MS_MAX = 5 * POLL_MS;
const NANOSECONDS = 1e6;

withMongodb(() => {
  test('work created through one server soon reaches a worker of another', { timeout: 120_000 }, async () => {
    const site = await startTwoServers((await uniqueDatabase()).url);
    const times = await site.measure(INVOCATIONS);
    print('with the change stream', times);
    expect(percentile(times, 0.5)).toBeLessThan(SANE_MS);
  });
});

withMongod(() => {
  test('without a change stream, work reaches a worker of another server within the poll interval', {
    timeout: 90_000,
  }, async () => {
    const mongodbUrl = await startWithoutChangeStreams();
    const site = await startTwoServers(mongodbUrl);
    const times = await site.measure(INVOCATIONS_WITHOUT_STREAM);
    print('without the change stream', times);
    expect(percentile(times, 0.5)).toBeLessThan(POLL_MS + SANE_MS);
    expect(percentile(times, 1)).toBeLessThan(POLL_MS_MAX);
    // If it never took long, the servers told each other after all.
    expect(percentile(times, 1)).toBeGreaterThan(POLL_MS / 4);
  });
});

/** Two servers on one database: what one is asked for, a worker knows of that is connected to the other only. */
async function startTwoServers(mongodbUrl: string) {
  const start = () => ServerProgram.start({ mongodbUrl, leaseMs: 5_000 });
  const [first, second] = await Promise.all([start(), start()]);
  onTestFinished(async () => {
    await Promise.all([first.kill(), second.kill()]);
  });
  const script = fileURLToPath(new URL('programs/load-first-step-worker.mjs', import.meta.url));
  const worker = new Program(script, [], { POLOS_API_URL: second.url });
  onTestFinished(() => worker.signal('SIGKILL'));
  await worker.line('started');
  const client = new PolosClient({ apiUrl: first.url });
  onTestFinished(() => client.close());
  /** Milliseconds from the call of invoke to the beginning of the step, one invocation after another, in ascending order. */
  const measure = async (count: number): Promise<number[]> => {
    // The first one, which finds everything cold, does not count.
    const times: number[] = [];
    for (let number = 0; number <= count; number++) {
      const invokedAt = process.hrtime.bigint();
      const { id } = await client.invoke('first_step', { number });
      const line = await worker.line(`step ${number} `);
      if (number > 0) times.push(Number(BigInt(line.split(' ')[2]!) - invokedAt) / NANOSECONDS);
      expect(await client.getHandle(id).getResult()).toBe(number);
    }
    return times.sort((a, b) => a - b);
  };
  return { measure };
}

/** A replica set of one that refuses every aggregation, as which change streams begin. */
async function startWithoutChangeStreams(): Promise<string> {
  const mongod = await startPrimary('--setParameter', 'enableTestCommands=1');
  onTestFinished(() => mongod.stop());
  const { port, host } = mongod;
  await command(port, {
    configureFailPoint: 'failCommand',
    mode: 'alwaysOn',
    data: { failCommands: ['aggregate'], errorCode: HOST_UNREACHABLE },
  });
  return `mongodb://${host}/many?replicaSet=rs0`;
}

const HOST_UNREACHABLE = 6;

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

function print(how: string, times: readonly number[]): void {
  const [p50, p99, max] = [0.5, 0.99, 1].map((share) => `${percentile(times, share).toFixed(1)} ms`);
  console.log(
    `invoke on one server to first step on the other, ${how}: p50 ${p50}, p99 ${p99}, maximum ${max}, ` +
      `${times.length} invocations`,
  );
}
