// A worker of one workflow in three stages, each with a wait. What its state counts in has another name in each version.
//
// Environment: POLOS_API_URL; VERSION, of the state's form: 1, 2 or 3; BROKEN, if its migrations are.
import { writeSync } from 'node:fs';
import { defineWorkflow, PolosClient, Worker } from '@polos/sdk';
import { z } from 'zod';

const version = Number(process.env.VERSION);
const NAMES = ['', 'count', 'items', 'total'];
const name = NAMES[version];

/** Written at once, so that kill -9 loses none of it. */
function say(line) {
  writeSync(1, `v${version} ${line}\n`);
}

function rename(from, to) {
  return ({ [from]: value, ...rest }) => {
    if (process.env.BROKEN) throw new Error(`nobody thought of ${from}`);
    return { ...rest, [to]: value ?? 0 };
  };
}

const migrate = { 2: rename('count', 'items'), 3: rename('items', 'total') };

const counting = defineWorkflow(
  {
    id: 'counting',
    stateSchema: z.strictObject({ [name]: z.number().default(0), seen: z.array(z.string()).default([]) }),
    stateVersion: version,
    migrate: Object.fromEntries(Object.entries(migrate).filter(([to]) => Number(to) <= version)),
  },
  async (ctx) => {
    for (const stage of ['one', 'two', 'three']) {
      ctx.state[name] += await ctx.step.run(stage, () => 1);
      await ctx.step.run(`${stage}_more`, () => {
        ctx.state[name] += 10;
      });
      const said = await ctx.step.suspend(`after_${stage}`);
      ctx.state.seen.push(`${said}`);
      say(`went on after ${stage}`);
    }
    return ctx.state[name];
  },
);

const worker = new Worker({ client: PolosClient.fromEnv(), workflows: [counting] });
const running = worker.run();
say('started');
await running;
