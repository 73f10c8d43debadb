import { describe, expect, test } from 'vitest';
import type { Execution } from '../../server/src/core/execution.js';
import type { Failure } from '../../server/src/core/failure.js';
import type { JournalEntry } from '../../server/src/core/journal.js';
import type { JsonObject } from '../../server/src/core/json.js';
import { PAYLOAD_BYTES_MAX, STATE_BYTES_MAX } from '../../server/src/core/limits.js';
import type { Payload } from '../../server/src/core/payload.js';
import type { Store } from '../../server/src/store/store.js';
import type { OpenStore } from './describe-store.js';
import { AWKWARD_TEXTS, awkwardRecord, create, entry, execution, next, schema, write } from './samples.js';

/** That values come back as they went in, now and after the store was opened again. */
export function describeValues(open: OpenStore, reopen: (store: Store) => Promise<Store>): void {
  /** Commits an execution, its state and one entry, and reads them back. */
  async function roundTrip(given: {
    execution?: Partial<Execution>;
    state?: JsonObject;
    entry?: Partial<JournalEntry>;
  }) {
    const store = await open();
    const first = await create(store, { id: 'a', ...given.execution });
    const written = {
      execution: next(first, { eventCount: 1 }),
      state: given.state ?? {},
      entry: entry(1, given.entry),
    };
    await store.commit(write(written.execution, written));
    expect(await read(store)).toEqual(written);
    expect(await read(await reopen(store))).toEqual(written);
  }

  async function read(store: Store) {
    const loaded = await store.load('a');
    const [only] = await store.journal('a', { afterEvent: 0, entries: 10, bytes: 100 });
    return { execution: loaded?.execution, state: loaded?.state, entry: only };
  }

  describe('values', () => {
    test('bytes come back as they were, wherever there may be a payload', async () => {
      const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
      const payload: Payload = { data: bytes, encoding: 'binary/encrypted' };
      const failure: Failure = {
        type: 'E',
        message: 'm',
        retryable: false,
        details: payload,
        cause: { type: 'F', message: 'n', retryable: true, details: payload },
      };
      const attempt = { number: 1, startedAt: 1, endedAt: 2, failure };
      await roundTrip({
        execution: {
          failure,
          outbox: [
            { id: 1, type: 'start_child', child: { ...newExecution(), payload } },
            { id: 2, type: 'cancel_children' },
          ],
          resumes: { a: { data: payload }, b: {} },
        },
        entry: {
          input: { payload, initialState: '{}' },
          events: [
            { type: 'event_publish', data: {}, stepKey: 's', published: { type: 't', data: payload } },
          ],
          result: payload,
          steps: [
            { ...recorded('a'), outcome: { type: 'completed', result: payload } },
            { ...recorded('b'), outcome: { type: 'failed', failure }, attempts: [attempt] },
            { ...recorded('c'), outcome: { type: 'completed' }, attempts: [attempt] },
            { type: 'arrived', key: 'd', outcome: { type: 'failed', failure } },
            { type: 'arrived', key: 'e', outcome: { type: 'completed', result: payload } },
            { type: 'state_changed', key: '', kind: 'state_repair', sequence: 2, isBeforeCode: true },
          ],
        },
      });
    });

    test('empty bytes, and bytes that are a part of a larger buffer, come back alone', async () => {
      const part = new Uint8Array(Uint8Array.of(9, 1, 2, 3, 9).buffer, 1, 3);
      await roundTrip({ entry: { result: { data: new Uint8Array(), encoding: '' } } });
      await roundTrip({ entry: { result: { data: part, encoding: 'part' } } });
    });

    test('JSON that looks like our own encoding of bytes stays what it is', async () => {
      const lookalike = { data: 'AAECAw==', encoding: 'binary', json: '{}', $bytes: 'AA==' };
      await roundTrip({
        execution: { searchAttributes: { data: 'AAECAw==', encoding: 'binary' } },
        state: { result: lookalike },
        entry: {
          events: [{ type: 'step_finish', data: { result: lookalike, payload: lookalike } }],
          patch: [{ op: 'add', path: '/result', value: lookalike }],
          result: { json: JSON.stringify(lookalike) },
        },
      });
    });

    test('awkward keys and texts are ordinary ones', async () => {
      const record = awkwardRecord();
      expect(Object.keys(record)).toContain('__proto__');
      await roundTrip({
        execution: {
          searchAttributes: record,
          waits: Object.fromEntries(
            AWKWARD_TEXTS.map(
              (key) => [key, { kind: 'run', childExecutionId: key, until: 5, arrived: false }] as const,
            ),
          ),
          resumes: Object.fromEntries(AWKWARD_TEXTS.map((key) => [key, { data: { json: key } }] as const)),
        },
        state: JSON.parse(`{"__proto__":{"nested":${JSON.stringify(record)}}}`),
        entry: {
          events: [{ type: 'step_finish', data: record, stepKey: 'a\0b' }],
          patch: [{ op: 'add', path: '/__proto__', value: { nested: record } }],
          steps: AWKWARD_TEXTS.map((key, index) => ({ ...recorded(key), sequence: index + 1 })),
        },
      });
      await roundTrip({ state: record });
    });

    test('the text of a payload is not touched', async () => {
      const text = '{ "b" : 1.0e2, "a" : "\\u00e9\\u0000", "n": 1E400, "d": [ -0, 0.10 ] }';
      await roundTrip({ entry: { result: { json: text } } });
    });

    test('numbers, empty and deep values of a state are what they were', async () => {
      const numbers = [0, 1, -1, 0.1, 5e-324, 1.7976931348623157e308, 2 ** 31, -(2 ** 31) - 1, 2 ** 53 - 1];
      const deep = JSON.parse(`${'{"a":['.repeat(31)}null${']}'.repeat(31)}`);
      await roundTrip({
        state: { numbers, deep, empty: { '': {}, list: [], text: '', no: false, none: null } },
      });
    });

    test('a payload and a state of the largest size come back', async () => {
      const store = await open();
      const data = Buffer.alloc(PAYLOAD_BYTES_MAX, '0123456789');
      const json = JSON.stringify('\u00e9'.repeat(PAYLOAD_BYTES_MAX / 2 - 1));
      const state = { text: 'x'.repeat(STATE_BYTES_MAX - 11) };
      const largest = entry(1, { result: { json }, input: { payload: { data, encoding: 'raw' } } });
      await store.commit(write(execution({ id: 'a', eventCount: 1 }), { state, entry: largest }));
      for (const found of [await read(store), await read(await reopen(store))]) {
        expect(found.state?.text === state.text).toBe(true);
        expect(found.entry?.result).toEqual({ json });
        const payload = found.entry?.input?.payload;
        expect(payload && 'data' in payload && data.equals(payload.data)).toBe(true);
      }
    });

    test('every optional member comes back, and none comes that was not there', async () => {
      await roundTrip({
        execution: {
          status: 'running',
          startedAt: 1,
          closedAt: 2,
          parent: { executionId: 'p', stepKey: 's', waits: false },
          userId: 'u',
          deploymentId: 'd',
          concurrencyKey: 'c',
          lease: { workerId: 'w', token: 't', grantedAt: 1, expiresAt: 2, durationMs: 3, completions: 4 },
          lastCompletion: { epoch: 1, sequence: 2, digest: 'd' },
          lastRepair: { expectedRevision: 3, digest: 'd' },
          stateSchema: 'd',
          runTimeoutMs: 5,
          cancelRequestedAt: 6,
          updatedAt: Number.MAX_SAFE_INTEGER,
          runMs: 0.25,
        },
      });
      await roundTrip({});
    });

    test('all that was committed is there after the store was opened again', async () => {
      const store = await open();
      await create(store, { id: 'a', idempotencyKey: 'k', priority: 5 }, { wakeAt: 10, outboxSince: 10 });
      await create(store, { id: 'b' });
      await store.putSchema(schema({ digest: '1' }));
      const again = await reopen(store);
      expect((await again.listDue({ until: 10, limit: 1 })).due.map(({ id }) => id)).toEqual(['a']);
      expect(await again.listOutboxes({ until: 10, limit: 10 })).toEqual(['a']);
      const ready = await again.listReady({ projectId: 'default', workflowId: 'batch', limit: 10 });
      expect(ready.map(({ id }) => id)).toEqual(['a', 'b']);
      expect(await again.listSchemas({ projectId: 'default' })).toEqual([schema({ digest: '1' })]);
      expect(await again.commit(write(execution({ id: 'b' })))).toBe('conflict');
    });
  });
}

function recorded(key: string) {
  const outcome = { type: 'completed' as const, result: { json: '0' } };
  return { type: 'recorded' as const, key, kind: 'run' as const, sequence: 1, outcome, attempts: [] };
}

function newExecution() {
  return {
    id: 'child',
    projectId: 'default',
    workflowId: 'batch',
    queue: 'batch',
    sessionId: 's',
    priority: 0,
    searchAttributes: awkwardRecord(),
    requestDigest: 'd',
    startDelayMs: 0,
    retryPolicy: { maxRetries: 0, baseDelayMs: 1, maxDelayMs: 1 },
  };
}
