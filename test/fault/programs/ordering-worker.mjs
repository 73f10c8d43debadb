// A worker of one workflow that waits twice, and that fails as long as its price is negative. It says on standard output
// what it found in the state.
//
// Environment: POLOS_API_URL; NAME, which stands in every line.
import { writeSync } from 'node:fs';
import { defineWorkflow, PolosClient, Worker } from '@polos/sdk';
import { z } from 'zod';

const name = process.env.NAME;

/** Written at once, so that kill -9 loses none of it. */
function say(line) {
  writeSync(1, `${name} ${line}\n`);
}

const ordering = defineWorkflow(
  {
    id: 'ordering',
    stateSchema: z.object({
      price: z.number().default(1),
      count: z.number().default(0),
      paid: z.array(z.number()).default([]),
    }),
    maxRetries: 1_000,
    baseDelay: 100,
    maxDelay: 100,
  },
  async (ctx) => {
    ctx.state.count = await ctx.step.run('count', () => 3);
    say(`price ${ctx.state.price}`);
    if (ctx.state.price < 0) throw new Error('the price is negative');
    for (const part of ['first', 'second']) {
      await ctx.step.suspend(part);
      const { price, count } = ctx.state;
      ctx.state.paid.push(await ctx.step.run(`pay_${part}`, () => price * count));
      say(`paid ${part}`);
    }
    return ctx.state.paid;
  },
);

const worker = new Worker({ client: PolosClient.fromEnv(), workflows: [ordering] });
const running = worker.run();
say('started');
await running;
