import type { Command } from 'commander';
import { EventSchema } from '../gen/polos/v1/event_pb.js';
import { PublishEventsResponseSchema } from '../gen/polos/v1/workflow_service_pb.js';
import type { Call, OutputOption, RunCall } from './call.js';
import { toDocument } from './document.js';
import { printEvents } from './event-printer.js';
import { readPayloadArgument } from './json-argument.js';
import { outputOption, parseInteger, parseText } from './options.js';
import { ExitStatus } from './usage-error.js';

/** Adds `event` with its commands. */
export function addTopicCommands(program: Command, runCall: RunCall): void {
  const group = program.command('event').summary('publish events to topics, and follow topics');
  group
    .command('publish')
    .summary('publish an event to a topic')
    .description(
      'Publishes an event to a topic. Executions that wait for one (ctx.step.waitForEvent) go on. Prints its number within ' +
        'the topic.',
    )
    .argument('<topic>', "the topic's name; it needs no creation")
    .option('--data <json>', 'what belongs to it: JSON, @FILE, or - for stdin (default: no value)')
    .option('--type <type>', 'what sort of event it is', parseText, 'event')
    .option(
      '--idempotency-key <key>',
      'makes it safe to repeat this command: one key in a topic, one publication',
      parseText,
    )
    .addOption(outputOption())
    .action((topic: string, options: PublishOptions) =>
      runCall(options, (call) => publish(call, topic, options)),
    );
  group
    .command('stream')
    .summary('print the events of a topic, and follow it')
    .description(
      'Prints the events of a topic, from the first or from a number on. With --follow each further one as it is published, ' +
        'until it is interrupted.',
    )
    .argument('<topic>', "the topic's name")
    .option('-f, --follow', 'stay for events to come')
    .option('--after <number>', 'start after the event with this number', parseInteger(NUMBERS))
    .addOption(outputOption())
    .action((topic: string, { follow = false, after = 0, ...options }: StreamOptions) => {
      const source = { case: 'topic', value: topic } as const;
      const cursor = after === 0 ? '' : String(after);
      return runCall(options, (call) =>
        printEvents(call, { source, cursor, follow }, (event) => toDocument(EventSchema, event)),
      );
    });
}

interface PublishOptions extends OutputOption {
  readonly data?: string;
  readonly type: string;
  readonly idempotencyKey?: string;
}

interface StreamOptions extends OutputOption {
  readonly follow?: boolean;
  readonly after?: number;
}

const NUMBERS = { from: 0, to: Number.MAX_SAFE_INTEGER };

async function publish(
  call: Call,
  topic: string,
  { data, type, idempotencyKey = '' }: PublishOptions,
): Promise<ExitStatus> {
  const payload = await readPayloadArgument('--data', data);
  const event = { type, ...(payload && { data: payload }) };
  const response = await call.client.publishEvents({ topic, events: [event], idempotencyKey });
  const document = { topic, ...toDocument(PublishEventsResponseSchema, response) };
  call.answer(document, () => String(response.sequences[0]));
  return ExitStatus.done;
}
