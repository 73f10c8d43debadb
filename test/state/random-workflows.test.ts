import fc from 'fast-check';
import { expect, test } from 'vitest';
import { randomProgram } from './workflows/program.js';
import { type Fate, type Fortune, Theatre } from './workflows/theatre.js';

// Random workflows of the SDK on the engine, whose workers die before and after commits, lose what they keep, and are read meanwhile.
//
// WORKFLOW_SEEDS=5000 plays that many; a failure prints the seed and the path of fast-check, which play it again.

const { WORKFLOW_SEEDS = '400', WORKFLOW_SEED = '1' } = process.env;
const BATCH = 100;

/** More deaths than this are not worth the time. */
const DEATHS_MAX = 40;

const fates = fc.infiniteStream(fc.constantFrom<Fate[]>(undefined, undefined, 'before', 'after'));
const chances = fc.infiniteStream(fc.boolean());

for (let from = 0; from < Number(WORKFLOW_SEEDS); from += BATCH) {
  test(`random workflows end as if nobody had died, ${from + 1} to ${from + BATCH}`, {
    timeout: 300_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(randomProgram, fates, chances, chances, async (pieces, fate, memory, sight) => {
        const calm = await new Theatre(pieces, CALM).play();
        expect(calm.status).toBe('completed');
        const wild = await new Theatre(pieces, fortuneOf(fate, memory, sight)).play();
        expect(wild).toEqual(calm);
      }),
      { numRuns: BATCH, seed: Number(WORKFLOW_SEED) * 1_000_003 + from },
    );
  });
}

const CALM: Fortune = { fate: () => undefined, forgets: () => false, looks: () => false };

function fortuneOf(fate: fc.Stream<Fate>, memory: fc.Stream<boolean>, sight: fc.Stream<boolean>): Fortune {
  let deaths = 0;
  return {
    fate() {
      const next = fate.next().value as Fate;
      if (next !== undefined) deaths += 1;
      return deaths > DEATHS_MAX ? undefined : next;
    },
    forgets: () => memory.next().value === true,
    looks: () => sight.next().value === true,
  };
}
