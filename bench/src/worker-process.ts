import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { PolosClient, Worker } from '@polos/sdk';
import { stepsWorkflow } from './workflows.js';

/** Starts a worker in a process of its own; resolves once it is registered. */
export async function startWorkerProcess(apiUrl: string): Promise<{ stop(): Promise<void> }> {
  const child = fork(fileURLToPath(import.meta.url), [apiUrl], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  await once(child, 'message');
  return { stop: () => stopped(child) };
}

/** Starts a worker in this process; resolves once it is registered. */
export async function startWorker(apiUrl: string): Promise<{ stop(): Promise<void> }> {
  const client = new PolosClient({ apiUrl });
  const worker = new Worker({ client, workflows: [stepsWorkflow], maxConcurrentWorkflows: 256 });
  const running = worker.run({ handleSignals: false });
  // The first execution waits for the worker if it comes early, so that nothing has to be waited for here.
  await stepsWorkflow.run(client, { steps: 1 });
  return {
    async stop() {
      await worker.shutdown();
      await running;
      await client.close();
    },
  };
}

async function stopped(child: ChildProcess): Promise<void> {
  child.disconnect();
  await once(child, 'exit');
}

if (process.argv[1] === fileURLToPath(import.meta.url) && process.send) {
  const worker = await startWorker(process.argv[2] ?? '');
  process.once('disconnect', () => worker.stop());
  process.send('ready');
}
