import { describe, expect, test } from 'vitest';
import { flip, makeOriginals, type Originals, openDamaged, type StoreFile, sizeOf } from './store-copies.js';

/** Flips of each file; 510 together. */
const FLIPS = 170;

/** A sequence that looks random and is the same in every run (mulberry32). */
function* randomNumbers(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    yield ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}

describe('a store with one flipped bit opens complete or is refused', () => {
  test.each<{ readonly kind: keyof Originals; readonly file: StoreFile; readonly refusedMin: number }>([
    { kind: 'closed', file: 'polos.db', refusedMin: FLIPS / 4 },
    { kind: 'killed', file: 'polos.db', refusedMin: 1 },
    { kind: 'killed', file: 'polos.db-wal', refusedMin: FLIPS / 4 },
  ])('in $file of a $kind one', { timeout: 120_000 }, async ({ kind, file, refusedMin }) => {
    const { [kind]: original } = await makeOriginals();
    const bits = sizeOf(original.dataDir, file) * 8;
    const random = randomNumbers(20_260_101);
    let refused = 0;
    for (let count = 0; count < FLIPS; count++) {
      const bit = Math.floor(random.next().value * bits);
      const outcome = await openDamaged(original, (dataDir) => flip(dataDir, file, bit)).catch(
        (error: unknown) => {
          throw new Error(`bit ${bit} of ${file} of the ${kind} store`, { cause: error });
        },
      );
      if (outcome === 'refused') refused += 1;
    }
    // Not each flip can be noticed: some hit bytes that nothing is read from. That most are shows that the test bites.
    expect(refused).toBeGreaterThanOrEqual(refusedMin);
  });

  test('in the watermark', { timeout: 120_000 }, async () => {
    const { killed } = await makeOriginals();
    const random = randomNumbers(7);
    for (let count = 0; count < 60; count++) {
      const slot = count % 2 === 0 ? 0 : 4_096;
      const bit = slot * 8 + Math.floor(random.next().value * 192 * 8);
      await openDamaged(killed, (dataDir) => flip(dataDir, 'watermark', bit));
    }
  });
});
