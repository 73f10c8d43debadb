import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { Command } from 'commander';
import { type WorkerInfo, WorkerInfoSchema } from '../gen/polos/v1/worker_pb.js';
import type { Call, OutputOption, RunCall } from './call.js';
import { toDocument } from './document.js';
import { outputOption } from './options.js';
import { table } from './table.js';
import { printable } from './terminal.js';
import { agoText, timeText } from './time-text.js';
import { ExitStatus } from './usage-error.js';

/** Adds `worker` with its commands. */
export function addWorkerCommands(program: Command, runCall: RunCall): void {
  const group = program.command('worker').summary('look at workers');
  group
    .command('list')
    .summary('list workers')
    .description(
      'Lists the workers that the server has heard from of late, newest first. One without an open stream polls, or is gone.',
    )
    .addOption(outputOption())
    .action((options: OutputOption) => runCall(options, list));
}

async function list(call: Call): Promise<ExitStatus> {
  const { workers } = await call.client.listWorkers({});
  const document = { workers: workers.map((worker) => toDocument(WorkerInfoSchema, worker)) };
  call.answer(document, () => (workers.length === 0 ? 'no workers' : workerTable(workers)));
  return ExitStatus.done;
}

function workerTable(workers: readonly WorkerInfo[]): string {
  return table(workers, [
    { heading: 'WORKER', text: ({ id }) => id },
    { heading: 'PROCESS', text: ({ identity }) => printable(identity) },
    { heading: 'WORKFLOWS', text: ({ workflowIds }) => printable(workflowIds.join(', ')) },
    { heading: 'STREAM', text: ({ streaming }) => (streaming ? 'open' : '-') },
    { heading: 'BUSY', text: busyText, align: 'right' },
    { heading: 'SDK', text: ({ sdkName, sdkVersion }) => printable(`${sdkName} ${sdkVersion}`) },
    {
      heading: 'DEPLOYMENT',
      text: ({ deploymentId, buildId }) => printable([deploymentId, buildId].join(' ').trim() || '-'),
    },
    { heading: 'REGISTERED', text: ({ registerTime }) => timeText(registerTime) },
    {
      heading: 'LAST SEEN',
      text: ({ lastSeenTime }) => (lastSeenTime ? agoText(timestampMs(lastSeenTime)) : '-'),
    },
  ]);
}

function busyText({ runningExecutions, maxConcurrentExecutions }: WorkerInfo): string {
  return `${runningExecutions} of ${maxConcurrentExecutions}`;
}
