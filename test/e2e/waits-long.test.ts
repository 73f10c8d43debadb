import type { ExecutionHandle } from '@polos/sdk';
import { expect, onTestFinished, test } from 'vitest';
import { ServerProgram, type ServerProgramOptions } from '../fault/processes.js';
import { uniqueDatabase, withMongodb } from '../mongodb/shared.js';
import { connect, startWorker } from './stage.js';
import { happened, stepsOf } from './waits-stage.js';

/** How many steps each stage of `stages` records before it waits. */
const STEPS = 31;

declareTests('the embedded store', async () => ({}));
withMongodb(() => declareTests('MongoDB', async () => ({ mongodbUrl: (await uniqueDatabase()).url })));

/** What is to hold for executions with many steps that wait again and again, on a store. */
function declareTests(store: string, where: () => Promise<ServerProgramOptions>): void {
  const begin = async (count: number) => {
    const server = await ServerProgram.start(await where());
    onTestFinished(() => server.kill());
    const worker = await startWorker('waits-worker', server.url);
    const execution = await connect(server.url).invoke<string[]>('stages', { count });
    await hasSuspended(execution, 1);
    return { server, worker, execution };
  };

  test(`${store}: a worker goes on where it is after each wait, also when the server was killed meanwhile`, async () => {
    const { server, worker, execution } = await begin(3);
    await execution.resume('end of 1');
    await hasSuspended(execution, 2);
    await server.kill();
    await server.restart();
    await execution.resume('end of 2');
    await hasSuspended(execution, 3);
    await execution.resume('end of 3');
    const ids = await execution.result();
    expect(new Set(ids).size).toBe(3 * (STEPS - 1));
    expect(stepsOf(worker)).toEqual(['stage 1', 'stage 2', 'stage 3']);
    expect(worker.lines.filter((line) => line === 'begins')).toHaveLength(1);
    expect((await execution.get()).stepCount).toBe(3 * (STEPS + 1));
  });

  test(`${store}: another worker replays everything once, and goes on where it is from then on`, async () => {
    const { server, worker, execution } = await begin(3);
    await execution.resume('end of 1');
    await hasSuspended(execution, 2);
    const { ids: before } = (await execution.state()).value as { ids: string[] };
    await worker.signal('SIGKILL');
    const second = await startWorker('waits-worker', server.url);
    await execution.resume('end of 2');
    await hasSuspended(execution, 3);
    await execution.resume('end of 3');
    const ids = await execution.result();
    expect(ids.slice(0, before.length)).toEqual(before);
    expect(stepsOf(second)).toEqual(['stage 3']);
    expect(second.lines.filter((line) => line === 'begins')).toHaveLength(1);
  });

  test(`${store}: server and worker killed together in the middle of a stage lose no step and repeat none`, async () => {
    const { server, worker, execution } = await begin(2);
    await execution.resume('end of 1');
    await worker.line('step stage 2');
    await Promise.all([server.kill(), worker.signal('SIGKILL')]);
    await server.restart();
    const second = await startWorker('waits-worker', server.url);
    await hasSuspended(execution, 2);
    await execution.resume('end of 2');
    expect(new Set(await execution.result()).size).toBe(2 * (STEPS - 1));
    expect(stepsOf(second)).not.toContain('stage 1');
  });
}

/** Resolves once the code waits after a stage: the wait and the suspension are one commit. */
async function hasSuspended(execution: ExecutionHandle<string[]>, stage: number): Promise<void> {
  await happened(execution, 'step_suspend', `end of ${stage}`);
}
