import { expect, test, vi } from 'vitest';
import { LimitedQueues } from './limited-queues.js';
import { Random } from './random.js';
import { seedIds } from './seeded-ids.js';

// LIMITS_SEED=17 plays one seed; LIMITS_SEEDS=5000 plays that many, from LIMITS_FIRST on.

const { LIMITS_SEED, LIMITS_SEEDS = '300', LIMITS_FIRST = '1' } = process.env;
const first = Number(LIMITS_SEED ?? LIMITS_FIRST);
const count = LIMITS_SEED === undefined ? Number(LIMITS_SEEDS) : 1;
const BATCH = 50;

// Hoisted above the imports.
vi.mock('node:crypto', async (original: () => Promise<typeof import('node:crypto')>) => {
  return (await import('./seeded-ids.js')).seededCrypto(original);
});

for (let from = first; from < first + count; from += BATCH) {
  const to = Math.min(from + BATCH, first + count) - 1;
  test(`17, 22, 24: with the seeds ${from} to ${to} limits hold, nobody waits for ever and no slot is lost`, {
    timeout: 300_000,
  }, async () => {
    let granted = 0;
    for (let seed = from; seed <= to; seed++) {
      seedIds(seed);
      const random = new Random(seed);
      const queues = new LimitedQueues(random, { a: random.between(1, 3), b: 1 });
      await queues.play(random.between(10, 60));
      expect(queues.violations, `play it again with LIMITS_SEED=${seed}`).toEqual([]);
      granted += queues.granted;
    }
    // It would be easy to exceed no limit if nothing ran.
    expect(granted).toBeGreaterThan(5 * (to - from + 1));
  });
}
