// The program behind `npm start`: a server on the embedded store, a worker, and one run of the batch processor whose
// events are shown as they happen.
import { createLogger, PolosClient, Worker } from '@polos/sdk';
import { runBatch } from './batch.js';
import { choosePort, type Options, readOptions, USAGE, UsageError } from './options.js';
import { nextCommands } from './report.js';
import { type ServerProcess, startServer } from './server-process.js';
import { batchProcessor } from './workflow.js';

/** Kept between runs. `polos server start` uses the same folder. */
const DATA_DIR = '.polos';

/** How long Ctrl-C waits for a step that is under way, in milliseconds. */
const SHUTDOWN_MS = 5000;

process.exitCode = await main();

/** Resolves to the exit status: 0 done or interrupted, 1 failed, 2 called wrongly. */
async function main(): Promise<number> {
  try {
    const options = readOptions(process.argv.slice(2));
    const { port, remark } = await choosePort(process.env);
    if (remark) console.log(remark);
    const server = await startServer({ port, dataDir: DATA_DIR });
    console.log(`Server   ${server.url}, its data in ${DATA_DIR}`);
    return await work(server, options);
  } catch (error) {
    console.error(`error: ${error instanceof Error ? error.message : error}`);
    if (!(error instanceof UsageError)) return 1;
    console.error(USAGE);
    return 2;
  }
}

/** Runs the worker and one batch, then serves until Ctrl-C unless it should not. Stops all in the opposite order. */
async function work(server: ServerProcess, options: Options): Promise<number> {
  const interrupted = stopSignal();
  const client = new PolosClient({ apiUrl: server.url });
  const logger = createLogger(process.env.POLOS_LOG_LEVEL ?? 'warn');
  const workflows = [batchProcessor];
  // This program handles signals itself: the worker has to stop before its server does.
  const worker = new Worker({
    client,
    workflows,
    logger,
    handleSignals: false,
    shutdownTimeout: SHUTDOWN_MS,
  });
  const working = worker.run();
  console.log(`Worker   in this process, for the workflow ${batchProcessor.id}`);
  const serve = async () => {
    const executionId = await runBatch(client, options);
    if (options.exits) return 0;
    console.log(`\nServing at ${server.url} until Ctrl-C. To look further, in another terminal:`);
    for (const command of nextCommands(executionId, server.url)) console.log(`  ${command}`);
    return interrupted;
  };
  const crashed = server.ended.then(() => Promise.reject(new Error('the server ended by itself')));
  try {
    return await Promise.race([serve(), interrupted, crashed]);
  } finally {
    await worker.shutdown();
    await working;
    client.close();
    await server.stop();
  }
}

/** Resolves to the exit status at the first signal to stop; a second one ends the process at once. */
function stopSignal(): Promise<number> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => {
        console.log(
          `\nStopping. What does not end within ${SHUTDOWN_MS / 1000} s goes on at the next start.`,
        );
        resolve(0);
      });
    }
  });
}
