// A worker of the load's workflows. It writes into a file that all workers and the test share what it does, each line in
// one write to the end, so that the order of the lines is the order in time:
//
//   body EXECUTION STEP VALUE    a step's function begins, and will return this value, which no other call returns
//   acked EXECUTION STEP VALUE   the step is durable with this value
//
// `await ctx.step.run()` returns before its step is durable, so that one commit takes the step and what the code does to
// the state after it. That it is durable is certain when the next function begins: none does before all that its code has
// seen is durable. The last step of an execution is noted by the test, when it sees the event.
//
// Environment: POLOS_API_URL; NAME, which no other worker has; JOURNAL, the file; STEP_MS, how long a step takes.
import { openSync, writeSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { defineWorkflow, PolosClient, Worker } from '@polos/sdk';
import { z } from 'zod';

const name = process.env.NAME;
const stepMs = Number(process.env.STEP_MS);
const journal = openSync(process.env.JOURNAL, 'a');
let bodies = 0;

/** Carries out steps of one activation. */
function stepsOf(ctx) {
  const seen = [];
  return async (step, change = () => {}) => {
    const value = await ctx.step.run(step, async () => {
      const own = `${name}-${++bodies}`;
      const acked = seen.splice(0).map(([earlier, its]) => `acked ${ctx.executionId} ${earlier} ${its}\n`);
      writeSync(journal, `${acked.join('')}body ${ctx.executionId} ${step} ${own}\n`);
      await wait(stepMs);
      change(own);
      return own;
    });
    seen.push([step, value]);
    return value;
  };
}

const child = defineWorkflow(
  { id: 'load_child', stateSchema: z.object({ last: z.string().default('') }) },
  async (ctx, { number }) => {
    const step = stepsOf(ctx);
    const first = await step('first');
    const last = await step('last');
    ctx.state.last = last;
    return { number, values: [first, last] };
  },
);

const parent = defineWorkflow(
  {
    id: 'load_parent',
    stateSchema: z.object({
      note: z.string().default(''),
      done: z.array(z.string()).default([]),
      inside: z.string().default(''),
    }),
  },
  async (ctx, { number, hasChild }) => {
    const step = stepsOf(ctx);
    const values = [];
    for (const key of ['a', 'b', 'c', 'd', 'e', 'f']) {
      // Within a step's function, and between steps.
      const change = (value) => {
        ctx.state.inside = value;
      };
      values.push(await step(key, key === 'c' ? change : undefined));
      if (key === 'b' || key === 'e') ctx.state.done.push(values.at(-1));
      if (key === 'd' && hasChild) {
        const { number: childNumber, values: own } = await ctx.step.invokeAndWait('child', child, { number });
        values.push(`${childNumber}`, ...own);
      }
    }
    return { number, values };
  },
);

const worker = new Worker({ client: PolosClient.fromEnv(), workflows: [parent, child] });
const running = worker.run();
await worker.whenRunning();
writeSync(1, 'started\n');
await running;
