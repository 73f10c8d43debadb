import { statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { expect, test } from 'vitest';
import { openEmbeddedStore } from '../../server/src/store/embedded/embedded-store.js';
import { dataDirectory } from '../store-conformance/data-directory.js';
import { create, createRecord } from '../store-conformance/samples.js';

test('a stopped store whose file an operator made smaller by VACUUM opens, complete', async () => {
  const dataDir = await dataDirectory();
  const file = join(dataDir, 'polos.db');
  const store = await openEmbeddedStore({ dataDir });
  const ids = Array.from({ length: 200 }, (_, n) => `gone-${n}`);
  for (const id of ids) await create(store, { id, closedAt: 1, requestDigest: 'd'.repeat(5_000) });
  const kept = await create(store, { id: 'kept' }, { waitsFor: ['x'] });
  const record = await createRecord(store, { id: 'kept', alias: 'a', dueAt: 1 });
  await store.removeClosed(ids.map((executionId) => ({ executionId, groups: [] })));
  await store.close();
  const { size } = statSync(file);

  const database = new Database(file);
  database.exec('VACUUM');
  database.close();
  expect(statSync(file).size).toBeLessThan(size / 2);
  const again = await openEmbeddedStore({ dataDir });
  expect(await again.list({ projectId: 'default', limit: 5 })).toEqual([kept]);
  expect(await again.listRecords({ group: 'group', limit: 5 })).toEqual([record]);
  await create(again, { id: 'new' });
  await again.close();
});
