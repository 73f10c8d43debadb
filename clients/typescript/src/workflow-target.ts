import { inspect } from 'node:util';
import type { WorkflowTarget } from './batch.js';
import { InvalidStepError } from './errors.js';

/** The id of the workflow that a child is to run. @throws InvalidStepError for what is neither a workflow nor an id. */
export function workflowIdOf(workflow: unknown): string {
  return idOf(toTarget(workflow));
}

/** A workflow's id. */
export function idOf(workflow: WorkflowTarget): string {
  return typeof workflow === 'string' ? workflow : workflow.id;
}

/** A workflow, or its id. @throws InvalidStepError for anything else. */
export function toTarget(workflow: unknown): WorkflowTarget {
  if (isTarget(workflow)) return workflow;
  throw new InvalidStepError(`a child needs a workflow, or the id of one, not ${inspect(workflow)}`);
}

/** @throws TypeError for what is neither a workflow nor an id. */
export function assertTarget(workflow: unknown): asserts workflow is WorkflowTarget {
  if (isTarget(workflow)) return;
  throw new TypeError(`to start an execution takes a workflow, or the id of one, not ${inspect(workflow)}`);
}

function isTarget(workflow: unknown): workflow is WorkflowTarget {
  if (typeof workflow === 'string') return true;
  return typeof workflow === 'object' && workflow !== null && 'id' in workflow && 'config' in workflow;
}
