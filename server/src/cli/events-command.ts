import type { Command } from 'commander';
import { EventSchema } from '../gen/polos/v1/event_pb.js';
import type { Call, OutputOption, RunCall } from './call.js';
import { toDocument } from './document.js';
import { eventLine } from './execution-text.js';
import { outputOption, parseText } from './options.js';
import { Recovery } from './recovery.js';
import { ExitStatus } from './usage-error.js';

/** Adds `execution events`. */
export function addEventsCommand(group: Command, runCall: RunCall): void {
  group
    .command('events')
    .summary('print the events of an execution, and follow them')
    .description(
      'Prints the events of an execution, from the first or from a cursor on. With --follow each further one as it ' +
        'happens, until the execution ends.',
    )
    .argument('<execution>', "the execution's id")
    .option('-f, --follow', 'stay for events to come')
    .option('--cursor <cursor>', 'start after this point: the sequence of an event', parseText)
    .addOption(outputOption())
    .action((id: string, options: EventsOptions) =>
      runCall(options, (call) => printEvents(call, id, options)),
    );
}

interface EventsOptions extends OutputOption {
  readonly follow?: true;
  readonly cursor?: string;
}

async function printEvents(call: Call, executionId: string, options: EventsOptions): Promise<ExitStatus> {
  const { follow = false } = options;
  const recovery = new Recovery(call);
  let cursor = options.cursor ?? '';
  for (;;) {
    const request = { source: { case: 'executionId', value: executionId }, cursor, follow } as const;
    try {
      // 0 is no time limit: the server's keepalive and pings tell a quiet stream from a dead one.
      for await (const { message, cursor: next } of call.client.streamEvents(request, { timeoutMs: 0 })) {
        recovery.succeeded();
        cursor = next || cursor;
        if (message.case !== 'event') continue;
        const event = message.value;
        call.answer(toDocument(EventSchema, event), () => eventLine(event, call.terminal));
      }
      return ExitStatus.done;
    } catch (error) {
      await recovery.recover(error);
    }
  }
}
