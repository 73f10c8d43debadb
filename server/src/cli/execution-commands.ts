import type { Command } from 'commander';
import {
  type Execution,
  ExecutionSchema,
  ExecutionStatus,
  ExecutionStatusSchema,
} from '../gen/polos/v1/execution_pb.js';
import { type StepRecord, StepRecordSchema } from '../gen/polos/v1/step_pb.js';
import type { Call, OutputOption, RunCall } from './call.js';
import { enumName, toDocument } from './document.js';
import { parseDurationMs } from './duration.js';
import { addEventsCommand } from './events-command.js';
import { addListCommand } from './execution-list-command.js';
import { executionDetails, stepTable } from './execution-text.js';
import { readPayloadArgument } from './json-argument.js';
import { outputOption } from './options.js';
import { pagesOf } from './pages.js';
import { addPatchStateCommand } from './patch-state-command.js';
import { pause, unpause } from './pause-commands.js';
import { Recovery } from './recovery.js';
import { awaitFinal, reportResult } from './result.js';
import { addStateCommand } from './state-command.js';
import { ExitStatus } from './usage-error.js';

/** Adds `execution` with its commands. */
export function addExecutionCommands(program: Command, runCall: RunCall): void {
  const group = program
    .command('execution')
    .summary('look at executions, follow, resume, pause and cancel them');
  addListCommand(group, runCall);
  onExecution(group, 'get', 'show everything about an execution').action(
    (id: string, options: OutputOption) => runCall(options, (call) => get(call, id)),
  );
  onExecution(group, 'result', 'wait for the result of an execution and print it')
    .description(
      'Waits for the result of an execution and prints it. The exit status is 1 unless it completes.',
    )
    .option('--timeout <duration>', 'stop waiting after this time, with exit status 1')
    .action((id: string, options: ResultOptions) => runCall(options, (call) => result(call, id, options)));
  addEventsCommand(group, runCall);
  addStateCommand(group, runCall);
  addPatchStateCommand(group, runCall);
  onExecution(group, 'steps', 'list the recorded steps of an execution').action(
    (id: string, options: OutputOption) => runCall(options, (call) => steps(call, id)),
  );
  onExecution(group, 'resume', 'resume a step that waits for it')
    .description(
      'Ends the wait of a step (ctx.step.suspend) and gives it its result. A step that does not wait yet is resumed as soon as it does. Safe to repeat with the same data.',
    )
    .argument('<step>', "the step's key")
    .option('--data <json>', "the step's result: JSON, @FILE, or - for stdin (default: no value)")
    .action((id: string, stepKey: string, options: ResumeOptions) =>
      runCall(options, (call) => resume(call, { executionId: id, stepKey }, options)),
    );
  onExecution(group, 'pause', 'hold an execution back from workers')
    .description(
      'Holds an execution back from workers until `unpause`. A step that a worker is in the middle of runs again later; what comes meanwhile (children, times, events, resumes) is kept.',
    )
    .action((id: string, options: OutputOption) => runCall(options, (call) => pause(call, id)));
  onExecution(group, 'unpause', 'have workers go on with an execution')
    .description(
      'Ends a pause, also that of an execution at which too many workers were lost. Finished steps do not run again.',
    )
    .action((id: string, options: OutputOption) => runCall(options, (call) => unpause(call, id)));
  onExecution(group, 'cancel', 'cancel an execution and all that it started').action(
    (id: string, options: OutputOption) => runCall(options, (call) => cancel(call, id)),
  );
}

interface ResultOptions extends OutputOption {
  readonly timeout?: string;
}

interface ResumeOptions extends OutputOption {
  readonly data?: string;
}

function onExecution(group: Command, name: string, summary: string): Command {
  return group
    .command(name)
    .summary(summary)
    .description(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`)
    .argument('<execution>', "the execution's id")
    .addOption(outputOption());
}

async function get(call: Call, executionId: string): Promise<ExitStatus> {
  const execution = await read(call, executionId);
  call.answer(toDocument(ExecutionSchema, execution), () => executionDetails(execution, call.terminal));
  return ExitStatus.done;
}

async function result(call: Call, executionId: string, { timeout }: ResultOptions): Promise<ExitStatus> {
  const timeoutMs = timeout === undefined ? undefined : parseDurationMs('--timeout', timeout);
  const execution = await awaitFinal(call, { executionId, recovery: new Recovery(call), timeoutMs });
  return reportResult(call, execution, { executionId });
}

async function steps(call: Call, executionId: string): Promise<ExitStatus> {
  const steps: StepRecord[] = [];
  const read = (pageToken: string) => call.client.listSteps({ executionId, pageToken });
  for await (const page of pagesOf(read)) steps.push(...page.steps);
  const document = { steps: steps.map((step) => toDocument(StepRecordSchema, step)) };
  call.answer(document, () => (steps.length === 0 ? 'no steps yet' : stepTable(steps, call.terminal)));
  return ExitStatus.done;
}

async function resume(
  call: Call,
  step: { readonly executionId: string; readonly stepKey: string },
  { data }: ResumeOptions,
): Promise<ExitStatus> {
  const payload = await readPayloadArgument('--data', data);
  await call.client.resumeExecution({ ...step, ...(payload && { data: payload }) });
  call.answer(step, () => 'resumed');
  return ExitStatus.done;
}

async function cancel(call: Call, executionId: string): Promise<ExitStatus> {
  const { status } = await call.client.cancelExecution({ executionId });
  const document = { executionId, status: enumName(ExecutionStatusSchema, status) };
  call.answer(document, () =>
    status === ExecutionStatus.CANCELLED ? 'cancelled' : 'asked to cancel; its worker is being told',
  );
  return ExitStatus.done;
}

async function read({ client }: Call, executionId: string): Promise<Execution> {
  const { execution } = await client.getExecution({ executionId });
  if (!execution) throw new Error(`the server answered without the execution ${executionId}`);
  return execution;
}
