import { fileURLToPath } from 'node:url';
import { type ExecutionHandle, type ExecutionInfo, PolosClient } from '@polos/sdk';
import { onTestFinished, vi } from 'vitest';
import { Program } from '../fault/processes.js';

// Other tests keep the machine busy meanwhile.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** Starts a worker of programs/batch-worker.mjs, and waits until the server knows it. */
export async function startBatchWorker(
  url: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Program> {
  const script = fileURLToPath(new URL('programs/batch-worker.mjs', import.meta.url));
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

/** What the workflow `squares` comes to. */
export function squaresOf(count: number): (number | string)[] {
  return Array.from({ length: count }, (_, n) => (n % 10 === 7 ? `RangeError: ${n} is unlucky` : n * n));
}

/** How often each type of event of an execution has happened. */
export async function countEvents(execution: ExecutionHandle): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  for await (const { type } of execution.events({ follow: false })) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}

/** The children of an execution, over curl's protocol: the SDK lists none. */
export async function childrenOf(
  url: string,
  parentExecutionId: string,
): Promise<Pick<ExecutionInfo, 'id' | 'status'>[]> {
  const found: Pick<ExecutionInfo, 'id' | 'status'>[] = [];
  let pageToken = '';
  do {
    const response = await fetch(`${url}/polos.v1.WorkflowService/ListExecutions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        filter: `parent_execution_id = "${parentExecutionId}"`,
        pageSize: 500,
        pageToken,
      }),
    });
    const page = (await response.json()) as { executions?: never[]; nextPageToken?: string };
    found.push(...(page.executions ?? []));
    pageToken = page.nextPageToken ?? '';
  } while (pageToken !== '');
  return found;
}
