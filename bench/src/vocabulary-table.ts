import type { HomeName } from './home.js';
import type { Asked } from './load-table.js';
import { Stage, type Usage } from './stage.js';
import { percentile, printRow } from './table.js';
import { MEASURES, type Measure } from './vocabulary.js';
import { stepsWorkflow } from './workflows.js';

const COLUMNS = ['home', 'what', 'count', 'total s', 'ms each', 'p50 ms', 'p99 ms'].concat([
  'server µs',
  'mongod µs',
  'MiB',
  'x',
]);

/** A row of fewer things is repeated until there were so many. */
const ITEMS_MIN = 100;

/** Executions that warm a server and a worker up. */
const WARM_UP = 20;

/** What one row measured. */
interface Row {
  readonly items: number;
  readonly usage: Usage;
  /** Sorted; empty where the latency of each is not the point. */
  readonly latencies: readonly number[];
}

/** Every measure at every size on processes of its own. The last column is the time for each against the first size. */
export async function printVocabulary(asked: Asked): Promise<void> {
  printRow(COLUMNS, 2);
  for (const home of asked.homeNames) {
    for (const measure of MEASURES) {
      let first: Row | undefined;
      for (const count of measure.counts) {
        if (!`${home} ${measure.name} ${count}`.includes(asked.only)) continue;
        const row = await run(asked, home, measure, count);
        first ??= row;
        printRow([home, measure.name, ...cells(count, row, first)], 2);
      }
    }
  }
}

async function run({ homes }: Asked, home: HomeName, measure: Measure, count: number): Promise<Row> {
  const stage = await Stage.open(await homes.open(home));
  try {
    await measure.prepare?.(stage, count);
    for (let time = 0; time < WARM_UP; time++) await stepsWorkflow.run(stage.client, { steps: 10 });
    const items = measure.items?.(count) ?? count;
    // What has to be prepared happens once.
    const rounds = measure.prepare ? 1 : Math.max(1, Math.floor(ITEMS_MIN / items));
    const { value, usage } = await stage.measure(async () => {
      const latencies: number[] = [];
      for (let round = 0; round < rounds; round++) latencies.push(...(await measure.run(stage, count)));
      return latencies;
    });
    return { items: items * rounds, usage, latencies: value.sort((a, b) => a - b) };
  } finally {
    await stage.close();
  }
}

function cells(count: number, row: Row, first: Row): string[] {
  const { items, latencies, usage } = row;
  const micros = (seconds: number) => ((seconds / items) * 1e6).toFixed(0);
  const milliseconds = (value: number) => (Number.isNaN(value) ? '-' : value.toFixed(2));
  return [
    String(count),
    (usage.milliseconds / 1_000).toFixed(2),
    (usage.milliseconds / items).toFixed(2),
    milliseconds(percentile(latencies, 0.5)),
    milliseconds(percentile(latencies, 0.99)),
    micros(usage.serverSeconds),
    micros(usage.mongodSeconds),
    usage.memoryMiB.toFixed(0),
    (eachOf(row) / eachOf(first)).toFixed(2),
  ];
}

/** What the sizes are compared by: the late ones where lateness is the point, else the time for each. */
function eachOf({ latencies, usage, items }: Row): number {
  return latencies.length > 0 ? percentile(latencies, 0.99) : usage.milliseconds / items;
}
