import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { PolosClient, Worker } from '@polos/sdk';
import { type ProcessUsage, usageOf } from './process-usage.js';
import { indexedLedger, plainLedger } from './search-workflows.js';
import { itemsWorkflow } from './state-workflows.js';
import { VOCABULARY } from './vocabulary-workflows.js';
import { stepsWorkflow } from './workflows.js';

/** A worker at work. */
export interface RunningWorker {
  stop(): Promise<void>;
  /** What its process took so far; missing for one in this process. */
  usage?(): Promise<ProcessUsage>;
}

/** Starts a worker in a process of its own; resolves once it is registered. */
export async function startWorkerProcess(apiUrl: string): Promise<RunningWorker> {
  const child = fork(fileURLToPath(import.meta.url), [apiUrl], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, POLOS_LOG_LEVEL: 'warn' },
  });
  await once(child, 'message');
  return { stop: () => stopped(child), usage: () => usageOf(child.pid ?? 0) };
}

/** Starts a worker in this process; resolves once it is registered. */
export async function startWorker(apiUrl: string): Promise<RunningWorker> {
  const client = new PolosClient({ apiUrl });
  const workflows = [stepsWorkflow, itemsWorkflow, plainLedger, indexedLedger, ...VOCABULARY];
  const worker = new Worker({ client, workflows, maxConcurrentWorkflows: 256, handleSignals: false });
  const running = worker.run();
  await worker.whenRunning();
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
