import type { AnyWorkflow } from './workflow.js';

/** Workflows by id. */
export interface WorkflowRegistry {
  /** Adds a workflow. A later one with the same id takes its place. */
  register(workflow: AnyWorkflow): void;
  /** The workflow of an id, or undefined. */
  get(id: string): AnyWorkflow | undefined;
  /** All workflows, in the order in which their ids were first registered. */
  all(): AnyWorkflow[];
}

/** Makes an empty registry, for example for a test. */
export function createWorkflowRegistry(): WorkflowRegistry {
  const workflows = new Map<string, AnyWorkflow>();
  return {
    register: (workflow) => void workflows.set(workflow.id, workflow),
    get: (id) => workflows.get(id),
    all: () => [...workflows.values()],
  };
}

const KEY = Symbol.for('polos.registry');

/**
 * Every workflow that `defineWorkflow` defined in this process. There is one for the ES module and the CommonJS build
 * together, so that a program that loads both sees all of its workflows.
 */
export const globalRegistry: WorkflowRegistry = sharedRegistry();

function sharedRegistry(): WorkflowRegistry {
  const shared = globalThis as { [KEY]?: WorkflowRegistry };
  shared[KEY] ??= createWorkflowRegistry();
  return shared[KEY];
}
