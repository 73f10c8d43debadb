import { InvalidArgumentError } from './api-errors.js';
import { stateMigrated } from './commands.js';
import { StateMigrationError, StateSizeError, StateValidationError } from './errors.js';
import type { StepRecord } from './gen/polos/v1/step_pb.js';
import type { Assignment, CompleteStepResponse } from './gen/polos/v1/worker_service_pb.js';
import { CommitRefusal } from './journal.js';
import type { LeaseHolder } from './lease-holder.js';
import { migrated } from './migrations.js';
import type { JsonObject } from './state/json.js';
import { StateDocument } from './state/state-document.js';
import type { AnyWorkflow } from './workflow.js';

/** A state as the server holds it. */
interface RecordedState {
  readonly json: string;
  readonly revision: bigint;
}

/** An execution's state in the form of its code's version, and the answer to its migration, if that was necessary. */
export interface CurrentState {
  readonly recorded: RecordedState;
  readonly response?: CompleteStepResponse;
}

/**
 * Brings an execution's state to the version of the workflow's code, and commits that, before the code begins.
 * @throws StateMigrationError if it cannot be brought there: nothing has changed; CommitRefusal.
 */
export async function bringUpToDate(
  { execution, state, cancelRequested }: Assignment,
  { config }: AnyWorkflow,
  leaseHolder: LeaseHolder,
): Promise<CurrentState> {
  const { stateVersion: to = 1 } = config;
  const from = execution?.stateVersion || 1;
  const recorded = { json: state, revision: execution?.stateRevision ?? 1n };
  if (from === to || cancelRequested) return { recorded };
  if (from > to) {
    throw new StateMigrationError(
      from,
      `the state is of version ${from}, and this worker's code of version ${to}`,
    );
  }
  const json = await checkedText(migrated(config, JSON.parse(state), { from, to }), config.stateSchema, to);
  const command = stateMigrated({
    baseRevision: recorded.revision,
    fromVersion: from,
    toVersion: to,
    document: json,
  });
  try {
    const response = await leaseHolder.complete([command], true);
    return { recorded: { json, revision: response.stateRevision }, response };
  } catch (error) {
    throw isMisfit(error) ? misfit(to, error) : new CommitRefusal(error);
  }
}

/**
 * The document that the code begins with: the initial state. The code that came before a migration runs on a rehearsal:
 * the initial state in the form of today's code, or, if that cannot be had, what the first migration made.
 * @param from.firstMigration  the record of it, if there is one.
 */
export async function openState(
  initialJson: string,
  recorded: RecordedState,
  {
    config,
    firstMigration: first,
  }: { readonly config: AnyWorkflow['config']; readonly firstMigration: StepRecord | undefined },
): Promise<StateDocument> {
  const { stateSchema, stateVersion: to = 1 } = config;
  if (first === undefined) return StateDocument.open(initialJson, recorded, stateSchema);
  const { fromStateVersion: from } = first;
  try {
    const initial = migrated(config, JSON.parse(initialJson || '{}'), { from, to });
    return await StateDocument.open(JSON.stringify(initial), recorded, stateSchema);
  } catch {
    const made = migrated(config, migratedDocument(first.statePatch), { from: first.toStateVersion, to });
    return StateDocument.open(JSON.stringify(made), recorded, stateSchema);
  }
}

/** The document that a recorded migration made. */
export function migratedDocument(patch: string): JsonObject {
  const [operation] = JSON.parse(patch) as readonly { readonly value: JsonObject }[];
  return operation?.value ?? {};
}

/** The text of a migrated document, with the schema's defaults. */
async function checkedText(
  document: JsonObject,
  schema: AnyWorkflow['config']['stateSchema'],
  version: number,
): Promise<string> {
  try {
    return await StateDocument.text(document, schema);
  } catch (error) {
    throw isMisfit(error) ? misfit(version, error) : error;
  }
}

function isMisfit(error: unknown): error is Error {
  return [StateValidationError, StateSizeError, InvalidArgumentError].some((type) => error instanceof type);
}

function misfit(version: number, cause: Error): StateMigrationError {
  return new StateMigrationError(version, `the state of version ${version} is refused: ${cause.message}`, {
    cause,
  });
}
