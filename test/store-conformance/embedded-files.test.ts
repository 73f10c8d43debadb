import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openEmbeddedStore } from '../../server/src/store/embedded/embedded-store.js';
import { readWatermark } from '../../server/src/store/embedded/watermark.js';
import { dataDirectory } from './data-directory.js';
import { create, createRecord, execution, next, record, schema, write } from './samples.js';

/** Group commits that the watermark of a directory has seen. */
function groups(dataDir: string): number {
  const record = readWatermark(dataDir);
  if (typeof record === 'string') throw new Error(`the watermark is ${record}`);
  return record.number;
}

test('commits that are asked for in one turn of the event loop share one transaction', async () => {
  const dataDir = await dataDirectory();
  const store = await openEmbeddedStore({ dataDir });
  expect(groups(dataDir)).toBe(0);
  await Promise.all(Array.from({ length: 64 }, (_, n) => store.commit(write(execution({ id: `e${n}` })))));
  expect(groups(dataDir)).toBe(1);
  await create(store, { id: 'alone' });
  expect(groups(dataDir)).toBe(2);
  await Promise.all([
    create(store, { id: 'a' }),
    createRecord(store, { id: 'a' }),
    createRecord(store, { id: 'b' }),
  ]);
  expect(groups(dataDir)).toBe(3);
  await store.close();
});

test('a large group is written in several transactions, in order', async () => {
  const dataDir = await dataDirectory();
  const store = await openEmbeddedStore({ dataDir });
  const order: number[] = [];
  const commits = Array.from({ length: 1_100 }, (_, n) =>
    store.commit(write(execution({ id: `e${n}` }))).then(() => order.push(n)),
  );
  await Promise.all(commits);
  expect(groups(dataDir)).toBe(3);
  expect(order).toEqual(order.toSorted((a, b) => a - b));
  await store.close();
});

test('a group in which every write conflicts writes nothing', async () => {
  const dataDir = await dataDirectory();
  const store = await openEmbeddedStore({ dataDir });
  await create(store, { id: 'a' });
  const before = groups(dataDir);
  expect(await store.commit(write(execution({ id: 'a' })))).toBe('conflict');
  expect(await store.commitRecord({ remove: record({ id: 'a' }) })).toBe('conflict');
  expect(groups(dataDir)).toBe(before);
  await store.close();
});

test('a write that the database refuses fails alone, and the others of its group are committed', async () => {
  const dataDir = await dataDirectory();
  const store = await openEmbeddedStore({ dataDir });
  const known = await create(store, { id: 'known' });
  const results = await Promise.allSettled([
    store.commit(write(execution({ id: 'a' }))),
    store.commit(write(execution({ id: 'half', readyAt: 0.5 }))),
    store.commit(write(next(known))),
    store.putSchema(schema({ digest: '1', registeredAt: 0.5 })),
    store.commit(write(next(next(known)))),
  ]);
  expect(results.map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'fulfilled',
    'rejected',
    'fulfilled',
  ]);
  expect(results[1]).toMatchObject({ reason: { name: 'StoreFault', retryable: false } });
  expect((await store.load('known'))?.execution.version).toBe(3);
  expect(await store.load('half')).toBeUndefined();
  await store.close();
  const again = await openEmbeddedStore({ dataDir });
  expect((await again.load('known'))?.execution.version).toBe(3);
  expect((await again.load('a'))?.execution.version).toBe(1);
  await again.close();
});

test('the log stays bounded however much is written, and is gone once the store was closed', async () => {
  const dataDir = await dataDirectory();
  const store = await openEmbeddedStore({ dataDir });
  const state = { text: 's'.repeat(200_000) };
  let latest = await create(store, { id: 'a' });
  let largest = 0;
  for (let version = 0; version < 300; version++) {
    latest = next(latest);
    await store.commit(write(latest, { state }));
    largest = Math.max(largest, statSync(join(dataDir, 'polos.db-wal')).size);
  }
  expect(largest).toBeGreaterThan(10_000_000);
  expect(largest).toBeLessThan(20_000_000);
  await store.close();
  expect(readdirSync(dataDir).sort()).toEqual(['polos.db', 'watermark']);
});

test('a directory that is not there is made, for its owner only', async () => {
  const dataDir = join(await dataDirectory(), 'deep', 'data');
  const store = await openEmbeddedStore({ dataDir });
  expect(statSync(dataDir).mode & 0o777).toBe(0o700);
  await store.close();
});

test('a data directory that is a file, or cannot be made, is a fault that names it', async () => {
  const dataDir = await dataDirectory();
  const store = await openEmbeddedStore({ dataDir });
  await store.close();
  const file = join(dataDir, 'polos.db');
  await expect(openEmbeddedStore({ dataDir: file })).rejects.toMatchObject({
    name: 'StoreFault',
    message: expect.stringContaining(file),
  });
});
