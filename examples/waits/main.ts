// Sends a reminder after a while: a worker and one execution, whose events are shown as they happen.
//
//   npx polos server start                          a server, in another terminal
//   npx tsc -b examples                             compiles this
//   node examples/dist/waits/main.js [SECONDS [KEY]]
//
// With a KEY the reminder is started once, however often the program is: stop it with Ctrl-C while it waits, start it
// again with the same KEY, and the same execution goes on. The time does not begin anew.
import { PolosClient, Worker } from '@polos/sdk';
import { reminder } from './workflow.js';

const [seconds = '10', idempotencyKey] = process.argv.slice(2);

const client = PolosClient.fromEnv();
const worker = new Worker({ client, workflows: [reminder] });
const working = worker.run();
try {
  const payload = { to: 'Ada', about: 'the tea', afterSeconds: Number(seconds) };
  const execution = await reminder.start(client, payload, { idempotencyKey });
  console.log(`Reminder ${execution.id}, in ${seconds} s`);
  for await (const { createdAt, type, stepKey = '' } of execution.events()) {
    console.log(`  ${createdAt?.toISOString()}  ${type}  ${stepKey}`);
  }
  console.log(`Sent: ${JSON.stringify(await execution.getResult())}`);
} catch (error) {
  console.error(`error: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
await worker.shutdown();
await working;
client.close();
