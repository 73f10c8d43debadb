import { fileURLToPath } from 'node:url';
import { PolosClient } from '@polos/sdk';
import { onTestFinished } from 'vitest';
import { Program } from '../fault/processes.js';

/** A client for one test. */
export function connect(apiUrl: string): PolosClient {
  const client = new PolosClient({ apiUrl });
  onTestFinished(() => client.close());
  return client;
}

/** Starts programs/`name`.mjs as a worker of a server, and waits until the server knows it. */
export async function startWorker(
  name: 'batch-worker' | 'family-worker' | 'hooks-worker' | 'waits-worker',
  url: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Program> {
  const script = fileURLToPath(new URL(`programs/${name}.mjs`, import.meta.url));
  const worker = new Program(script, [], { POLOS_API_URL: url, ...env });
  await worker.line('started');
  return worker;
}
