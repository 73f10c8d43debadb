import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import type { Failure } from '../../server/src/core/failure.js';
import { isJsonObject, type JsonObject, type JsonValue } from '../../server/src/core/json.js';
import { pointerSegment } from '../../server/src/core/json-pointer.js';
import { applyPatch, type PatchOperation } from '../../server/src/core/state-document.js';
import type { Store } from '../../server/src/store/store.js';
import { withMongodb } from '../mongodb/shared.js';
import { MongoDatabases } from './mongo-databases.js';
import { AWKWARD_TEXTS, entry, execution, write } from './samples.js';

/** States, patched and read back, of one run: they share commits and loads. */
const STATES = 40;
const RUNS = 25;

/** Few keys, so that patches meet; some of them look like indexes. */
const key = fc.constantFrom('a', 'b', '0', '1', '-', ...AWKWARD_TEXTS, '%', '%24');
const scalar = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.constantFrom<JsonValue[]>(null, true, 'text', 0.5, 2 ** 40),
);
const value: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 4 },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value;
const state = fc.dictionary(key, value, { maxKeys: 6, noNullPrototype: true });

/** An operation on whatever is there: `at` chooses the place. */
const change = fc.record({
  at: fc.array(fc.nat({ max: 100 }), { maxLength: 5 }),
  op: fc.constantFrom('add' as const, 'add' as const, 'replace' as const, 'remove' as const),
  key,
  value,
});

const patched = fc
  .record({ before: state, changes: fc.array(change, { maxLength: 12 }) })
  .map(({ before, changes }) => {
    const patch: PatchOperation[] = [];
    let after: JsonObject = before;
    for (const each of changes) {
      const operation = operationOn(after, each);
      const applied = operation && applyPatch({ value: after, bytes: 0 }, [operation]);
      if (!operation || !applied || 'problem' in applied) continue;
      patch.push(operation);
      after = applied.document.value;
    }
    return { before, patch, after };
  });

function operationOn(
  document: JsonObject,
  {
    at,
    op,
    key: newKey,
    value: newValue,
  }: { at: number[]; op: PatchOperation['op']; key: string; value: JsonValue },
): PatchOperation | undefined {
  let container: JsonObject | readonly JsonValue[] = document;
  let path = '';
  for (const number of at) {
    const inside = entriesOf(container).filter(([, inner]) => typeof inner === 'object' && inner !== null);
    const chosen = inside[number % (inside.length + 1)];
    if (!chosen) break;
    path += pointerSegment(chosen[0]);
    container = chosen[1] as typeof container;
  }
  const members = entriesOf(container);
  const place = at[0] ?? 0;
  if (op === 'add') {
    const name = isJsonObject(container)
      ? newKey
      : (['-', `${place % (members.length + 1)}`][place % 2] as string);
    return { op, path: path + pointerSegment(name), value: newValue };
  }
  const [name] = members[place % Math.max(members.length, 1)] ?? [];
  if (name === undefined) return undefined;
  const target = path + pointerSegment(name);
  return op === 'remove' ? { op, path: target } : { op, path: target, value: newValue };
}

function entriesOf(container: JsonObject | readonly JsonValue[]): [string, JsonValue][] {
  return Object.entries(container);
}

