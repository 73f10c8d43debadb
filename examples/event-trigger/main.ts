// Orders are published to a topic, and packed a few at a time.
//
//   npx polos server start                                    a server, in another terminal
//   npx tsc -b examples                                       compiles this
//   node examples/dist/event-trigger/main.js serve            a worker; start it before the first order
//   node examples/dist/event-trigger/main.js order ITEM ...   orders; or: npx polos event publish orders --data '{"item":"tea"}'
//
// The worker may be stopped while orders come: their executions wait for it.
import { PolosClient, PolosError, Worker } from '@polos/sdk';
import { ORDERS, packing } from './workflow.js';

const client = PolosClient.fromEnv();
process.exitCode = await main(process.argv.slice(2));
client.close();

/** Resolves to the exit status: 0 done, 1 failed, 2 called wrongly. */
async function main([command, ...items]: readonly string[]): Promise<number> {
  try {
    if (command === 'serve') {
      // Until Ctrl-C.
      await new Worker({ client, workflows: [packing] }).run();
    } else if (command === 'order' && items.length > 0) {
      const orders = items.map((item) => ({ type: 'order_placed', data: { item } }));
      console.log(`ordered: ${(await client.events.batchPublish(ORDERS, orders)).join(', ')}`);
    } else {
      console.error('Usage: main.js serve | order ITEM ...');
      return 2;
    }
    return 0;
  } catch (error) {
    if (!(error instanceof PolosError)) throw error;
    console.error(`error: ${error.message}`);
    return 1;
  }
}
