import { describe, expect, test } from 'vitest';
import type { RecordWrite, Store, StoredRecord } from '../../server/src/store/store.js';
import type { OpenStore } from './describe-store.js';
import { AWKWARD_TEXTS, createRecord, nextRecord, record } from './samples.js';

const A = { group: 'group', id: 'a' };
const ALL = { group: 'group', limit: 1_000 };

/** What `commitRecord`, `loadRecord`, `listRecords` and `listDueRecords` promise. */
export function describeRecords(open: OpenStore, reopen: (store: Store) => Promise<Store>): void {
  describe('records', () => {
    describeVersions(open);
    describeAliases(open);
    describeLists(open);
    describeDue(open);
    describeRecordValues(open, reopen);
  });
}

async function idsOf(records: Promise<readonly StoredRecord[]>): Promise<readonly string[]> {
  return (await records).map(({ id }) => id);
}

function describeVersions(open: OpenStore): void {
  test('are what was committed last', async () => {
    const store = await open();
    expect(await store.loadRecord(A)).toBeUndefined();
    const first = await createRecord(store, { id: 'a', body: '1', alias: 'first', dueAt: 5 });
    expect(await store.loadRecord(A)).toEqual(first);
    const second = nextRecord(first, { body: '2', dueAt: 6 });
    expect(await store.commitRecord({ record: second })).toBe('committed');
    expect(await store.loadRecord(A)).toEqual(second);
    const third = record({ id: 'a', version: 3 });
    expect(await store.commitRecord({ record: third })).toBe('committed');
    expect(await store.loadRecord(A)).toEqual(third);
    expect(await store.loadRecord({ group: 'other', id: 'a' })).toBeUndefined();
  });

  test('are gone once they were removed, and begin with version 1 again', async () => {
    const store = await open();
    const first = await createRecord(store, { id: 'a' });
    await store.commitRecord({ record: nextRecord(first) });
    expect(await store.commitRecord({ remove: { ...A, version: 2 } })).toBe('committed');
    expect(await store.loadRecord(A)).toBeUndefined();
    expect(await store.listRecords(ALL)).toEqual([]);
    expect(await store.commitRecord({ record: record({ id: 'a', version: 3 }) })).toBe('conflict');
    expect(await store.commitRecord({ record: record({ id: 'a', body: 'again' }) })).toBe('committed');
    expect(await store.loadRecord(A)).toEqual(record({ id: 'a', body: 'again' }));
  });

  test.each<[what: string, write: RecordWrite]>([
    ['a creation', { record: record({ id: 'a', body: 'again' }) }],
    ['a version that is there', { record: record({ id: 'a', version: 2, body: 'again' }) }],
    ['a version that is yet to come', { record: record({ id: 'a', version: 4 }) }],
    ['the removal of a version that is past', { remove: { ...A, version: 1 } }],
    ['the removal of a version that is yet to come', { remove: { ...A, version: 3 } }],
    ['the removal of a record that is not there', { remove: { group: 'group', id: 'b', version: 1 } }],
    ['a version of a record that is not there', { record: record({ id: 'b', version: 2 }) }],
    ['a version of a record of another group', { record: record({ ...A, group: 'other', version: 3 }) }],
  ])('against another version are a conflict and change nothing: %s', async (_, write) => {
    const store = await open();
    const second = nextRecord(await createRecord(store, { id: 'a' }), { alias: 'second', dueAt: 1 });
    await store.commitRecord({ record: second });
    expect(await store.commitRecord(write)).toBe('conflict');
    expect(await store.listRecords(ALL)).toEqual([second]);
  });

  test('of many writes against one version, asked for at once, exactly one wins', async () => {
    const store = await open();
    const first = await createRecord(store, { id: 'a' });
    const rivals: RecordWrite[] = Array.from({ length: 10 }, (_, n) => ({
      record: nextRecord(first, { body: `${n}` }),
    }));
    const writes = [...rivals, { remove: first }, ...rivals];
    const results = await Promise.all(writes.map((write) => store.commitRecord(write)));
    expect(results.filter((result) => result === 'committed')).toHaveLength(1);
    const winner = writes[results.indexOf('committed')]!;
    expect(await store.loadRecord(A)).toEqual('record' in winner ? winner.record : undefined);
  });

  test('writes of one record that are asked for at once succeed in their order', async () => {
    const store = await open();
    const first = record({ id: 'a' });
    const second = nextRecord(first);
    const again = record({ id: 'a', body: 'again' });
    const writes = [{ record: first }, { record: second }, { remove: second }, { record: again }];
    const results = await Promise.all(writes.map((write) => store.commitRecord(write)));
    expect(results).toEqual(writes.map(() => 'committed'));
    expect(await store.loadRecord(A)).toEqual(again);
  });

  test('a write that conflicts does not harm the others of its moment', async () => {
    const store = await open();
    const known = await createRecord(store, { id: 'known', alias: 'taken' });
    const results = await Promise.all([
      store.commitRecord({ record: record({ id: 'x' }) }),
      store.commitRecord({ record: known }),
      store.commitRecord({ record: record({ id: 'y', alias: 'taken' }) }),
      store.commitRecord({ remove: { ...known, version: 2 } }),
      store.commitRecord({ record: record({ id: 'z' }) }),
    ]);
    expect(results).toEqual(['committed', 'conflict', 'conflict', 'conflict', 'committed']);
    expect(await idsOf(store.listRecords(ALL))).toEqual(['known', 'x', 'z']);
  });

  test('are finished before the store is closed, and refused afterwards', async () => {
    const store = await open();
    const commits = ['a', 'b'].map((id) => store.commitRecord({ record: record({ id }) }));
    await store.close();
    expect(await Promise.all(commits)).toEqual(['committed', 'committed']);
    await expect(store.commitRecord({ record: record({ id: 'c' }) })).rejects.toThrow('closed');
    await expect(store.loadRecord(A)).rejects.toThrow('closed');
  });
}

