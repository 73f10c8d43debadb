import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openEmbeddedStore } from '../../server/src/store/embedded/embedded-store.js';
import { LAYOUT_VERSION } from '../../server/src/store/embedded/layout.js';
import { dataDirectory } from '../store-conformance/data-directory.js';
import { create, execution, write } from '../store-conformance/samples.js';
import { cut, expectAll, makeOriginals, openDamaged, replaceFile, sizeOf } from './store-copies.js';

const PAGE = 4_096;
const FRAME = PAGE + 24;

describe('a store whose files were cut short', () => {
  test('is complete when nothing was cut', async () => {
    const { closed, killed } = await makeOriginals();
    expect(sizeOf(closed.dataDir, 'polos.db-wal')).toBe(0);
    expect(sizeOf(killed.dataDir, 'polos.db-wal')).toBeGreaterThan(50 * FRAME);
    expect(await openDamaged(closed, () => {})).toBe('complete');
    expect(await openDamaged(killed, () => {})).toBe('complete');
  });

  test('is refused wherever the database was cut', async () => {
    const { closed } = await makeOriginals();
    const size = sizeOf(closed.dataDir, 'polos.db');
    const middles = Array.from({ length: 12 }, (_, index) => Math.floor((size * index) / 12));
    for (const left of [...middles, 1, 15, 16, 100, 512, PAGE - 1, PAGE, 2 * PAGE, size - PAGE, size - 1]) {
      expect(await openDamaged(closed, (dataDir) => cut(dataDir, 'polos.db', left))).toBe('refused');
    }
  });

  test('is refused wherever the log was cut, if an acknowledged commit was in what is gone', async () => {
    const { killed } = await makeOriginals();
    const size = sizeOf(killed.dataDir, 'polos.db-wal');
    const middles = Array.from({ length: 12 }, (_, index) => Math.floor((size * index) / 12));
    for (const left of [...middles, 1, 31, 32, 32 + FRAME - 1, 32 + FRAME, size - FRAME, size - 1]) {
      expect(await openDamaged(killed, (dataDir) => cut(dataDir, 'polos.db-wal', left))).toBe('refused');
    }
  });

  test('is complete when only the torn tail of a commit is gone that nobody was told of', async () => {
    const { killed } = await makeOriginals();
    const tail = Buffer.alloc(FRAME / 2, 7);
    const tear = (dataDir: string) => writeFileSync(join(dataDir, 'polos.db-wal'), tail, { flag: 'a' });
    expect(await openDamaged(killed, tear)).toBe('complete');
  });

  test('is refused when the database or the log is gone, or an older copy is in its place', async () => {
    const { closed, killed } = await makeOriginals();
    const remove = (file: string) => (dataDir: string) => rmSync(join(dataDir, file));
    expect(await openDamaged(closed, remove('polos.db'))).toBe('refused');
    expect(await openDamaged(killed, remove('polos.db'))).toBe('refused');
    expect(await openDamaged(killed, remove('polos.db-wal'))).toBe('refused');
    const restore = (dataDir: string) => {
      rmSync(join(dataDir, 'polos.db-wal'));
      replaceFile(dataDir, 'polos.db', closed.dataDir);
    };
    expect(await openDamaged(killed, restore)).toBe('refused');
  });

  test('is refused without its watermark, or with that of another store', async () => {
    const { closed } = await makeOriginals();
    const { closed: another } = await makeOriginals();
    expect(await openDamaged(closed, (dataDir) => rmSync(join(dataDir, 'watermark')))).toBe('refused');
    expect(await openDamaged(closed, (dataDir) => cut(dataDir, 'watermark', 0))).toBe('refused');
    expect(await openDamaged(closed, (dataDir) => cut(dataDir, 'watermark', 60))).toBe('refused');
    expect(await openDamaged(closed, (dataDir) => replaceFile(dataDir, 'watermark', another.dataDir))).toBe(
      'refused',
    );
  });

  test('is complete when the watermark is older than the database, as after a loss of power', async () => {
    const { closed, killed } = await makeOriginals();
    expect(await openDamaged(killed, (dataDir) => replaceFile(dataDir, 'watermark', closed.dataDir))).toBe(
      'complete',
    );
  });
});

