import { parseArgs } from 'node:util';
import { type Measurement, measure, type Scenario } from './load.js';
import { startServerProcess } from './server-process.js';
import { startWorker, startWorkerProcess } from './worker-process.js';

const { values } = parseArgs({
  options: {
    /** Seconds for each row. */
    seconds: { type: 'string', default: '4' },
    /** Only rows whose name holds this text. */
    only: { type: 'string', default: '' },
  },
});

const COLUMNS = [
  'worker',
  'steps',
  'in flight',
  'exec/s',
  'steps/s',
  'p50 ms',
  'p99 ms',
  'server µs/exec',
  'MiB',
  'x',
];

await main();

/** Every scenario on a server of its own, one after the other; the last column is executions/s against the first row. */
async function main(): Promise<void> {
  const idle = await startServerProcess();
  console.log(`idle server: ${(await idle.usage()).memoryMiB.toFixed(0)} MiB`);
  await idle.stop();
  printRow(COLUMNS);
  let first: Measurement | undefined;
  for (const scenario of scenarios()) {
    const measured = await runScenario(scenario);
    first ??= measured;
    printRow(cells(measured, first));
  }
}

function scenarios(): Scenario[] {
  const workers = ['same process', 'own process'] as const;
  const all = workers.flatMap((worker) =>
    [1, 10].flatMap((steps) => [1, 16, 64].map((inFlight) => ({ worker, steps, inFlight }))),
  );
  return all.filter(({ worker, steps, inFlight }) => `${worker} ${steps}x${inFlight}`.includes(values.only));
}

async function runScenario(scenario: Scenario): Promise<Measurement> {
  const server = await startServerProcess();
  const worker = await (scenario.worker === 'own process' ? startWorkerProcess : startWorker)(server.url);
  try {
    return await measure(server, scenario, Number(values.seconds));
  } finally {
    await worker.stop();
    await server.stop();
  }
}

function cells(row: Measurement, first: Measurement): string[] {
  return [
    row.worker,
    String(row.steps),
    String(row.inFlight),
    row.executionsPerSecond.toFixed(0),
    row.stepsPerSecond.toFixed(0),
    row.p50.toFixed(2),
    row.p99.toFixed(2),
    row.serverCpuMicros.toFixed(0),
    row.serverMemoryMiB.toFixed(0),
    (row.executionsPerSecond / first.executionsPerSecond).toFixed(2),
  ];
}

function printRow(row: readonly string[]): void {
  console.log(row.map((cell, index) => (index === 0 ? cell.padEnd(13) : cell.padStart(9))).join(' '));
}
