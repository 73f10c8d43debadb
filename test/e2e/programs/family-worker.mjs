// A worker of workflows that start each other. It says `started` when the server knows it.
//
// Environment: POLOS_API_URL.
import { defineWorkflow, PolosClient, Worker } from '@polos/sdk';

/** Two steps, one of which waits for somebody if it is asked to. */
const member = defineWorkflow({ id: 'member' }, async (ctx, { waits }) => {
  await ctx.step.run('first', () => 'x'.repeat(1_000));
  if (waits) await ctx.step.suspend('gate');
  await ctx.step.run('second', () => true);
});

/** Starts members, and waits for all of them but one. */
const family = defineWorkflow({ id: 'family' }, async (ctx, { members }) => {
  const waitedFor = Array.from({ length: members }, (_, index) =>
    ctx.step.invokeAndWait(`member_${index}`, member, { payload: { waits: index === 0 } }),
  );
  await ctx.step.invoke('left_alone', member, { payload: { waits: true } });
  await Promise.all(waitedFor);
});

/** The top of the tree. */
const clan = defineWorkflow({ id: 'clan' }, async (ctx, { families, members }) => {
  const all = Array.from({ length: families }, (_, index) =>
    ctx.step.invokeAndWait(`family_${index}`, family, { payload: { members } }),
  );
  await Promise.all(all);
});

const client = PolosClient.fromEnv();
const worker = new Worker({ client, workflows: [clan, family, member] });
const working = worker.run();
await worker.whenRunning();
console.log('started');
await working;