withMongodb(() => {
  const databases = new MongoDatabases();

  async function open(): Promise<Store> {
    const [store] = await databases.open();
    onTestFinished(() => store!.close());
    return store!;
  }

  test('a state is what its patches make of it, whatever they touch', async () => {
    const store = await open();
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(patched, { minLength: 1, maxLength: STATES }), async (given) => {
        run += 1;
        const first = given.map((_, index) => execution({ id: `${run}-${index}` }));
        await Promise.all(first.map((each, n) => store.commit(write(each, { state: given[n]!.before }))));
        const results = await Promise.all(
          first.map((before, n) => {
            const { patch, after } = given[n]!;
            const next = { ...before, version: 2, eventCount: 1 };
            const added = entry(1, { patch });
            return store.commit({
              before,
              execution: next,
              state: after,
              entry: added,
              index: { ready: true },
            });
          }),
        );
        expect(new Set(results)).toEqual(new Set(['committed']));
        const found = await Promise.all(first.map(({ id }) => store.load(id)));
        for (const [n, each] of found.entries()) {
          expect(isDeepStrictEqual(each?.state, given[n]!.after)).toBe(true);
        }
      }),
      { numRuns: RUNS },
    );
  }, 120_000);

  test('a failure with as many causes as a message can hold comes back', async () => {
    const store = await open();
    let failure: Failure = { type: 'E', message: 'first', retryable: false };
    for (let causes = 1; causes < 100; causes++)
      failure = { type: 'E', message: 'm', retryable: false, cause: failure };
    const attempts = [{ number: 1, startedAt: 1, endedAt: 2, failure }];
    const outcome = { type: 'failed' as const, failure };
    const step = {
      type: 'recorded' as const,
      key: 'k',
      kind: 'run' as const,
      sequence: 1,
      outcome,
      attempts,
    };
    const added = entry(1, { steps: [step] });
    await store.commit(write(execution({ id: 'a', failure, eventCount: 1 }), { entry: added }));
    // The next one is large, so that this one moves to the journal.
    const large = entry(2, { result: { json: JSON.stringify('x'.repeat(10_000)) } });
    const { execution: before } = (await store.load('a'))!;
    const execution2 = { ...before, version: 2, eventCount: 2 };
    await store.commit({ before, execution: execution2, entry: large, index: { ready: false } });
    expect(await store.journal('a', { afterEvent: 0, entries: 9, bytes: 1e6 })).toEqual([added, large]);
    expect((await store.load('a'))?.execution).toEqual(execution2);
  });

  test('what is larger than a document can be is refused, and what is asked for with it is not', async () => {
    const store = await open();
    const huge = execution({ id: 'huge', requestDigest: 'x'.repeat(17_000_000) });
    const enormous = execution({ id: 'enormous', requestDigest: 'x'.repeat(40_000_000) });
    const others = Array.from({ length: 9 }, (_, n) => execution({ id: `e${n}` }));
    const refused = [huge, enormous].map((each) =>
      expect(store.commit(write(each))).rejects.toMatchObject({
        retryable: false,
        message: /commit \w+: .*larger/,
      }),
    );
    const results = await Promise.all(others.map((each) => store.commit(write(each))));
    await Promise.all(refused);
    expect(new Set(results)).toEqual(new Set(['committed']));
    expect(await store.load('huge')).toBeUndefined();
  });

  test('an execution can close with the state that takes most room in BSON, beside the largest outbox and entry', async () => {
    const store = await open();
    const numbers = { n: Array.from({ length: 524_285 }, () => 1) };
    const json = JSON.stringify('x'.repeat(4_200_000));
    const data = { data: Array.from({ length: 2_000_000 }, () => 1) };
    const large = entry(1, { events: [{ type: 'step_suspend', data }] });
    const child = { id: 'c', projectId: 'p', workflowId: 'w', queue: 'q', payload: { json }, sessionId: 's' };
    const rest = { priority: 0, searchAttributes: {}, requestDigest: 'd', startDelayMs: 0 };
    const outbox = [{ id: 1, type: 'start_child' as const, child: { ...child, ...rest } }];
    const stateBytes = Buffer.byteLength(JSON.stringify(numbers));
    const first = execution({ id: 'a', outbox, eventCount: 1, stateBytes });
    expect(await store.commit(write(first, { state: numbers, entry: large }))).toBe('committed');
    const closed = { status: 'completed' as const, closedAt: 2_000 };
    const next = { ...first, ...closed, version: 2, eventCount: 2 };
    const state = { n: [...numbers.n.slice(1), 2] };
    const second = entry(2, { result: { json } });
    const index = { ready: false };
    expect(await store.commit({ before: first, execution: next, state, entry: second, index })).toBe(
      'committed',
    );
    expect(isDeepStrictEqual(await store.load('a'), { execution: next, state })).toBe(true);
    const journal = await store.journal('a', { afterEvent: 0, entries: 9, bytes: 1e9 });
    expect(isDeepStrictEqual(journal, [large, second])).toBe(true);
  });
});
