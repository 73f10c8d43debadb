import type { Execution } from '../core/execution.js';
import type { StatusReason } from './api.js';
import type { Workers } from './workers.js';

/** Why an execution is not running; undefined if it is, or is final. */
export async function reasonOf(execution: Execution, workers: Workers): Promise<StatusReason | undefined> {
  if (execution.status === 'waiting') return 'child';
  if (execution.status !== 'queued') return undefined;
  if (!execution.ready) return execution.failedAttempts > 0 ? 'retry_delay' : 'start_delay';
  const { projectId, workflowId, queue } = execution;
  return (await workers.serves(projectId, workflowId, queue)) ? 'workers_busy' : 'no_worker';
}
