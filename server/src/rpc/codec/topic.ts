import { create } from '@bufbuild/protobuf';
import type { Publication, TopicEvent } from '../../engine/api.js';
import { type Event, EventSchema } from '../../gen/polos/v1/event_pb.js';
import type { PublishEventsRequest } from '../../gen/polos/v1/workflow_service_pb.js';
import { publicationDigest } from './fingerprint.js';
import { fromPayload, toPayload } from './payload.js';
import { toTimestamp } from './time.js';

/** Reads what PublishEvents asks for. */
export function fromPublication(request: PublishEventsRequest): Publication {
  const { topic, events, idempotencyKey } = request;
  return {
    topic,
    events: events.map(({ type, data }, index) => {
      const payload = fromPayload(data, `events[${index}].data`);
      return { type, ...(payload && { data: payload }) };
    }),
    ...(idempotencyKey !== '' && { idempotencyKey }),
    digest: publicationDigest(request),
  };
}

/** An event of a topic as it goes over the wire. */
export function toTopicEvent({ topic, sequence, type, data, at, executionId = '' }: TopicEvent): Event {
  return create(EventSchema, {
    sequence: BigInt(sequence),
    executionId,
    type,
    data: toPayload(data),
    createTime: toTimestamp(at),
    topic,
  });
}
