import { create } from '@bufbuild/protobuf';
import { InvalidStepError } from './errors.js';
import { type Command, CommandSchema } from './gen/polos/v1/command_pb.js';
import { isText } from './name.js';
import { toPayload } from './payload.js';
import type { PublishedEvent } from './step.js';

const TYPE_BYTES_MAX = 200;

/** The type of an event that was given none. */
export const DEFAULT_TYPE = 'event';

/**
 * Makes the command that publishes an event, among the execution's own unless there is a topic.
 * @throws InvalidStepError for a type that is none; SerializationError, PayloadSizeError for the data.
 */
export function publishCommand(key: string, event: PublishedEvent, topic = ''): Command {
  const { type = DEFAULT_TYPE, data } = event ?? {};
  if (!isText(type, TYPE_BYTES_MAX)) {
    throw new InvalidStepError(
      `the event type of step "${key}" must be a text of 1 to ${TYPE_BYTES_MAX} bytes`,
    );
  }
  const payload = toPayload(data, { what: `the event of step "${key}"` });
  const value = { stepKey: key, topic, type, ...(payload !== undefined && { data: payload }) };
  return create(CommandSchema, { command: { case: 'eventPublished', value } });
}
