// Orders that somebody has to approve: a worker, and a client that orders and decides.
//
//   npx polos server start                                   a server, in another terminal
//   npx tsc -b examples                                      compiles this
//   node examples/dist/approval/main.js serve                a worker, in a third terminal
//   node examples/dist/approval/main.js order ITEM [SECONDS] orders, and prints the execution's id
//   node examples/dist/approval/main.js approve ID [NAME]
//   node examples/dist/approval/main.js reject ID [NAME [REASON]]
//   node examples/dist/approval/main.js result ID            waits for the order's end, and prints how it ended
//
// The worker may be stopped while an order waits: nothing runs then, and `approve` is accepted all the same.
import { type ExecutionHandle, PolosClient, PolosError, Worker } from '@polos/sdk';
import { APPROVAL, order } from './workflow.js';

const USAGE =
  'Usage: main.js serve | order ITEM [SECONDS] | approve ID [NAME] | reject ID [NAME [REASON]] | result ID';

const client = PolosClient.fromEnv();
process.exitCode = await main(process.argv.slice(2));
client.close();

/** Resolves to the exit status: 0 done, 1 failed, 2 called wrongly. */
async function main([command, subject, ...rest]: readonly string[]): Promise<number> {
  try {
    if (command === 'serve') {
      // Until Ctrl-C.
      await new Worker({ client, workflows: [order] }).run();
    } else if (subject === undefined) {
      console.error(USAGE);
      return 2;
    } else if (command === 'order') {
      const payload = { item: subject, decideWithinSeconds: Number(rest[0] ?? 3600) };
      console.log((await order.start(client, payload)).id);
    } else {
      return await onOrder(client.getHandle(subject), command, rest);
    }
    return 0;
  } catch (error) {
    // A second decision, for example, is a ResultConflictError: the first one stays.
    if (!(error instanceof PolosError)) throw error;
    console.error(`error: ${error.message}`);
    return 1;
  }
}

async function onOrder(
  execution: ExecutionHandle,
  command: string | undefined,
  [by = 'somebody', reason]: readonly string[],
): Promise<number> {
  switch (command) {
    case 'approve':
      await execution.resume(APPROVAL, { approved: true, by });
      return 0;
    case 'reject':
      await execution.resume(APPROVAL, { approved: false, by, reason });
      return 0;
    case 'result': {
      const result = await execution.getResult();
      const { value } = await execution.state();
      console.log(`${result} ${JSON.stringify(value)}`);
      return 0;
    }
    default:
      console.error(USAGE);
      return 2;
  }
}
