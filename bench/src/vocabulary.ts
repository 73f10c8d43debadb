import { setTimeout as pause } from 'node:timers/promises';
import type { PolosClient } from '@polos/sdk';
import type { Stage } from './stage.js';
import {
  batchParent,
  limited,
  napper,
  parent,
  preciseNow,
  resumed,
  sleeper,
  told,
  topicOf,
  unlimited,
  veteran,
  waiter,
} from './vocabulary-workflows.js';
import { stepsWorkflow } from './workflows.js';

/** One thing that is measured at several sizes; the first is what the others are compared with. */
export interface Measure {
  readonly name: string;
  readonly counts: readonly number[];
  /** Does what is needed first, which is not counted. */
  prepare?(stage: Stage, count: number): Promise<void>;
  /** Does it, `count` times or with a `count` of something; answers how late or how long each was, if that is the point. */
  run(stage: Stage, count: number): Promise<readonly number[]>;
  /** How many things one run is, if not `count`. */
  items?(count: number): number;
}

/** How many timers fall due, how many a second, while others are pending. */
const DUE = 1_000;
const DUE_PER_SECOND = 100;

/** How long it takes at most to begin all timers, for each; then the first one falls due. */
const BEGIN_MS = 30;

/** Wake-ups of which the latency is taken. */
const WAKES = 200;

/** Clients that invoke at the same time. */
const LANES = 32;

const HOUR_MS = 3_600_000;

/** All that is measured. */
export const MEASURES: readonly Measure[] = [
  {
    name: 'steps',
    counts: [10, 1_000, 10_000],
    async run({ client }, steps) {
      await stepsWorkflow.run(client, { steps });
      return [];
    },
  },
  {
    name: 'naps',
    counts: [10, 1_000, 10_000],
    async run({ client }, count) {
      await napper.run(client, { count });
      return [];
    },
  },
  {
    name: 'cold',
    counts: [10, 1_000, 10_000],
    async prepare(stage, count) {
      cold.set(stage, await startVeteran(stage.client, count));
      await stage.restart();
    },
    async run(stage) {
      const handle = stage.client.getHandle<number>(cold.get(stage) ?? '');
      await handle.resume('end');
      await handle.getResult();
      return [];
    },
  },
  {
    name: 'children',
    counts: [1, 50, 1_000],
    async run({ client }, count) {
      await parent.run(client, { count });
      return [];
    },
  },
  {
    name: 'batch',
    counts: [1, 50, 1_000, 10_000],
    async run({ client }, count) {
      await batchParent.run(client, { count });
      return [];
    },
  },
  inQueue('no limit', unlimited),
  inQueue('limit 10', limited),
  {
    name: 'sleep 1 s',
    counts: [10, 1_000],
    async run({ client }, count) {
      const handles = await invokeAll(count, () => sleeper.start(client, {}));
      return Promise.all(handles.map((handle) => handle.getResult()));
    },
  },
  {
    name: 'timers',
    counts: [DUE, 10_000],
    items: () => DUE,
    async run({ client }, count) {
      const others = Date.now() + HOUR_MS;
      await invokeAll(count - DUE, () => waiter.start(client, { until: others }));
      const first = Date.now() + DUE * BEGIN_MS;
      const due = Array.from({ length: DUE }, (_, index) => first + (index * 1_000) / DUE_PER_SECOND);
      const handles = await invokeAll(DUE, (index) => waiter.start(client, { until: due[index] ?? 0 }));
      if (Date.now() > first) throw new Error('it took too long to begin all timers: raise BEGIN_MS');
      return Promise.all(handles.map((handle) => handle.getResult()));
    },
  },
  wakes('resume', async (client, executionId, key) => client.resume(executionId, key)),
  wakes('event', publish, told),
];

async function publish(client: PolosClient, executionId: string): Promise<void> {
  await client.events.publish(topicOf(executionId), { data: 1 });
}

/** Executions of one step, all at once. */
function inQueue(name: string, workflow: typeof limited): Measure {
  return {
    name,
    counts: [1_000],
    async run({ client }, count) {
      const handles = await invokeAll(count, () => workflow.start(client, {}));
      await Promise.all(handles.map((handle) => handle.getResult()));
      return [];
    },
  };
}

/** The executions that wait for new processes. */
const cold = new WeakMap<Stage, string>();

async function startVeteran(client: PolosClient, count: number): Promise<string> {
  const { id } = await veteran.start(client, { count });
  await untilWaiting(client, id);
  return id;
}

/** How long it takes from a wake-up until the next line of code runs, with one execution that does nothing else. */
function wakes(
  name: string,
  wake: (client: PolosClient, executionId: string, key: string) => Promise<void>,
  workflow = resumed,
): Measure {
  return {
    name,
    counts: [WAKES],
    async run({ client }, count) {
      const handle = await workflow.start(client, { count });
      const woken: number[] = [];
      for (let turn = 0; turn < count; turn++) {
        await untilWaiting(client, handle.id);
        woken.push(preciseNow());
        await wake(client, handle.id, `turn_${turn}`);
      }
      const ran = await handle.getResult();
      return ran.map((at, turn) => at - (woken[turn] ?? 0));
    },
  };
}

async function untilWaiting(client: PolosClient, executionId: string): Promise<void> {
  while ((await client.getExecution(executionId)).status !== 'waiting') await pause(5);
}

/** Calls something so many times, some of them at the same time; answers in order. */
async function invokeAll<T>(count: number, invoke: (index: number) => Promise<T>): Promise<T[]> {
  const answers: T[] = [];
  let next = 0;
  const lane = async () => {
    for (let index = next++; index < count; index = next++) answers[index] = await invoke(index);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return answers;
}
