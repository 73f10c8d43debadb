import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The MongoDB server that scripts/mongod.mjs prepared; undefined where there is none. */
export function mongodPath(): string | undefined {
  const path = join(repository(), '.cache', 'mongod', 'mongod');
  return existsSync(path) ? path : undefined;
}

/** The folder with the lock file: this file runs from its source and, for bench/, from where it was compiled to. */
function repository(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package-lock.json')) && folder !== dirname(folder))
    folder = dirname(folder);
  return folder;
}
