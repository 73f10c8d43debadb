import { type Execution, ExecutionStatus, StatusReason } from '../gen/polos/v1/execution_pb.js';
import type { Call } from './call.js';
import { ExitStatus } from './usage-error.js';

/** Has workers leave an execution alone. */
export async function pause(call: Call, executionId: string): Promise<ExitStatus> {
  await call.client.pauseExecution({ executionId });
  call.answer({ executionId }, () => 'paused');
  call.remark(`it goes on with: polos execution unpause ${executionId}`);
  return ExitStatus.done;
}

/** Has workers go on with an execution. */
export async function unpause(call: Call, executionId: string): Promise<ExitStatus> {
  await call.client.unpauseExecution({ executionId });
  call.answer({ executionId }, () => 'unpaused');
  return ExitStatus.done;
}

/** What a person can do about an execution that is held back; empty for others. */
export function pauseAdvice({ id, status, statusReason }: Execution): string {
  if (status !== ExecutionStatus.PAUSED) return '';
  const command = `polos execution unpause ${id}`;
  switch (statusReason) {
    case StatusReason.WORKERS_LOST:
      return `mend what its workers die of, and start them; then: ${command}`;
    case StatusReason.STATE_MISFIT:
      return `deploy a workflow whose migrations take its state, or repair that (patch-state); then: ${command}`;
    default:
      return `it goes on with: ${command}`;
  }
}
