import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { expect, test } from 'vitest';
import { openEmbeddedStore } from '../../server/src/store/embedded/embedded-store.js';
import { dataDirectory } from '../store-conformance/data-directory.js';
import { createRecord, execution, next, nextRecord, write } from '../store-conformance/samples.js';

// What a disk leaves that lost a write: pages that are whole, in trees that agree, but are not the newest. SQL puts rows
// there as they once were, with checksums that are right; `old` is the database before the last commits.
const RESTORE = 'INSERT OR REPLACE INTO record SELECT * FROM old.record';

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
    'UPDATE execution SET terms_version = 0',
    '"execution", row',
  ],
  ['an execution waits for less', `UPDATE execution SET waits_for = '["x"]'`, '"execution", row'],
  ['an execution waits for nothing', 'UPDATE execution SET waits_for = NULL', '"execution", row'],
])('a store is refused in which %s', async (_, sql, message) => {
  const dataDir = await dataDirectory();
  const file = join(dataDir, 'polos.db');
  const store = await openEmbeddedStore({ dataDir });
  const waits = { index: { waitsFor: ['x', 'y'] } };
  const first = execution({ id: 'a' });
  await store.commit({ ...write(first, waits), terms: ['s'] });
  const replaced = await createRecord(store, { id: 'replaced' });
  const removed = await createRecord(store, { id: 'removed' });
  await createRecord(store, { id: 'kept' });
  await store.close();
  copyFileSync(file, `${file}.old`);

  const again = await openEmbeddedStore({ dataDir });
  await again.commit({ ...write(next(first), waits), terms: ['t', 'u'] });
  await again.commitRecord({ record: nextRecord(replaced) });
  await again.commitRecord({ remove: removed });
  await createRecord(again, { id: 'new', alias: 'a', dueAt: 5 });
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
