import type { Event } from './gen/polos/v1/event_pb.js';
import { fromPayload } from './payload.js';
import { toDate } from './time.js';

/** An event to publish to a topic. */
export interface EventData {
  /** Plain JSON data, at most 2,097,152 bytes. Default: none. */
  readonly data?: unknown;
  /** What sort of event it is, 1 to 200 bytes. Default "event". */
  readonly type?: string | undefined;
  /** The same, by its name in the public Polos SDK. */
  readonly eventType?: string | undefined;
}

/** An event of a topic, as a workflow gets it that waited for it: plain JSON data, so that it may be kept in the state. */
export interface EventPayload<T = unknown> {
  readonly topic: string;
  /** Its number within the topic: 1 for the first, no gaps. */
  readonly sequence: number;
  /** The publisher's word for what sort of event it is. */
  readonly type: string;
  /** What was published; undefined for nothing, a Uint8Array where another language published bytes. */
  readonly data: T;
  /** How the bytes are encoded, by the publisher's word; missing for JSON data. */
  readonly encoding?: string;
  /** When it was published, by the server's clock: text after RFC 3339. */
  readonly createdAt: string;
  /** The execution that published it; missing if a client did. */
  readonly executionId?: string;
}

/** An event of a topic, as a client reads it. */
export interface TopicEvent<T = unknown> {
  readonly topic: string;
  /** Its number within the topic: 1 for the first, no gaps. */
  readonly sequence: number;
  /** The publisher's word for what sort of event it is. */
  readonly type: string;
  /** What was published; undefined for nothing, a Uint8Array where another language published bytes. */
  readonly data: T;
  /** When it was published, by the server's clock. */
  readonly createdAt: Date | undefined;
  /** The execution that published it; undefined if a client did. */
  readonly executionId: string | undefined;
}

/** The protocol's event of a topic in the terms of this SDK. */
export function toTopicEvent(event: Event): TopicEvent {
  return {
    topic: event.topic,
    sequence: Number(event.sequence),
    type: event.type,
    data: fromPayload(event.data),
    createdAt: toDate(event.createTime),
    executionId: event.executionId || undefined,
  };
}

/** The outcome of a wait for an event, as command.proto describes it, in the terms of this SDK. */
export function toEventPayload(outcome: unknown): EventPayload {
  const { topic, sequence, type, data, bytes, encoding, createTime, executionId } = outcome as WireOutcome;
  return {
    topic,
    sequence,
    type,
    data: bytes === undefined ? data : new Uint8Array(Buffer.from(bytes, 'base64')),
    ...(encoding !== undefined && { encoding }),
    createdAt: createTime,
    ...(executionId !== undefined && { executionId }),
  };
}

interface WireOutcome {
  readonly topic: string;
  readonly sequence: number;
  readonly type: string;
  readonly data?: unknown;
  readonly bytes?: string;
  readonly encoding?: string;
  readonly createTime: string;
  readonly executionId?: string;
}
