// Generates the code of proto/ and third_party/proto/ (buf.gen*.yaml): `npm run generate [-- --out DIR]`.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root, run, tool } from './run.mjs';
import { runMain } from './setup.mjs';
import { prepareGeneratorOfPython } from './tool-chains.mjs';

await runMain(async () => {
  const { values } = parseArgs({ options: { out: { type: 'string', default: root } } });
  await run(tool('buf'), ['generate', '--output', values.out]);
  if (await prepareGeneratorOfPython()) await generatePython(values.out);
  else console.log('clients/python is left as it is: this machine has no python3');
});

async function generatePython(out) {
  const rule = ['--template', 'buf.gen.python.yaml', '--path', 'proto/polos'];
  await run(tool('buf'), ['generate', ...rule, '--output', out]);
  const folder = join(out, 'clients/python/src/polos/_gen');
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) moveIntoPackage(join(entry.parentPath, entry.name));
  }
}

/** protoc names Python modules by the folders of proto/, as if these lay at the top; ours are within `polos._gen`. */
function moveIntoPackage(path) {
  const text = readFileSync(path, 'utf8');
  const moved = text.replace(/^from polos\.v1 import /gm, 'from polos._gen.polos.v1 import ');
  writeFileSync(path, moved.replace(/(\(DESCRIPTOR, ')(polos\.v1\.)/g, '$1polos._gen.$2'));
}
