// `npm start [-- --exit] [-- FILE...]`: sets up, then runs the batch-processor example in this process,
// so that signals and the exit status are its own.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './run.mjs';
import { buildPrograms, runMain, setup } from './setup.mjs';

const ENTRY = 'examples/dist/batch-processor/main.js';

await runMain(async () => {
  await setup();
  await buildPrograms('examples', ENTRY);
});
// npm runs scripts in the root; file arguments are relative to where the user typed the command.
if (process.env.npm_lifecycle_event === 'start' && process.env.INIT_CWD) process.chdir(process.env.INIT_CWD);
process.argv[1] = join(root, ENTRY);
await import(pathToFileURL(process.argv[1]));
