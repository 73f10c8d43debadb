import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addFacts, inOrder, type StepFact, type StepOutcome, type StepRecord } from './step.js';
import { StepRecords, stepBytes } from './step-records.js';

const outcome: StepOutcome = { type: 'completed', result: { json: '1' } };

/** Facts as commits may bring them: each step is recorded, or begins, comes and is delivered, in any mixture. */
const histories = fc.array(fc.record({ key: fc.nat(12), at: fc.nat(3) }), { maxLength: 60 }).map((moves) => {
  const stages = new Map<string, number>();
  let sequence = 0;
  let now = 0;
  return moves.flatMap(({ key: number, at }): { readonly fact: StepFact; readonly at: number }[] => {
    const key = `k${number}`;
    const stage = stages.get(key) ?? 0;
    now += at;
    stages.set(key, number < 4 ? 3 : stage + 1);
    if (stage === 0 && number < 4) {
      sequence += 1;
      const fact = { type: 'recorded', key, kind: 'run', sequence, outcome, attempts: [] } as const;
      return [{ fact, at: now }];
    }
    if (stage === 0) return [{ fact: { type: 'pending', key, kind: 'suspend' }, at: now }];
    if (stage === 1) return [{ fact: { type: 'arrived', key, outcome }, at: now }];
    if (stage > 2) return [];
    sequence += 1;
    return [{ fact: { type: 'accepted', key, sequence }, at: now }];
  });
});

test('from every place on it holds what all facts, sorted anew, add up to', () => {
  fc.assert(
    fc.property(histories, (history) => {
      const records = new StepRecords();
      const expected = new Map<string, StepRecord>();
      for (const { fact, at } of history) {
        records.add({ steps: [fact], at });
        addFacts(expected, { steps: [fact], at });
      }
      const order = inOrder(expected.values());
      for (let place = 0; place <= order.length + 1; place++) {
        expect([...records.from(place)]).toEqual(order.slice(place));
      }
      expect(records.size).toBe(order.length);
      for (const step of order) expect(records.get(step.key)).toEqual(step);
      expect(records.bytes).toBe(order.reduce((sum, step) => sum + stepBytes(step), 0));
    }),
  );
});

test('it knows only the keys that have facts', () => {
  const records = new StepRecords();
  records.add({ steps: [{ type: 'pending', key: 'a', kind: 'suspend' }], at: 1 });
  expect(records.get('a')).toMatchObject({ key: 'a', sequence: 0 });
  expect(records.get('toString')).toBeUndefined();
});
