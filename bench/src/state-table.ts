import { setTimeout as pause } from 'node:timers/promises';
import type { HomeName } from './home.js';
import type { Asked } from './load-table.js';
import { Stage, type Usage } from './stage.js';
import { type ItemsState, itemsOf, itemsWorkflow } from './state-workflows.js';
import { percentile, printRow } from './table.js';
import { preciseNow } from './vocabulary-workflows.js';

/** The states that are compared with the first of them, and steps of the executions that have them, so many at a time. */
const STATES = [
  { name: '1 KB', initialState: itemsOf(1_000) },
  { name: '100 KB', initialState: itemsOf(100_000) },
  { name: '100 KB, random', initialState: itemsOf(100_000, { isRandom: true }) },
];
const STEPS = 100;
const IN_FLIGHT = 16;

/** Executions that warm a server and a worker up. */
const WARM_UP = 20;

/** Reads of latest states that are timed, among so many executions unless `--executions` says else. */
const READS = 2_000;
const EXECUTIONS = 100_000;
const BATCH = 1_000;

/** What states cost: a step by the size of the state, a read by the number of executions, and the way to a watcher. */
export async function printState(asked: Asked & { readonly executions?: number | undefined }): Promise<void> {
  const { executions = EXECUTIONS, only } = asked;
  for (const home of asked.homeNames) {
    if (`${home} steps`.includes(only)) await printSteps(asked, home);
    if (`${home} reads`.includes(only)) await printReads(asked, home, executions);
    if (`${home} watch`.includes(only)) await printWatch(asked, home);
  }
}

async function printSteps(asked: Asked, home: HomeName): Promise<void> {
  printRow(['home', 'state', 'ms/step', 'server µs', 'mongod µs', 'KiB/step', 'x CPU', 'x bytes'], 2);
  let first: Usage | undefined;
  for (const { name, initialState } of STATES) {
    const usage = await onStage(asked, home, (stage) => stepsOf(stage, initialState));
    first ??= usage;
    const steps = STEPS * IN_FLIGHT;
    const cpu = ({ serverSeconds, mongodSeconds }: Usage) => serverSeconds + mongodSeconds;
    const each = [
      usage.milliseconds / steps,
      (usage.serverSeconds / steps) * 1e6,
      (usage.mongodSeconds / steps) * 1e6,
      usage.writtenBytes / steps / 1_024,
      cpu(usage) / cpu(first),
      usage.writtenBytes / first.writtenBytes,
    ];
    printRow([home, name, ...each.map((value) => value.toFixed(2))], 2);
  }
}

/** Executions that take a hundred steps each, all at once. */
async function stepsOf(stage: Stage, initialState: ItemsState): Promise<Usage> {
  const { usage } = await stage.measure(async () => {
    const runs = Array.from({ length: IN_FLIGHT }, () =>
      itemsWorkflow.run(stage.client, { steps: STEPS }, { initialState }),
    );
    await Promise.all(runs);
  });
  return usage;
}

async function printReads(asked: Asked, home: HomeName, executions: number): Promise<void> {
  printRow(['home', 'executions', 'p50 ms', 'p99 ms'], 2);
  const latencies = await onStage(asked, home, async ({ client }) => {
    const ids: string[] = [];
    const initialState = itemsOf(1_000);
    while (ids.length < executions) {
      const size = Math.min(BATCH, executions - ids.length);
      // No worker serves it: the executions stay as they are.
      const items = Array.from({ length: size }, () => ({ workflow: 'bench_kept', initialState }));
      for (const { id } of await client.batchInvoke(items)) ids.push(id);
    }
    const measured: number[] = [];
    for (let read = 0; read < READS; read++) {
      const handle = client.getHandle(ids[(read * 7_919) % ids.length] ?? '');
      const started = performance.now();
      await handle.state();
      measured.push(performance.now() - started);
    }
    return measured;
  });
  printLatencies([home, String(executions)], latencies);
}

/** From the moment at which a change of the state was decided, its commit included, until a watcher has it. */
async function printWatch(asked: Asked, home: HomeName): Promise<void> {
  printRow(['home', 'watched', 'p50 ms', 'p99 ms'], 2);
  const latencies = await onStage(asked, home, async ({ client }) => {
    const measured: number[] = [];
    for (let execution = 0; execution < 5; execution++) {
      const handle = await itemsWorkflow.start(client, { steps: STEPS }, { initialState: itemsOf(1_000) });
      for await (const { createdAt, revision } of handle.state.watch()) {
        if (revision > 1 && createdAt) measured.push(preciseNow() - createdAt.getTime());
      }
      await pause(10);
    }
    return measured;
  });
  printLatencies([home, `${latencies.length} revisions`], latencies);
}

function printLatencies(names: readonly string[], latencies: number[]): void {
  latencies.sort((a, b) => a - b);
  printRow([...names, ...[0.5, 0.99].map((share) => percentile(latencies, share).toFixed(2))], 2);
}

async function onStage<T>({ homes }: Asked, home: HomeName, work: (stage: Stage) => Promise<T>): Promise<T> {
  const stage = await Stage.open(await homes.open(home));
  try {
    const initialState = itemsOf(1_000);
    for (let time = 0; time < WARM_UP; time++)
      await itemsWorkflow.run(stage.client, { steps: 10 }, { initialState });
    return await work(stage);
  } finally {
    await stage.close();
  }
}
