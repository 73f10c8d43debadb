// Orders that are paid by events: a worker, and a client that orders, pays and watches.
//
//   npx polos server start                                    a server, in another terminal
//   npx tsc -b examples                                       compiles this
//   node examples/dist/events/main.js serve                   a worker, in a third terminal
//   node examples/dist/events/main.js order ORDER TOTAL [SECONDS]    orders, and prints the execution's id
//   node examples/dist/events/main.js pay ORDER AMOUNT [REFERENCE]   an event; the same reference pays once
//   node examples/dist/events/main.js transfer ORDER AMOUNT   the same by a workflow
//   node examples/dist/events/main.js result ID                waits for the order's end, and prints how it ended
//   node examples/dist/events/main.js watch                   prints what orders tell, until Ctrl-C
//
// Server and worker may be stopped at any time: payments that were accepted count when they are back.
import { PolosClient, PolosError, Worker } from '@polos/sdk';
import { ORDERS, order, paymentsOf, transfer } from './workflow.js';

const USAGE =
  'Usage: main.js serve | order ORDER TOTAL [SECONDS] | pay ORDER AMOUNT [REFERENCE] | transfer ORDER AMOUNT | result ID | watch';

const client = PolosClient.fromEnv();
process.exitCode = await main(process.argv.slice(2));
client.close();

/** Resolves to the exit status: 0 done, 1 failed, 2 called wrongly. */
async function main([command, ...args]: readonly string[]): Promise<number> {
  try {
    if (command === 'serve') await new Worker({ client, workflows: [order, transfer] }).run();
    else if (command === 'watch') await watch();
    else return await onOrder(command, args);
    return 0;
  } catch (error) {
    if (!(error instanceof PolosError)) throw error;
    console.error(`error: ${error.message}`);
    return 1;
  }
}

async function watch(): Promise<void> {
  for await (const { type, data, sequence } of client.events.streamTopic<{ orderId: string }>(ORDERS)) {
    console.log(`${sequence} ${data.orderId} ${type}`);
  }
}

async function onOrder(
  command: string | undefined,
  [subject, amount, more]: readonly string[],
): Promise<number> {
  const isComplete = subject !== undefined && (command === 'result' || Number(amount) > 0);
  if (isComplete && command === 'order') {
    const payload = { orderId: subject, total: Number(amount), payWithinSeconds: Number(more ?? 3_600) };
    console.log((await order.start(client, payload, { idempotencyKey: `order ${subject}` })).id);
  } else if (isComplete && command === 'pay') {
    const once = more === undefined ? {} : { idempotencyKey: more };
    const event = { type: 'payment', data: { amount: Number(amount), by: more } };
    console.log(`payment ${await client.events.publish(paymentsOf(subject), event, once)}`);
  } else if (isComplete && command === 'transfer') {
    console.log(await transfer.run(client, { orderId: subject, amount: Number(amount) }));
  } else if (isComplete && command === 'result') {
    const execution = client.getHandle(subject);
    const result = await execution.getResult();
    const { value } = await execution.state();
    console.log(`${result} ${JSON.stringify(value)}`);
  } else {
    console.error(USAGE);
    return 2;
  }
  return 0;
}
