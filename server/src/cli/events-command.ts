import type { Command } from 'commander';
import { type Event, EventSchema } from '../gen/polos/v1/event_pb.js';
import type { Call, OutputOption, RunCall } from './call.js';
import { toDocument } from './document.js';
import { printEvents } from './event-printer.js';
import { outputOption, parseText } from './options.js';
import type { ExitStatus } from './usage-error.js';

/** Adds `execution events`. */
export function addEventsCommand(group: Command, runCall: RunCall): void {
  group
    .command('events')
    .summary('print the events of an execution, and follow them')
    .description(
      'Prints the events of an execution, from the first or from a cursor on. With --follow each further one as it ' +
        'happens, until the execution ends. With --descendants also those of all that it started, directly or not.',
    )
    .argument('<execution>', "the execution's id")
    .option('-f, --follow', 'stay for events to come')
    .option('-d, --descendants', 'include all that it started; with the execution on each line')
    .option('--cursor <cursor>', 'start after this point: the number of an event, as printed', parseText)
    .addOption(outputOption())
    .action((id: string, options: EventsOptions) => runCall(options, (call) => print(call, id, options)));
}

interface EventsOptions extends OutputOption {
  readonly follow?: true;
  readonly descendants?: true;
  readonly cursor?: string;
}

function print(call: Call, executionId: string, options: EventsOptions): Promise<ExitStatus> {
  const { follow = false, descendants = false, cursor = '' } = options;
  const source = { case: descendants ? 'rootExecutionId' : 'executionId', value: executionId } as const;
  const document = (event: Event, place: string) => {
    return { ...toDocument(EventSchema, event), ...(descendants && { cursor: place }) };
  };
  return printEvents(call, { source, cursor, follow }, document, descendants);
}