function describeAliases(open: OpenStore): void {
  const ALIAS = { group: 'group', alias: 'name' };

  test('are found by their alias within their group', async () => {
    const store = await open();
    const mine = await createRecord(store, { id: 'a', alias: 'name' });
    const other = await createRecord(store, { id: 'a', group: 'other', alias: 'name' });
    await createRecord(store, { id: 'name' });
    expect(await store.loadRecord(ALIAS)).toEqual(mine);
    expect(await store.loadRecord({ group: 'other', alias: 'name' })).toEqual(other);
    expect(await store.loadRecord({ group: 'group', alias: 'a' })).toBeUndefined();
  });

  test('an alias that another record of the group has is a conflict, whoever asks for it', async () => {
    const store = await open();
    const first = await createRecord(store, { id: 'a', alias: 'name' });
    expect(await store.commitRecord({ record: record({ id: 'b', alias: 'name' }) })).toBe('conflict');
    const b = await createRecord(store, { id: 'b', alias: 'free', dueAt: 5 });
    expect(await store.commitRecord({ record: nextRecord(b, { alias: 'name' }) })).toBe('conflict');
    expect(await store.listRecords(ALL)).toEqual([first, b]);
    expect(await store.commitRecord({ record: nextRecord(b, { alias: 'free too' }) })).toBe('committed');
  });

  test('keep their alias, change it and give it up', async () => {
    const store = await open();
    const first = await createRecord(store, { id: 'a', alias: 'name' });
    const kept = nextRecord(first, { body: 'kept' });
    expect(await store.commitRecord({ record: kept })).toBe('committed');
    expect(await store.loadRecord(ALIAS)).toEqual(kept);
    const renamed = nextRecord(kept, { alias: 'renamed' });
    expect(await store.commitRecord({ record: renamed })).toBe('committed');
    expect(await store.loadRecord(ALIAS)).toBeUndefined();
    await createRecord(store, { id: 'b', alias: 'name' });
    const nameless = record({ id: 'a', version: 4 });
    expect(await store.commitRecord({ record: nameless })).toBe('committed');
    expect(await store.loadRecord({ group: 'group', alias: 'renamed' })).toBeUndefined();
    expect(await store.commitRecord({ record: record({ id: 'c', alias: 'renamed' }) })).toBe('committed');
  });

  test('free their alias when they are removed', async () => {
    const store = await open();
    const first = await createRecord(store, { id: 'a', alias: 'name' });
    await store.commitRecord({ remove: first });
    expect(await store.loadRecord(ALIAS)).toBeUndefined();
    const second = await createRecord(store, { id: 'b', alias: 'name' });
    expect(await store.loadRecord(ALIAS)).toEqual(second);
  });

  test('of many that want one alias at once, exactly one gets it', async () => {
    const store = await open();
    const rivals = Array.from({ length: 10 }, (_, n) => record({ id: `${n}`, alias: 'name' }));
    const results = await Promise.all(rivals.map((rival) => store.commitRecord({ record: rival })));
    expect(results.filter((result) => result === 'committed')).toHaveLength(1);
    expect(await store.listRecords(ALL)).toEqual([rivals[results.indexOf('committed')]]);
  });
}

