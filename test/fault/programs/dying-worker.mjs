// A worker of a workflow whose second step kills the worker's own process, unless DIES is 0. It says on standard output which
// steps' functions it calls, the moment before it does, and `started` when the server knows it.
//
// Environment: POLOS_API_URL; DIES: "exit" or "kill" for how the step ends the process, 0 for not at all.
import { writeSync } from 'node:fs';
import { defineWorkflow, PolosClient, Worker } from '@polos/sdk';

/** Written at once, so that the end of the process loses none of it. */
function say(line) {
  writeSync(1, `${line}\n`);
}

function die() {
  if (process.env.DIES === 'exit') process.exit(1);
  if (process.env.DIES === 'kill') process.kill(process.pid, 'SIGKILL');
}

const deadly = defineWorkflow({ id: 'deadly' }, async (ctx) => {
  const first = await ctx.step.run('first', () => {
    say('step first');
    return 1;
  });
  const second = await ctx.step.run('second', () => {
    say('step second');
    die();
    return 2;
  });
  return first + second;
});

const harmless = defineWorkflow({ id: 'harmless' }, async () => 'fine');

const worker = new Worker({ client: PolosClient.fromEnv(), workflows: [deadly, harmless] });
const running = worker.run();
await worker.whenRunning();
say('started');
await running;
