import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Execution } from '../../server/src/core/execution.js';
import { toCommitOperation } from '../../server/src/store/mongo/commit-operation.js';
import { CommitWriter } from '../../server/src/store/mongo/commit-writer.js';
import { Connection } from '../../server/src/store/mongo/connection.js';
import { Journal } from '../../server/src/store/mongo/journal.js';
import { Settlement } from '../../server/src/store/mongo/settlement.js';
import type { ExecutionWrite, RecordWrite, Store } from '../../server/src/store/store.js';
import { withMongod } from '../mongodb/shared.js';
import type { CommandFailure, FailingMongod } from './mongo-fail-points.js';
import { withFailingStores } from './mongo-failing-stores.js';
import { create, createRecord, entry, execution, next, nextRecord, record, write } from './samples.js';

const LOST = { closeConnection: true } as const;
const NOT_PRIMARY = { errorCode: 10_107 } as const;
const STEPPED_DOWN = { errorCode: 189 } as const;
const SHUT_DOWN = { errorCode: 91 } as const;
const WRITE_CONFLICT = { errorCode: 112 } as const;
/** The driver tries the first of these again; it does not the second. */
const NO_MAJORITY_SHUT_DOWN = { writeConcernError: { code: 91, errmsg: 'shutting down' } } as const;
const NO_MAJORITY_IN_TIME = {
  writeConcernError: { code: 64, errmsg: 'waiting for replication timed out' },
} as const;

const ALL = { entries: 1_000, bytes: 1e6 };

