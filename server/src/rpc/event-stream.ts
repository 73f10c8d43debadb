import { create } from '@bufbuild/protobuf';
import type { EngineApi, EventCursor, NumberedEvent } from '../engine/api.js';
import { type Event, EventSchema } from '../gen/polos/v1/event_pb.js';
import {
  type StreamEventsRequest,
  type StreamEventsResponse,
  StreamEventsResponseSchema,
} from '../gen/polos/v1/workflow_service_pb.js';
import { toPayload } from './codec/payload.js';
import { toTimestamp } from './codec/time.js';
import { toTopicEvent } from './codec/topic.js';
import type { Call } from './method.js';
import { invalidField, unavailable } from './refusals.js';

/** Silence after which a sign of life is sent: proxies cut streams that are silent for 60 s. */
export const KEEPALIVE_MS = 15_000;

/** The events of an execution, of a tree of executions or of a topic from a cursor on, with a sign of life in the silence. */
export async function* streamEvents(
  engine: EngineApi,
  { source, cursor, follow }: StreamEventsRequest,
  { projectId, signal }: Call,
): AsyncIterable<StreamEventsResponse> {
  let last = decodeCursor(cursor);
  const events = eventsOf(engine, { projectId, source }, { afterEvent: last, follow, signal });
  for await (const batch of withKeepalive(events, KEEPALIVE_MS)) {
    if (batch === 'keepalive') yield toKeepalive(last);
    else {
      for (const { place, event } of batch) {
        last = place;
        yield create(StreamEventsResponseSchema, {
          message: { case: 'event', value: event },
          cursor: String(place),
        });
      }
    }
  }
  if (signal.aborted) throw unavailable(`the server is about to stop; call again with the cursor "${last}"`);
}

/** An event as it goes over the wire, and its place in what is streamed. */
interface Placed {
  readonly place: number;
  readonly event: Event;
}

async function* eventsOf(
  engine: EngineApi,
  { projectId, source }: Pick<Call, 'projectId'> & Pick<StreamEventsRequest, 'source'>,
  from: EventCursor,
): AsyncGenerator<readonly Placed[]> {
  switch (source.case) {
    case 'rootExecutionId':
      for await (const events of engine.treeEvents(projectId, source.value, from)) {
        yield events.map(({ place, event }) => ({ place, event: toEvent(event) }));
      }
      return;
    case 'executionId':
      for await (const events of engine.events(projectId, source.value, from)) {
        yield events.map((event) => ({ place: event.sequence, event: toEvent(event) }));
      }
      return;
    case 'topic':
      for await (const events of engine.topicEvents(projectId, source.value, from)) {
        yield events.map((event) => ({ place: event.sequence, event: toTopicEvent(event) }));
      }
      return;
    case undefined:
      throw invalidField('source', 'one of execution_id, root_execution_id and topic is required');
  }
}

/** What a source gives, and `keepalive` for each `intervalMs` in which it gives nothing. */
export async function* withKeepalive<T>(
  source: AsyncIterable<T>,
  intervalMs: number,
): AsyncIterable<T | 'keepalive'> {
  const iterator = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = iterator.next();
      let result = await within(next, intervalMs);
      while (!result) {
        yield 'keepalive';
        result = await within(next, intervalMs);
      }
      if (result.done) return;
      yield result.value;
    }
  } finally {
    // Not awaited, nor is its failure of interest any more: a source in the middle of `next` answers only after it.
    iterator.return?.().catch(() => undefined);
  }
}

/** The cursor of the first event is "", of what comes after the event at place 7 it is "7". */
function decodeCursor(cursor: string): number {
  if (cursor === '') return 0;
  const sequence = Number(cursor);
  if (!/^\d{1,16}$/.test(cursor) || !Number.isSafeInteger(sequence)) {
    throw invalidField('cursor', 'the server never gave this cursor; send an empty one for the first event');
  }
  return sequence;
}

function toEvent(event: NumberedEvent): Event {
  const { published } = event;
  return create(EventSchema, {
    sequence: BigInt(event.sequence),
    executionId: event.executionId,
    workflowId: event.workflowId,
    type: published ? published.type : event.type,
    data: toPayload(published ? published.data : { json: JSON.stringify(event.data) }),
    createTime: toTimestamp(event.at),
    stepKey: event.stepKey ?? '',
    stateRevision: BigInt(event.stateRevision),
    topic: published ? `workflow/${event.workflowId}/${event.executionId}` : '',
  });
}

function toKeepalive(last: number): StreamEventsResponse {
  const message = { case: 'keepalive', value: {} } as const;
  return create(StreamEventsResponseSchema, { message, cursor: last === 0 ? '' : String(last) });
}

/** What a promise resolves to, or undefined once the time has passed. */
async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
