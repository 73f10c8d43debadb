import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { expect, test } from 'vitest';
import { openEmbeddedStore } from '../../server/src/store/embedded/embedded-store.js';
import { dataDirectory } from '../store-conformance/data-directory.js';
import {
  create,
  createRecord,
  entry,
  execution,
  next,
  nextRecord,
  write,
} from '../store-conformance/samples.js';

// What a disk leaves that lost a write: pages that are whole, in trees that agree, but are not the newest. SQL puts rows
// there as they once were, with checksums that are right; `old` is the database before the last commits.
const RESTORE = 'INSERT OR REPLACE INTO record SELECT * FROM old.record';
const RESTORE_GONE = ['execution', 'state', 'journal']
  .map((table) => `INSERT OR REPLACE INTO ${table} SELECT * FROM old.${table} WHERE seq = 2;`)
  .join(' ');

test.each<[what: string, sql: string, message: string]>([
  ['a record is missing', "DELETE FROM record WHERE id = 'new'", 'holds 2 rows'],
  ['a record is back that was removed', `${RESTORE} WHERE id = 'removed'`, 'holds 4 rows'],
  [
    'a record that was removed is in the place of another one',
    `DELETE FROM record WHERE id = 'new'; ${RESTORE} WHERE id = 'removed'`,
    'holds 3 rows with the checksum',
  ],
  [
    'a record is an older version of itself',
    `${RESTORE} WHERE id = 'replaced'`,
    'holds 3 rows with the checksum',
  ],
  ['a record has another alias', "UPDATE record SET alias = 'b' WHERE id = 'new'", '"record", row'],
  ['a record is due at another time', "UPDATE record SET due_at = 6 WHERE id = 'new'", '"record", row'],
  ['a record is in another group', `UPDATE record SET "group" = 'b' WHERE id = 'new'`, '"record", row'],
  ['an execution is back that was removed', RESTORE_GONE, '"execution" holds 3 rows'],
  [
    'an execution that was removed is in the place of another one',
    `DELETE FROM execution WHERE id = 'b'; DELETE FROM state WHERE seq = 3; ${RESTORE_GONE}`,
    '"execution" holds 2 rows with the checksum',
  ],
  [
    'an execution is an older version of itself',
    'INSERT OR REPLACE INTO execution SELECT * FROM old.execution WHERE seq = 1',
    '"term_list", row',
  ],
  [
    'a journal is back that was removed',
    'INSERT INTO journal SELECT 99, seq, last_event, body, crc FROM old.journal WHERE seq = 2',
    '"journal" holds 2 rows',
  ],
  ['a state is back that was removed', 'INSERT INTO state SELECT * FROM old.state WHERE seq = 2', '"state"'],
  ['an entry of a journal is missing', 'DELETE FROM journal', '"journal" holds 0 rows'],
  [
    'an entry of a journal that was removed is in the place of another one',
    'DELETE FROM journal; INSERT INTO journal SELECT * FROM old.journal WHERE seq = 2',
    '"journal" holds 1 rows with the checksum',
  ],
  [
    'an execution closed at another time',
    "UPDATE execution SET closed_at = 5 WHERE id = 'a'",
    '"execution", row',
  ],
  [
    'an execution has a number that was never given',
    "UPDATE execution SET seq = 9 WHERE id = 'b'; UPDATE state SET seq = 9 WHERE seq = 3",
    'row',
  ],
  ['a wait is missing', "DELETE FROM waiting WHERE key = 'x'", '"waiting" has 1 rows'],
  ['a wait is there that is none', "INSERT INTO waiting VALUES ('z', 0, 1000, 'a')", '"waiting" has 3 rows'],
  ['a wait is in another place', "UPDATE waiting SET rank = 1 WHERE key = 'x'", '"waiting" has 2 rows'],
  ['a wait is for something else', "UPDATE waiting SET key = 'z' WHERE key = 'x'", '"waiting" has 2 rows'],
  ['a term is missing', "DELETE FROM term WHERE term = 't'", '"term" has 1 rows'],
  ['a term is there that is none', "INSERT INTO term VALUES ('w', 1000, 'a')", '"term" has 3 rows'],
  ['a term is of another execution', "UPDATE term SET id = 'b' WHERE term = 't'", '"term" has 2 rows'],
  ['an execution has fewer terms', `UPDATE term_list SET body = '["t"]'`, '"term_list", row'],
  ['an execution has no terms', 'DELETE FROM term_list', '"term_list", row'],
  [
    'an execution has the terms of before',
    'REPLACE INTO term_list SELECT * FROM old.term_list',
    '"term_list", row',
  ],
  [
    'nobody has the terms',
    'INSERT INTO term_list SELECT 9, version, body, crc FROM term_list',
    'without an execution',
  ],
  [
    'an execution has terms, and says that it has none',
    "UPDATE execution SET terms_version = 0 WHERE id = 'a'",
    '"execution", row',
  ],
  [
    'an execution waits for less',
    `UPDATE execution SET waits_for = '["x"]' WHERE id = 'a'`,
    '"execution", row',
  ],
  [
    'an execution waits for nothing',
    "UPDATE execution SET waits_for = NULL WHERE id = 'a'",
    '"execution", row',
  ],
])('a store is refused in which %s', async (_, sql, message) => {
  const dataDir = await dataDirectory();
  const file = join(dataDir, 'polos.db');
  const store = await openEmbeddedStore({ dataDir });
  const waits = { index: { waitsFor: ['x', 'y'] } };
  const first = execution({ id: 'a' });
  await store.commit({ ...write(first, waits), terms: ['s'] });
  const removedExecution = next(await create(store, { id: 'gone', closedAt: 5 }), { eventCount: 1 });
  await store.commit(write(removedExecution, { entry: entry(1) }));
  const replaced = await createRecord(store, { id: 'replaced' });
  const removed = await createRecord(store, { id: 'removed' });
  await createRecord(store, { id: 'kept' });
  await store.close();
  copyFileSync(file, `${file}.old`);

  const again = await openEmbeddedStore({ dataDir });
  const second = next(first, { eventCount: 1 });
  await again.commit({ ...write(second, { ...waits, entry: entry(1) }), terms: ['t', 'u'] });
  await again.commitRecord({ record: nextRecord(replaced) });
  await again.commitRecord({ remove: removed });
  await createRecord(again, { id: 'new', alias: 'a', dueAt: 5 });
  await again.removeClosed([{ executionId: 'gone', groups: [] }]);
  await create(again, { id: 'b' });
  await again.close();

  const database = new Database(file);
  database.exec(`ATTACH '${file}.old' AS old`);
  database.exec(sql);
  database.close();
  await expect(openEmbeddedStore({ dataDir })).rejects.toThrow(message);
});

test('a store is complete in which a record has the row of one that was removed', async () => {
  const dataDir = await dataDirectory();
  const store = await openEmbeddedStore({ dataDir });
  await store.commitRecord({ remove: await createRecord(store, { id: 'removed' }) });
  const created = await createRecord(store, { id: 'new' });
  await store.close();
  const again = await openEmbeddedStore({ dataDir });
  expect(await again.listRecords({ group: 'group', limit: 5 })).toEqual([created]);
  await again.close();
});
