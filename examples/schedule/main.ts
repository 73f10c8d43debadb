// A report every night: a worker, and a client that looks after its schedules.
//
//   npx polos server start                          a server, in another terminal
//   npx tsc -b examples                             compiles this
//   node examples/dist/schedule/main.js serve       a worker; it declares the schedule of all shops
//   node examples/dist/schedule/main.js add SHOP    one more schedule, for a shop; prints its id
//   node examples/dist/schedule/main.js now ID      a report at once, beside the times of a schedule
//   npx polos schedule list                         both of them, with their ids and next times
import { PolosClient, PolosError, Worker } from '@polos/sdk';
import { report } from './workflow.js';

const USAGE = 'Usage: main.js serve | add SHOP | now ID';

const client = PolosClient.fromEnv();
process.exitCode = await main(process.argv.slice(2));
client.close();

/** Resolves to the exit status: 0 done, 1 failed, 2 called wrongly. */
async function main([command, subject]: readonly string[]): Promise<number> {
  try {
    if (command === 'serve') {
      // Until Ctrl-C.
      await new Worker({ client, workflows: [report] }).run();
    } else if (command === 'add' && subject !== undefined) {
      // The key tells it from the others: to add the same shop again changes nothing.
      const payload = { shop: subject };
      const cron = '0 4 * * MON-FRI';
      console.log(await client.schedules.create(report, cron, 'Europe/Berlin', subject, { payload }));
    } else if (command === 'now' && subject !== undefined) {
      const execution = await client.schedules.trigger<string>(subject);
      console.log(await execution.getResult());
    } else {
      console.error(USAGE);
      return 2;
    }
    return 0;
  } catch (error) {
    if (!(error instanceof PolosError)) throw error;
    console.error(`error: ${error.message}`);
    return 1;
  }
}
