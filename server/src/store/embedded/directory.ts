import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** Makes a directory, and the ones above it, if it is not there; its name survives a loss of power. */
export function makeDirectory(path: string): void {
  const highest = mkdirSync(path, { recursive: true, mode: 0o700 });
  if (highest === undefined) return;
  let made = resolve(path);
  for (const top = resolve(highest); made !== top; made = dirname(made)) syncDirectory(dirname(made));
  syncDirectory(dirname(made));
}

/** Makes the names in a directory durable. */
export function syncDirectory(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
