// A worker of workflows that start many children, and of those children. It says on standard output which steps' functions
// it calls, the moment before it does, and `started` when the server knows it.
//
// Environment: POLOS_API_URL; SLOW_MS: how long each child takes, in milliseconds.
import { writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { defineWorkflow, PolosClient, Worker } from '@polos/sdk';
import { z } from 'zod';

const slowMs = Number(process.env.SLOW_MS ?? 0);

/** Written at once, so that kill -9 loses none of it. */
function say(line) {
  writeSync(1, `${line}\n`);
}

const square = defineWorkflow(
  { id: 'square', payloadSchema: z.object({ n: z.number() }), maxRetries: 0 },
  async (ctx, { n }) => {
    if (n % 10 === 7) throw new RangeError(`${n} is unlucky`);
    return ctx.step.run('square', async () => {
      say(`step square ${n}`);
      await delay(slowMs);
      return n * n;
    });
  },
);

/** Its result is a text of that many bytes. */
const echo = defineWorkflow({ id: 'echo' }, async (_, { length }) => 'x'.repeat(length));

/** Waits until somebody resumes it. */
const patient = defineWorkflow({ id: 'patient' }, async (ctx) => {
  const said = await ctx.step.suspend('approval');
  return { said };
});

const squares = defineWorkflow({ id: 'squares' }, async (ctx, { count }) => {
  const items = Array.from({ length: count }, (_, n) => ({ workflow: square, payload: { n } }));
  const results = await ctx.step.batchInvokeAndWait('squares', items);
  ctx.state.failed = results.filter(({ success }) => !success).length;
  return results.map(({ success, result, error }) => (success ? result : `${error.type}: ${error.message}`));
});

const echoes = defineWorkflow({ id: 'echoes' }, async (ctx, { lengths, pad }) => {
  ctx.state.pad = pad === undefined ? '' : pad.slice(0, 900_000);
  await ctx.step.suspend('begin');
  const items = lengths.map((length) => ({ workflow: echo, payload: { length } }));
  const results = await ctx.step.batchInvokeAndWait('echoes', items);
  return results.map(({ result }) => result.length);
});

/** Starts children and ends. */
const fire = defineWorkflow({ id: 'fire' }, async (ctx, { workflow, count }) => {
  const items = Array.from({ length: count }, (_, n) => ({ workflow, payload: { n } }));
  const handles = await ctx.step.batchInvoke('fire', items);
  return handles.map(({ executionId }) => executionId);
});

/** Starts children that wait, and waits for them. */
const patients = defineWorkflow({ id: 'patients' }, async (ctx, { count }) => {
  const items = Array.from({ length: count }, () => ({ workflow: patient }));
  return ctx.step.batchInvokeAndWait('patients', items);
});

/** Resumes another execution; answers what that came to. */
const boss = defineWorkflow({ id: 'boss' }, async (ctx, { executionId, said }) => {
  try {
    await ctx.step.resume('tell', {
      suspendExecutionId: executionId,
      suspendStepKey: 'approval',
      data: said,
    });
    return 'told';
  } catch (error) {
    return `${error.name} of ${error.stepKey}: ${error.cause.type}`;
  }
});

const workflows = [square, echo, patient, squares, echoes, fire, patients, boss];
const worker = new Worker({ client: PolosClient.fromEnv(), workflows });
const running = worker.run();
await worker.whenRunning();
say('started');
await running;