describe('a store that is refused', () => {
  test('says what is missing and how to go on without it, and then does', async () => {
    const dataDir = await dataDirectory();
    const { closed, killed } = await makeOriginals();
    for (const file of ['polos.db', 'watermark'] as const) replaceFile(dataDir, file, killed.dataDir);
    await expect(openEmbeddedStore({ dataDir })).rejects.toThrow(
      /polos\.db: it holds \d+ group commits, but \d+ .* were acknowledged.*"accept-loss"/,
    );
    await expect(openEmbeddedStore({ dataDir })).rejects.toThrow('accept-loss');

    writeFileSync(join(dataDir, 'accept-loss'), '');
    const store = await openEmbeddedStore({ dataDir });
    await expectAll(store, closed.acknowledged);
    await create(store, { id: 'later' });
    await store.close();
    expect(existsSync(join(dataDir, 'accept-loss'))).toBe(false);

    const again = await openEmbeddedStore({ dataDir });
    expect((await again.load('later'))?.execution.id).toBe('later');
    await again.close();
  });

  test('keeps a copy of the log that it could not read', async () => {
    const dataDir = await dataDirectory();
    const { killed } = await makeOriginals();
    for (const file of ['polos.db', 'watermark', 'polos.db-wal'] as const)
      replaceFile(dataDir, file, killed.dataDir);
    const half = Math.floor(sizeOf(dataDir, 'polos.db-wal') / 2);
    cut(dataDir, 'polos.db-wal', half);
    const log = readFileSync(join(dataDir, 'polos.db-wal'));
    await expect(openEmbeddedStore({ dataDir })).rejects.toThrow('polos.db');
    expect(readFileSync(join(dataDir, 'polos.db-wal.refused')).equals(log)).toBe(true);
    await expect(openEmbeddedStore({ dataDir })).rejects.toThrow('polos.db');
  });

  test('by an older server says that a newer one wrote it', async () => {
    const dataDir = await dataDirectory();
    const store = await openEmbeddedStore({ dataDir });
    await create(store, { id: 'a' });
    await store.close();
    const path = join(dataDir, 'polos.db');
    const bytes = readFileSync(path);
    // The user version, in the header of the file: https://www.sqlite.org/fileformat.html, section 1.3.
    bytes.writeUInt32BE(LAYOUT_VERSION + 1, 60);
    writeFileSync(path, bytes);
    await expect(openEmbeddedStore({ dataDir })).rejects.toThrow(/polos\.db: .* newer server/);
  });
});

describe('a row that is damaged while the store is open', () => {
  test('is noticed when it is read, by its checksum', async () => {
    const dataDir = await dataDirectory();
    const store = await openEmbeddedStore({ dataDir });
    const marker = 'M'.repeat(50);
    // Long enough to have pages of its own, which nobody writes again.
    const state = { text: `${'x'.repeat(10_000)}${marker}${'x'.repeat(10_000)}` };
    await store.commit(write(execution({ id: 'a' }), { state }));
    await store.close();

    const path = join(dataDir, 'polos.db');
    const again = await openEmbeddedStore({ dataDir });
    const bytes = readFileSync(path);
    bytes[bytes.indexOf(marker)]! ^= 1;
    writeFileSync(path, bytes);
    // Verified when it was opened, the page is in memory still: enough others push it out.
    const filler = { text: 'f'.repeat(1_000_000) };
    for (let n = 0; n < 20; n++) await again.commit(write(execution({ id: `f${n}` }), { state: filler }));
    await expect(again.load('a')).rejects.toThrow(
      /polos\.db: table "state", row 1: the content is not what was written/,
    );
    expect((await again.load('f1'))?.state).toEqual(filler);
    await again.close();
  });
});
