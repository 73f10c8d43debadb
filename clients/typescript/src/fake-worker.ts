import { Activation } from './activation.js';
import type { ActivationEnd, ActivationOptions } from './activation-options.js';
import type { WorkflowContext } from './context.js';
import type { FakeExecution } from './fake-execution.js';
import { createLogger } from './logger.js';
import { defineWorkflow, type WorkflowConfig } from './workflow.js';

// biome-ignore lint/suspicious/noExplicitAny: the handlers of tests use any state and any payload.
type Anything = any;

/** The handler of a test: its state and payload are whatever it says. */
export type TestHandler = (
  ctx: WorkflowContext<Record<string, Anything>>,
  payload: Anything,
) => unknown | Promise<unknown>;

/** Settings of a test's workflow. */
export type TestConfig = Partial<WorkflowConfig<Anything, Anything, Anything>>;

/** A worker's activation of a fake execution, with a grace of 50 ms. */
export function activate(
  execution: FakeExecution,
  handler: TestHandler,
  config: TestConfig = {},
  { logger = createLogger('silent'), ...options }: Partial<Pick<ActivationOptions, 'isKept' | 'logger'>> = {},
): Activation {
  const workflow = defineWorkflow<Anything, Anything, unknown>({ id: 'fake', ...config }, handler, {
    autoRegister: false,
  });
  const assignment = execution.assign();
  return new Activation({
    workflow,
    assignment,
    steps: assignment.steps,
    port: execution,
    logger,
    leaseMs: 1_000,
    graceMs: 50,
    ...options,
  });
}

/** Runs a handler on a fake execution, once, to the end of the activation. */
export function runOn(
  execution: FakeExecution,
  handler: TestHandler,
  config: TestConfig = {},
): Promise<ActivationEnd> {
  return activate(execution, handler, config).run();
}

/** The commands of each commit, by name. */
export function commandsOf(execution: FakeExecution): (string | undefined)[][] {
  return execution.commits.map(({ commands }) => commands.map(({ command }) => command.case));
}

/** Completes once the condition holds; looks once a turn of the event loop. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
