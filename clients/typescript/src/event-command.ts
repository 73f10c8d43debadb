import { create } from '@bufbuild/protobuf';
import { InvalidStepError } from './errors.js';
import { type Command, CommandSchema } from './gen/polos/v1/command_pb.js';
import { isName, TOPIC_BYTES_MAX } from './name.js';
import { publishCommand } from './publish-command.js';
import type { PublishEventOptions, WaitForEventOptions } from './step.js';
import { assertMembers, shown, toTimeout } from './wait-command.js';

/** The largest number that a cursor holds. */
const SEQUENCE_MAX = 999_999_999_999_999;

/**
 * Makes the command that begins a wait for an event of a topic.
 * @throws InvalidStepError for a topic, a timeout or a sequence that is none.
 */
export function waitForEventCommand(key: string, options: WaitForEventOptions): Command {
  assertMembers(key, options, ['topic', 'timeout', 'after']);
  const { topic, timeout, after } = options;
  assertTopic(key, topic);
  if (after !== undefined && !(Number.isInteger(after) && after >= 0 && after <= SEQUENCE_MAX)) {
    const wanted = `the sequence of an event, or 0 for all that are kept`;
    throw new InvalidStepError(`"after" of step "${key}" must be ${wanted}, not ${shown(after)}`);
  }
  const value = {
    stepKey: key,
    topic,
    ...(after !== undefined && { cursor: String(after) }),
    ...toTimeout(key, timeout),
  };
  return create(CommandSchema, { command: { case: 'eventAwaited', value } });
}

/**
 * Makes the command that publishes an event to a topic.
 * @throws InvalidStepError for a topic or a type that is none; SerializationError, PayloadSizeError for the data.
 */
export function publishEventCommand(key: string, options: PublishEventOptions): Command {
  assertMembers(key, options, ['topic', 'type', 'data']);
  const { topic, ...event } = options;
  assertTopic(key, topic);
  return publishCommand(key, event, topic);
}

function assertTopic(key: string, topic: unknown): void {
  if (isName(topic, TOPIC_BYTES_MAX)) return;
  const wanted = `a text of 1 to ${TOPIC_BYTES_MAX} bytes without control characters`;
  throw new InvalidStepError(`the topic of step "${key}" must be ${wanted}, not ${shown(topic)}`);
}
