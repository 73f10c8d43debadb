import type { Action } from '../core/command.js';
import type { NewExecution } from '../core/execution.js';
import { EMPTY_STATE, parseState, type StateDocument } from '../core/state-document.js';
import type { InvokeRequest, WorkerAction } from './api.js';
import type { Clock } from './clock.js';
import { EngineError } from './errors.js';
import { idOfKey, timeOrderedId } from './ids.js';
import type { SchemaRegistry } from './schema-registry.js';
import type { Workers } from './workers.js';

/** What admission asks of the rest of the engine. */
export interface AdmissionPort {
  readonly schemas: SchemaRegistry;
  readonly workers: Workers;
  readonly clock: Clock;
}

/** The part of a request that is checked, the same for callers and for parents. */
interface Start {
  readonly workflowId: string;
  readonly payload?: InvokeRequest['payload'];
  readonly initialState?: string;
  readonly queue?: string;
}

/** Decides what may become an execution: checks against limits and schemas, and fills in what the asker left out. */
export class Admission {
  private readonly port: AdmissionPort;

  constructor(port: AdmissionPort) {
    this.port = port;
  }

  /** The execution that a caller asks for, and its checked state. */
  async admit(
    request: InvokeRequest,
  ): Promise<{ readonly execution: NewExecution; readonly state: StateDocument }> {
    const { projectId, executionId, idempotencyKey } = request;
    const state = await this.check(projectId, request, { state: 'initial_state', payload: 'payload.json' });
    const at = this.port.clock.now();
    const execution: NewExecution = {
      ...request,
      id:
        executionId ??
        (idempotencyKey === undefined ? timeOrderedId(at) : idOfKey(projectId, idempotencyKey)),
      queue: await this.queueOf(projectId, request),
      sessionId: request.sessionId ?? timeOrderedId(at),
    };
    return { execution, state };
  }

  /** A worker's actions with what only the engine knows of the children in them. */
  async complete(projectId: string, actions: readonly WorkerAction[]): Promise<readonly Action[]> {
    // Most completions start no child: nothing to copy.
    if (!actions.some((action) => action.type === 'start_child')) return actions as readonly Action[];
    return Promise.all(actions.map((action, index) => this.completeOne(projectId, action, index)));
  }

  private async completeOne(projectId: string, action: WorkerAction, index: number): Promise<Action> {
    if (action.type !== 'start_child') return action;
    const { child } = action;
    const field = `commands[${index}].child_started`;
    await this.check(projectId, child, { state: `${field}.initial_state`, payload: `${field}.payload.json` });
    const id = timeOrderedId(this.port.clock.now());
    return { ...action, child: { ...child, id, queue: await this.queueOf(projectId, child) } };
  }

  private async check(
    projectId: string,
    { workflowId, initialState, payload }: Start,
    fields: { readonly state: string; readonly payload: string },
  ): Promise<StateDocument> {
    const { schemas } = this.port;
    const state = initialState === undefined ? EMPTY_STATE : stateFrom(initialState, fields.state);
    const refused = await schemas.check(projectId, workflowId, 'state', () => state.value);
    if (refused) {
      throw new EngineError({
        type: 'schema_violation',
        value: 'initial_state',
        field: fields.state,
        ...refused,
      });
    }
    if (!payload || !('json' in payload)) return state;
    const misfit = await schemas.check(projectId, workflowId, 'payload', () => JSON.parse(payload.json));
    if (misfit)
      throw new EngineError({ type: 'schema_violation', value: 'payload', field: fields.payload, ...misfit });
    return state;
  }

  private async queueOf(projectId: string, { workflowId, queue }: Start): Promise<string> {
    return queue ?? (await this.port.workers.definition(projectId, workflowId))?.queue ?? workflowId;
  }
}

/** Reads a state that somebody else wrote. */
export function stateFrom(text: string, field: string): StateDocument {
  const parsed = parseState(text);
  if ('problem' in parsed)
    throw new EngineError({ type: 'initial_state_refused', problem: parsed.problem, field });
  return parsed.document;
}
