import {
  defineWorkflow,
  type ExecutionHandle,
  InvalidArgumentError,
  type PolosClient,
  Queue,
  Worker,
  type WorkflowConfig,
} from '@polos/sdk';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ServerProgram } from '../fault/processes.js';
import { uniqueDatabase, withMongodb } from '../mongodb/shared.js';
import { polos, runProgram } from './cli-process.js';
import { BUILD_MS, buildExamples, exampleProgram } from './example-programs.js';
import { connect } from './stage.js';

// Other tests keep the machine busy meanwhile.
vi.setConfig({ testTimeout: 120_000 });

/** A workflow in a queue that waits until the test lets it go on, and a worker of it. */
async function serve(
  client: PolosClient,
  queue: WorkflowConfig<unknown, unknown, unknown>['queue'],
  id = 'order',
) {
  let goOn = () => {};
  const mayGoOn = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const running: string[] = [];
  const workflow = defineWorkflow(
    { id, queue },
    async (ctx) => {
      await ctx.step.run('work', async () => {
        running.push(ctx.executionId);
        await mayGoOn;
      });
    },
    { autoRegister: false },
  );
  const worker = new Worker({ client, workflows: [workflow], handleSignals: false });
  const working = worker.run();
  onTestFinished(async () => {
    goOn();
    await worker.shutdown();
    await working.catch(() => {});
  });
  await Promise.race([worker.whenRunning(), working]);
  return { workflow, running, goOn };
}

/** Resolves once so many of the executions have a status reason. */
async function untilWaiting(
  executions: readonly ExecutionHandle[],
  count: number,
): Promise<ExecutionHandle[]> {
  return vi.waitFor(
    async () => {
      const views = await Promise.all(executions.map((execution) => execution.get()));
      const waiting = executions.filter((_, index) => views[index]?.statusReason === 'concurrency_limit');
      expect(waiting).toHaveLength(count);
      return waiting;
    },
    { timeout: 60_000 },
  );
}

function promises(start: () => Promise<ServerProgram>): void {
  test('the limit of a queue holds for callers, and is the reason that they are told', async () => {
    const server = await start();
    const client = connect(server.url);
    const { workflow, running, goOn } = await serve(client, new Queue('narrow', { concurrencyLimit: 2 }));
    const executions = await Promise.all([1, 2, 3].map(() => workflow.start(client)));
    const [third] = await untilWaiting(executions, 1);
    await vi.waitFor(() => expect(running).toHaveLength(2), { timeout: 60_000 });
    const env = { POLOS_API_URL: server.url };
    const shown = await polos(['execution', 'get', third?.id ?? ''], { env });
    expect(shown.stdout).toMatch(/queued \(concurrency limit\)/);
    const listed = await polos(['execution', 'list'], { env });
    expect(listed.stdout.match(/queued \(concurrency limit\)/g)).toHaveLength(1);
    goOn();
    await Promise.all(executions.map((execution) => execution.getResult()));
    expect(running).toHaveLength(3);
  });

  test('each concurrency key has the limit on its own, for callers and for children', async () => {
    const server = await start();
    const client = connect(server.url);
    const { running, goOn } = await serve(client, { name: 'narrow', concurrencyLimit: 1 }, 'child');
    const parent = defineWorkflow(
      { id: 'parent' },
      async (ctx) => {
        const child = (key: string, concurrencyKey: string) =>
          ctx.step.invokeAndWait(key, 'child', null, { concurrencyKey });
        await Promise.all([child('a1', 'a'), child('a2', 'a'), child('b1', 'b')]);
      },
      { autoRegister: false },
    );
    const worker = new Worker({ client, workflows: [parent], handleSignals: false });
    const working = worker.run();
    onTestFinished(async () => {
      await worker.shutdown();
      await working;
    });
    await worker.whenRunning();
    const execution = await parent.start(client);
    // One of each key; the other one of the first waits for its end.
    await vi.waitFor(() => expect(running).toHaveLength(2), { timeout: 60_000 });
    const other = await client.invoke('child', null, { concurrencyKey: 'b' });
    await untilWaiting([other], 1);
    expect(running).toHaveLength(2);
    goOn();
    await Promise.all([execution.getResult(), other.getResult()]);
    expect(running).toHaveLength(4);
  });
}

describe('on the embedded store', () => promises(() => ServerProgram.start({ leaseMs: 30_000 })));

withMongodb(() => {
  describe('on MongoDB', () =>
    promises(async () => ServerProgram.start({ leaseMs: 30_000, mongodbUrl: (await uniqueDatabase()).url })));
});

test('a worker that declares two limits for one queue is refused, with the place', async () => {
  const server = await ServerProgram.start();
  const client = connect(server.url);
  const define = (id: string, concurrencyLimit: number) =>
    defineWorkflow({ id, queue: { name: 'shared', concurrencyLimit } }, () => null, { autoRegister: false });
  const worker = new Worker({
    client,
    workflows: [define('one', 1), define('two', 2)],
    handleSignals: false,
  });
  const refused = await worker.run().catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(InvalidArgumentError);
  expect(String(refused)).toMatch(/the queue "shared" has a limit of 2 here and of 1 in the workflow "one"/);
});

test('the example keeps to two calls at once for each customer', { timeout: BUILD_MS + 60_000 }, async () => {
  await buildExamples();
  const server = await ServerProgram.start({ leaseMs: 30_000 });
  const env = { POLOS_API_URL: server.url };
  const program = exampleProgram('rate-limit');
  const { status, stdout } = await runProgram([program, '6'], { env });
  expect(status).toBe(0);
  const lines = ['ada', 'bob', 'eve'].map((name) => `${name}: 1 of 6 doubtful, 2 calls at once at most`);
  expect(stdout.trim().split('\n').sort()).toEqual(lines);
  expect(await runProgram([program, 'many'], { env })).toMatchObject({ status: 2 });
});
