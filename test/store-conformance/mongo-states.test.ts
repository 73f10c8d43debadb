import { Binary, type Collection } from 'mongodb';
import { describe, expect, test } from 'vitest';
import type { Execution } from '../../server/src/core/execution.js';
import type { JsonObject } from '../../server/src/core/json.js';
import { LARGE_STATE_BYTES } from '../../server/src/store/large-states.js';
import type { ExecutionDocument } from '../../server/src/store/mongo/execution-document.js';
import type { ChunkDocument } from '../../server/src/store/mongo/journal.js';
import type { StateDocument } from '../../server/src/store/mongo/states.js';
import type { ExecutionWrite, Store } from '../../server/src/store/store.js';
import { withMongodb } from '../mongodb/shared.js';
import { MongoDatabases } from './mongo-databases.js';
import { entry, execution, next, write } from './samples.js';

/** A state of which a part never changes. */
interface State extends JsonObject {
  readonly text: string;
  readonly count: number;
}

withMongodb(() => {
  const databases = new MongoDatabases();

  /** Stores on one database, and what is in it. */
  async function open(count = 1) {
    const { database, ...opened } = await databases.openApart(count);
    const executions: Collection<ExecutionDocument> = database.collection('executions');
    const states: Collection<StateDocument> = database.collection('states');
    const journal: Collection<ChunkDocument> = database.collection('journal');
    return { ...opened, executions, states, journal };
  }

  /** The state is another one than the input says: it has a default. */
  async function created(store: Store, id: string, state = stateOf(20_000)): Promise<Execution> {
    const first = execution({ id, eventCount: 1, stateBytes: bytesOf(state) });
    const input = { initialState: JSON.stringify({ text: state.text }) };
    expect(await store.commit(write(first, { state, entry: entry(1, { input }) }))).toBe('committed');
    return first;
  }

  async function createdAsItCame(store: Store, id: string, state = stateOf(20_000)): Promise<Execution> {
    const first = execution({ id, eventCount: 1, stateBytes: bytesOf(state) });
    const input = { initialState: JSON.stringify(state) };
    expect(await store.commit(write(first, { state, entry: entry(1, { input }) }))).toBe('committed');
    return first;
  }

  /** Counts up, so many times. */
  async function counted(store: Store, before: Execution, times: number): Promise<Execution> {
    let latest = before;
    for (let n = 0; n < times; n++) {
      const given = countUp(latest, ((await store.load(before.id))?.state ?? {}) as State);
      expect(await store.commit(given)).toBe('committed');
      latest = given.execution;
    }
    return latest;
  }

  describe('a large state is kept', () => {
    test('as one text in the execution until it changes, then beside it, once', async () => {
      const { stores, executions, states } = await open();
      const first = await created(stores[0], 'a');
      expect(Object.keys((await executions.findOne())!)).toContain('stateText');
      expect(await states.countDocuments()).toBe(0);
      await counted(stores[0], first, 1);
      const document = (await executions.findOne())!;
      expect(Object.keys(document)).not.toContain('stateText');
      expect(document).toMatchObject({ stateBase: { event: 2, patchedTo: 2, lag: 0 } });
      expect(document).not.toHaveProperty('state');
      expect(await states.countDocuments()).toBe(1);
    });

    test('as the input that it came as, until the journal has grown by half of it', async () => {
      const { stores, executions, states } = await open(2);
      let latest = await createdAsItCame(stores[0], 'a');
      for (let n = 1; n <= 20; n++) {
        latest = await counted(stores[0], latest, 1);
        expect((await stores[1]!.load('a'))?.state).toEqual(stateOf(20_000, n));
      }
      expect(await executions.findOne()).toMatchObject({ stateBase: { event: 1, patchedTo: 21 } });
      expect(await states.countDocuments()).toBe(0);
      const document = (await executions.findOne())!;
      for (const field of ['state', 'stateText']) expect(Object.keys(document)).not.toContain(field);
      latest = await counted(stores[0], latest, 60);
      await stores[0].close();
      expect(await states.countDocuments()).toBe(1);
      expect((await stores[1]!.load('a'))?.state).toEqual(stateOf(20_000, 80));
    });

    test('as it was, with a lag that is at most half of it, and nothing stays of what was replaced', async () => {
      const { stores, executions, states } = await open();
      let latest = await created(stores[0], 'a');
      const bases = new Set<number>();
      for (let n = 0; n < 200; n++) {
        latest = await counted(stores[0], latest, 1);
        const { stateBase } = (await executions.findOne())!;
        bases.add(stateBase!.event);
        expect(stateBase!.lag).toBeLessThanOrEqual(latest.stateBytes / 2);
        expect(stateBase!.patchedTo).toBe(latest.eventCount);
      }
      expect(bases.size).toBeGreaterThan(1);
      expect(bases.size).toBeLessThan(12);
      expect((await stores[0].load('a'))?.state).toMatchObject({ count: 200 });
      await stores[0].close();
      expect(await states.countDocuments()).toBe(1);
    });

    test('as fields of the execution once it is small, and apart again once it is large', async () => {
      const { stores, executions, states } = await open();
      let latest = await counted(stores[0], await created(stores[0], 'a'), 3);
      for (const characters of [LARGE_STATE_BYTES / 2, 30_000, 10]) {
        const state = stateOf(characters);
        const stateBytes = bytesOf(state);
        const patch = [{ op: 'replace', path: '', value: state } as const];
        const eventCount = latest.eventCount + 1;
        latest = next(latest, { eventCount, stateBytes });
        await stores[0].commit(write(latest, { state, entry: entry(eventCount, { patch }) }));
        latest = await counted(stores[0], latest, 3);
        const isSmall = latest.stateBytes < LARGE_STATE_BYTES;
        expect((await executions.findOne())?.state).toEqual(isSmall ? stateOf(characters, 3) : undefined);
        expect((await stores[0].load('a'))?.state).toEqual(stateOf(characters, 3));
      }
      await stores[0].close();
      expect(await states.countDocuments()).toBe(0);
    });

    test.for([
      { name: 'as the input that it came as', isInput: true, times: 0 },
      { name: 'as a text', isInput: false, times: 0 },
      { name: 'as the input and patches', isInput: true, times: 3 },
      { name: 'beside it, with patches', isInput: false, times: 3 },
    ])('$name until the execution closes, then as its fields', async ({ isInput, times }) => {
      const { stores, executions, states } = await open(2);
      const first = await (isInput ? createdAsItCame : created)(stores[0], 'a');
      let latest = await counted(stores[0], first, times);
      // The other store does not know where it is.
      latest = next(latest, { status: 'completed', closedAt: 2_000 });
      expect(await stores[1]!.commit(write(latest))).toBe('committed');
      const document = (await executions.findOne())!;
      expect(document.state).toEqual(stateOf(20_000, times));
      for (const field of ['stateBase', 'stateText']) expect(document).not.toHaveProperty(field);
      // What is sent after the end.
      latest = next(latest);
      expect(await stores[0].commit(write(latest))).toBe('committed');
      expect(await stores[0].load('a')).toEqual({ execution: latest, state: stateOf(20_000, times) });
      for (const store of stores) await store.close();
      expect(await states.countDocuments()).toBe(0);
    });

    test('as fields, with what the commit changes that closes the execution', async () => {
      const { stores, executions, states } = await open();
      const before = await counted(stores[0], await created(stores[0], 'a'), 2);
      const last = countUp(before, stateOf(20_000, 2));
      const closed = next(before, { ...last.execution, status: 'completed', closedAt: 2_000 });
      expect(await stores[0].commit({ ...last, execution: closed })).toBe('committed');
      expect((await executions.findOne())?.state).toEqual(stateOf(20_000, 3));
      await stores[0].close();
      expect(await states.countDocuments()).toBe(0);
    });

    test('as it is, if it closes at another version', async () => {
      const { stores } = await open(2);
      const first = await created(stores[0], 'a');
      const closed = next(first, { status: 'completed', closedAt: 2_000 });
      await counted(stores[1]!, first, 1);
      expect(await stores[0].commit(write(closed))).toBe('conflict');
      expect((await stores[0].load('a'))?.state).toEqual(stateOf(20_000, 1));
    });

    test('within the execution, if a server of before wrote it, until it changes', async () => {
      const { stores, executions } = await open(2);
      const first = await created(stores[0], 'a');
      const state = { ...stateOf(20_000), 'a%2Eb': 1 };
      await executions.updateOne({}, { $set: { state }, $unset: { stateText: '' } });
      const second = next(first);
      expect(await stores[1]!.commit(write(second))).toBe('committed');
      expect(await stores[1]!.load('a')).toEqual({
        execution: second,
        state: { ...stateOf(20_000), 'a.b': 1 },
      });
      const last = await counted(stores[0], second, 2);
      expect(await stores[1]!.load('a')).toEqual({
        execution: last,
        state: { ...stateOf(20_000, 2), 'a.b': 1 },
      });
      expect(await executions.findOne()).not.toHaveProperty('state');
    });
  });

  test('two stores that commit by turns and at once agree on a state, and leave nothing of what was in vain', async () => {
    const { stores, states } = await open(2);
    const [one, other] = stores as [Store, Store];
    let latest = await created(one, 'a');
    for (let round = 0; round < 40; round++) {
      const rivals = await Promise.all(
        [one, other].map(async (store) => {
          const given = countUp(latest, (await store.load('a'))!.state as State);
          return round % 3 === 0 ? replacingAll(given) : given;
        }),
      );
      const results = await Promise.all(rivals.map((rival, n) => stores[n]!.commit(rival)));
      expect([...results].sort()).toEqual(['committed', 'conflict']);
      latest = rivals[results.indexOf('committed')]!.execution;
      const expected = { execution: latest, state: stateOf(20_000, round + 1) };
      expect(await Promise.all(stores.map((store) => store.load('a')))).toEqual([expected, expected]);
    }
    await Promise.all(stores.map((store) => store.close()));
    expect(await states.countDocuments()).toBe(1);
  });

  test('who reads while another store changes it, and writes it anew again and again, gets the state of the version that is read', async () => {
    const { stores } = await open(2);
    const [one, other] = stores as [Store, Store];
    let latest = await created(one, 'a');
    let isOver = false;
    const reading = Array.from({ length: 8 }, async () => {
      let reads = 0;
      for (; !isOver; reads++) {
        const { execution: read, state } = (await other.load('a'))!;
        expect(state).toEqual(stateOf(20_000, read.version - 1));
      }
      return reads;
    });
    for (let n = 0; n < 200; n++) {
      const given = countUp(latest, stateOf(20_000, n));
      const replacing = n % 5 === 4 ? replacingAll(given) : given;
      expect(await one.commit(replacing)).toBe('committed');
      latest = given.execution;
    }
    isOver = true;
    expect(Math.min(...(await Promise.all(reading)))).toBeGreaterThan(0);
  });

  test('a removal takes along what a server that died had left of it', async () => {
    const { stores, states } = await open();
    const [store] = stores;
    for (const id of ['gone', 'kept']) {
      const last = await counted(store, await created(store, id), 2);
      await store.commit(write(next(last, { status: 'completed', closedAt: 1, ready: false })));
      const _id = { execution: id, by: 'who died', number: 1 };
      await states.insertOne({ _id, execution: id, text: new Uint8Array(1) });
    }
    await store.removeClosed([{ executionId: 'gone', groups: [] }]);
    const left = await states.find({ '_id.by': 'who died' }).toArray();
    expect(left.map(({ execution }) => execution)).toEqual(['kept']);
    expect((await store.load('kept'))?.state).toEqual(stateOf(20_000, 2));
  });

  describe('what cannot be the state is never taken for it', () => {
    const damage = { name: 'StoreFault', retryable: false, message: /^load a: .*backup/ };

    test('where it is the input, and that is gone', async () => {
      const { stores, journal } = await open();
      await counted(stores[0], await createdAsItCame(stores[0], 'a', stateOf(200_000)), 100);
      await journal.deleteOne({ firstEvent: 1 });
      await expect(stores[0].load('a')).rejects.toMatchObject(damage);
    });

    test('where its document is gone', async () => {
      const { stores, states } = await open();
      await counted(stores[0], await created(stores[0], 'a'), 2);
      await states.deleteMany({});
      await expect(stores[0].load('a')).rejects.toMatchObject(damage);
    });

    test('where it is not what was written', async () => {
      const { stores, states, executions } = await open();
      const first = await created(stores[0], 'a');
      await executions.updateOne({}, { $set: { stateText: new Binary(new Uint8Array(40)) } });
      await expect(stores[0].load('a')).rejects.toMatchObject(damage);
      await stores[0].commit(countUp(first, stateOf(20_000)));
      await states.updateMany({}, { $set: { text: new Uint8Array(40) } });
      await expect(stores[0].load('a')).rejects.toMatchObject(damage);
    });

    test('where a part of the journal since is gone', async () => {
      const { stores, journal } = await open();
      await counted(stores[0], await created(stores[0], 'a', stateOf(200_000)), 100);
      await journal.deleteOne({ firstEvent: { $gt: 31 } });
      await expect(stores[0].load('a')).rejects.toMatchObject(damage);
    });
  });

  test('a store that lost sight of where it is finds it again, and never guesses', async () => {
    const { stores, states } = await open(2);
    const [one, other] = stores as [Store, Store];
    let latest = await counted(one, await created(one, 'a'), 2);
    for (let n = 2; n < 150; n++) {
      // Neither of them loads it: each knows of the execution what the caller says.
      const given = countUp(latest, stateOf(20_000, n));
      expect(await (n % 2 ? one : other).commit(given)).toBe('committed');
      latest = given.execution;
    }
    expect(await one.commit(countUp(next(latest), stateOf(20_000)))).toBe('conflict');
    expect((await other.load('a'))?.state).toEqual(stateOf(20_000, 150));
    await Promise.all(stores.map((store) => store.close()));
    expect(await states.countDocuments()).toBe(1);
  });
});

function stateOf(characters: number, count = 0): State {
  return { text: 'x'.repeat(characters), count };
}

function bytesOf(state: State): number {
  return JSON.stringify(state).length;
}

/** The next version, whose count is one more. */
function countUp(before: Execution, state: State): ExecutionWrite {
  const after = { ...state, count: state.count + 1 };
  const eventCount = before.eventCount + 1;
  const patch = [{ op: 'replace', path: '/count', value: after.count } as const];
  const changed = next(before, { eventCount, stateBytes: bytesOf(after) });
  return { ...write(changed, { state: after, entry: entry(eventCount, { patch }) }), before };
}

/** The same by a patch that is larger than half of the state. */
function replacingAll({ entry: added, ...given }: ExecutionWrite): ExecutionWrite {
  const patch = [{ op: 'replace', path: '', value: given.state! } as const];
  return { ...given, entry: { ...added!, patch } };
}
