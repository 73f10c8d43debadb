// Generates the TypeScript of proto/ and third_party/proto/ (buf.gen.yaml): `npm run generate [-- --out DIR]`.
import { parseArgs } from 'node:util';
import { root, run, tool } from './run.mjs';
import { runMain } from './setup.mjs';

await runMain(async () => {
  const { values } = parseArgs({ options: { out: { type: 'string', default: root } } });
  await run(tool('buf'), ['generate', '--output', values.out]);
});
