import { createLogger, PolosClient, Worker } from '@polos/sdk';
import { clientConfig } from './client-calls.mjs';
import { toWorkflows } from './definitions.mjs';
import { say } from './lines.mjs';

const workers = new Map();

/**
 * Starts a worker; answers once the server has accepted it, unless `unattended` says not to wait for that: with what the worker
 * warned of until then.
 */
export async function startWorker(request) {
  const {
    project,
    worker: name,
    workflows,
    unattended = false,
    handlesSignals = false,
    concurrency,
  } = request;
  const client = new PolosClient(clientConfig(request));
  const warnings = [];
  const logger = createLogger();
  const worker = new Worker({
    client,
    logger: {
      ...logger,
      warn(message) {
        warnings.push(message);
        logger.warn(message);
      },
    },
    workflows: toWorkflows(workflows, { project, worker: name }),
    handleSignals: handlesSignals,
    ...(concurrency !== undefined && { maxConcurrentWorkflows: concurrency }),
  });
  const running = worker.run().finally(() => client.close());
  workers.set(`${project} ${name}`, { worker, running });
  if (handlesSignals) running.then(() => say({ event: 'stopped' })).finally(() => process.exit(0));
  // A worker that the server refuses is reported by the answer.
  if (unattended) running.catch(() => {});
  else await Promise.race([worker.whenRunning(), running]);
  return warnings;
}

/** Stops a worker gracefully. */
export async function stopWorker({ project, worker: name }) {
  const found = workers.get(`${project} ${name}`);
  workers.delete(`${project} ${name}`);
  await found?.worker.shutdown();
  await found?.running.catch(() => {});
}
