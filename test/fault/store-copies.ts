import {
  copyFileSync,
  cpSync,
  existsSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Execution } from '../../server/src/core/execution.js';
import type { JournalEntry } from '../../server/src/core/journal.js';
import type { JsonObject } from '../../server/src/core/json.js';
import { openEmbeddedStore } from '../../server/src/store/embedded/embedded-store.js';
import {
  type Store,
  type StoredRecord,
  type StoredSchema,
  StoreFault,
} from '../../server/src/store/store.js';
import { dataDirectory } from '../store-conformance/data-directory.js';
import {
  createRecord,
  entry,
  execution,
  next,
  nextRecord,
  schema,
  write,
} from '../store-conformance/samples.js';

/** The files of a data directory. */
export type StoreFile = 'polos.db' | 'polos.db-wal' | 'watermark';

/** All that was acknowledged to the writer of a store. */
export interface Acknowledged {
  readonly executions: Map<string, AcknowledgedExecution>;
  readonly schemas: StoredSchema[];
  readonly records: Map<string, StoredRecord>;
}

interface AcknowledgedExecution {
  execution: Execution;
  state: JsonObject;
  terms?: readonly string[] | undefined;
  journal: JournalEntry[];
}

/** Two data directories with the same kind of content, and what each must hold. */
export interface Originals {
  /** As `close` leaves it: all in the database file. */
  readonly closed: Original;
  /** As kill -9 leaves it: the newest commits are in the log only. */
  readonly killed: Original;
}

/** A data directory that is only copied, and what it holds. */
export interface Original {
  readonly dataDir: string;
  readonly acknowledged: Acknowledged;
}

/** Fills a store in two rounds, and keeps a copy after each. */
export async function makeOriginals(): Promise<Originals> {
  const [working, closedDir, killedDir] = [
    await dataDirectory(),
    await dataDirectory(),
    await dataDirectory(),
  ];
  const acknowledged: Acknowledged = { executions: new Map(), schemas: [], records: new Map() };
  const first = await openEmbeddedStore({ dataDir: working });
  await fill(first, acknowledged, 'first');
  await first.close();
  cpSync(working, closedDir, { recursive: true });
  const closed = { dataDir: closedDir, acknowledged: structuredClone(acknowledged) };

  const second = await openEmbeddedStore({ dataDir: working });
  await fill(second, acknowledged, 'second');
  cpSync(working, killedDir, { recursive: true });
  await second.close();
  return { closed, killed: { dataDir: killedDir, acknowledged } };
}

/** Creates executions and gives each a few steps: small ones, and some that need pages of their own. */
async function fill(store: Store, acknowledged: Acknowledged, round: string): Promise<void> {
  const ids = Array.from({ length: 25 }, (_, index) => `${round}-${index}`);
  for (const [index, id] of ids.entries()) {
    const created = execution({ id, idempotencyKey: id, userId: `user-${index % 3}`, createdAt: index });
    await store.commit(write(created, { state: { round } }));
    acknowledged.executions.set(id, { execution: created, state: { round }, journal: [] });
  }
  for (let step = 1; step <= 6; step++) {
    await Promise.all([...acknowledged.executions.keys()].map((id) => takeStep(store, acknowledged, id)));
  }
  const registered = schema({ digest: round });
  await store.putSchema(registered);
  acknowledged.schemas.push(registered);
  await fillRecords(store, acknowledged.records, round);
}

/** Creates records, and replaces or removes some of all that there are: small ones, and one that needs pages of its own. */
async function fillRecords(store: Store, records: Map<string, StoredRecord>, round: string): Promise<void> {
  for (let index = 0; index < 30; index++) {
    const id = `${round}-${index}`;
    const names = {
      ...(index % 3 === 0 && { alias: `alias of ${id}` }),
      ...(index % 2 === 0 && { dueAt: index }),
    };
    const body = JSON.stringify('r'.repeat(index === 7 ? 20_000 : 100));
    records.set(id, await createRecord(store, { id, body, ...names }));
  }
  for (const [index, record] of [...records.values()].entries()) {
    const replacement = nextRecord(record, {
      body: JSON.stringify(`${round} ${index}`),
      dueAt: 1_000 + index,
    });
    if (index % 4 === 0) {
      await store.commitRecord({ record: replacement });
      records.set(record.id, replacement);
    } else if (index % 4 === 1) {
      await store.commitRecord({ remove: record });
      records.delete(record.id);
    }
  }
}

