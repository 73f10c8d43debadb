// Indexes documents: a worker, and one execution that starts a child for each file.
//
//   npx polos server start                          a server, in another terminal
//   npx tsc -b examples                             compiles this
//   node examples/dist/fan-out/main.js FILE...
//
// Start it a second time, with no files, as another worker: the children go to both. Stop any of them with kill -9.
import { resolve } from 'node:path';
import { PolosClient, Worker } from '@polos/sdk';
import { buildIndex, readDocument } from './workflow.js';

const paths = process.argv.slice(2).map((path) => resolve(path));

const client = PolosClient.fromEnv();
const worker = new Worker({ client, workflows: [buildIndex, readDocument] });
const working = worker.run();
if (paths.length > 0) {
  try {
    const execution = await buildIndex.start(client, { paths });
    console.log(`Index ${execution.id} of ${paths.length} documents`);
    const { documents, words } = await execution.getResult();
    for (const { path, title, words } of documents) {
      console.log(`${String(words).padStart(8)}  ${path}  ${title}`);
    }
    console.log(`${String(words).padStart(8)}  in all`);
    const { failed } = (await execution.state<{ failed: { path: string; error: string }[] }>()).value;
    for (const { path, error } of failed) console.log(`  failed  ${path}  ${error}`);
  } catch (error) {
    console.error(`error: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  }
  await worker.shutdown();
}
await working;
client.close();
