import type { PublishedEvent } from '../core/event.js';
import type { Payload } from '../core/payload.js';
import { fromStoredPublished, type Stored, toStoredPublished } from '../store/record-codec.js';
import type { TopicEvent } from './api.js';
import type { Batch } from './record-log.js';

/** An event as the log of its topic holds it. */
export type StoredEvent = Stored<PublishedEvent> & { readonly executionId?: string };

/** Makes what the log of a topic holds. @param executionId who publishes it, if an execution does. */
export function toStoredEvent(event: PublishedEvent, executionId?: string): StoredEvent {
  return { ...toStoredPublished(event), ...(executionId !== undefined && { executionId }) };
}

/** The events of a batch, from number `from` on. */
export function eventsOf(
  topic: string,
  batch: Batch<StoredEvent>,
  from = batch.first,
): readonly TopicEvent[] {
  const skipped = Math.max(0, from - batch.first);
  return batch.items.slice(skipped).map(({ executionId, ...event }, index) => ({
    ...fromStoredPublished(event),
    topic,
    sequence: batch.first + skipped + index,
    at: batch.at,
    ...(executionId !== undefined && { executionId }),
  }));
}

/** What an execution is given that waited for an event, and what a trigger gives the executions that it starts. */
export function awaitedEvent({ topic, sequence, type, data, at, executionId }: TopicEvent): Payload {
  const members = [
    `"topic":${JSON.stringify(topic)},"sequence":${sequence},"type":${JSON.stringify(type)}`,
    ...dataMembers(data),
    `"createTime":${JSON.stringify(new Date(at).toISOString())}`,
    ...(executionId === undefined ? [] : [`"executionId":${JSON.stringify(executionId)}`]),
  ];
  return { json: `{${members.join()}}` };
}

/** JSON text is put in as it is. */
function dataMembers(data: Payload | undefined): string[] {
  if (!data) return [];
  if ('json' in data) return [`"data":${data.json}`];
  const bytes = Buffer.from(data.data.buffer, data.data.byteOffset, data.data.byteLength);
  return [`"bytes":"${bytes.toString('base64')}"`, `"encoding":${JSON.stringify(data.encoding)}`];
}
