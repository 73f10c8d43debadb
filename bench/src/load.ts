import { PolosClient } from '@polos/sdk';
import type { ServerProcess } from './server-process.js';
import { stepsWorkflow } from './workflows.js';

/** One row of the table. */
export interface Scenario {
  readonly worker: 'same process' | 'own process';
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
  /** The server's CPU for one execution, in microseconds. */
  readonly serverCpuMicros: number;
  readonly serverMemoryMiB: number;
}

/** Keeps `inFlight` executions under way for about `seconds`, after a short warm-up that is not counted. */
export async function measure(
  server: ServerProcess,
  scenario: Scenario,
  seconds: number,
): Promise<Measurement> {
  const client = new PolosClient({ apiUrl: server.url });
  await runFor(client, scenario, Math.min(1, seconds / 3));
  const before = await server.usage();
  const started = performance.now();
  const latencies = await runFor(client, scenario, seconds);
  const elapsed = (performance.now() - started) / 1000;
  const after = await server.usage();
  await client.close();
  latencies.sort((a, b) => a - b);
  const executions = latencies.length;
  return {
    ...scenario,
    executions,
    executionsPerSecond: executions / elapsed,
    stepsPerSecond: (executions * scenario.steps) / elapsed,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    serverCpuMicros: ((after.cpuSeconds - before.cpuSeconds) / executions) * 1e6,
    serverMemoryMiB: after.memoryMiB,
  };
}

async function runFor(
  client: PolosClient,
  { steps, inFlight }: Scenario,
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
  await Promise.all(Array.from({ length: inFlight }, lane));
  return latencies;
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
