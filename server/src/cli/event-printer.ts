import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Event } from '../gen/polos/v1/event_pb.js';
import type { StreamEventsRequestSchema } from '../gen/polos/v1/workflow_service_pb.js';
import type { Call } from './call.js';
import type { Document } from './document.js';
import { eventLine } from './execution-text.js';
import { reopening } from './recovery.js';
import { ExitStatus } from './usage-error.js';

/**
 * Prints what StreamEvents gives, a line for each event, also across a break of the connection: no event is missed or
 * printed twice.
 * @param document  an event for a script; `place` is where to go on after it.
 * @param isPlaced  whether a person is shown the place instead of the event's own number, and whose event it is.
 */
export async function printEvents(
  call: Call,
  request: MessageInitShape<typeof StreamEventsRequestSchema>,
  document: (event: Event, place: string) => Document,
  isPlaced = false,
): Promise<ExitStatus> {
  let cursor = request.cursor ?? '';
  const stream = reopening(call, (options) => call.client.streamEvents({ ...request, cursor }, options));
  for await (const { message, cursor: next } of stream) {
    cursor = next || cursor;
    if (message.case !== 'event') continue;
    const event = message.value;
    call.answer(document(event, cursor), () =>
      eventLine(event, call.terminal, isPlaced ? cursor : undefined),
    );
  }
  return ExitStatus.done;
}
