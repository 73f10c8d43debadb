import { type AnyWorkflow, defineWorkflow, Queue, type WorkflowContext } from '@polos/sdk';

// Handlers that cost next to nothing, for what each part of the vocabulary costs. Times are milliseconds since 1970 by
// `preciseNow`, so that processes on one machine can compare them.

/** Milliseconds since 1970, with fractions. */
export function preciseNow(): number {
  return performance.timeOrigin + performance.now();
}

/** When each execution of this process first came to its sleep: a replay must not count as a later start. */
const sleepsSince = new Map<string, number>();

/** Sleeps one second; answers how many milliseconds late the line after it ran. */
export const sleeper = defineWorkflow<unknown, object, number>({ id: 'bench_sleep' }, async (ctx) => {
  if (!sleepsSince.has(ctx.executionId)) sleepsSince.set(ctx.executionId, preciseNow());
  await ctx.step.waitFor('sleep', { seconds: 1 });
  return preciseNow() - (sleepsSince.get(ctx.executionId) ?? 0) - 1_000;
});

/** Waits until a time; answers how many milliseconds late the line after it ran. */
export const waiter = defineWorkflow<{ readonly until: number }, object, number>(
  { id: 'bench_wait_until' },
  async (ctx, { until }) => {
    await ctx.step.waitUntil('until', new Date(until));
    return preciseNow() - until;
  },
);

/** One step. */
const child = defineWorkflow<unknown, object, number>({ id: 'bench_child' }, (ctx) =>
  ctx.step.run('a', () => 1),
);

/** One step in a queue without a limit. */
export const unlimited = oneStep('bench_unlimited');
/** One step in a queue of which ten run at once. */
export const limited = oneStep('bench_limited', 10);

function oneStep(id: string, concurrencyLimit?: number) {
  const queue = new Queue(id, { concurrencyLimit });
  return defineWorkflow<unknown, object, number>({ id, queue }, (ctx) => ctx.step.run('a', () => 1));
}

/** Waits for so many children at once. */
export const parent = defineWorkflow<{ readonly count: number }, object, number>(
  { id: 'bench_parent' },
  async (ctx, { count }) => {
    const keys = Array.from({ length: count }, (_, index) => `child_${index}`);
    const results = await Promise.all(keys.map((key) => ctx.step.invokeAndWait(key, child, {})));
    return results.length;
  },
);

/** The same number of children as one step. */
export const batchParent = defineWorkflow<{ readonly count: number }, object, number>(
  { id: 'bench_batch_parent' },
  async (ctx, { count }) => {
    const items = Array.from({ length: count }, () => ({ workflow: child, payload: {} }));
    return (await ctx.step.batchInvokeAndWait('children', items)).length;
  },
);

/** So many waits of the shortest time, one after the other: each suspends and resumes. */
export const napper = defineWorkflow<{ readonly count: number }, object, number>(
  { id: 'bench_naps' },
  async (ctx, { count }) => {
    for (let nap = 0; nap < count; nap++) await ctx.step.waitFor(`nap_${nap}`, { seconds: 0.001 });
    return count;
  },
);

/** So many steps, and then a wait. */
export const veteran = defineWorkflow<{ readonly count: number }, object, number>(
  { id: 'bench_cold' },
  async (ctx, { count }) => {
    for (let step = 0; step < count; step++) await ctx.step.run(`step_${step}`, () => step);
    await ctx.step.suspend('end');
    return count;
  },
);

/** How an execution waits for somebody to wake it. */
export type Waking = (ctx: WorkflowContext<object>, key: string) => Promise<unknown>;

/** Waits so many times, one after the other; answers when the line after each ran. */
function wakingWorkflow(id: string, wait: Waking) {
  return defineWorkflow<{ readonly count: number }, object, number[]>({ id }, async (ctx, { count }) => {
    const at: number[] = [];
    for (let turn = 0; turn < count; turn++) {
      await wait(ctx, `turn_${turn}`);
      at.push(preciseNow());
    }
    return at;
  });
}

/** Is woken by resumes. */
export const resumed = wakingWorkflow('bench_resumed', (ctx, key) => ctx.step.suspend(key));

/** The topic on which an execution of `told` waits. */
export function topicOf(executionId: string): string {
  return `bench/${executionId}`;
}

/** Waits for events; answers when the line after each wait ran. */
export const told = wakingWorkflow('bench_told', (ctx, key) =>
  ctx.step.waitForEvent(key, { topic: topicOf(ctx.executionId) }),
);

/** All of them, for a worker. */
export const VOCABULARY: readonly AnyWorkflow[] = [
  ...[sleeper, waiter, child, parent, batchParent, napper, veteran, resumed, told],
  ...[unlimited, limited],
];
