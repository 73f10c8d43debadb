import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openEmbeddedStore } from '../../server/src/store/embedded/embedded-store.js';
import type { Store } from '../../server/src/store/store.js';
import { dataDirectory } from '../store-conformance/data-directory.js';
import { create } from '../store-conformance/samples.js';
import { Program } from './processes.js';

const COMMITTING = fileURLToPath(new URL('programs/committing-store.mjs', import.meta.url));

function startCommitting(dataDir: string, round: string, inFlight: number): Program {
  return new Program(COMMITTING, [], { DATA_DIR: dataDir, ROUND: round, IN_FLIGHT: `${inFlight}` });
}

/** The newest version of each execution that the process was told is durable. */
function acknowledged(program: Program): Map<string, number> {
  const versions = new Map<string, number>();
  for (const line of program.lines) {
    const [id = '', version] = line.split(' ');
    if (version !== undefined) versions.set(id, Number(version));
  }
  return versions;
}

/** A commit in flight may have happened without its acknowledgement, and no more than that one. */
async function expectCommitted(store: Store, versions: Map<string, number>): Promise<void> {
  for (const [id, version] of versions) {
    const found = await store.load(id);
    const actual = found?.execution.version ?? 0;
    expect([version, version + 1]).toContain(actual);
    expect(found?.state ?? {}).toMatchObject({ version: actual });
    const journal = await store.journal(id, { afterEvent: 0, entries: 100_000, bytes: 1e9 });
    expect(journal.map(({ firstEvent }) => firstEvent)).toEqual(
      Array.from({ length: actual }, (_, n) => n + 1),
    );
    const record = await store.loadRecord({ group: 'records', id });
    expect([version, version + 1]).toContain(record?.version);
  }
}

test('every commit that was acknowledged survives kill -9, again and again', {
  timeout: 60_000,
}, async () => {
  const dataDir = await dataDirectory();
  const committed = new Map<string, number>();
  for (const inFlight of [1, 7, 64, 64, 200]) {
    const round = `round${committed.size}`;
    const program = startCommitting(dataDir, round, inFlight);
    await program.line(`${round}-0 12`);
    await program.signal('SIGKILL');
    for (const [id, version] of acknowledged(program)) committed.set(id, version);

    const store = await openEmbeddedStore({ dataDir });
    await expectCommitted(store, committed);
    await store.close();
  }
  expect(committed.size).toBe(1 + 7 + 64 + 64 + 200);
});

test('a second process on the same directory is refused until the first one ends, however it ends', async () => {
  const dataDir = await dataDirectory();
  const first = startCommitting(dataDir, 'first', 1);
  await first.line('first-0 3');
  const second = startCommitting(dataDir, 'second', 1);
  const refusal = await second.line('refused');
  expect(refusal).toContain(dataDir);
  expect(refusal).toMatch(/another process \(pid \d+\) has this data directory open/);
  await expect(openEmbeddedStore({ dataDir })).rejects.toThrow('another process');

  await first.signal('SIGKILL');
  const store = await openEmbeddedStore({ dataDir });
  await expectCommitted(store, acknowledged(first));
  await store.close();
});

test('one process cannot open a directory twice, and can open it again after it closed it', async () => {
  const dataDir = await dataDirectory();
  const store = await openEmbeddedStore({ dataDir });
  await create(store, { id: 'a' });
  await expect(openEmbeddedStore({ dataDir })).rejects.toThrow('has this data directory open');
  await create(store, { id: 'b' });
  await store.close();
  const again = await openEmbeddedStore({ dataDir });
  expect((await again.load('b'))?.execution.id).toBe('b');
  await again.close();
});