function describeLists(open: OpenStore): void {
  const IDS = ['', '\0', 'B', 'a', 'a\0', 'a\u0001', 'a/', 'aa', '\uff5e', '\u{1f600}'];

  async function openWithAll(): Promise<Store> {
    const store = await open();
    for (const id of IDS.toReversed()) await createRecord(store, { id });
    await createRecord(store, { id: 'other', group: 'grou' });
    await createRecord(store, { id: 'other', group: 'group\0' });
    return store;
  }

  test('are listed by the bytes of their ids, those of one group only', async () => {
    const store = await openWithAll();
    expect(await idsOf(store.listRecords(ALL))).toEqual(IDS);
    expect(await idsOf(store.listRecords({ ...ALL, descending: true }))).toEqual(IDS.toReversed());
    expect(await idsOf(store.listRecords({ ...ALL, group: 'grou' }))).toEqual(['other']);
    expect(await store.listRecords({ ...ALL, group: 'none' })).toEqual([]);
  });

  test('are listed from an id on, which need not be there, as many as asked for', async () => {
    const store = await openWithAll();
    for (const [index, from] of IDS.entries()) {
      expect(await idsOf(store.listRecords({ ...ALL, from, limit: 3 }))).toEqual(IDS.slice(index, index + 3));
      const back = await idsOf(store.listRecords({ ...ALL, from, descending: true, limit: 3 }));
      expect(back).toEqual(IDS.slice(Math.max(0, index - 2), index + 1).toReversed());
    }
    expect(await idsOf(store.listRecords({ ...ALL, from: 'a0', limit: 1 }))).toEqual(['aa']);
    expect(await idsOf(store.listRecords({ ...ALL, from: 'a0', descending: true, limit: 1 }))).toEqual([
      'a/',
    ]);
    expect(await store.listRecords({ ...ALL, from: '\u{1f601}' })).toEqual([]);
  });
}

function describeDue(open: OpenStore): void {
  const DUE = { until: 20, limit: 10 };

  test('are due in the order of their times, then of their names, and tell when to look again', async () => {
    const store = await open();
    await createRecord(store, { id: 'never' });
    await createRecord(store, { id: 'later', dueAt: 21 });
    await createRecord(store, { id: '\u{1f600}', dueAt: 20 });
    await createRecord(store, { id: '\uff5e', dueAt: 20 });
    await createRecord(store, { id: 'a', group: 'grouq', dueAt: 20 });
    await createRecord(store, { id: 'z', dueAt: -1 });
    const due = [
      { group: 'group', id: 'z', dueAt: -1, isOurs: true },
      { group: 'group', id: '\uff5e', dueAt: 20, isOurs: true },
      { group: 'group', id: '\u{1f600}', dueAt: 20, isOurs: true },
      { group: 'grouq', id: 'a', dueAt: 20, isOurs: true },
    ];
    expect(await store.listDueRecords(DUE)).toEqual({ due, next: 21 });
    expect(await store.listDueRecords({ until: 20, limit: 3 })).toEqual({ due: due.slice(0, 3), next: 20 });
    expect(await store.listDueRecords({ until: -2, limit: 10 })).toEqual({ due: [], next: -1 });
    expect(await store.listDueRecords({ until: 21, limit: 5 })).not.toHaveProperty('next');
  });

  test('are due when their last version says so', async () => {
    const store = await open();
    const first = await createRecord(store, { id: 'a', dueAt: 10 });
    const later = nextRecord(first, { dueAt: 30 });
    await store.commitRecord({ record: later });
    expect(await store.listDueRecords(DUE)).toEqual({ due: [], next: 30 });
    await store.commitRecord({ record: record({ id: 'a', version: 3 }) });
    expect(await store.listDueRecords(DUE)).toEqual({ due: [] });
    const removed = await createRecord(store, { id: 'b', dueAt: 10 });
    await store.commitRecord({ remove: removed });
    expect(await store.listDueRecords(DUE)).toEqual({ due: [] });
  });
}

