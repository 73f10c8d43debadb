// `npm run bench [-- ARGS]`: sets up, then runs the measurements in this process.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepareMongod } from './mongod.mjs';
import { root } from './run.mjs';
import { buildPrograms, runMain, setup } from './setup.mjs';

const ENTRY = 'bench/dist/main.js';

await runMain(async () => {
  await setup();
  await buildPrograms('bench', ENTRY);
  if (process.argv.some((argument) => argument.includes('mongodb'))) await prepareMongod();
});
process.argv[1] = join(root, ENTRY);
await import(pathToFileURL(process.argv[1]));
