import { describe, expect, test } from 'vitest';
import { MemoryDatabase, openMemoryStore } from '../store/memory/memory-store.js';
import type { EventCursor, TopicEvent } from './api.js';
import { HandClock, settled } from './hand-clock.mjs';
import { Harness, PROJECT } from './harness.mjs';
import { intercepted, jittery } from './slow-store.mjs';

const TOPIC = 'payments';

function publish(harness: Harness, ...texts: readonly string[]): Promise<readonly number[]> {
  const events = texts.map((text) => ({ type: 'paid', data: { json: JSON.stringify(text) } }));
  return harness.engine.publish(PROJECT, { topic: TOPIC, events, digest: '' });
}

function stream(harness: Harness, from: Partial<EventCursor> = {}): AsyncIterable<readonly TopicEvent[]> {
  const cursor = { afterEvent: 0, follow: true, signal: new AbortController().signal, ...from };
  return harness.engine.topicEvents(PROJECT, TOPIC, cursor);
}

/** Reads as fast as it can; what it has, and whether it has come to its end. */
function reading(harness: Harness, from: Partial<EventCursor> = {}) {
  const numbers: number[] = [];
  const result = { numbers, end: undefined as unknown };
  const read = async () => {
    for await (const page of stream(harness, from)) numbers.push(...page.map(({ sequence }) => sequence));
    return 'ended';
  };
  read()
    .catch((error: unknown) => error)
    .then((end) => {
      result.end = end;
    });
  return result;
}

const upTo = (last: number, first = 1) =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

describe('a reader', () => {
  test('that does not follow has what is there, from any cursor on, and its end', async () => {
    const harness = await Harness.open();
    for (let count = 0; count < 30; count++) await publish(harness, 'a', 'b', 'c');
    for (const afterEvent of [0, 1, 2, 3, 44, 89, 90]) {
      const { numbers, end } = await read(harness, afterEvent);
      expect(numbers).toEqual(upTo(90, afterEvent + 1));
      expect(end).toBe('ended');
    }
    async function read(from: Harness, afterEvent: number) {
      const result = reading(from, { afterEvent, follow: false });
      await settled();
      return result;
    }
  });

  test('of a server that was just started has the same', async () => {
    const harness = await Harness.open();
    for (let count = 0; count < 200; count++) await publish(harness, 'a', 'b');
    await harness.restart();
    for (const afterEvent of [0, 1, 200, 399, 400]) {
      const result = reading(harness, { afterEvent, follow: false });
      await settled();
      expect(result).toEqual({ numbers: upTo(400, afterEvent + 1), end: 'ended' });
    }
  });

  test('of a topic that nobody published to has nothing, and waits for the first', async () => {
    const harness = await Harness.open();
    const ends = reading(harness, { follow: false });
    const stays = reading(harness);
    await settled();
    expect(ends).toEqual({ numbers: [], end: 'ended' });
    await publish(harness, 'a');
    await settled();
    expect(stays).toEqual({ numbers: [1], end: undefined });
  });

  test.each([false, true])(
    'with a cursor beyond the newest event is refused (follow: %s)',
    async (follow) => {
      const harness = await Harness.open();
      await publish(harness, 'a', 'b');
      const result = reading(harness, { afterEvent: 3, follow });
      await settled();
      expect(result.end).toMatchObject({ problem: { type: 'cursor_unknown', cursor: 3, newest: 2 } });
    },
  );

  test('that follows has what is published, and leaves when it is told to', async () => {
    const harness = await Harness.open();
    const leaves = new AbortController();
    const result = reading(harness, { afterEvent: 0, signal: leaves.signal });
    await publish(harness, 'a');
    await settled();
    await publish(harness, 'b', 'c');
    await settled();
    expect(result).toEqual({ numbers: [1, 2, 3], end: undefined });
    leaves.abort();
    await settled();
    expect(result.end).toBe('ended');
    await publish(harness, 'd');
    await settled();
    expect(result.numbers).toEqual([1, 2, 3]);
  });

  test('misses nothing that is published while it reads', async () => {
    for (let seed = 0; seed < 40; seed++) {
      const harness = await Harness.open(jittery(openMemoryStore(), seed));
      const results = [reading(harness)];
      for (let count = 0; count < 10; count++) {
        const published = publish(harness, 'a', 'b');
        results.push(reading(harness));
        await published;
      }
      await settled();
      for (const { numbers } of results) expect(numbers).toEqual(upTo(20));
    }
  });
});

