import { parseArgs } from 'node:util';
import { type HomeName, Homes } from './home.js';
import { type Measurement, measure, type Scenario } from './load.js';
import { startServerProcess } from './server-process.js';
import { startWorker, startWorkerProcess } from './worker-process.js';

const { values } = parseArgs({
  options: {
    /** Seconds for each row. */
    seconds: { type: 'string', default: '4' },
    /** Only rows whose name holds this text. */
    only: { type: 'string', default: '' },
    /** Where servers keep their data, separated by commas: embedded, mongodb-1, mongodb-3 (replica sets of so many). */
    homes: { type: 'string', default: 'embedded' },
  },
});

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
].concat(['server µs', 'mongod µs', 'MiB', 'x']);

const homes = new Homes();
try {
  await main();
} finally {
  await homes.stop();
}

/** Every scenario on servers of its own, one after the other; the last column is executions/s against the first row. */
async function main(): Promise<void> {
  printRow(COLUMNS);
  let first: Measurement | undefined;
  for (const scenario of scenarios()) {
    const measured = await runScenario(scenario);
    first ??= measured;
    printRow(cells(measured, first));
  }
}

function scenarios(): Scenario[] {
  const all = values.homes
    .split(',')
    .flatMap((home) => [...onOne(home as HomeName), ...onSeveral(home as HomeName)]);
  return all.filter((scenario) => nameOf(scenario).includes(values.only));
}

function onOne(home: HomeName): Scenario[] {
  const workers = ['same process', 'own process'] as const;
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

async function runScenario(scenario: Scenario): Promise<Measurement> {
  const home = await homes.open(scenario.home);
  const servers = [];
  for (let count = 0; count < scenario.servers; count++) servers.push(await startServerProcess(home));
  const start = scenario.worker === 'own process' ? startWorkerProcess : startWorker;
  const workers = await Promise.all(servers.map(({ url }) => start(url)));
  try {
    return await measure({ home, servers }, scenario, Number(values.seconds));
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
    row.mongodCpuMicros.toFixed(0),
    row.serverMemoryMiB.toFixed(0),
    (row.executionsPerSecond / first.executionsPerSecond).toFixed(2),
  ];
}

function printRow(row: readonly string[]): void {
  console.log(row.map((cell, index) => (index < 2 ? cell.padEnd(13) : cell.padStart(9))).join(' '));
}
