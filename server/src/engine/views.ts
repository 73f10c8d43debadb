import { type Execution, isKeptForWorker } from '../core/execution.js';
import type { StatusReason } from './api.js';
import type { Workers } from './workers.js';

/** Why an execution is not running; undefined if it is, or is final. */
export async function reasonOf(execution: Execution, workers: Workers): Promise<StatusReason | undefined> {
  if (execution.status === 'waiting') return waitReason(execution);
  if (execution.status === 'paused') return execution.pausedFor === 'asked' ? undefined : execution.pausedFor;
  if (execution.status !== 'queued') return undefined;
  if (execution.slot && !execution.slot.isHeld) return 'concurrency_limit';
  if (!execution.ready && isKeptForWorker(execution)) return 'lease_release';
  if (!execution.ready) return execution.failedAttempts > 0 ? 'retry_delay' : 'start_delay';
  return (await workers.serves(execution)) ? 'workers_busy' : 'no_worker';
}

function waitReason({ waits }: Execution): StatusReason {
  const kinds = new Set(Object.values(waits).map(({ kind }) => kind));
  if (kinds.has('invoke_and_wait') || kinds.has('batch_invoke_and_wait')) return 'child';
  if (kinds.has('suspend') || kinds.has('resume')) return 'resume';
  return kinds.has('wait_for_event') ? 'event' : 'timer';
}
