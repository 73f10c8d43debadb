// A worker of a workflow in a limited queue. Its steps say on standard output when their functions begin and end:
// `begin EXECUTION KEY NANOSECONDS` and `end EXECUTION NANOSECONDS`, by the machine's own clock, which other processes read,
// too.
//
// Environment: POLOS_API_URL, LIMIT.
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { defineWorkflow, PolosClient, Queue, Worker } from '@polos/sdk';

const queue = new Queue('limited', { concurrencyLimit: Number(process.env.LIMIT) });
const workflow = defineWorkflow({ id: 'limited', queue }, async (ctx, { key, ms, waits }) => {
  const work = async () => {
    writeSync(1, `begin ${ctx.executionId} ${key} ${process.hrtime.bigint()}\n`);
    await sleep(ms);
    writeSync(1, `end ${ctx.executionId} ${process.hrtime.bigint()}\n`);
  };
  await ctx.step.run('first', work);
  if (waits) await ctx.step.waitFor('nap', { seconds: 0.05 });
  await ctx.step.run('second', work);
});

const worker = new Worker({ client: PolosClient.fromEnv(), workflows: [workflow] });
const running = worker.run();
await worker.whenRunning();
writeSync(1, 'started\n');
await running;
