import { create } from '@bufbuild/protobuf';
import type { Event } from './gen/polos/v1/event_pb.js';
import {
  type StreamEventsRequest,
  StreamEventsRequestSchema,
  WorkflowService,
} from './gen/polos/v1/workflow_service_pb.js';
import { reopening } from './reopening.js';
import type { Transport } from './transport.js';

/** From where to read, and for how long. */
export interface StreamOptions {
  /** Only events after this place. Default 0: from the first. */
  readonly after?: number;
  /** Whether to stay for events to come. Default true. */
  readonly follow?: boolean;
  /** Ends the reading quietly. */
  readonly signal?: AbortSignal;
}

/** An event as it came, and its place in what is streamed. */
export interface StreamedEvent {
  readonly event: Event;
  readonly place: number;
}

/**
 * Reads a stream of events in order, none twice and none missing. A broken stream is opened again after the last event.
 * @throws NotFoundError; UnavailableError once the server stays away.
 */
export async function* readEventStream(
  transport: Transport,
  source: Exclude<StreamEventsRequest['source'], { case: undefined }>,
  { after = 0, follow = true, signal }: StreamOptions,
): AsyncGenerator<StreamedEvent, void, undefined> {
  const { streamEvents } = WorkflowService.method;
  let cursor = after === 0 ? '' : String(after);
  const open = () =>
    transport.stream(streamEvents, create(StreamEventsRequestSchema, { source, cursor, follow }), signal);
  for await (const { message, cursor: next } of reopening(open, signal)) {
    if (next !== '') cursor = next;
    if (message.case === 'event') yield { event: message.value, place: Number(cursor) };
  }
}
