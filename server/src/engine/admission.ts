import type { Action, ChildRequest } from '../core/command.js';
import { type Execution, type NewExecution, stateVersionOf } from '../core/execution.js';
import { applyPatch, EMPTY_STATE, parseState, type StateDocument } from '../core/state-document.js';
import type { InvokeRequest, StateRepair, WorkerAction, WorkerChild } from './api.js';
import type { Clock } from './clock.js';
import { EngineError } from './errors.js';
import { idOfKey, timeOrderedId } from './ids.js';
import type { SchemaRegistry } from './schema-registry.js';
import type { CurrentState } from './state-history.js';
import type { Workers } from './workers.js';

/** What admission asks of the rest of the engine. */
export interface AdmissionPort {
  readonly schemas: SchemaRegistry;
  readonly workers: Workers;
  readonly clock: Clock;
}

type ChangeState = Extract<Action, { type: 'change_state' | 'migrate_state' }>;

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

  /**
   * The execution that a caller asks for, and its checked state.
   * @param options.isChecked  false where there is nobody to be refused: what does not fit a schema fails at its worker, where
   * it can be seen.
   */
  async admit(
    request: InvokeRequest,
    { isChecked }: { readonly isChecked: boolean },
  ): Promise<{
    readonly execution: NewExecution;
    readonly state: StateDocument;
    readonly stateVersion: number | undefined;
  }> {
    const { projectId, executionId, idempotencyKey } = request;
    const fields = { state: 'initial_state', payload: 'payload.json' };
    const state = isChecked ? await this.check(projectId, request, fields) : stateOf(request, fields.state);
    const at = this.port.clock.now();
    const { queue, stateVersion } = await this.declared(projectId, request.workflowId);
    const execution: NewExecution = {
      ...request,
      id:
        executionId ??
        (idempotencyKey === undefined ? timeOrderedId(at) : idOfKey(projectId, idempotencyKey)),
      queue: request.queue ?? queue,
      sessionId: request.sessionId ?? timeOrderedId(at),
    };
    return { execution, state, stateVersion };
  }

  /** What the newest registration of a workflow says of its executions; no version if there is none. */
  async declared(
    projectId: string,
    workflowId: string,
  ): Promise<{ readonly queue: string; readonly stateVersion: number | undefined }> {
    const definition = await this.port.workers.definition(projectId, workflowId);
    return {
      queue: definition?.queue ?? workflowId,
      stateVersion: definition && (definition.stateVersion ?? 1),
    };
  }

  /**
   * A worker's actions with what only the engine knows of the children in them. The state that they make is checked against
   * the schema that the worker declared, whose digest is answered, too.
   */
  async complete(
    before: CurrentState,
    actions: readonly WorkerAction[],
  ): Promise<{ readonly actions: readonly Action[]; readonly stateSchema?: string }> {
    const change = actions.findIndex(({ type }) => type === 'change_state' || type === 'migrate_state');
    const stateSchema =
      change < 0 ? undefined : await this.checkState(before, actions[change] as ChangeState, change);
    const checked = stateSchema !== undefined && { stateSchema };
    // Most completions start no child: nothing to copy.
    if (!actions.some(({ type }) => type === 'start_child' || type === 'start_children'))
      return { actions: actions as readonly Action[], ...checked };
    const { projectId } = before.execution;
    const completed = actions.map((action, index) => this.completeOne(projectId, action, index));
    return { actions: await Promise.all(completed), ...checked };
  }

  /**
   * Checks the state that a repair makes: against the schema by which a worker changed the state last, since that is the
   * state's form. If none has, against the current one, provided that it describes the version that the state is of: a state
   * that a migration could not take is repaired in its own form.
   */
  async checkRepair({ execution, state }: CurrentState, repair: StateRepair): Promise<void> {
    // What cannot be applied, or is against another revision, is refused by the core, with the reason.
    if (repair.expectedRevision !== execution.stateRevision) return;
    const changed = applyPatch(state, repair.patch);
    if ('problem' in changed) return;
    const { schemas } = this.port;
    const { projectId, workflowId, stateSchema: digest } = execution;
    const { value } = changed.document;
    const refused =
      digest !== undefined
        ? await schemas.checkState({ projectId, workflowId, digest }, changed.document)
        : (await this.isOfDeclaredVersion(execution)) &&
          (await schemas.check(projectId, workflowId, 'state', () => value));
    if (refused)
      throw new EngineError({ type: 'schema_violation', value: 'state', field: 'patch', ...refused });
  }

  private async isOfDeclaredVersion(execution: Execution): Promise<boolean> {
    const version = stateVersionOf(execution);
    if (version === undefined) return true;
    const { stateVersion } = await this.declared(execution.projectId, execution.workflowId);
    return stateVersion === undefined || stateVersion === version;
  }

  /** @returns the digest of the schema that it was checked against. */
  private async checkState(
    { execution, state }: CurrentState,
    action: ChangeState,
    index: number,
  ): Promise<string | undefined> {
    const { projectId, workflowId, lease } = execution;
    const worker = lease && this.port.workers.find(lease.workerId);
    const digest = worker?.workflows.get(workflowId)?.stateSchemaDigest;
    if (digest === undefined) return undefined;
    // What cannot be applied is refused by the core, with the reason.
    const change = action.type === 'migrate_state' ? action : action.change;
    const changed = 'document' in change ? change : applyPatch(state, change.patch);
    if ('problem' in changed) return undefined;
    const version = { projectId, workflowId, digest };
    const refused = await this.port.schemas.checkState(version, changed.document);
    if (!refused) return digest;
    const field = `commands[${index}].${action.type === 'migrate_state' ? 'state_migrated' : 'state_changed'}`;
    throw new EngineError({ type: 'schema_violation', value: 'state', field, ...refused });
  }

  private async completeOne(projectId: string, action: WorkerAction, index: number): Promise<Action> {
    if (action.type === 'start_child') {
      const child = await this.child(projectId, action.child, `commands[${index}].child_started`);
      return { ...action, child };
    }
    if (action.type !== 'start_children') return action;
    const field = `commands[${index}].children_started.children`;
    const children: ChildRequest[] = [];
    const queues = new Map<string, string>();
    for (const [place, child] of action.children.entries()) {
      children.push(await this.child(projectId, child, `${field}[${place}]`, queues));
    }
    return { ...action, children };
  }

  /** @param queues  those of workflows that were asked about before, for the same batch. */
  private async child(
    projectId: string,
    child: WorkerChild,
    field: string,
    queues = new Map<string, string>(),
  ): Promise<ChildRequest> {
    await this.check(projectId, child, { state: `${field}.initial_state`, payload: `${field}.payload.json` });
    const id = timeOrderedId(this.port.clock.now());
    const queue =
      child.queue ?? queues.get(child.workflowId) ?? (await this.declared(projectId, child.workflowId)).queue;
    if (child.queue === undefined) queues.set(child.workflowId, queue);
    return { ...child, id, queue };
  }

  private async check(
    projectId: string,
    start: Start,
    fields: { readonly state: string; readonly payload: string },
  ): Promise<StateDocument> {
    const { schemas } = this.port;
    const { workflowId, payload } = start;
    const state = stateOf(start, fields.state);
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
}

function stateOf({ initialState }: Start, field: string): StateDocument {
  return initialState === undefined ? EMPTY_STATE : stateFrom(initialState, field);
}

/** Reads a state that somebody else wrote. */
export function stateFrom(text: string, field: string): StateDocument {
  const parsed = parseState(text);
  if ('problem' in parsed)
    throw new EngineError({ type: 'initial_state_refused', problem: parsed.problem, field });
  return parsed.document;
}
