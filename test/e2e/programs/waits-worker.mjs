// A worker of workflows that wait. It says on standard output which steps' functions it calls, the moment before it does,
// and `started` when the server knows it.
//
// Environment: POLOS_API_URL; POLOS_MAX_CONCURRENT_WORKFLOWS.
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { defineWorkflow, PolosClient, WaitTimeoutError, Worker } from '@polos/sdk';

const input = createInterface(process.stdin);

/** Written at once, so that kill -9 loses none of it. */
function say(line) {
  writeSync(1, `${line}\n`);
}

/** A step that says that it is carried out. */
function step(ctx, key, result) {
  return ctx.step.run(key, () => {
    say(`step ${key}`);
    return result;
  });
}

const nap = defineWorkflow({ id: 'nap' }, async (ctx, { seconds }) => {
  ctx.state.log = [await step(ctx, 'before', 'before')];
  await ctx.step.waitFor('nap', { seconds });
  ctx.state.log.push(await step(ctx, 'after', 'after'));
  return ctx.state.log;
});

/** Waits beside a step that lasts until a line comes. */
const busyNap = defineWorkflow({ id: 'busy_nap' }, async (ctx, { at }) => {
  const finished = [];
  await Promise.all([
    ctx.step.waitUntil('nap', at).then(() => finished.push('nap')),
    ctx.step
      .run('busy', async () => {
        say('step busy');
        await once(input, 'line');
      })
      .then(() => finished.push('busy')),
  ]);
  return finished;
});

const approval = defineWorkflow({ id: 'approval' }, async (ctx, { timeout } = {}) => {
  await step(ctx, 'prepare');
  ctx.state.phase = 'waiting';
  const decision = await ctx.step.suspend('approval', { data: { for: 'you' }, timeout });
  ctx.state.phase = 'decided';
  // `undefined` is no JSON, and would be lost in an object.
  return { decision: decision === undefined ? 'no value' : decision };
});

/** Two approvals; whichever nobody gave in time is answered by the error's name and step. */
const twoApprovals = defineWorkflow({ id: 'two_approvals' }, async (ctx, { timeout } = {}) => {
  const first = await ctx.step.suspend('first', { timeout }).catch((error) => {
    if (!(error instanceof WaitTimeoutError)) throw error;
    return `${error.name} of ${error.stepKey}`;
  });
  ctx.state.first = first;
  return [first, await ctx.step.suspend('second')];
});

/** Stages of many steps each, and a wait after each; says when it begins, from the start or to replay. */
const stages = defineWorkflow({ id: 'stages' }, async (ctx, { count }) => {
  say('begins');
  ctx.state.ids = [];
  for (let stage = 1; stage <= count; stage++) {
    const keys = Array.from({ length: 30 }, (_, index) => `stage ${stage} id ${index}`);
    ctx.state.ids.push(...(await Promise.all(keys.map((key) => ctx.step.uuid(key)))));
    await step(ctx, `stage ${stage}`);
    await ctx.step.suspend(`end of ${stage}`);
  }
  return ctx.state.ids;
});

const quick = defineWorkflow({ id: 'quick' }, async () => 'quick');

const workflows = [nap, busyNap, approval, twoApprovals, stages, quick];
const worker = new Worker({ client: PolosClient.fromEnv(), workflows });
const running = worker.run();
await worker.whenRunning();
say('started');
await running;
input.close();
