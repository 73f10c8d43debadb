// `npm run bench [-- ARGS]`: sets up, then runs the measurements in this process.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './run.mjs';
import { buildPrograms, runMain, setup } from './setup.mjs';

const ENTRY = 'bench/dist/main.js';

await runMain(async () => {
  await setup();
  await buildPrograms('bench', ENTRY);
});
process.argv[1] = join(root, ENTRY);
await import(pathToFileURL(process.argv[1]));
