import type { ListExecutionsOptions } from '@polos/sdk';
import type { HomeName } from './home.js';
import type { Asked } from './load-table.js';
import { indexedLedger, type Ledger, plainLedger } from './search-workflows.js';
import { Stage } from './stage.js';
import { percentile, printRow } from './table.js';

/** Executions that are searched; the smaller number is what the larger is compared with. */
const COUNTS = [1_000, 100_000];

/** Each customer has so many. */
const PER_CUSTOMER = 100;

const PAGES = 300;
const PAGE_SIZE = 50;

/** Executions of one request, and requests under way. */
const BATCH = 500;
const LANES = 4;

/** So long before they start that they never do. */
const NEVER_SECONDS = 300 * 86_400;

const STEPS = 200;
const ROUNDS = 10;

/** What is asked for, of so many executions. */
const QUESTIONS: Readonly<Record<string, (count: number, page: number) => ListExecutionsOptions>> = {
  'first page': () => ({}),
  equality: (count, page) => ({ state: { customer: customerOf((page * 7_919) % count) } }),
  'and status': (count, page) => ({
    state: { customer: customerOf((page * 7_919) % count) },
    status: 'queued',
  }),
  'rare range': (count, page) => {
    const from = (page * 7_919) % count;
    return { filter: `state.total >= ${from} AND state.total < ${from + 20}` };
  },
  'often range': (count) => ({ filter: `state.total >= ${count / 2}` }),
};

/** How long a page of a search takes, and what fields that are indexed add to a step. */
export async function printSearch(asked: Asked): Promise<void> {
  printRow(['home', 'what', 'count', 'p50 ms', 'p99 ms', 'x'], 2);
  for (const home of asked.homeNames) {
    const first = new Map<string, number>();
    for (const count of COUNTS) {
      if (`${home} pages ${count}`.includes(asked.only)) await printPages(asked, { home, count, first });
    }
  }
  printRow(['home', 'step', 'count', 'ms', 'server µs', 'mongod µs', 'x'], 2);
  for (const home of asked.homeNames) {
    if (`${home} steps`.includes(asked.only)) await printSteps(asked, home);
  }
}

async function printPages(
  { homes }: Asked,
  at: { readonly home: HomeName; readonly count: number; readonly first: Map<string, number> },
): Promise<void> {
  const { home, count, first } = at;
  const stage = await Stage.open(await homes.open(home));
  try {
    await fill(stage, count);
    for (const [name, question] of Object.entries(QUESTIONS)) {
      const latencies: number[] = [];
      for (let page = 0; page < PAGES; page++) {
        const started = performance.now();
        const options = { workflow: indexedLedger, limit: PAGE_SIZE, ...question(count, page) };
        for await (const { workflowId } of stage.client.listExecutions(options)) {
          if (workflowId !== indexedLedger.id) throw new Error(`found one of ${workflowId}`);
        }
        latencies.push(performance.now() - started);
      }
      latencies.sort((a, b) => a - b);
      const median = percentile(latencies, 0.5);
      first.set(name, first.get(name) ?? median);
      const figures = [median, percentile(latencies, 0.99), median / (first.get(name) ?? median)];
      printRow([home, name, String(count), ...figures.map((figure) => figure.toFixed(2))], 2);
    }
  } finally {
    await stage.close();
  }
}

async function fill({ client }: Stage, count: number): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const start = next;
      next += BATCH;
      const items = Array.from({ length: Math.min(BATCH, count - start) }, (_, index) => {
        const initialState: Ledger = {
          customer: customerOf(start + index),
          total: start + index,
          region: `r-${index % 5}`,
          steps: 0,
        };
        const payload = { steps: 0, touches: false };
        return { workflow: indexedLedger, payload, initialState, startDelaySeconds: NEVER_SECONDS };
      });
      await client.batchInvoke(items);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

/**
 * One after the other, round by round, so that all rows share good moments and bad ones. The last column is the time against
 * the same change of the state without an index.
 */
async function printSteps({ homes }: Asked, home: HomeName): Promise<void> {
  const stage = await Stage.open(await homes.open(home));
  try {
    const kinds = [
      { name: 'no index', workflow: plainLedger, touches: false },
      { name: '3 untouched', workflow: indexedLedger, touches: false },
      { name: 'no index', workflow: plainLedger, touches: true },
      { name: '3 changed', workflow: indexedLedger, touches: true },
    ];
    const sums = kinds.map(() => ({ milliseconds: 0, serverSeconds: 0, mongodSeconds: 0 }));
    for (let round = -1; round < ROUNDS; round++) {
      for (const [index, { workflow, touches }] of kinds.entries()) {
        const { usage } = await stage.measure(() => workflow.run(stage.client, { steps: STEPS, touches }));
        // The first round warms up.
        if (round < 0) continue;
        const sum = sums[index] as (typeof sums)[number];
        sum.milliseconds += usage.milliseconds;
        sum.serverSeconds += usage.serverSeconds;
        sum.mongodSeconds += usage.mongodSeconds;
      }
    }
    let plain = 0;
    for (const [index, { name, workflow }] of kinds.entries()) {
      const { milliseconds, serverSeconds, mongodSeconds } = sums[index] as (typeof sums)[number];
      const count = STEPS * ROUNDS;
      if (workflow === plainLedger) plain = milliseconds;
      const micros = [serverSeconds, mongodSeconds].map((seconds) => ((seconds / count) * 1e6).toFixed(0));
      const figures = [(milliseconds / count).toFixed(3), ...micros, (milliseconds / plain).toFixed(2)];
      printRow([home, name, String(count), ...figures], 2);
    }
  } finally {
    await stage.close();
  }
}

function customerOf(number: number): string {
  return `c-${Math.floor(number / PER_CUSTOMER)}`;
}
