import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { PolosClient } from '@polos/sdk';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { LANGUAGES, type Language } from '../client-conformance/languages.js';
import { uniqueDatabase, withMongodb } from '../mongodb/shared.js';
import { Random } from '../simulation/random.js';
import { Followed, persistently } from './killed/followed.js';
import { CHILD_SCRIPT, FIRST_STATE, toScript, type WorkflowScript } from './killed/instructions.js';
import { KilledSite } from './killed/site.js';
import type { Piece } from './workflows/program.js';
import { isSequential, randomProgram } from './workflows/program.js';

// Random workflows in worker processes that are killed with -9 while steps run, and so are their servers; each ends as if nobody
// had died. KILLED_WORKFLOWS=5000 plays that many of each language on each store; a failure prints the seed and the workflow.

const { KILLED_WORKFLOWS = '8', KILLED_SEED = '1' } = process.env;
const COUNT = Number(KILLED_WORKFLOWS);
/** Workflows that are played at once. */
const BATCH = 40;
/** Under fire workflows begin one after the other, or the first kills would meet them all in their first steps. */
const BEGIN_EVERY_MS = 150;
/** For each batch. A wait that long is a hang, also on a machine that is so busy that leases run out by themselves. */
const LIMIT_MS = 300_000;

const longProgram = fc.tuple(randomProgram, randomProgram).map((programs) => programs.flat());

interface Batch {
  readonly seed: number;
  readonly programs: readonly (readonly Piece[])[];
}

function describeKills(language: Language, mongodbUrl: () => Promise<string | undefined>): void {
  test(`${COUNT} workflows in ${language.name} end as if nobody had died`, {
    timeout: Math.ceil(COUNT / BATCH) * 2 * LIMIT_MS,
  }, async () => {
    const url = await mongodbUrl();
    const site = await KilledSite.start({ language, ...(url !== undefined && { mongodbUrl: url }) });
    onTestFinished(() => site.close());
    const sum = { workers: 0, servers: 0, lost: 0 };
    for (let from = 0; from < COUNT; from += BATCH) {
      const seed = Number(KILLED_SEED) * 1_000_003 + from;
      const numRuns = Math.min(BATCH, COUNT - from);
      const killed = await playTwice(site, { seed, programs: fc.sample(longProgram, { numRuns, seed }) });
      sum.workers += killed.workers;
      sum.servers += killed.servers;
      sum.lost += killed.lost;
    }
    console.log(`${language.name}: ${JSON.stringify(sum)}`);
    expect(sum.workers).toBeGreaterThan(0);
    expect(sum.servers).toBeGreaterThan(0);
    expect(sum.lost).toBeGreaterThan(0);
  });
}

/** Plays a batch in peace and under fire, and compares. */
async function playTwice(site: KilledSite, batch: Batch) {
  const calm = await play(site, { ...batch, beginWithinMs: 0 }, async () => ({ workers: 0, servers: 0 }));
  const random = new Random(batch.seed);
  const wild = await play(
    site,
    { ...batch, beginWithinMs: batch.programs.length * BEGIN_EVERY_MS },
    (signal) => site.wreak(random, { kills: batch.programs.length, signal }),
  );
  for (const [index, pieces] of batch.programs.entries()) {
    const isOrdered = isSequential(pieces);
    const again = `KILLED_SEED=${KILLED_SEED}, seed ${batch.seed}, number ${index}: ${JSON.stringify(pieces)}`;
    const expected = await calm.followed[index]!.legacies(isOrdered);
    expect(expected.top?.status, again).toBe('completed');
    expect(await wild.followed[index]!.legacies(isOrdered), again).toEqual(expected);
  }
  calm.client.close();
  wild.client.close();
  return { ...wild.killed, lost: wild.followed.reduce((sum, { lost }) => sum + lost, 0) };
}

async function play(
  site: KilledSite,
  { seed, programs, beginWithinMs }: Batch & { readonly beginWithinMs: number },
  wreak: (signal: AbortSignal) => Promise<{ readonly workers: number; readonly servers: number }>,
) {
  const projectId = `killed-${randomUUID()}`;
  const client = new PolosClient({ apiUrl: site.url, projectId });
  const scripts: WorkflowScript[] = programs.map((pieces, index) => toScript(pieces, `w${index}`));
  await site.serve(projectId, [...scripts, CHILD_SCRIPT]);
  const over = new AbortController();
  const limit = AbortSignal.timeout(LIMIT_MS);
  setMaxListeners(0, limit);
  const random = new Random(seed);
  const wreaking = wreak(over.signal);
  // Awaited below.
  wreaking.catch(() => {});
  const followed = scripts.map(async ({ id }) => {
    await wait(random.between(0, beginWithinMs));
    const options = { initialState: FIRST_STATE, idempotencyKey: id };
    const { id: executionId } = await persistently(() => client.invoke(id, undefined, options), limit);
    const execution = new Followed(client, { id: executionId, signal: limit });
    await execution.run();
    return execution;
  });
  try {
    const executions = await Promise.all(followed);
    over.abort();
    const killed = await wreaking;
    for (const { executionId, stepKey, workerAt } of site.calls) {
      for (const { recordedAt } of executions) {
        const at = recordedAt.get(`${executionId} ${stepKey}`) ?? Number.POSITIVE_INFINITY;
        if (workerAt > at)
          throw new Error(`the function of ${stepKey} of ${executionId} ran after it was recorded`);
      }
    }
    return { client, followed: executions, killed };
  } finally {
    over.abort();
  }
}

describe('workers and servers killed on the embedded store', () => {
  for (const language of LANGUAGES) describeKills(language, async () => undefined);
});

withMongodb(() => {
  describe('workers and servers killed on MongoDB', () => {
    for (const language of LANGUAGES) describeKills(language, async () => (await uniqueDatabase()).url);
  });
});
