// A worker of a workflow in one step, which says on standard output when its function begins: `step NUMBER NANOSECONDS`, by
// the machine's own clock (process.hrtime), which other processes read, too.
//
// Environment: POLOS_API_URL.
import { writeSync } from 'node:fs';
import { defineWorkflow, PolosClient, Worker } from '@polos/sdk';

const workflow = defineWorkflow({ id: 'first_step' }, async (ctx, { number }) => {
  return ctx.step.run('only', () => {
    writeSync(1, `step ${number} ${process.hrtime.bigint()}\n`);
    return number;
  });
});

const worker = new Worker({ client: PolosClient.fromEnv(), workflows: [workflow] });
const running = worker.run();
await worker.whenRunning();
writeSync(1, 'started\n');
await running;
