import { StateMigrationError } from './errors.js';
import { isPlainObject, type JsonObject } from './state/json.js';

/** The largest version of a state's form. */
const VERSION_MAX = 1_000_000;

/** How the state of executions from before this version of a workflow's code comes to the form that the code wants. */
export interface StateVersions {
  /**
   * The version of the state's form, counted up with each change that older states do not fit. Executions keep the version
   * that they began with until a worker with a later one takes them; a worker is given none of a later version than its
   * own. 1 to 1,000,000. Default 1.
   */
  readonly stateVersion?: number | undefined;
  /**
   * By version, what makes a state of that version out of one of the version before: one for each from 2 to `stateVersion`.
   * A pure function of a document that is its own: it may change and return it, or return another one, and may be called
   * more than once. The last one's result is checked by `stateSchema`. One that throws, or whose result does not fit, has
   * the execution paused with the reason `state_misfit`, its state as it was.
   */
  readonly migrate?: Readonly<Record<number, (old: JsonObject) => unknown>> | undefined;
}

/** @throws RangeError for a version that is none; TypeError for a migration that is missing, too much, or no function. */
export function assertVersions(id: string, { stateVersion = 1, migrate = {} }: StateVersions): void {
  if (!Number.isInteger(stateVersion) || stateVersion < 1 || stateVersion > VERSION_MAX) {
    throw new RangeError(
      `stateVersion of "${id}" should be an integer from 1 to 1,000,000, not ${stateVersion}`,
    );
  }
  for (const name of Object.keys(migrate)) {
    const version = Number(name);
    if (!Number.isInteger(version) || version < 2 || version > stateVersion) {
      throw new TypeError(
        `"${id}" has a migration to "${name}"; versions go from 2 to its stateVersion ${stateVersion}`,
      );
    }
  }
  for (let version = 2; version <= stateVersion; version++) {
    if (typeof migrate[version] === 'function') continue;
    throw new TypeError(
      `"${id}" has stateVersion ${stateVersion}, and no function in migrate for ${version}`,
    );
  }
}

/**
 * A document in the form of a later version.
 * @param document is the migrations' own from here on.
 * @throws StateMigrationError if a migration throws, or returns no object.
 */
export function migrated(
  { migrate = {} }: StateVersions,
  document: JsonObject,
  { from, to }: { readonly from: number; readonly to: number },
): JsonObject {
  let current = document;
  for (let version = from + 1; version <= to; version++) {
    current = migratedTo(version, migrate[version], current);
  }
  return current;
}

function migratedTo(
  version: number,
  migrate: ((old: JsonObject) => unknown) | undefined,
  document: JsonObject,
): JsonObject {
  let result: unknown;
  try {
    result = migrate?.(document);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StateMigrationError(version, `the migration to version ${version} threw: ${reason}`, { cause });
  }
  if (isPlainObject(result)) return result as JsonObject;
  const what = result instanceof Promise ? 'a promise' : `${result}`;
  throw new StateMigrationError(
    version,
    `the migration to version ${version} returned no object, but ${what}`,
  );
}
