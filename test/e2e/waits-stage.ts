import { fileURLToPath } from 'node:url';
import { type ExecutionHandle, PolosClient } from '@polos/sdk';
import { onTestFinished, vi } from 'vitest';
import { Program } from '../fault/processes.js';

// Other tests keep the machine busy meanwhile.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** Starts a worker of programs/waits-worker.mjs, and waits until the server knows it. */
export async function startWaitsWorker(
  url: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Program> {
  const script = fileURLToPath(new URL('programs/waits-worker.mjs', import.meta.url));
  const worker = new Program(script, [], { POLOS_API_URL: url, ...env });
  await worker.line('started');
  return worker;
}

/** A client for one test. */
export function connect(apiUrl: string): PolosClient {
  const client = new PolosClient({ apiUrl });
  onTestFinished(() => client.close());
  return client;
}

/** Resolves to the time of the first event of a type, as soon as it is there; of a step, if one is named. */
export async function happened(execution: ExecutionHandle, type: string, stepKey?: string): Promise<number> {
  for await (const event of execution.events()) {
    const isIt = event.type === type && (stepKey === undefined || event.stepKey === stepKey);
    if (isIt) return event.createdAt?.getTime() ?? Number.NaN;
  }
  throw new Error(`the execution ${execution.id} ended without ${type} ${stepKey ?? ''}`);
}

/** The steps whose function a worker called, in order. */
export function stepsOf({ lines }: Program): string[] {
  return lines.filter((line) => line.startsWith('step ')).map((line) => line.slice('step '.length));
}
