import { create } from '@bufbuild/protobuf';
import type { EngineApi, NumberedEvent } from '../engine/api.js';
import {
  type StreamEventsRequest,
  type StreamEventsResponse,
  StreamEventsResponseSchema,
} from '../gen/polos/v1/workflow_service_pb.js';
import { toPayload } from './codec/payload.js';
import { toTimestamp } from './codec/time.js';
import type { Call } from './method.js';
import { declaredForLater, invalidField, unavailable } from './refusals.js';

/** Silence after which a sign of life is sent: proxies cut streams that are silent for 60 s. */
export const KEEPALIVE_MS = 15_000;

/** The events of one execution from a cursor on, with a sign of life while nothing happens. */
export async function* streamEvents(
  engine: EngineApi,
  { source, cursor, follow }: StreamEventsRequest,
  { projectId, signal }: Call,
): AsyncIterable<StreamEventsResponse> {
  if (source.case !== 'executionId') throw declaredForLater(`StreamEventsRequest.${source.case}`);
  let last = decodeCursor(cursor);
  const events = engine.events(projectId, source.value, { afterEvent: last, follow, signal });
  for await (const batch of withKeepalive(events, KEEPALIVE_MS)) {
    if (batch === 'keepalive') yield toKeepalive(last);
    else {
      for (const event of batch) {
        last = event.sequence;
        yield toEvent(event);
      }
    }
  }
  if (signal.aborted) throw unavailable(`the server is about to stop; call again with the cursor "${last}"`);
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

/** The cursor of the first event is "", of what comes after event 7 it is "7". */
function decodeCursor(cursor: string): number {
  if (cursor === '') return 0;
  const sequence = Number(cursor);
  if (!/^\d{1,16}$/.test(cursor) || !Number.isSafeInteger(sequence)) {
    throw invalidField('cursor', 'the server never gave this cursor; send an empty one for the first event');
  }
  return sequence;
}

function toEvent(event: NumberedEvent): StreamEventsResponse {
  const { published } = event;
  return create(StreamEventsResponseSchema, {
    message: {
      case: 'event',
      value: {
        sequence: BigInt(event.sequence),
        executionId: event.executionId,
        workflowId: event.workflowId,
        type: published ? published.type : event.type,
        data: toPayload(published ? published.data : { json: JSON.stringify(event.data) }),
        createTime: toTimestamp(event.at),
        stepKey: event.stepKey ?? '',
        stateRevision: BigInt(event.stateRevision),
        topic: published ? `workflow/${event.workflowId}/${event.executionId}` : '',
      },
    },
    cursor: String(event.sequence),
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