async function takeStep(store: Store, acknowledged: Acknowledged, id: string): Promise<void> {
  const row = acknowledged.executions.get(id)!;
  const version = row.execution.version + 1;
  const size = version === 4 && id.endsWith('7') ? 20_000 : 100;
  const written = next(row.execution, {
    eventCount: row.execution.eventCount + 1,
    status: 'running',
    ready: false,
  });
  const added = entry(written.eventCount, { result: { json: JSON.stringify('r'.repeat(size)) } });
  const state = version % 2 === 0 ? { version, text: 's'.repeat(size) } : undefined;
  const index = { wakeAt: version * 1_000, waitsFor: waitsFor(version) };
  const terms = version % 3 === 0 ? undefined : [`version ${version}`, 'all'];
  const changed = { ...(state !== undefined && { state }), ...(terms && { terms }) };
  await store.commit({ ...write(written, { entry: added, index }), ...changed });
  row.execution = written;
  row.state = state ?? row.state;
  row.terms = terms ?? row.terms;
  row.journal.push(added);
}

/** Every version waits for something else, and for one thing that the one before waited for, too. */
function waitsFor(version: number): readonly string[] {
  return [`event ${version}`, `event ${version + 1}`];
}

/** Copies an original, damages the copy and opens it: it must refuse with the name of a file, or be complete. */
export async function openDamaged(
  original: Original,
  damage: (dataDir: string) => void,
): Promise<'refused' | 'complete'> {
  const dataDir = await dataDirectory();
  cpSync(original.dataDir, dataDir, { recursive: true });
  damage(dataDir);
  let store: Store;
  try {
    store = await openEmbeddedStore({ dataDir });
  } catch (error) {
    expect(error).toBeInstanceOf(StoreFault);
    expect((error as StoreFault).message).toMatch(/(polos\.db|watermark): /);
    return 'refused';
  }
  await expectAll(store, original.acknowledged);
  await store.close();
  return 'complete';
}

/** Every acknowledged value, as it was. */
export async function expectAll(store: Store, { executions, schemas, records }: Acknowledged): Promise<void> {
  for (const [id, { execution: expected, state, terms, journal }] of executions) {
    expect(await store.load(id)).toEqual({ execution: expected, state, ...(terms && { terms }) });
    for (const is of terms ?? []) expect(await search(store, is)).toContain(id);
    expect(await store.journal(id, { afterEvent: 0, entries: 1_000, bytes: 1e9 })).toEqual(journal);
  }
  const listed = await store.list({ projectId: 'default', limit: 1_000 });
  expect(listed.map(({ id }) => id).sort()).toEqual([...executions.keys()].sort());
  const due = await store.listDue({ until: Number.MAX_SAFE_INTEGER, limit: 1_000 });
  expect(due.due.map(({ id }) => id).sort()).toEqual([...executions.keys()].sort());
  expect(await store.listSchemas({ projectId: 'default' })).toHaveLength(schemas.length);
  await expectWaiting(
    store,
    [...executions.values()].map(({ execution }) => execution),
  );
  await expectRecords(store, [...records.values()]);
}

async function search(store: Store, term: string): Promise<readonly string[]> {
  const query = { projectId: 'default', terms: [{ is: term }], limit: 1_000, lookedAt: 1_000 };
  return (await store.search(query)).executions.map(({ id }) => id);
}

async function expectWaiting(store: Store, executions: readonly Execution[]): Promise<void> {
  for (let number = 1; number <= 20; number++) {
    const key = `event ${number}`;
    const waiting = executions.filter(({ version }) => version > 1 && waitsFor(version).includes(key));
    const listed = await store.listWaiting({ key, limit: 1_000 });
    expect(listed.map(({ id }) => id)).toEqual(waiting.map(({ id }) => id).sort());
  }
}

async function expectRecords(store: Store, records: readonly StoredRecord[]): Promise<void> {
  const inOrder = records.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  expect(await store.listRecords({ group: 'group', limit: 1_000 })).toEqual(inOrder);
  const aliased = inOrder.filter(({ alias }) => alias !== undefined);
  for (const record of aliased) {
    expect(await store.loadRecord({ group: 'group', alias: record.alias! })).toEqual(record);
  }
  const { due } = await store.listDueRecords({ until: Number.MAX_SAFE_INTEGER, limit: 1_000 });
  const expected = inOrder.filter(({ dueAt }) => dueAt !== undefined).map(({ id }) => id);
  expect(due.map(({ id }) => id).sort()).toEqual(expected);
}

/** The bytes of a file; 0 if it is not there. */
export function sizeOf(dataDir: string, file: StoreFile): number {
  const path = join(dataDir, file);
  return existsSync(path) ? statSync(path).size : 0;
}

/** Cuts a file off. */
export function cut(dataDir: string, file: StoreFile, size: number): void {
  truncateSync(join(dataDir, file), size);
}

/** Turns one bit over. */
export function flip(dataDir: string, file: StoreFile, bit: number): void {
  const path = join(dataDir, file);
  const bytes = readFileSync(path);
  bytes[bit >> 3]! ^= 1 << (bit & 7);
  writeFileSync(path, bytes);
}

/** Puts one file of another directory in place of this one's. */
export function replaceFile(dataDir: string, file: StoreFile, from: string): void {
  copyFileSync(join(from, file), join(dataDir, file));
}
