import { expect, it } from 'vitest';
import { type Suspended, SuspendedActivations } from './suspended-activations.js';

const dropped: string[] = [];

function activation(executionId: string, stepsSeen = 1): Suspended {
  return { executionId, stepsSeen, drop: () => void dropped.push(executionId) };
}

/** Keeps activations with so many steps each, and answers which of them were let go. */
function letGo(stepsSeen: readonly number[]): string[] {
  dropped.length = 0;
  const kept = new SuspendedActivations<Suspended>();
  for (const [index, steps] of stepsSeen.entries()) kept.put(activation(`e${index}`, steps));
  const gone = [...dropped];
  for (const index of stepsSeen.keys()) {
    expect(kept.take(`e${index}`) === undefined).toBe(gone.includes(`e${index}`));
  }
  return gone;
}

it('keeps a thousand, and lets those go that have waited longest', () => {
  expect(letGo(Array(1_000).fill(1))).toEqual([]);
  expect(letGo(Array(1_002).fill(1))).toEqual(['e0', 'e1']);
});

it('keeps fewer of those with long histories', () => {
  expect(letGo([100_000, 100_000, 50_000])).toEqual([]);
  expect(letGo([100_000, 100_000, 50_001])).toEqual(['e0']);
  expect(letGo([10, 100_000, 200_000, 10])).toEqual(['e0', 'e1']);
});

it('keeps the last one, however long its history', () => {
  expect(letGo([5, 1_000_000])).toEqual(['e0']);
});

it('has room again for what it gave back', () => {
  dropped.length = 0;
  const kept = new SuspendedActivations<Suspended>();
  for (let round = 0; round < 5; round++) {
    kept.put(activation('a', 200_000));
    expect(kept.take('a')).toBeDefined();
    expect(kept.take('a')).toBeUndefined();
  }
  kept.put(activation('a', 200_000));
  kept.put(activation('a', 200_000));
  kept.put(activation('b', 50_000));
  expect(dropped).toEqual([]);
  kept.clear();
  expect(dropped.sort()).toEqual(['a', 'b']);
  kept.put(activation('c', 250_000));
  expect(kept.take('c')).toBeDefined();
});
