import type { Action } from './command.js';
import type { Rejection } from './decision.js';
import type { Draft } from './draft.js';
import { stateVersionOf } from './execution.js';
import { replaceAll } from './state-document.js';

type MigrateState = Extract<Action, { type: 'migrate_state' }>;

/** Brings the state to a later version of its form, at a place of its own in the order of outcomes. */
export function migrateState(
  draft: Draft,
  { baseRevision: base, fromVersion, toVersion, document }: MigrateState,
): Rejection | undefined {
  const { execution } = draft;
  const { stateRevision: current } = execution;
  const version = stateVersionOf(execution);
  if (fromVersion !== version) {
    const message = `its state is of version ${version}, the migration is from version ${fromVersion}`;
    return { type: 'result_conflict', message };
  }
  if (toVersion <= fromVersion) {
    return { type: 'malformed', message: `version ${toVersion} is not after ${fromVersion}`, action: 0 };
  }
  if (base !== current) return { type: 'state_revision_conflict', base, current };
  execution.stateVersion = toVersion;
  draft.addEvent('state_migration', { fromVersion, toVersion });
  const step = { kind: 'state_migration', fromVersion, toVersion } as const;
  draft.addStateOutcome(step, replaceAll(document.value), document);
  return undefined;
}
