import type { Removal } from '../store.js';
import { type Connection, QUERY_MS_MAX } from './connection.js';
import { REMOVABLE } from './execution-queries.js';
import { findRecords } from './record-queries.js';

/**
 * Removes closed executions: all that any collection has of them. A collection that is added later is emptied where the
 * journal is. Any number of servers may remove the same ones at once: deleting again what is gone does nothing.
 *
 * The execution goes last, so that one that was begun is found again whatever happens in between, and nothing stays that
 * nobody finds.
 */
export async function removeClosed(connection: Connection, removals: readonly Removal[]): Promise<void> {
  if (removals.length === 0) return;
  const ids = await removable(
    connection,
    removals.map(({ executionId }) => executionId),
  );
  const groups = removals.flatMap((removal) => (ids.has(removal.executionId) ? removal.groups : []));
  await connection.ask('remove closed executions', async (session) => {
    await connection.states.deleteMany({ execution: { $in: [...ids] } }, { session });
    await connection.journal.deleteMany({ execution: { $in: [...ids] } }, { session });
    await removeGroups(connection, groups);
    await connection.executions.deleteMany({ _id: { $in: [...ids] }, ...REMOVABLE }, { session });
  });
  // What a server added in between, for somebody who follows descendants of a root that goes. From now on it sees that.
  await removeGroups(connection, groups);
}

async function removable(connection: Connection, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const found = await connection.ask('look up closed executions', (session) =>
    connection.executions
      .find<{ readonly _id: string }>(
        { _id: { $in: [...ids] }, ...REMOVABLE },
        { projection: { _id: 1 }, session, maxTimeMS: QUERY_MS_MAX },
      )
      .toArray(),
  );
  return new Set(found.map(({ _id }) => _id));
}

async function removeGroups(connection: Connection, groups: readonly string[]): Promise<void> {
  if (groups.length === 0) return;
  const filters = groups.map((group) => findRecords({ group, limit: 0 }).filter);
  await connection.ask('remove records of closed executions', (session) =>
    connection.records.deleteMany({ $or: filters }, { session }),
  );
}
