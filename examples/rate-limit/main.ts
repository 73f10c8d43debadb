// Checks many invoices of a few customers at the same time, and shows that no customer has more than two calls at once.
//
//   npx polos server start                          a server, in another terminal
//   npx tsc -b examples                             compiles this
//   node examples/dist/rate-limit/main.js [INVOICES]
//
// INVOICES are as many for each customer. Start several of these programs at once: the two calls are for all of them.
import { PolosClient, Worker } from '@polos/sdk';
import { mostAtOnce } from './bureau.js';
import { checkInvoice } from './workflow.js';

const CUSTOMERS = ['ada', 'bob', 'eve'];
const invoices = Number(process.argv[2] ?? '10');
if (!Number.isInteger(invoices) || invoices < 1) {
  console.error('Usage: main.js [INVOICES], which is a whole number from 1');
  process.exit(2);
}

const client = PolosClient.fromEnv();
const worker = new Worker({ client, workflows: [checkInvoice] });
const working = worker.run();
await worker.whenRunning();
try {
  const checked = CUSTOMERS.map(async (customer) => {
    const numbers = Array.from({ length: invoices }, (_, index) => index + 1);
    const answers = await Promise.all(
      numbers.map((invoice) => checkInvoice.run(client, { customer, invoice }, { concurrencyKey: customer })),
    );
    const doubtful = answers.filter((answer) => answer === 'doubtful').length;
    console.log(
      `${customer}: ${doubtful} of ${invoices} doubtful, ${mostAtOnce(customer)} calls at once at most`,
    );
  });
  await Promise.all(checked);
} catch (error) {
  console.error(`error: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
await worker.shutdown();
await working;
client.close();
