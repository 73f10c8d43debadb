// Exports the report of a day: a worker and one execution, whose events are shown as they happen.
//
//   npx polos server start                              a server, in another terminal
//   npx tsc -b examples                                 compiles this
//   node examples/dist/report/main.js [DAY [FOLDER]]    yesterday's report, unless a DAY like 2026-11-22 is given
//
// With ORDERS_HANG=2 in the environment the first two attempts of the export hang, and are given up.
import { parseArgs } from 'node:util';
import { PolosClient, Worker } from '@polos/sdk';
import { nightlyReport } from './workflow.js';

const [day, folder = 'reports'] = parseArgs({ allowPositionals: true }).positionals;

const client = PolosClient.fromEnv();
const worker = new Worker({ client, workflows: [nightlyReport] });
const working = worker.run();
try {
  const execution = await nightlyReport.start(client, { day, folder });
  console.log(`Report ${execution.id}`);
  for await (const { createdAt, type, stepKey = '' } of execution.events()) {
    console.log(`  ${createdAt?.toISOString()}  ${type}  ${stepKey}`);
  }
  const { value } = await execution.state();
  console.log(`State: ${JSON.stringify(value)}`);
  await execution.getResult();
} catch (error) {
  console.error(`error: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
await worker.shutdown();
await working;
client.close();
