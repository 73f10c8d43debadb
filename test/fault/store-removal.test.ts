import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'libsql';
import { expect, test } from 'vitest';
import { openEmbeddedStore } from '../../server/src/store/embedded/embedded-store.js';
import { dataDirectory } from '../store-conformance/data-directory.js';
import { Program } from './processes.js';

const REMOVING = fileURLToPath(new URL('programs/removing-store.mjs', import.meta.url));

const CLOSED = { projectId: 'default', until: 1, limit: 1_000 };

/** The rows of each table. */
function countRows(dataDir: string): Record<string, number> {
  const database = new Database(join(dataDir, 'polos.db'));
  const count = (table: string) =>
    (database.prepare(`SELECT count(*) FROM ${table}`).raw().get([]) as [number])[0];
  const counts = ['execution', 'state', 'journal', 'record'].map((table) => [table, count(table)] as const);
  database.close();
  return Object.fromEntries(counts);
}

test('a deletion that kill -9 breaks off, again and again, loses nothing else and leaves nothing behind', {
  timeout: 120_000,
}, async () => {
  const dataDir = await dataDirectory();
  let steps = 0;
  let removed = 0;
  for (const round of ['a', 'b', 'c', 'd']) {
    const program = new Program(REMOVING, [], { DATA_DIR: dataDir, ROUND: round });
    await program.line(`closed ${round}-12`);
    await program.signal('SIGKILL');
    expect(program.lines.filter((line) => line.startsWith('refused'))).toEqual([]);
    const kept = program.lines.filter((line) => line.startsWith('kept')).length;
    const closed = program.lines.flatMap((line) => (line.startsWith('closed ') ? line.slice(7) : []));

    const store = await openEmbeddedStore({ dataDir });
    const version = (await store.load(`${round}-kept`))?.execution.version ?? 0;
    expect([kept, kept + 1]).toContain(version);
    const journal = await store.journal(`${round}-kept`, { afterEvent: 0, entries: 1e6, bytes: 1e9 });
    expect(journal).toHaveLength(version);
    steps += version;
    const left = await store.listClosed(CLOSED);
    const isLeft = new Set(left.map(({ id }) => id));
    for (const id of closed) {
      if (isLeft.has(id)) continue;
      removed += 1;
      expect(await store.load(id)).toBeUndefined();
      expect(await store.listRecords({ group: `state["${id}"]`, limit: 1 })).toEqual([]);
    }
    // What was not closed yet when its process died is closed by nobody any more.
    const open = await store.list({ projectId: 'default', limit: 1_000 });
    for (const { execution } of await Promise.all(open.map(async ({ id }) => (await store.load(id))!))) {
      if (execution.closedAt !== undefined || execution.id.endsWith('kept')) continue;
      const end = { ...execution, version: execution.version + 1, closedAt: 1 };
      await store.commit({ before: execution, execution: end, index: { ready: false } });
    }
    await store.close();
  }
  expect(removed).toBeGreaterThan(20);

  const store = await openEmbeddedStore({ dataDir });
  const left = await store.listClosed(CLOSED);
  await store.removeClosed(left.map(({ id }) => ({ executionId: id, groups: [`state["${id}"]`] })));
  const groups = await store.listGroups({ prefix: '', limit: 10 });
  await store.close();
  expect(countRows(dataDir)).toEqual({ execution: 4, state: 4, journal: steps, record: groups.length });
  // A snapshot may have been written the moment before its execution would have been created.
  expect(groups.length).toBeLessThanOrEqual(4);
});
