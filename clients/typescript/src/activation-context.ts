import type { WorkflowContext } from './context.js';
import type { Execution } from './gen/polos/v1/execution_pb.js';
import { currentScope } from './scope.js';
import type { StateDocument } from './state/state-document.js';
import type { Steps } from './step.js';
import { toDate } from './time.js';

/** Makes the context that a handler is given. */
export function createContext(
  execution: Execution,
  parts: {
    readonly document: StateDocument;
    readonly step: Steps;
    readonly signal: AbortSignal;
    readonly deploymentId: string | undefined;
  },
): WorkflowContext<unknown> {
  const { document, step, signal } = parts;
  return {
    workflowId: execution.workflowId,
    executionId: execution.id,
    deploymentId: execution.deploymentId || parts.deploymentId,
    sessionId: execution.sessionId,
    userId: execution.userId || undefined,
    parentExecutionId: execution.parentExecutionId || undefined,
    rootExecutionId: execution.rootExecutionId,
    rootWorkflowId: execution.rootWorkflowId,
    retryCount: execution.failedAttempts,
    createdAt: (toDate(execution.createTime) ?? new Date(0)).toISOString(),
    signal,
    step,
    get state() {
      return holderOf(document, execution.id).current;
    },
    set state(value: unknown) {
      holderOf(document, execution.id).current = value;
    },
  };
}

/** Within a step's function its copy, elsewhere the document itself. */
function holderOf(document: StateDocument, executionId: string): { current: unknown } {
  const scope = currentScope.getStore();
  return scope?.executionId === executionId && scope.step !== undefined ? scope.step.draft : document;
}
