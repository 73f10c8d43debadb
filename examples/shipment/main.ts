// Ships a few items and shows what happens to the shipment and to each of its parcels, as it happens.
//
//   npx polos server start                               a server, in another terminal
//   npx tsc -b examples                                  compiles this
//   node examples/dist/shipment/main.js ship tea salt    ships two parcels
//   node examples/dist/shipment/main.js follow ID [PLACE] shows a shipment, from the first event or after a place
//
// The number that each line begins with is the place: whoever keeps the last one goes on from there, at any server.
import { type ExecutionEvent, PolosClient, PolosError, Worker } from '@polos/sdk';
import { shipment, workflows } from './workflow.js';

const USAGE = 'Usage: main.js ship ITEM... | follow ID [PLACE]';

const client = PolosClient.fromEnv();
process.exitCode = await main(process.argv.slice(2));
client.close();

/** Resolves to the exit status: 0 done, 1 failed, 2 called wrongly. */
async function main([command, subject, ...rest]: readonly string[]): Promise<number> {
  try {
    if (command === 'ship' && subject !== undefined) {
      await ship([subject, ...rest]);
    } else if (command === 'follow' && subject !== undefined) {
      await follow(subject, Number(rest[0] ?? 0));
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

async function ship(items: string[]): Promise<void> {
  const worker = new Worker({ client, workflows });
  const working = worker.run();
  const { id } = await shipment.start(client, { items });
  console.log(`Shipment ${id}`);
  await follow(id, 0);
  const labels = await client.getHandle<string[]>(id).getResult();
  console.log(`Shipped: ${labels.join('; ')}`);
  await worker.shutdown();
  await working;
}

/** Shows the events of a shipment and of its parcels after a place, until all of them are final. */
async function follow(executionId: string, after: number): Promise<void> {
  for await (const event of client.getHandle(executionId).events({ descendants: true, after })) {
    console.log(lineOf(event, executionId));
  }
}

function lineOf(
  { place, executionId, workflowId, type, stepKey = '' }: ExecutionEvent,
  root: string,
): string {
  const whose = executionId === root ? workflowId : `  ${workflowId} ${executionId.slice(-4)}`;
  return `${String(place).padStart(4)}  ${whose.padEnd(16)}  ${type}  ${stepKey}`.trimEnd();
}
