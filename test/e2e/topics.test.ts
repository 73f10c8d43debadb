import {
  defineWorkflow,
  type EventPayload,
  IdempotencyMismatchError,
  InvalidArgumentError,
  LimitExceededError,
  type PolosClient,
  type TopicEvent,
  Worker,
} from '@polos/sdk';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ServerProgram } from '../fault/processes.js';
import { uniqueDatabase, withMongodb } from '../mongodb/shared.js';
import { connect } from './stage.js';

// Other tests keep the machine busy meanwhile.
vi.setConfig({ testTimeout: 120_000 });

type StartServer = () => Promise<ServerProgram>;

/** Waits for some events of a topic, one after the other, and answers their sequences. */
const reader = defineWorkflow<{ topic: string; count: number }, { last?: EventPayload }, number[]>(
  { id: 'reader' },
  async (ctx, { topic, count }) => {
    const sequences: number[] = [];
    for (let index = 0; index < count; index++) {
      const event = await ctx.step.waitForEvent(`event_${index}`, { topic });
      ctx.state.last = event;
      sequences.push(event.sequence);
    }
    return sequences;
  },
);

/** Publishes some events to a topic. */
const publisher = defineWorkflow<{ topic: string; count: number }, Record<string, unknown>, string>(
  { id: 'publisher' },
  async (ctx, { topic, count }) => {
    for (let index = 0; index < count; index++) {
      await ctx.step.publishEvent(`say_${index}`, { topic, type: 'said', data: { index } });
    }
    return ctx.executionId;
  },
);

/** Serves both workflows until the test is over. */
async function serve(client: PolosClient): Promise<void> {
  const worker = new Worker({ client, workflows: [reader, publisher], handleSignals: false });
  const running = worker.run();
  onTestFinished(async () => {
    await worker.shutdown();
    await running;
  });
  await worker.whenRunning();
}

async function read(
  events: AsyncIterable<TopicEvent>,
  count = Number.POSITIVE_INFINITY,
): Promise<TopicEvent[]> {
  const found: TopicEvent[] = [];
  for await (const event of events) {
    found.push(event);
    if (found.length >= count) break;
  }
  return found;
}

/** Resolves once all of them wait. */
async function waiting(executions: readonly { status(): Promise<string> }[]): Promise<void> {
  for (const execution of executions) {
    await vi.waitUntil(async () => (await execution.status()) === 'waiting', { timeout: 60_000 });
  }
}

const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