describe('a reader at one server', () => {
  test('has what is published at another as soon as that is told of', async () => {
    const [here, there] = (await Harness.openBeside(2)) as [Harness, Harness];
    const result = reading(here);
    await publish(there, 'a');
    await settled();
    await publish(here, 'b');
    await publish(there, 'c');
    await settled();
    expect(result.numbers).toEqual([1, 2, 3]);
  });

  test('has it within a second where nobody tells', async () => {
    const database = new MemoryDatabase();
    const clock = new HandClock();
    const [here, there] = [1, 2].map(() => {
      const store = openMemoryStore(database);
      store.follow = () => () => {};
      return new Harness(store, clock);
    }) as [Harness, Harness];
    for (const { engine } of [here, there]) await engine.start();
    const result = reading(here);
    await settled();
    await publish(there, 'a');
    await clock.turn(1_000);
    expect(result.numbers).toEqual([1]);
    await publish(there, 'b');
    await clock.turn(1_000);
    expect(result.numbers).toEqual([1, 2]);
  });

  test('that does not follow has what another server acknowledged before', async () => {
    const [here, there] = (await Harness.openBeside(2)) as [Harness, Harness];
    for (let count = 1; count < 5; count++) {
      await publish(there, 'a');
      const result = reading(here, { follow: false });
      await settled();
      expect(result).toEqual({ numbers: upTo(count), end: 'ended' });
    }
  });

  test('costs the store nothing while it is the only one and nothing happens', async () => {
    let reads = 0;
    const counted = intercepted(openMemoryStore(), (method, call) => {
      if (method === 'listRecords' || method === 'loadRecord') reads += 1;
      return call();
    });
    const harness = await Harness.open(counted);
    await publish(harness, 'a');
    reading(harness);
    await harness.clock.turn(10_000);
    const before = reads;
    await harness.clock.turn(600_000);
    expect(reads).toBe(before);
  });
});

describe('a slow reader', () => {
  const LARGE = 'x'.repeat(200_000);

  test('has one page at a time, of a few events where they are large', async () => {
    const harness = await Harness.open();
    for (let count = 0; count < 200; count++) await publish(harness, LARGE);
    await harness.restart();
    const bytes: number[] = [];
    const numbers: number[] = [];
    for await (const page of stream(harness, { follow: false })) {
      bytes.push(JSON.stringify(page).length);
      numbers.push(...page.map(({ sequence }) => sequence));
    }
    expect(numbers).toEqual(upTo(200));
    expect(Math.max(...bytes)).toBeLessThan(500_000);
  });

  test('asks the store for no more than it takes', async () => {
    let records = 0;
    const counted = intercepted(openMemoryStore(), async (method, call) => {
      const answer = await call();
      if (method === 'listRecords') records += (answer as unknown[]).length;
      return answer;
    });
    const harness = await Harness.open(counted);
    for (let count = 0; count < 300; count++) await publish(harness, LARGE);
    await harness.restart();
    records = 0;
    const pages = stream(harness)[Symbol.asyncIterator]();
    await pages.next();
    await settled();
    expect(records).toBeLessThan(10);
    await pages.return?.();
  });

  test('of small events asks the store seldom', async () => {
    let reads = 0;
    const counted = intercepted(openMemoryStore(), (method, call) => {
      if (method === 'listRecords') reads += 1;
      return call();
    });
    const harness = await Harness.open(counted);
    for (let count = 0; count < 2_000; count++) await publish(harness, 'a');
    await harness.restart();
    reads = 0;
    const result = reading(harness, { follow: false });
    for (let turn = 0; turn < 50 && result.end === undefined; turn++) await settled();
    expect(result).toEqual({ numbers: upTo(2_000), end: 'ended' });
    expect(reads).toBeLessThan(100);
  });

  test('does not hold up a quick one, or those who publish', async () => {
    const harness = await Harness.open();
    await publish(harness, 'a');
    const slow = stream(harness)[Symbol.asyncIterator]();
    await slow.next();
    const quick = reading(harness);
    for (let count = 0; count < 100; count++) await publish(harness, 'b');
    await settled();
    expect(quick.numbers).toEqual(upTo(101));
    const numbers: number[] = [];
    while (numbers.length < 100) {
      const { value } = await slow.next();
      numbers.push(...(value as TopicEvent[]).map(({ sequence }) => sequence));
    }
    expect(numbers).toEqual(upTo(101, 2));
    await slow.return?.();
  });
});