function describeRecordValues(open: OpenStore, reopen: (store: Store) => Promise<Store>): void {
  test('of awkward names and texts come back as they are', async () => {
    const store = await open();
    const expected = AWKWARD_TEXTS.map((text) =>
      record({ group: text, id: text, alias: text, body: JSON.stringify(text) }),
    );
    await Promise.all(expected.map((each) => store.commitRecord({ record: each })));
    const within = AWKWARD_TEXTS.map((text) => record({ id: text, alias: `alias ${text}`, body: text }));
    await Promise.all(within.map((each) => store.commitRecord({ record: each })));
    const again = await reopen(store);
    for (const each of expected) {
      const { group, id } = each;
      expect(await again.loadRecord({ group, id })).toEqual(each);
      expect(await again.loadRecord({ group, alias: id })).toEqual(each);
      expect(await again.listRecords({ group, limit: 2 })).toEqual([each]);
    }
    expect(new Set(await again.listRecords(ALL))).toEqual(new Set(within));
  });

  test('of the largest names and bodies come back', async () => {
    const store = await open();
    const largest = record({
      group: 'g'.repeat(2_048),
      id: 'é'.repeat(256),
      alias: 'a'.repeat(2_048),
      dueAt: 8.64e15,
      body: JSON.stringify('é'.repeat(2 * 1_024 * 1_024 - 1)),
    });
    await store.commitRecord({ record: largest });
    const found = await (await reopen(store)).loadRecord(largest);
    expect(found?.body === largest.body).toBe(true);
    expect({ ...found, body: '' }).toEqual({ ...largest, body: '' });
  });

  test('that break the rules of the port throw and leave the others alone', async () => {
    const store = await open();
    const broken: RecordWrite[] = [
      { record: record({ id: 'a', group: 'g'.repeat(2_049) }) },
      { record: record({ id: 'é'.repeat(257) }) },
      { record: record({ id: 'a', alias: 'a'.repeat(2_049) }) },
      { record: record({ id: '\ud800' }) },
      { record: record({ id: 'a', version: 0 }) },
      { record: record({ id: 'a', version: 1.5 }) },
      { record: record({ id: 'a', dueAt: 0.5 }) },
      { record: record({ id: 'a', dueAt: 8.65e15 }) },
      { remove: record({ id: 'a', version: 0 }) },
    ];
    const refused = broken.map((write) => expect(store.commitRecord(write)).rejects.toThrow());
    const good = store.commitRecord({ record: record({ id: 'good' }) });
    await Promise.all(refused);
    expect(await good).toBe('committed');
    expect(await idsOf(store.listRecords(ALL))).toEqual(['good']);
  });

  test('that were committed are there after the store was opened again, and those removed are not', async () => {
    const store = await open();
    const kept = await createRecord(store, { id: 'a', alias: 'name', dueAt: 5 });
    const removed = await createRecord(store, { id: 'b', alias: 'free', dueAt: 1 });
    await store.commitRecord({ remove: removed });
    const replaced = nextRecord(await createRecord(store, { id: 'c', dueAt: 1 }), { dueAt: 6 });
    await store.commitRecord({ record: replaced });
    const again = await reopen(store);
    expect(await again.listRecords(ALL)).toEqual([kept, replaced]);
    expect(await again.loadRecord({ group: 'group', alias: 'name' })).toEqual(kept);
    expect(await again.listDueRecords({ until: 5, limit: 5 })).toMatchObject({ due: [{ id: 'a' }], next: 6 });
    expect(await again.commitRecord({ record: record({ id: 'a' }) })).toBe('conflict');
    expect(await again.commitRecord({ record: record({ id: 'd', alias: 'free' }) })).toBe('committed');
    expect(await again.commitRecord({ remove: replaced })).toBe('committed');
    expect(await idsOf((await reopen(again)).listRecords(ALL))).toEqual(['a', 'd']);
  });
}
