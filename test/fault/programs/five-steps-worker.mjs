// A worker of one workflow in five steps. It says on standard output what it does, the moment before it does it, and in
// the step that STOP_IN names it waits for a line on standard input.
//
// Environment: POLOS_API_URL; NAME, which stands in every line; STOP_IN, a step's number.
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { defineWorkflow, PolosClient, Worker } from '@polos/sdk';
import { z } from 'zod';

const name = process.env.NAME;
const stopIn = Number(process.env.STOP_IN ?? 0);
const input = createInterface(process.stdin);

/** Written at once, so that kill -9 loses none of it. */
function say(line) {
  writeSync(1, `${name} ${line}\n`);
}

const fiveSteps = defineWorkflow(
  {
    id: 'five_steps',
    stateSchema: z.object({ done: z.array(z.number()).default([]), note: z.string().default('') }),
  },
  async (ctx, payload) => {
    ctx.state.note = `for ${payload.who}`;
    let sum = 0;
    for (let step = 1; step <= 5; step++) {
      sum += await ctx.step.run(`step_${step}`, async () => {
        say(`${payload.who} step ${step}`);
        if (step === stopIn) await once(input, 'line');
        return step * 10;
      });
      ctx.state.done.push(step);
    }
    return { sum };
  },
);

const worker = new Worker({ client: PolosClient.fromEnv(), workflows: [fiveSteps] });
const running = worker.run();
say('started');
await running;
input.close();
