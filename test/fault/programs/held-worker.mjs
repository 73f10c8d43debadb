// A worker of one workflow in three steps. It adds a line to a file, which workers share, when a step's function begins and
// when it ends. Where HOLD is set, the first function of the step `held` that runs here waits for a line on standard input,
// whatever its signal says.
//
// Environment: POLOS_API_URL; NAME, which stands in every line; LOG, the file; HOLD.
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { defineWorkflow, PolosClient, Worker } from '@polos/sdk';

const { NAME, LOG, HOLD } = process.env;
let holds = HOLD !== undefined;
const input = createInterface(process.stdin);

/** Written at once and at the end of the file, so that the lines of all workers are in the order in which they came. */
function log(what) {
  appendFileSync(LOG, `${NAME} ${what}\n`);
}

const held = defineWorkflow({ id: 'held' }, async (ctx) => {
  for (const key of ['first', 'held', 'last']) {
    await ctx.step.run(key, async () => {
      log(`begins ${key}`);
      if (key === 'held' && holds) {
        holds = false;
        console.log('holds');
        await once(input, 'line');
      }
      log(`ends ${key}`);
    });
  }
  return NAME;
});

const worker = new Worker({ client: PolosClient.fromEnv(), workflows: [held] });
const running = worker.run();
await worker.whenRunning();
console.log('started');
await running;
input.close();
