import { setTimeout as wait } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { ReplicaSet } from '../mongodb/replica-set.js';
import { withMongod } from '../mongodb/shared.js';
import { EXECUTIONS_MIN, type FaultFigures, type Faults, STUCK_MS_MAX, underLoad } from './load-faults.js';
import { LEASE_MS, Site } from './load-site.js';

/** Half of MongoDB's own default: a primary that is gone without a word is missed for 5 to 6 s. */
const ELECTION_TIMEOUT_MS = 5_000;
/** How long a fault lasts that is not over by itself. */
const FAULT_MS = 15_000;
/** What each proxy adds each way. A write passes four ways until its writer knows that a majority has it. */
const PROXY_DELAY_MS = 50;
const SLOW_WRITE_MS = 200;

withMongod(() => {
  describe('64 executions in flight on two servers and a replica set of three', { timeout: 200_000 }, () => {
    let set: ReplicaSet;
    beforeAll(async () => {
      set = await ReplicaSet.start({ members: 3, electionTimeoutMs: ELECTION_TIMEOUT_MS, proxied: true });
    }, 60_000);
    afterAll(() => set?.stop());
    beforeEach(() => set.settled());
    afterEach(() => mend(set));

    test('the primary steps down, twice', async () => {
      const { load, run } = await start(set, 'stepped_down');
      await run({ faultCount: 2 }, async (faults) => {
        await faults.inject('primary stepped down', () => set.stepDown());
        await load.finish(100);
        await faults.inject('primary stepped down', () => set.stepDown());
      });
    });

    test('the primary is killed with -9, and started again', async () => {
      const { load, run } = await start(set, 'killed');
      await run({ faultCount: 1, pauseMsMin: ELECTION_TIMEOUT_MS / 2 }, async (faults) => {
        const old = await set.primary();
        await faults.inject('primary killed', async () => {
          await old.kill();
          await set.primary({ otherThan: old });
          await load.finish(100);
          await old.restart();
          await set.settled();
        });
      });
    });

    test('the primary is paused for 15 s', async () => {
      const { run } = await start(set, 'paused');
      await run({ faultCount: 1, pauseMsMin: ELECTION_TIMEOUT_MS / 2 }, async (faults) => {
        const old = await set.primary();
        await faults.inject('primary paused', async () => {
          old.pause();
          await wait(FAULT_MS);
          old.resume();
        });
      });
    });

    test('the primary is cut off from everything for 15 s', async () => {
      const { run } = await start(set, 'cut_off');
      await run({ faultCount: 1, pauseMsMin: ELECTION_TIMEOUT_MS / 2 }, async (faults) => {
        const old = await set.primary();
        await faults.inject('primary cut off', async () => {
          set.isolate(old);
          await wait(FAULT_MS);
          set.heal();
        });
      });
    });

    test('the primary is cut off from the other members for 15 s, but not from the servers', async () => {
      const { run } = await start(set, 'deserted');
      await run({ faultCount: 1, pauseMsMin: ELECTION_TIMEOUT_MS / 2 }, async (faults) => {
        const old = await set.primary();
        await faults.inject('primary cut off from the members', async () => {
          set.isolate(old, { keepClients: true });
          await wait(FAULT_MS);
          set.heal();
        });
      });
    });

    test('a server is killed with -9, and another one started, twice', async () => {
      const { site, load, run } = await start(set, 'server_killed');
      await run({ faultCount: 2, pauseOfOneMsMax: 3 * LEASE_MS }, async (faults) => {
        for (let time = 1; time <= 2; time++) {
          await faults.inject('server killed', async () => {
            await site.killServer();
            await load.finish(100);
            await site.addServer();
          });
          await load.finish(50);
        }
      });
    });

    test('every write takes 200 ms longer for a while', async () => {
      const { load, run } = await start(set, 'slow');
      const slowDown = (ms: number) => {
        for (const member of set.members) set.proxy(member).delay(ms);
      };
      await run({ faultCount: 1 }, async (faults) => {
        await faults.inject('store slowed down', async () => {
          slowDown(PROXY_DELAY_MS);
          expect(await writeMs(set)).toBeGreaterThan(SLOW_WRITE_MS);
          await load.finish(200);
          slowDown(0);
        });
      });
    });
  });
});

/** Ends what a test that failed did not end. */
async function mend(set: ReplicaSet): Promise<void> {
  for (const member of set.members) {
    set.proxy(member).delay(0);
    if (!member.isRunning) await member.restart();
    else if (!member.isAwake) member.resume();
  }
  set.heal();
}

/** A site on a database of its own, and what runs a load with faults on it. */
async function start(set: ReplicaSet, name: string) {
  const mongodbUrl = set.url.replace('/?', `/fault_${name}?`);
  const site = await Site.start({ mongodbUrl, servers: 2, workers: 2 });
  const run = async (expected: Expected, scenario: (faults: Faults) => Promise<void>) => {
    expectMuch(await underLoad(name, site, scenario), expected);
  };
  return { site, load: site.load, run };
}

/** What shows that the faults were there, and did something. */
interface Expected {
  readonly faultCount: number;
  /** Of the time in which nobody saw anything happen. */
  readonly pauseMsMin?: number;
  /** Of the time in which nothing happened to one execution. */
  readonly pauseOfOneMsMax?: number;
}

function expectMuch(
  figures: FaultFigures,
  { faultCount, pauseMsMin = 0, pauseOfOneMsMax = STUCK_MS_MAX }: Expected,
): void {
  expect(figures.faults).toBe(faultCount);
  expect(figures.executions).toBeGreaterThanOrEqual(EXECUTIONS_MIN);
  expect(figures.steps).toBeGreaterThan(6 * EXECUTIONS_MIN);
  expect(figures.longestPauseMs).toBeGreaterThan(pauseMsMin);
  expect(figures.longestPauseOfOneMs).toBeLessThan(pauseOfOneMsMax);
}

/** How long a write takes until a majority has it: the median of a few. */
async function writeMs({ url }: ReplicaSet): Promise<number> {
  const client = new MongoClient(url);
  onTestFinished(() => client.close());
  const notes = client.db('fault_slow').collection('notes');
  const times: number[] = [];
  for (let count = 0; count < 5; count++) {
    const startedAt = performance.now();
    await notes.insertOne({ count }, { writeConcern: { w: 'majority', journal: true } });
    times.push(performance.now() - startedAt);
  }
  return times.sort((a, b) => a - b)[2]!;
}
