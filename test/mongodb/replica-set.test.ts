import { existsSync } from 'node:fs';
import { type Document, MongoClient, type MongoClientOptions } from 'mongodb';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { command } from './command.js';
import { type Member, ReplicaSet } from './replica-set.js';
import { withMongod } from './shared.js';
import { until } from './until.js';

const SOON_MS = 15_000;

withMongod(() => {
  describe('a replica set of three', () => {
    let set: ReplicaSet;
    beforeAll(async () => {
      set = await ReplicaSet.start({ members: 3, electionTimeoutMs: 2_000, proxied: true });
    }, 60_000);
    afterAll(() => set?.stop());

    test('takes writes that a majority has', async () => {
      const notes = notesOf(set);
      await notes.insertOne({ text: 'a' }, { writeConcern: { w: 'majority', j: true } });
      expect(await notes.countDocuments()).toBe(1);
    });

    test('has another primary after it stepped down', async () => {
      const old = await set.primary();
      const primary = await set.stepDown();
      expect(primary).not.toBe(old);
      await writeEverywhere(set);
    });

    test('has another primary after kill -9, and takes the old one back', async () => {
      const old = await set.primary();
      await old.kill();
      const primary = await soon(set.primary({ otherThan: old }));
      expect(primary).not.toBe(old);
      await old.restart();
      await set.settled();
      await writeEverywhere(set);
    });

    test('has another primary while the old one is paused', async () => {
      const old = await set.primary();
      old.pause();
      const primary = await soon(set.primary({ otherThan: old }));
      expect(primary).not.toBe(old);
      old.resume();
      await writeEverywhere(set);
    });

    test.each(['cut', 'freeze'] as const)(
      'has another primary while the old one is off by %s',
      async (by) => {
        const old = await set.primary();
        set.isolate(old, { by });
        const primary = await soon(set.primary({ otherThan: old }));
        expect(primary).not.toBe(old);
        await notesOf(set).insertOne({ text: by }, { writeConcern: { w: 'majority' } });
        await hearsOf(old, 0);
        await hearsOf(primary, 1);
        set.heal();
        await writeEverywhere(set);
      },
    );

    test('lets clients reach a primary that is off from the others, but not have it keep anything', async () => {
      const old = await set.primary();
      const toOld = notesOf(set, {
        url: `mongodb://127.0.0.1:${set.proxy(old).port}/?directConnection=true`,
        retryWrites: false,
      });
      await toOld.countDocuments();
      set.isolate(old, { keepClients: true });
      const lost = toOld.insertOne({ text: 'lost' }, { writeConcern: { w: 'majority' } });
      await expect(lost).rejects.toThrow();
      await set.primary({ otherThan: old });
      set.heal();
      await writeEverywhere(set);
      expect(await notesOf(set).countDocuments({ text: 'lost' })).toBe(0);
    });
  });

  test('a replica set of one counts the time of its process, and leaves nothing behind when it is stopped', async () => {
    const set = await ReplicaSet.start({ members: 1 });
    const [member] = set.members;
    const { pid } = member!;
    expect(await set.stepDown()).toBe(member);
    expect(member!.cpuMs()).toBeGreaterThan(0);
    expect(existsSync(`/proc/${pid}`)).toBe(true);
    await set.stop();
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});

interface Options extends MongoClientOptions {
  readonly url?: string;
}

/** Resolves once a member hears of so many others. */
async function hearsOf({ port }: Member, count: number): Promise<void> {
  await until(`word of ${count} other members`, async () => {
    const { members } = await command(port, { replSetGetStatus: 1 });
    const heard = members.filter(({ self, health }: Document) => !self && health === 1);
    return heard.length === count || undefined;
  });
}

/** A collection, through a client that is closed when the test is over. */
function notesOf(set: ReplicaSet, { url = set.url, ...options }: Options = {}) {
  const client = new MongoClient(url, options);
  onTestFinished(() => client.close());
  return client.db('test').collection('notes');
}

/** Resolves once all members, also one that came back, have a new document. */
async function writeEverywhere(set: ReplicaSet): Promise<void> {
  await notesOf(set).insertOne({ text: 'everywhere' }, { writeConcern: { w: 3, wtimeoutMS: 20_000 } });
}

async function soon<T>(awaited: Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const value = await awaited;
  expect(performance.now() - startedAt).toBeLessThan(SOON_MS);
  return value;
}