function describeTopics(start: StartServer): void {
  test('a workflow gets what a client and another workflow publish, once each and in order', async () => {
    const client = connect((await start()).url);
    await serve(client);
    const reading = await reader.start(client, { topic: 'orders', count: 5 });
    expect(await client.events.publish('orders', { type: 'paid', data: { amount: 5 } })).toBe(1);
    expect(await client.events.batchPublish('orders', [{ data: 'a' }, { eventType: 'sent' }])).toEqual([
      2, 3,
    ]);
    const executionId = await publisher.run(client, { topic: 'orders', count: 2 });
    expect(await reading.result()).toEqual([1, 2, 3, 4, 5]);
    const { value } = await reading.state<{ last: EventPayload }>();
    expect(value.last).toMatchObject({ type: 'said', data: { index: 1 }, sequence: 5, executionId });
    const events = await read(client.events.streamTopic('orders', { follow: false }));
    expect(events).toMatchObject([
      { topic: 'orders', sequence: 1, type: 'paid', data: { amount: 5 }, executionId: undefined },
      { sequence: 2, type: 'event', data: 'a' },
      { sequence: 3, type: 'sent', data: undefined },
      { sequence: 4, type: 'said', data: { index: 0 }, executionId },
      { sequence: 5, type: 'said', data: { index: 1 }, executionId },
    ]);
    expect(events[0]?.createdAt).toBeInstanceOf(Date);
  });

  test('a key publishes once; what is too large, or is no topic, is refused by name', async () => {
    const client = connect((await start()).url);
    const once = { idempotencyKey: 'k' };
    expect(await client.events.publish('t', { data: 1 }, once)).toBe(1);
    expect(await client.events.publish('t', { data: 1 }, once)).toBe(1);
    await expect(client.events.publish('t', { data: 2 }, once)).rejects.toThrow(IdempotencyMismatchError);
    expect(await client.events.publish('u', { data: 2 }, once)).toBe(1);
    for (const topic of ['', 'a\nb', 'x'.repeat(513)]) {
      await expect(client.events.publish(topic, {})).rejects.toThrow(InvalidArgumentError);
    }
    const many = Array.from({ length: 1_001 }, () => ({}));
    await expect(client.events.batchPublish('t', many)).rejects.toThrow(InvalidArgumentError);
    await expect(client.events.batchPublish('t', [])).rejects.toThrow(InvalidArgumentError);
    const large = { data: 'x'.repeat(1_500_000) };
    await expect(client.events.batchPublish('t', [large, large, large])).rejects.toThrow(LimitExceededError);
    expect(await client.events.batchPublish('t', [large, large])).toEqual([2, 3]);
    // Takes twice its size wherever a text holds it.
    const quotes = { data: '"'.repeat(1_000_000) };
    expect(await client.events.batchPublish('t', [quotes, quotes])).toEqual([4, 5]);
    const found = await read(client.events.streamTopic('t', { after: 1, follow: false }));
    expect(found.map(({ data }) => data)).toEqual([large, large, quotes, quotes].map(({ data }) => data));
    await expect(read(client.events.streamTopic('t', { after: 6 }))).rejects.toThrow(InvalidArgumentError);
    expect(await read(client.events.streamTopic('nobody published here', { follow: false }))).toEqual([]);
  });

  test('what was acknowledged before the server was killed wakes all that wait for it, and a stream goes on', async () => {
    const server = await start();
    const client = connect(server.url);
    await serve(client);
    const executions = await Promise.all(
      upTo(100).map(() => reader.start(client, { topic: 'orders', count: 2 })),
    );
    await waiting(executions);
    const stream = read(client.events.streamTopic('orders'), 2);
    expect(await client.events.publish('orders', { data: 'first' })).toBe(1);
    await server.kill();
    await server.restart();
    expect(await client.events.publish('orders', { data: 'second' })).toBe(2);
    const results = await Promise.all(executions.map((execution) => execution.result()));
    expect(results).toEqual(executions.map(() => [1, 2]));
    expect((await stream).map(({ sequence }) => sequence)).toEqual([1, 2]);
  });

  test('what workflows publish while the server is killed again and again is there once, in their order', async () => {
    const server = await start();
    const client = connect(server.url);
    await serve(client);
    const stop = new AbortController();
    const followed: TopicEvent[] = [];
    const following = (async () => {
      for await (const event of client.events.streamTopic('orders', { signal: stop.signal }))
        followed.push(event);
    })();
    const executions = await Promise.all(
      upTo(12).map(() => publisher.start(client, { topic: 'orders', count: 8 })),
    );
    for (let kill = 0; kill < 3; kill++) {
      await vi.waitUntil(() => followed.length > kill * 20 + 5, { timeout: 60_000 });
      await server.kill();
      await server.restart();
    }
    await Promise.all(executions.map((execution) => execution.result()));
    await vi.waitUntil(() => followed.length >= 96, { timeout: 60_000 });
    stop.abort();
    await following;
    expect(followed.map(({ sequence }) => sequence)).toEqual(upTo(96));
    for (const { id } of executions) {
      const its = followed.filter(({ executionId }) => executionId === id);
      expect(its.map(({ data }) => data)).toEqual(upTo(8).map((_, index) => ({ index })));
    }
  });

  test('a reader that stands still holds up nobody, and has everything when it goes on', async () => {
    const client = connect((await start()).url);
    const slow = client.events.streamTopic<string>('orders');
    const first = slow.next();
    const data = 'x'.repeat(10_000);
    for (let batch = 0; batch < 20; batch++) {
      await client.events.batchPublish(
        'orders',
        upTo(100).map(() => ({ data })),
      );
    }
    await first;
    const quick = await read(client.events.streamTopic('orders'), 2_000);
    expect(quick.map(({ sequence }) => sequence)).toEqual(upTo(2_000));
    const rest = await read(slow, 1_999);
    expect(rest.map(({ sequence }) => sequence)).toEqual(upTo(2_000).slice(1));
  });
}

describe('topics on the embedded store', () => {
  describeTopics(() => ServerProgram.start());
});

withMongodb(() => {
  describe('topics on MongoDB', () => {
    describeTopics(async () => ServerProgram.start({ mongodbUrl: (await uniqueDatabase()).url }));

    test('what a server acknowledged before it was killed for good is announced by another', async () => {
      const { url } = await uniqueDatabase();
      const [one, other] = await Promise.all([1, 2].map(() => ServerProgram.start({ mongodbUrl: url })));
      const client = connect((other as ServerProgram).url);
      await serve(client);
      const executions = await Promise.all(
        upTo(100).map(() => reader.start(client, { topic: 'orders', count: 1 })),
      );
      await waiting(executions);
      const stream = read(client.events.streamTopic('orders'), 1);
      expect(await connect((one as ServerProgram).url).events.publish('orders', { data: 1 })).toBe(1);
      await (one as ServerProgram).kill();
      expect(await Promise.all(executions.map((execution) => execution.result()))).toEqual(
        executions.map(() => [1]),
      );
      expect(await stream).toMatchObject([{ sequence: 1, data: 1 }]);
    });
  });
});