withMongod(() => {
  let mongod: FailingMongod;
  let database: string;
  let one: Store;
  let other: Store;
  const fail = withFailingStores((stores) => {
    ({ mongod, database, one, other } = stores);
  });

  /** A write that adds an entry, and leaves a trace of who asked for it. */
  function step(before: Execution, queue: string): ExecutionWrite {
    const execution = next(before, { queue, eventCount: before.eventCount + 1 });
    return { before, execution, entry: entry(execution.eventCount), index: { ready: false } };
  }

  async function expectStored(written: Execution): Promise<void> {
    expect((await other.load(written.id))?.execution).toEqual(written);
    const journal = await other.journal(written.id, { afterEvent: 0, ...ALL });
    expect(journal.map(({ firstEvent }) => firstEvent)).toEqual(
      Array.from({ length: written.eventCount }, (_, n) => n + 1),
    );
  }

  describe('a commit happens once, and its writer hears of it, when', () => {
    test.each<[what: string, command: string, how: Partial<CommandFailure>, times: number]>([
      ['the connection breaks', 'update', LOST, 1],
      ['the connection breaks twice', 'update', LOST, 2],
      ['the connection breaks five times', 'update', LOST, 5],
      ['the primary is none any more', 'update', NOT_PRIMARY, 2],
      ['the primary steps down', 'update', STEPPED_DOWN, 3],
      ['the server shuts down', 'update', SHUT_DOWN, 3],
      ['a majority did not confirm it, twice', 'update', NO_MAJORITY_SHUT_DOWN, 2],
      ['a majority did not confirm it in time', 'update', NO_MAJORITY_IN_TIME, 1],
      ['a majority did not confirm it in time, again and again', 'update', NO_MAJORITY_IN_TIME, 3],
    ])('%s', async (_, command, how, times) => {
      const first = await create(one, { id: 'a' });
      await fail([command], how, { times });
      const written = step(first, 'one');
      expect(await one.commit(written)).toBe('committed');
      await expectStored(written.execution);
      const created = execution({ id: 'b' });
      await fail([command], how, { times });
      expect(await one.commit(write(created))).toBe('committed');
      await expectStored(created);
    });

    test.each<[what: string, how: Partial<CommandFailure>, times: number]>([
      ['the connection breaks for a group', LOST, 1],
      ['the connection breaks for a group, again and again', LOST, 5],
      ['a group meets another writer', WRITE_CONFLICT, 1],
      ['the primary steps down before a group', STEPPED_DOWN, 2],
      ['a majority did not confirm a group', NO_MAJORITY_SHUT_DOWN, 2],
      ['a majority did not confirm a group in time', NO_MAJORITY_IN_TIME, 2],
    ])('%s', async (_, how, times) => {
      const first = await Promise.all(Array.from({ length: 12 }, (__, n) => create(one, { id: `e${n}` })));
      await other.commit(step(first[0]!, 'other'));
      await fail(['update'], how, { times });
      const written = first.map((before) => step(before, 'one'));
      const created = execution({ id: 'new' });
      const results = await Promise.all([...written, write(created)].map((each) => one.commit(each)));
      expect(results).toEqual(['conflict', ...Array.from({ length: 12 }, () => 'committed')]);
      for (const each of written.slice(1)) await expectStored(each.execution);
      await expectStored(created);
    });
  });

  describe('a commit whose answer was lost', () => {
    /** The write is carried out; then its store hears nothing, and looks in vain, until `meanwhile` is over. */
    async function loseAnswer(lost: ExecutionWrite, meanwhile: () => Promise<unknown>): Promise<unknown> {
      const failed = await fail(['update', 'find'], LOST, { skip: 1 });
      await mongod.loseNextAnswer();
      const result = one.commit(lost).catch((error) => error);
      // The driver's own second try, and then the store's first look.
      await failed(2);
      expect((await other.load(lost.execution.id))?.execution.version).toBe(lost.execution.version);
      await meanwhile();
      await mongod.heal();
      return result;
    }

    test('is found by its own mark', async () => {
      const first = await create(one, { id: 'a' });
      const lost = step(first, 'one');
      expect(await loseAnswer(lost, async () => {})).toBe('committed');
      await expectStored(lost.execution);
    });

    test.each([1, 3, 70])('is found in the journal after others committed %d times', async (times) => {
      const first = await create(one, { id: 'a' });
      const lost = step(first, 'one');
      const result = await loseAnswer(lost, async () => {
        let latest = lost.execution;
        for (let n = 0; n < times; n++) {
          const more = step(latest, 'other');
          expect(await other.commit(more)).toBe('committed');
          latest = more.execution;
        }
      });
      expect(result).toBe('committed');
    });

    test('is unknown after others committed, if it has no entry in the journal', async () => {
      const first = await create(one, { id: 'a' });
      const lost = write(next(first, { queue: 'one' }));
      const result = await loseAnswer(lost, async () => {
        expect(await other.commit(write(next(lost.execution)))).toBe('committed');
      });
      expect(result).toMatchObject({ name: 'StoreFault', retryable: true, message: /^commit a: .*lost/ });
    });

    test('and that did not happen, because others were first, is a conflict', async () => {
      const first = await create(one, { id: 'a' });
      const failed = await fail(['update', 'find'], LOST, 'alwaysOn');
      const late = one.commit(step(first, 'one'));
      await failed(3);
      const won = step(first, 'other');
      expect(await other.commit(won)).toBe('committed');
      const after = step(won.execution, 'other');
      expect(await other.commit(after)).toBe('committed');
      await mongod.heal();
      expect(await late).toBe('conflict');
      await expectStored(after.execution);
    });

    test('and that lands just before it is asked for again conflicts with itself, and is found', async () => {
      const connection = new Connection({ url: mongod.url, database });
      onTestFinished(() => connection.close());
      /** Each time something is asked for, it was asked for before, and that comes first. */
      class TwiceWriter extends CommitWriter {
        override async write(...given: Parameters<CommitWriter['write']>) {
          await super.write(...given);
          return super.write(...given);
        }
      }
      const settlement = new Settlement(connection, new Journal(connection), new TwiceWriter(connection));
      const first = await create(one, { id: 'a' });
      const lost = step(first, 'one');
      const context = {
        token: { by: 'me', number: 1 },
        beginsTail: false,
        stateChange: { type: 'none' as const },
      };
      const group = {
        operations: [toCommitOperation(lost, context)],
        attempts: ['unknown' as const],
        since: performance.now(),
      };
      expect(await connection.ask('settle', (session) => settlement.settle(group, session))).toEqual([
        'committed',
      ]);
      await expectStored(lost.execution);
    });

    test('is given up after a while, as unknown', async () => {
      const first = await create(one, { id: 'a' });
      const failed = await fail(['update', 'find'], LOST, 'alwaysOn');
      const now = performance.now.bind(performance);
      const commit = one.commit(step(first, 'one'));
      await failed(3);
      const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + 30_000);
      const message = /^commit a: whether it happened could not be found out/;
      await expect(commit).rejects.toMatchObject({ name: 'StoreFault', retryable: true, message });
      clock.mockRestore();
      await mongod.heal();
      expect(await one.commit(step(first, 'one'))).toBe('committed');
    });
  });

  test('a commit that has to move the tail does so, however often that fails', async () => {
    let latest = await create(one, { id: 'a' });
    for (let event = 1; event < 32; event++) {
      const more = step(latest, 'one');
      await one.commit(more);
      latest = more.execution;
    }
    await fail(['insert'], LOST, { times: 5 });
    const crossing = step(latest, 'one');
    expect(await one.commit(crossing)).toBe('committed');
    await expectStored(crossing.execution);
  });

  describe('a record', () => {
    const A = { group: 'group', id: 'a' };
    const first = record({ id: 'a', alias: 'name' });
    const second = nextRecord(first, { body: 'second' });

    /** Each is asked for when the one before it is done. */
    const writes: readonly (readonly [what: string, command: string, write: RecordWrite])[] = [
      ['a creation', 'insert', { record: first }],
      ['a replacement', 'update', { record: second }],
      ['a removal', 'delete', { remove: second }],
    ];

    /** Whether a write is stored. */
    async function isDone(done: RecordWrite): Promise<boolean> {
      const found = await other.loadRecord(A);
      return 'record' in done ? found?.version === done.record.version : found === undefined;
    }

    test.each<[what: string, how: Partial<CommandFailure>, times: number]>([
      ['the connection breaks', LOST, 1],
      ['the primary is none any more', NOT_PRIMARY, 1],
      ['the server shuts down', SHUT_DOWN, 1],
      ['a majority did not confirm it, because the server shuts down', NO_MAJORITY_SHUT_DOWN, 1],
    ])('is written once, and its writer hears of it, when %s', async (_, how, times) => {
      for (const [, command, written] of writes) {
        await fail([command], how, { times });
        expect(await one.commitRecord(written)).toBe('committed');
        expect(await isDone(written)).toBe(true);
      }
    });

    test('is written once, and its writer hears of it, when the first answer is lost', async () => {
      for (const [, , written] of writes) {
        await mongod.loseNextAnswer();
        expect(await one.commitRecord(written)).toBe('committed');
        expect(await isDone(written)).toBe(true);
      }
    });

    test('is a fault and may be there when both answers are lost, which is no conflict with itself', async () => {
      for (const [, command, written] of writes) {
        await mongod.loseNextAnswer();
        // The first try is carried out, and this is the second.
        await fail([command], LOST, { skip: 1 });
        const message = /^commit the record a of "group": the connection failed/;
        await expect(one.commitRecord(written)).rejects.toMatchObject({ retryable: true, message });
        await mongod.heal();
        expect(await isDone(written)).toBe(true);
        expect(await one.commitRecord(written)).toBe('conflict');
      }
    });

    test('is a fault and not there when MongoDB never heard of it', async () => {
      for (const [, command, written] of writes) {
        await fail([command], LOST, { times: 2 });
        await expect(one.commitRecord(written)).rejects.toMatchObject({
          name: 'StoreFault',
          retryable: true,
        });
        expect(await isDone(written)).toBe(false);
        expect(await one.commitRecord(written)).toBe('committed');
      }
    });

    test('is a fault when no majority confirmed it in time', async () => {
      for (const [, command, written] of writes) {
        await fail([command], NO_MAJORITY_IN_TIME, { times: 1 });
        const message = /no majority confirmed it/;
        await expect(one.commitRecord(written)).rejects.toMatchObject({ retryable: true, message });
      }
    });

    test('whose removal is unknown to its own store is news to it', async () => {
      const groups: string[] = [];
      let missed = 0;
      one.follow({
        changed() {},
        recordsChanged: (more) => void groups.push(...more),
        missed: () => {
          missed += 1;
        },
      });
      await vi.waitFor(() => expect(missed).toBeGreaterThan(0), 5_000);
      const created = await createRecord(one, { id: 'a' });
      await fail(['delete'], NO_MAJORITY_IN_TIME, { times: 1 });
      await expect(one.commitRecord({ remove: created })).rejects.toThrow('no majority');
      await vi.waitFor(() => expect(groups).toEqual(['group']), 5_000);
    });
  });

  test('a read that is not answered is a fault that says what was read, and may be tried again', async () => {
    await create(one, { id: 'a' });
    await fail(['find'], LOST, { times: 2 });
    await expect(one.load('a')).rejects.toMatchObject({
      retryable: true,
      message: /^load a: the connection failed/,
    });
    expect(await one.load('a')).toBeDefined();
  });

  test('who follows is told that something may be missing, and then of what comes', async () => {
    const told = { ids: [] as string[], missed: 0 };
    one.follow({
      changed: (changes) => void told.ids.push(...changes.map(({ executionId }) => executionId)),
      recordsChanged() {},
      missed: () => {
        told.missed += 1;
      },
    });
    await vi.waitFor(() => expect(told.missed).toBeGreaterThan(0), 5_000);
    await create(other, { id: 'a' });
    await vi.waitFor(() => expect(told.ids).toEqual(['a']), 5_000);
    const missedBefore = told.missed;
    // Neither can the stream be gone on with, nor can another one be opened.
    await fail(['getMore', 'aggregate'], { errorCode: 286 }, 'alwaysOn');
    await create(other, { id: 'b' });
    await vi.waitFor(() => expect(told.missed).toBeGreaterThan(missedBefore + 2), 10_000);
    await mongod.heal();
    const { missed } = told;
    await vi.waitFor(() => expect(told.missed).toBeGreaterThan(missed), 10_000);
    await vi.waitFor(async () => {
      await create(other, { id: `c${told.missed}${Math.random()}` });
      expect(told.ids.at(-1)).toMatch(/^c/);
    }, 5_000);
  });
});
