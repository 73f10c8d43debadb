import type { Failure } from '../core/failure.js';
import type { EngineProblem } from './errors.js';

/** Why a step could not resume a step of another execution: the types that ResumeExecution's callers know. */
export function resumeFailure(
  problem: EngineProblem,
  { executionId, suspendedStepKey }: { readonly executionId: string; readonly suspendedStepKey: string },
): Failure {
  const type = typeOf(problem);
  const message = `the step "${suspendedStepKey}" of execution ${executionId} cannot be resumed: ${REASONS[type]}`;
  return { type, message, retryable: false };
}

const REASONS = {
  NotFoundError: 'there is no such execution',
  ExecutionClosedError: 'the execution is final',
  ResultConflictError: 'the step has another outcome already, or is of another kind',
  LimitExceededError: 'too much waits for steps of that execution that do not wait yet',
} as const;

function typeOf(problem: EngineProblem): keyof typeof REASONS {
  if (problem.type !== 'rejected') return 'NotFoundError';
  const { type } = problem.rejection;
  if (type === 'closed') return 'ExecutionClosedError';
  return type === 'limit' ? 'LimitExceededError' : 'ResultConflictError';
}
