import type { HomeName, Homes } from './home.js';
import { type Measurement, measure, type Scenario } from './load.js';
import { hasPython, startPythonWorker } from './python-worker.js';
import { startServerProcess } from './server-process.js';
import { printRow } from './table.js';
import { startWorker, startWorkerProcess } from './worker-process.js';

/** What somebody wants measured, and where. */
export interface Asked {
  readonly homes: Homes;
  readonly homeNames: readonly HomeName[];
  /** Seconds for each row that goes on for a while. */
  readonly seconds: number;
  /** Only rows whose name holds this text. */
  readonly only: string;
}

const COLUMNS = [
  'home',
  'worker',
  'servers',
  'steps',
  'in flight',
  'exec/s',
  'steps/s',
  'p50 ms',
  'p99 ms',
].concat(['server µs', 'worker µs', 'mongod µs', 'MiB', 'x']);

const START = { 'same process': startWorker, 'own process': startWorkerProcess, python: startPythonWorker };

/** Every scenario on servers of its own, one after the other; the last column is executions/s against the first row. */
export async function printLoad(asked: Asked): Promise<void> {
  printRow(COLUMNS, 2);
  let first: Measurement | undefined;
  for (const scenario of scenarios(asked)) {
    const measured = await runScenario(asked, scenario);
    first ??= measured;
    printRow(cells(measured, first), 2);
  }
}

function scenarios({ homeNames, only }: Asked): Scenario[] {
  const all = homeNames.flatMap((home) => [...onOne(home), ...onSeveral(home)]);
  return all.filter((scenario) => nameOf(scenario).includes(only));
}

function onOne(home: HomeName): Scenario[] {
  const workers = [
    ...(['same process', 'own process'] as const),
    ...(hasPython ? (['python'] as const) : []),
  ];
  return workers.flatMap((worker) =>
    [1, 10].flatMap((steps) =>
      [1, 16, 64].map((inFlight) => ({ home, worker, servers: 1, steps, inFlight })),
    ),
  );
}

/** What only a home that several servers can share is measured with. */
function onSeveral(home: HomeName): Scenario[] {
  if (home === 'embedded') return [];
  return [2, 4].flatMap((servers) =>
    [1, 10].map((steps) => ({ home, worker: 'own process' as const, servers, steps, inFlight: 64 })),
  );
}

function nameOf({ home, worker, servers, steps, inFlight }: Scenario): string {
  return `${home} ${worker} ${servers} ${steps}x${inFlight}`;
}

async function runScenario({ homes, seconds }: Asked, scenario: Scenario): Promise<Measurement> {
  const home = await homes.open(scenario.home);
  const servers = [];
  for (let count = 0; count < scenario.servers; count++) servers.push(await startServerProcess(home));
  const workers = await Promise.all(servers.map(({ url }) => START[scenario.worker](url)));
  try {
    return await measure({ home, servers, workers }, scenario, seconds);
  } finally {
    for (const worker of workers) await worker.stop();
    for (const server of servers) await server.stop();
    await home.stop();
  }
}

function cells(row: Measurement, first: Measurement): string[] {
  return [
    row.home,
    row.worker,
    String(row.servers),
    String(row.steps),
    String(row.inFlight),
    row.executionsPerSecond.toFixed(0),
    row.stepsPerSecond.toFixed(0),
    row.p50.toFixed(2),
    row.p99.toFixed(2),
    row.serverCpuMicros.toFixed(0),
    row.workerCpuMicros.toFixed(0),
    row.mongodCpuMicros.toFixed(0),
    row.serverMemoryMiB.toFixed(0),
    (row.executionsPerSecond / first.executionsPerSecond).toFixed(2),
  ];
}
