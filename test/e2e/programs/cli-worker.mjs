// A worker of a few workflows that the tests of the command line use. It says `registered` when the server knows it.
import { setTimeout as delay } from 'node:timers/promises';
import { defineWorkflow, PolosClient, Worker } from '@polos/sdk';
import { z } from 'zod';

const greet = defineWorkflow(
  {
    id: 'greet',
    payloadSchema: z.object({ name: z.string() }),
    stateSchema: z.object({ greeted: z.array(z.string()).default([]), count: z.number().default(0) }),
  },
  async (ctx, { name }) => {
    const greeting = await ctx.step.run('compose', () => `Hello, ${name}!`);
    ctx.state.greeted.push(name);
    ctx.state.count += await ctx.step.run('count', () => 1);
    return { greeting };
  },
);

const quiet = defineWorkflow({ id: 'quiet' }, async () => undefined);

const fragile = defineWorkflow({ id: 'fragile', maxRetries: 0 }, async (ctx) => {
  ctx.state.reached = 'the step';
  await ctx.step.run('break', () => Promise.reject(new RangeError('it broke')), { maxRetries: 0 });
});

/** Runs until it is cancelled. */
const endless = defineWorkflow({ id: 'endless' }, async (ctx) => {
  await ctx.step.run('begin', () => true);
  await ctx.step.run('wait', ({ signal }) => delay(600_000, undefined, { signal }));
});

const client = PolosClient.fromEnv();
const worker = new Worker({ client, workflows: [greet, quiet, fragile, endless] });
// The test is gone.
process.on('disconnect', () => process.exit());
const working = worker.run();
await worker.whenRunning();
console.log('registered');
await working;
client.close();
process.disconnect?.();
