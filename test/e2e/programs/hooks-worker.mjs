// A worker of workflows with hooks. It says on standard output which hooks and handlers run, the moment before they do, and
// `started` when the server knows it. In the hook that STOP_IN names it waits for a line on standard input.
//
// Environment: POLOS_API_URL; STOP_IN, a hook's name.
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { defineHook, defineWorkflow, HookResult, PolosClient, Worker } from '@polos/sdk';

const input = createInterface(process.stdin);

/** Written at once, so that kill -9 loses none of it. */
function say(line) {
  writeSync(1, `${line}\n`);
}

/** A hook that says what it was told, notes itself in the state, and stops if it should. */
function hook(name, decide = () => undefined) {
  return defineHook(
    async (ctx, hookCtx) => {
      say(`hook ${name} ${hookCtx.currentError?.message ?? JSON.stringify(hookCtx.currentOutput ?? null)}`);
      ctx.state.hooks = [...(ctx.state.hooks ?? []), name];
      if (process.env.STOP_IN === name) await once(input, 'line');
      return decide(hookCtx);
    },
    { name },
  );
}

const double = ({ currentPayload: { n } }) => HookResult.continueWith({ modifiedPayload: { n: 2 * n } });
const wrap = ({ currentOutput }) => HookResult.continueWith({ modifiedOutput: { wrapped: currentOutput } });
const hooks = {
  onStart: [hook('first', double), hook('second')],
  onEnd: [hook('third', wrap), hook('fourth'), hook('fifth')],
};

async function handle(ctx, { n }) {
  say(`handler ${n}`);
  ctx.state.n = await ctx.step.run('work', () => n + 1);
  return ctx.state.n;
}

const fine = defineWorkflow({ id: 'fine', ...hooks }, handle);

/** Fails on each of its two attempts with another message. */
const broken = defineWorkflow(
  { id: 'broken', maxRetries: 1, baseDelay: 10, ...hooks },
  async (ctx, payload) => {
    await handle(ctx, payload);
    throw new RangeError(`attempt ${ctx.retryCount + 1} by ${process.pid}`);
  },
);

const closed = defineWorkflow(
  { id: 'closed', onStart: hook('gate', () => HookResult.fail('closed today')), onEnd: hook('fifth') },
  handle,
);

const parent = defineWorkflow({ id: 'parent' }, async (ctx) => {
  return ctx.step.invokeAndWait('child', 'closed', { n: 1 }).catch(({ name, cause }) => [name, cause.type]);
});

const workflows = [fine, broken, closed, parent];
const worker = new Worker({ client: PolosClient.fromEnv(), workflows });
const running = worker.run();
await worker.whenRunning();
say('started');
await running;
input.close();
