import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../server/src/core/json.js';
import { applyPatch, type PatchOperation, type StateDocument } from '../../server/src/core/state-document.js';
import type { Store } from '../../server/src/store/store.js';
import type { OpenStore } from './describe-store.js';
import { entry, execution, next, write } from './samples.js';

/** What one commit does with the state, or how the store is read before it. */
const move = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('change' as const), at: fc.nat(399), to: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('append' as const), bytes: fc.nat(3_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('replace' as const), items: fc.nat(600) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('replace' as const), items: fc.nat(60) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('step' as const), bytes: fc.nat(6_000) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('lease' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('load' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
);
type Move = typeof move extends fc.Arbitrary<infer Value> ? Value : never;

/** That a large state, which a store may keep as a document and patches, is always what it was last. */
export function describeStates(open: OpenStore, reopen: (store: Store) => Promise<Store>): void {
  describe('large states', () => {
    test('are what their patches make of them, whatever is committed and read between', async () => {
      let store = await open();
      let number = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(move, { minLength: 10, maxLength: 60 }), async (moves) => {
          number += 1;
          const id = `large-${number}`;
          let document = documentOf(number % 3 === 0 ? 1 : 400);
          let last = execution({ id, eventCount: 1, ...sizeOf(document) });
          const input = { initialState: JSON.stringify(document.value) };
          const created = { state: document.value, entry: entry(1, { input }) };
          expect(await store.commit(write(last, created))).toBe('committed');
          for (const each of moves) {
            if (each.do === 'reopen') store = await reopen(store);
            if (each.do === 'reopen' || each.do === 'load') {
              expect(JSON.stringify((await store.load(id))?.state)).toBe(JSON.stringify(document.value));
              continue;
            }
            const patch = patchOf(each, document);
            document = patch ? applied(document, patch) : document;
            const events = each.do === 'lease' ? 0 : 1;
            last = next(last, { eventCount: last.eventCount + events, ...sizeOf(document) });
            const message = 'x'.repeat(each.do === 'step' ? each.bytes : 0);
            const data = { data: { message }, type: 'step_fail' as const };
            const added = entry(last.eventCount, { ...(patch && { patch }), events: [data] });
            const written = { ...(patch && { state: document.value }), ...(events > 0 && { entry: added }) };
            expect(await store.commit(write(last, written))).toBe('committed');
          }
          expect(JSON.stringify((await store.load(id))?.state)).toBe(JSON.stringify(document.value));
          const [first] = await store.journal(id, { afterEvent: 0, entries: 1, bytes: 1 });
          expect(first?.input).toEqual(input);
        }),
        { numRuns: 25 },
      );
      store = await reopen(store);
      for (let n = 1; n <= number; n++) expect(await store.load(`large-${n}`)).toBeDefined();
    });
  });
}

function documentOf(items: number): StateDocument {
  const list = Array.from({ length: items }, (_, n) => ({ id: `item-${n}`, count: n, note: 'x'.repeat(40) }));
  const value = { list, log: [] as string[] } as unknown as JsonObject;
  return { value, bytes: JSON.stringify(value).length };
}

function whole({ value }: StateDocument): readonly PatchOperation[] {
  return [{ op: 'replace', path: '', value }];
}

function sizeOf({ bytes }: StateDocument): { readonly stateBytes: number } {
  return { stateBytes: bytes };
}

function patchOf(each: Move, { value }: StateDocument): readonly PatchOperation[] | undefined {
  switch (each.do) {
    case 'change': {
      const { length } = value.list as readonly unknown[];
      if (length === 0) return undefined;
      return [{ op: 'replace', path: `/list/${each.at % length}/count`, value: each.to }];
    }
    case 'append':
      return [{ op: 'add', path: '/log/-', value: 'y'.repeat(each.bytes) }];
    case 'replace':
      return whole(documentOf(each.items));
    default:
      return undefined;
  }
}

function applied(document: StateDocument, patch: readonly PatchOperation[]): StateDocument {
  const changed = applyPatch(document, patch);
  if ('problem' in changed) throw new Error(JSON.stringify(changed.problem));
  return changed.document;
}
