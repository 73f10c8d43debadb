import { describe, expect, test } from 'vitest';
import type { Execution } from '../../server/src/core/execution.js';
import type { ExecutionWrite, Store } from '../../server/src/store/store.js';
import { withMongod } from '../mongodb/shared.js';
import type { CommandFailure, FailingMongod } from './mongo-fail-points.js';
import { withFailingStores } from './mongo-failing-stores.js';
import { create, entry, next } from './samples.js';

const LOST = { closeConnection: true } as const;
const NO_MAJORITY = { writeConcernError: { code: 91, errmsg: 'shutting down' } } as const;
const NO_MAJORITY_IN_TIME = { writeConcernError: { code: 64, errmsg: 'timed out' } } as const;

withMongod(() => {
  let mongod: FailingMongod;
  let one: Store;
  let other: Store;
  const fail = withFailingStores((stores) => {
    ({ mongod, one, other } = stores);
  });

  describe('a large state, which is written before the commit that refers to it,', () => {
    /** Replaces the whole of a large state, so that it is written anew. */
    function large(before: Execution, queue: string): ExecutionWrite {
      const state = { queue, text: 'x'.repeat(20_000) };
      const patch = [{ op: 'replace', path: '', value: state } as const];
      const eventCount = before.eventCount + 1;
      const execution = next(before, { eventCount, stateBytes: JSON.stringify(state).length });
      return { before, execution, state, entry: entry(eventCount, { patch }), index: { ready: false } };
    }

    async function expectStored({ execution, state }: ExecutionWrite): Promise<void> {
      expect(await other.load(execution.id)).toEqual({ execution, state });
    }

    test.each<[what: string, command: string, how: Partial<CommandFailure>, times: number]>([
      ['the connection breaks', 'insert', LOST, 5],
      ['the primary is none any more', 'insert', { errorCode: 10_107 }, 4],
      ['the primary steps down', 'insert', { errorCode: 189 }, 4],
      ['a majority did not confirm it', 'insert', NO_MAJORITY, 4],
      ['a majority did not confirm it in time', 'insert', NO_MAJORITY_IN_TIME, 3],
      ['the connection breaks at the commit', 'update', LOST, 5],
      ['a majority did not confirm the commit in time', 'update', NO_MAJORITY_IN_TIME, 2],
    ])('is there once it is committed when %s', async (_, command, how, times) => {
      let latest = await create(one, { id: 'a' });
      for (let n = 0; n < 3; n++) {
        await fail([command], how, { times });
        const written = large(latest, `queue ${n}`);
        expect(await one.commit(written)).toBe('committed');
        await expectStored(written);
        latest = written.execution;
      }
    });

    test('is what the other store made of it, if the commit did not happen', async () => {
      const first = large(await create(one, { id: 'a' }), 'first');
      expect(await one.commit(first)).toBe('committed');
      const failed = await fail(['update', 'find'], LOST, 'alwaysOn');
      const late = one.commit(large(first.execution, 'late'));
      await failed(3);
      await expectStored(first);
      const won = large(first.execution, 'won');
      expect(await other.commit(won)).toBe('committed');
      await mongod.heal();
      expect(await late).toBe('conflict');
      await expectStored(won);
    });
  });
});
