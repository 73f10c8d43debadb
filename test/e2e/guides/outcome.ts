import { type ExecutionInfo, PolosClient } from '@polos/sdk';
import type { Where } from './running.js';

/** What became of one execution, as any reader of the server sees it. */
export interface ExecutionOutcome {
  readonly payload: unknown;
  readonly initialState?: unknown;
  readonly result?: unknown;
  /** The type and message of what it failed with. */
  readonly error?: string;
  readonly state: unknown;
  /** The kinds of its events in order, those of a step with its key. */
  readonly events: readonly string[];
}

/**
 * Kinds that depend on who is quicker: whether the code comes to its wait before what it waits for, how many children end between
 * two looks at them, and what shares a commit.
 */
const TIMELY = new Set([
  'workflow_wait',
  'workflow_ready',
  'workflow_resume',
  'children_close',
  'step_deliver',
  'state_change',
]);

/** What became of the executions of a project, by workflow; those of one workflow in the order of their payloads. */
export async function outcomesOf({ url, projectId }: Where): Promise<Record<string, ExecutionOutcome[]>> {
  const client = new PolosClient({ apiUrl: url, projectId });
  const outcomes: Record<string, ExecutionOutcome[]> = {};
  try {
    for await (const { id } of client.listExecutions()) {
      const execution = await client.getExecution(id);
      const { workflowId } = execution;
      outcomes[workflowId] = [...(outcomes[workflowId] ?? []), await outcomeOf(client, execution)];
    }
  } finally {
    client.close();
  }
  for (const each of Object.values(outcomes)) each.sort((a, b) => (textOf(a) < textOf(b) ? -1 : 1));
  return outcomes;
}

async function outcomeOf(client: PolosClient, execution: ExecutionInfo): Promise<ExecutionOutcome> {
  const { id, payload, initialState, result, error } = execution;
  const handle = client.getHandle(id);
  const events: string[] = [];
  for await (const { type, stepKey } of handle.events({ follow: false })) {
    if (!TIMELY.has(type)) events.push(stepKey ? `${type} ${stepKey}` : type);
  }
  return {
    payload,
    ...(initialState !== undefined && { initialState }),
    ...(result !== undefined && { result }),
    ...(error !== undefined && { error: `${error.type}: ${error.message}` }),
    state: (await handle.state()).value,
    events,
  };
}

function textOf({ payload }: ExecutionOutcome): string {
  return JSON.stringify(payload);
}
