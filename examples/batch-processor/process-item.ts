import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

/** What a step finds out about a file. It is recorded as the step's result. */
export interface FileFacts {
  path: string;
  lines: number;
  bytes: number;
  sha256: string;
}

/** Reads a file, counts its lines and bytes, and hashes it. Rejects for a file that cannot be read. */
export async function processItem(path: string): Promise<FileFacts> {
  const content = await readFile(path);
  const newlines = content.reduce((count, byte) => (byte === 0x0a ? count + 1 : count), 0);
  const hasLastLine = content.length > 0 && content.at(-1) !== 0x0a;
  return {
    path,
    lines: newlines + (hasLastLine ? 1 : 0),
    bytes: content.length,
    sha256: createHash('sha256').update(content).digest('hex'),
  };
}
