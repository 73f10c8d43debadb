import { defineWorkflow, PolosClient, Worker } from '@polos/sdk';
import { expect, onTestFinished, test } from 'vitest';
import { ServerProgram } from '../fault/processes.js';

test('who follows an execution gets the events that it publishes, each once, also after the server was killed', async () => {
  const server = await ServerProgram.start();
  const client = new PolosClient({ apiUrl: server.url });
  let reached = () => {};
  const halfWay = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const upload = defineWorkflow<undefined, Record<string, unknown>, string>({ id: 'upload' }, async (ctx) => {
    await ctx.step.publishWorkflowEvent('half', { type: 'progress', data: { percent: 50 } });
    await ctx.step.run('rest', async () => {
      reached();
      await new Promise((resolve) => setTimeout(resolve, 1_500));
    });
    await ctx.step.publishWorkflowEvent('full', { type: 'progress', data: { percent: 100 } });
    return 'uploaded';
  });
  const worker = new Worker({ client, workflows: [upload], handleSignals: false });
  const running = worker.run();
  onTestFinished(async () => {
    await worker.shutdown();
    await running;
    await client.close();
  });
  const execution = await upload.start(client, undefined);
  await halfWay;
  await server.kill();
  await server.restart();
  expect(await execution.result()).toBe('uploaded');

  const events = [];
  for await (const event of execution.events({ follow: false })) events.push(event);
  expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index + 1));
  const topic = `workflow/upload/${execution.executionId}`;
  expect(events.filter((event) => event.topic !== undefined)).toMatchObject([
    { type: 'progress', data: { percent: 50 }, stepKey: 'half', topic },
    { type: 'progress', data: { percent: 100 }, stepKey: 'full', topic },
  ]);
});
