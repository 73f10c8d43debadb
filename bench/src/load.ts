import { PolosClient } from '@polos/sdk';
import type { Home, HomeName } from './home.js';
import type { ServerProcess } from './server-process.js';
import { percentile } from './table.js';
import type { RunningWorker } from './worker-process.js';
import { stepsWorkflow } from './workflows.js';

/** One row of the table. */
export interface Scenario {
  readonly home: HomeName;
  /** Server processes on that home; each has a client and a worker of its own. */
  readonly servers: number;
  readonly worker: 'same process' | 'own process' | 'python';
  readonly steps: number;
  readonly inFlight: number;
}

/** What one scenario measured. Times in milliseconds, from the call of `run` to its result. */
export interface Measurement extends Scenario {
  readonly executions: number;
  readonly executionsPerSecond: number;
  readonly stepsPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** The servers' CPU for one step, in microseconds. */
  readonly serverCpuMicros: number;
  /** The workers' CPU for one step, in microseconds; 0 where they run beside the clients. */
  readonly workerCpuMicros: number;
  /** MongoDB's CPU for one step, of all members together. */
  readonly mongodCpuMicros: number;
  /** Of the first server. */
  readonly serverMemoryMiB: number;
}

/** Where a scenario is played. */
export interface Place {
  readonly home: Home;
  readonly servers: readonly ServerProcess[];
  readonly workers: readonly RunningWorker[];
}

/** Keeps `inFlight` executions under way for about `seconds`, after a short warm-up that is not counted. */
export async function measure(place: Place, scenario: Scenario, seconds: number): Promise<Measurement> {
  const clients = place.servers.map(({ url }) => new PolosClient({ apiUrl: url }));
  const runAll = async (during: number) =>
    (await Promise.all(clients.map((client) => runFor(client, scenario, during)))).flat();
  await runAll(Math.min(1, seconds / 3));
  const before = await usageOf(place);
  const started = performance.now();
  const latencies = await runAll(seconds);
  const elapsed = (performance.now() - started) / 1000;
  const after = await usageOf(place);
  await Promise.all(clients.map((client) => client.close()));
  latencies.sort((a, b) => a - b);
  const executions = latencies.length;
  const perStep = (seconds: number) => (seconds / executions / scenario.steps) * 1e6;
  return {
    ...scenario,
    executions,
    executionsPerSecond: executions / elapsed,
    stepsPerSecond: (executions * scenario.steps) / elapsed,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    serverCpuMicros: perStep(after.serverSeconds - before.serverSeconds),
    workerCpuMicros: perStep(after.workerSeconds - before.workerSeconds),
    mongodCpuMicros: perStep(after.mongodSeconds - before.mongodSeconds),
    serverMemoryMiB: after.memoryMiB,
  };
}

async function usageOf({ home, servers, workers }: Place) {
  const usages = await Promise.all(servers.map((server) => server.usage()));
  const ofWorkers = await Promise.all(workers.flatMap((worker) => worker.usage?.() ?? []));
  return {
    workerSeconds: ofWorkers.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
    serverSeconds: usages.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
    mongodSeconds: home.usage().cpuSeconds,
    memoryMiB: usages[0]?.memoryMiB ?? 0,
  };
}

async function runFor(
  client: PolosClient,
  { steps, inFlight, servers }: Scenario,
  seconds: number,
): Promise<number[]> {
  const latencies: number[] = [];
  const end = performance.now() + seconds * 1000;
  const lane = async () => {
    while (performance.now() < end) {
      const started = performance.now();
      const done = await stepsWorkflow.run(client, { steps });
      if (done !== steps) throw new Error(`an execution of ${steps} steps answered ${done}`);
      latencies.push(performance.now() - started);
    }
  };
  await Promise.all(Array.from({ length: inFlight / servers }, lane));
  return latencies;
}
