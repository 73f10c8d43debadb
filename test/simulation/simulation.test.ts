import { expect, test, vi } from 'vitest';
import { simulateStarts } from './automatic-starts.js';
import { seedIds } from './seeded-ids.js';
import { simulate } from './simulation.js';

// Virtual time, one store, one server or three that are killed again and again, workers that crash, are held up and send everything
// twice, a network that loses what it is given, and a store that breaks before or after it did what it was asked for. Workers come
// back with code of another version of the state's form, and some with a migration that throws.
//
// SIMULATION_SEED=17 plays one seed; SIMULATION_SEEDS=5000 plays that many, from SIMULATION_FIRST on.

const { SIMULATION_SEED, SIMULATION_SEEDS = '300', SIMULATION_FIRST = '1' } = process.env;
const first = Number(SIMULATION_SEED ?? SIMULATION_FIRST);
const count = SIMULATION_SEED === undefined ? Number(SIMULATION_SEEDS) : 1;
const BATCH = 50;

// Hoisted above the imports.
vi.mock('node:crypto', async (original: () => Promise<typeof import('node:crypto')>) => {
  return (await import('./seeded-ids.js')).seededCrypto(original);
});

for (let from = first; from < first + count; from += BATCH) {
  const to = Math.min(from + BATCH, first + count) - 1;
  test(`with the seeds ${from} to ${to} everything ends as if nothing had gone wrong`, {
    timeout: 120_000,
  }, async () => {
    const sum = { migrations: 0, parked: 0 };
    for (let seed = from; seed <= to; seed++) {
      const { migrations, parked } = await check(seed);
      sum.migrations += migrations;
      sum.parked += parked;
    }
    // It would be easy to keep versions apart if there were only one.
    if (to - from + 1 < BATCH) return;
    expect(sum.migrations).toBeGreaterThan(BATCH / 4);
    expect(sum.parked).toBeGreaterThan(0);
  });
}

test('a seed always plays the same', async () => {
  for (const servers of [1, 3]) {
    const played = await play(first, { faults: true, servers });
    expect(await play(first, { faults: true, servers })).toEqual(played);
  }
});

/** Fewer: each plays five minutes of faults. */
const STARTS_SHARE = 6;

test(`with ${Math.ceil(count / STARTS_SHARE)} seeds each tick and each event starts one execution`, {
  timeout: 120_000,
}, async () => {
  for (let seed = first; seed < first + Math.ceil(count / STARTS_SHARE); seed++) {
    seedIds(seed);
    const starts = await simulateStarts(seed, { servers: seed % 3 === 0 ? 1 : 3 });
    const { violations, ticks, lastTicks, expectedTicks, sequences, events, published } = starts;
    const again = `play it again with SIMULATION_SEED=${seed}`;
    expect(violations, again).toEqual([]);
    expect({ ticks, lastTicks }, again).toEqual({
      ticks: expectedTicks,
      lastTicks: [null, ...expectedTicks.slice(0, -1)],
    });
    expect(sequences, again).toEqual(published.map((_, index) => index + 1));
    expect([...events].sort(), again).toEqual([...published].sort());
  }
});

async function check(seed: number) {
  const again = `play it again with SIMULATION_SEED=${seed}`;
  const calm = await play(seed, { faults: false, servers: 1 });
  expect(calm.violations, `${again}: without faults`).toEqual([]);
  const servers = seed % 2 === 0 ? 3 : 1;
  const wild = await play(seed, { faults: true, servers });
  expect(wild.violations, `${again}: with ${servers} servers`).toEqual([]);
  expect(Object.fromEntries(wild.executions), again).toEqual(Object.fromEntries(calm.executions));
  return wild.versions;
}

function play(seed: number, options: { readonly faults: boolean; readonly servers: number }) {
  seedIds(seed);
  return simulate(seed, options);
}
