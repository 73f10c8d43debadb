import type { ExecutionHandle, ExecutionInfo } from '@polos/sdk';
import { vi } from 'vitest';

// Other tests keep the machine busy meanwhile.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

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
