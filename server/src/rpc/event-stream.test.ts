import { create } from '@bufbuild/protobuf';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { EngineApi } from '../engine/api.js';
import { StreamEventsRequestSchema } from '../gen/polos/v1/workflow_service_pb.js';
import { streamEvents, withKeepalive } from './event-stream.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('silence is broken for as long as it lasts, and nothing of the source is lost', async () => {
  const source = new Source<number>();
  const heard = listen(withKeepalive(source, 1_000));
  await vi.advanceTimersByTimeAsync(2_500);
  source.give(7);
  await vi.advanceTimersByTimeAsync(999);
  expect(heard).toEqual(['keepalive', 'keepalive', 7]);
  await vi.advanceTimersByTimeAsync(1);
  source.end();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(heard).toEqual(['keepalive', 'keepalive', 7, 'keepalive', 'end']);
  expect(vi.getTimerCount()).toBe(0);
});

test('a source that fails ends the stream with its failure', async () => {
  const source = new Source<number>();
  const heard = listen(withKeepalive(source, 1_000));
  await vi.advanceTimersByTimeAsync(1_500);
  source.fail(new Error('gone'));
  await vi.advanceTimersByTimeAsync(0);
  expect(heard).toEqual(['keepalive', 'gone']);
});

test.each(['-1', '1.5', 'x', '99999999999999999', ' 1'])('the cursor %j was never given', async (cursor) => {
  const heard = listen(events({ cursor }));
  await vi.advanceTimersByTimeAsync(0);
  expect(heard).toEqual(['cursor: the server never gave this cursor; send an empty one for the first event']);
});

test('a server that stops tells a follower where to go on', async () => {
  const stop = new AbortController();
  const heard = listen(events({ cursor: '4', signal: stop.signal }));
  await vi.advanceTimersByTimeAsync(15_000);
  stop.abort();
  await vi.advanceTimersByTimeAsync(0);
  expect(heard).toMatchObject([
    { message: { case: 'keepalive' }, cursor: '4' },
    { message: { case: 'event', value: { sequence: 5n, type: 'step_finish' } }, cursor: '5' },
    'the server is about to stop; call again with the cursor "5"',
  ]);
});

test('the cursor of a tree is the place in it, and each event keeps its number in its execution', async () => {
  const { signal } = new AbortController();
  const engine: Partial<EngineApi> = {
    async *treeEvents(_project, root, { afterEvent }) {
      const event = { sequence: 3, executionId: `child of ${root}`, workflowId: 'w', type: 'step_finish' };
      yield [{ place: afterEvent + 1, event: { ...event, data: {}, at: 1, stateRevision: 1 } }];
    },
  };
  const source = { case: 'rootExecutionId', value: 'r' } as const;
  const request = create(StreamEventsRequestSchema, { source, cursor: '41' });
  const heard = listen(streamEvents(engine as EngineApi, request, { projectId: 'p', signal }));
  await vi.advanceTimersByTimeAsync(0);
  expect(heard).toMatchObject([
    { message: { case: 'event', value: { sequence: 3n, executionId: 'child of r' } }, cursor: '42' },
    'end',
  ]);
});

test('an event of a topic has its number there, and who published it', async () => {
  const engine: Partial<EngineApi> = {
    async *topicEvents(_project, topic, { afterEvent }) {
      const base = { topic, type: 'paid', at: 1_000 };
      yield [
        { ...base, sequence: afterEvent + 1, data: { json: '{"a":1}' }, executionId: 'e' },
        { ...base, sequence: afterEvent + 2 },
      ];
    },
  };
  const request = create(StreamEventsRequestSchema, { source: { case: 'topic', value: 't' }, cursor: '6' });
  const call = { projectId: 'p', signal: new AbortController().signal };
  const heard = listen(streamEvents(engine as EngineApi, request, call));
  await vi.advanceTimersByTimeAsync(0);
  const paid = { topic: 't', type: 'paid', workflowId: '', createTime: { seconds: 1n } };
  expect(heard).toMatchObject([
    { cursor: '7', message: { value: { ...paid, sequence: 7n, executionId: 'e' } } },
    { cursor: '8', message: { value: { ...paid, sequence: 8n, executionId: '' } } },
    'end',
  ]);
});

/** Events from an engine that gives one, when the caller leaves. */
function events({ cursor = '', signal = new AbortController().signal }) {
  const engine: Partial<EngineApi> = {
    async *events(_project, executionId, from) {
      await new Promise<void>((resolve) => from.signal.addEventListener('abort', () => resolve()));
      const sequence = from.afterEvent + 1;
      yield [
        { sequence, executionId, workflowId: 'w', type: 'step_finish', data: {}, at: 1, stateRevision: 1 },
      ];
    },
  };
  const request = create(StreamEventsRequestSchema, { source: { case: 'executionId', value: 'e' }, cursor });
  return streamEvents(engine as EngineApi, request, { projectId: 'p', signal });
}

function listen(stream: AsyncIterable<unknown>): unknown[] {
  const heard: unknown[] = [];
  const run = async () => {
    for await (const item of stream) heard.push(item);
    heard.push('end');
  };
  run().catch((error: Error) => heard.push(error.message));
  return heard;
}

/** Gives what a test tells it to, when it tells it to. */
class Source<T> implements AsyncIterable<T> {
  #answer: { resolve(result: IteratorResult<T>): void; reject(error: Error): void } | undefined;

  [Symbol.asyncIterator](): AsyncIterator<T> {
    return {
      next: () => {
        return new Promise((resolve, reject) => {
          this.#answer = { resolve, reject };
        });
      },
    };
  }

  give(value: T): void {
    this.#answer?.resolve({ value });
  }

  end(): void {
    this.#answer?.resolve({ value: undefined, done: true });
  }

  fail(error: Error): void {
    this.#answer?.reject(error);
  }
}
