import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { root } from './run.mjs';

const GENERATED_FOLDERS = new Set(['node_modules', 'dist', '.cache']);

/**
 * Does `work` unless it was done before on the same inputs and its outputs still exist.
 * A stamp with the inputs' digest is written only after the work succeeded.
 * @param inputs   files and folders, relative to the root; tests (*.test.ts) do not count.
 * @param outputs  paths relative to the root.
 * @param extra    further text the result depends on, such as a version.
 * @returns whether the work was done.
 */
export async function once(name, { inputs = [], outputs, extra = '' }, work) {
  const stamp = join(root, '.cache', 'stamps', name);
  const digest = digestOf(inputs, extra);
  if (outputs.every((path) => exists(join(root, path))) && readOrEmpty(stamp) === digest) return false;
  rmSync(stamp, { force: true });
  await work();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, digest);
  return true;
}

function digestOf(inputs, extra) {
  const hash = createHash('sha256').update(extra);
  for (const path of inputs.flatMap((input) => filesUnder(join(root, input)))) {
    hash.update(`\0${relative(root, path)}\0`).update(readFileSync(path));
  }
  return hash.digest('hex');
}

function filesUnder(path) {
  if (!exists(path)) return [];
  if (!statSync(path).isDirectory()) return path.endsWith('.test.ts') ? [] : [path];
  return readdirSync(path)
    .filter((entry) => !GENERATED_FOLDERS.has(entry))
    .sort()
    .flatMap((entry) => filesUnder(join(path, entry)));
}

function exists(path) {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function readOrEmpty(path) {
  return exists(path) ? readFileSync(path, 'utf8') : '';
}
