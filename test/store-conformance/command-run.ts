import type { Execution } from '../../server/src/core/execution.js';
import type { ExecutionWrite, RecordWrite, Store, StoredRecord } from '../../server/src/store/store.js';
import type { GivenRecordWrite, StoreCommand } from './command-stream.js';
import { entry, execution, next } from './samples.js';

/** What is there of what a command writes. */
export interface Current {
  readonly execution?: Execution | undefined;
  readonly record?: StoredRecord | undefined;
}

/** What is there of what a command writes. */
export async function currentOf(store: Store, command: StoreCommand): Promise<Current> {
  if (command.type === 'commit') return { execution: (await store.load(command.id))?.execution };
  return command.type === 'commit_record' ? { record: await store.loadRecord(command) } : {};
}

/** Makes the call, and answers what any two stores must agree on. */
export async function run(store: Store, command: StoreCommand, current: Current): Promise<unknown> {
  switch (command.type) {
    case 'commit':
      return store.commit(toWrite(command, current.execution));
    case 'commit_record':
      return store.commitRecord(toRecordWrite(command, current.record));
    case 'remove_closed':
      return store.removeClosed(command.removals);
    case 'list_closed':
      return store.listClosed(command.query);
    case 'list_projects':
      return store.listProjects(command.page);
    case 'list_groups':
      return store.listGroups(command.query);
    case 'load_record':
      return store.loadRecord(command.name);
    case 'list_records':
      return store.listRecords(command.query);
    case 'list_due_records':
      return store.listDueRecords(command.query);
    case 'list_waiting':
      return store.listWaiting(command.query);
    case 'load':
      return store.load(command.id);
    case 'journal':
      return store.journal(command.id, command.page);
    case 'list_ready':
      return store.listReady(command.query);
    case 'list_due':
      return store.listDue(command.query);
    case 'list_outboxes':
      return [...(await store.listOutboxes({ until: command.until, limit: 1_000 }))].sort();
    case 'list':
      return store.list(command.query);
    case 'search':
      return (await store.search(command.search)).executions;
    case 'put_schema':
      return store.putSchema(command.schema);
    case 'list_schemas':
      return store.listSchemas(command.query);
  }
}

function toWrite(
  { id, against, given }: Extract<StoreCommand, { readonly type: 'commit' }>,
  current: Execution | undefined,
): ExecutionWrite {
  const { origin, changes, events, state, terms, index } = given;
  const replaced = Math.max(0, (current?.version ?? 0) + against);
  const latest = current ?? execution({ id, version: 0, ...origin });
  const before = replaced === 0 ? undefined : { ...latest, version: replaced };
  const endsWith = before?.eventCount ?? 0;
  const written = next(latest, { ...changes, version: replaced + 1, eventCount: endsWith + events });
  return {
    before,
    execution: written,
    index,
    ...(state === undefined && before ? {} : { state: state ?? {} }),
    ...(terms && { terms }),
    ...(events > 0 && { entry: entry(endsWith + 1, { count: events }) }),
  };
}

function toRecordWrite(
  { group, id, against, given }: GivenRecordWrite,
  current: StoredRecord | undefined,
): RecordWrite {
  const version = Math.max(1, (current?.version ?? 0) + against);
  return given === 'remove'
    ? { remove: { group, id, version } }
    : { record: { group, id, version: version + Number(current !== undefined), ...given } };
}
