import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { Command } from 'commander';
import { type Schedule, ScheduleSchema } from '../gen/polos/v1/schedule_pb.js';
import {
  DeleteScheduleResponseSchema,
  TriggerScheduleResponseSchema,
} from '../gen/polos/v1/workflow_service_pb.js';
import type { Call, OutputOption, RunCall } from './call.js';
import { toDocument } from './document.js';
import { DURATION_FORM, parseDuration } from './duration.js';
import { readPayloadArgument } from './json-argument.js';
import { outputOption, parseText } from './options.js';
import { pagesOf } from './pages.js';
import { table } from './table.js';
import { printable } from './terminal.js';
import { agoText, timeText } from './time-text.js';
import { ExitStatus } from './usage-error.js';

/** Adds `schedule` with its commands. */
export function addScheduleCommands(program: Command, runCall: RunCall): void {
  const group = program.command('schedule').summary('start executions at times');
  group
    .command('create')
    .summary('create or replace a schedule')
    .description(
      'Creates a schedule that starts executions of a workflow, or replaces the one with the same key. Prints its id.',
    )
    .argument('<workflow>', "the workflow's id")
    .argument('<cron>', 'minute, hour, day of month, month, day of week: "30 3 * * MON-FRI"')
    .option('--timezone <name>', 'a time zone like Europe/Berlin (default: UTC)', parseText)
    .option('--key <key>', 'tells several schedules of one workflow apart (default: global)', parseText)
    .option('--payload <json>', 'what its executions receive as `payload`: JSON, @FILE, or - for stdin')
    .option('--queue <name>', "the queue of its executions (default: the workflow's own)", parseText)
    .option(
      '--catch-up <duration>',
      `how old a time may be that no server was there for, and is made up, ${DURATION_FORM} (default: 1d)`,
    )
    .option('--paused', 'start nothing until it is unpaused')
    .addOption(outputOption())
    .action((workflowId: string, cron: string, options: CreateOptions) =>
      runCall(options, (call) => create(call, { workflowId, cron }, options)),
    );
  group
    .command('list')
    .summary('list schedules')
    .description('Lists schedules by workflow and key.')
    .option('--workflow <id>', 'only those of this workflow', parseText)
    .addOption(outputOption())
    .action((options: ListOptions) => runCall(options, (call) => list(call, options)));
  onSchedule(group, 'pause', 'have a schedule start nothing until it is unpaused').action(
    (scheduleId: string, options: OutputOption) => runCall(options, (call) => pause(call, scheduleId)),
  );
  onSchedule(group, 'unpause', 'have a schedule go on with its next time').action(
    (scheduleId: string, options: OutputOption) => runCall(options, (call) => unpause(call, scheduleId)),
  );
  onSchedule(group, 'trigger', 'start an execution of a schedule now, beside its times')
    .option(
      '--idempotency-key <key>',
      'makes it safe to repeat this command: one key, one execution',
      parseText,
    )
    .action((scheduleId: string, options: TriggerOptions) =>
      runCall(options, (call) => trigger(call, scheduleId, options)),
    );
  onSchedule(group, 'delete', 'delete a schedule; executions that it started go on').action(
    (scheduleId: string, options: OutputOption) => runCall(options, (call) => remove(call, scheduleId)),
  );
}

interface CreateOptions extends OutputOption {
  readonly timezone?: string;
  readonly key?: string;
  readonly payload?: string;
  readonly queue?: string;
  readonly catchUp?: string;
  readonly paused?: boolean;
}

interface ListOptions extends OutputOption {
  readonly workflow?: string;
}

interface TriggerOptions extends OutputOption {
  readonly idempotencyKey?: string;
}

function onSchedule(group: Command, name: string, summary: string): Command {
  return group
    .command(name)
    .summary(summary)
    .description(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`)
    .argument('<schedule>', "the schedule's id")
    .addOption(outputOption());
}

async function create(
  call: Call,
  rule: { readonly workflowId: string; readonly cron: string },
  { timezone = '', key = '', payload, queue = '', catchUp, paused = false }: CreateOptions,
): Promise<ExitStatus> {
  const input = await readPayloadArgument('--payload', payload);
  const { schedule } = await call.client.createSchedule({
    schedule: {
      ...{ ...rule, timezone, key, queue, paused },
      ...(input && { payload: input }),
      ...(catchUp !== undefined && { catchUp: parseDuration('--catch-up', catchUp) }),
    },
  });
  const status = answer(call, schedule, ({ id }) => id);
  if (schedule) call.remark(`next: ${nextText(schedule)}`);
  return status;
}

async function list(call: Call, { workflow = '' }: ListOptions): Promise<ExitStatus> {
  const schedules: Schedule[] = [];
  const read = (pageToken: string) => call.client.listSchedules({ workflowId: workflow, pageToken });
  for await (const page of pagesOf(read)) schedules.push(...page.schedules);
  const document = { schedules: schedules.map((schedule) => toDocument(ScheduleSchema, schedule)) };
  call.answer(document, () => (schedules.length === 0 ? 'no schedules' : scheduleTable(schedules)));
  return ExitStatus.done;
}

async function pause(call: Call, scheduleId: string): Promise<ExitStatus> {
  const { schedule } = await call.client.pauseSchedule({ scheduleId });
  return answer(call, schedule, () => 'paused');
}

async function unpause(call: Call, scheduleId: string): Promise<ExitStatus> {
  const { schedule } = await call.client.unpauseSchedule({ scheduleId });
  return answer(call, schedule, (unpaused) => `next: ${nextText(unpaused)}`);
}

async function trigger(
  call: Call,
  scheduleId: string,
  { idempotencyKey = '' }: TriggerOptions,
): Promise<ExitStatus> {
  const response = await call.client.triggerSchedule({ scheduleId, idempotencyKey });
  const { executionId } = response;
  call.answer(toDocument(TriggerScheduleResponseSchema, response), () => executionId);
  call.remark(`started; follow it with: polos execution events ${executionId} --follow`);
  return ExitStatus.done;
}

async function remove(call: Call, scheduleId: string): Promise<ExitStatus> {
  const response = await call.client.deleteSchedule({ scheduleId });
  call.answer(toDocument(DeleteScheduleResponseSchema, response), () => 'deleted');
  return ExitStatus.done;
}

function answer(
  call: Call,
  schedule: Schedule | undefined,
  text: (schedule: Schedule) => string,
): ExitStatus {
  if (!schedule) throw new Error('the server answered without the schedule');
  call.answer(toDocument(ScheduleSchema, schedule), () => text(schedule));
  return ExitStatus.done;
}

function scheduleTable(schedules: readonly Schedule[]): string {
  return table(schedules, [
    { heading: 'SCHEDULE', text: ({ id }) => id },
    { heading: 'WORKFLOW', text: ({ workflowId }) => printable(workflowId) },
    { heading: 'KEY', text: ({ key }) => printable(key) },
    { heading: 'CRON', text: ({ cron }) => printable(cron) },
    { heading: 'TIME ZONE', text: ({ timezone }) => printable(timezone) },
    { heading: 'NEXT', text: nextText },
    { heading: 'LAST', text: ({ lastTime }) => (lastTime ? agoText(timestampMs(lastTime)) : '-') },
  ]);
}

/** When it ticks next, for people. */
function nextText({ paused, nextTime }: Schedule): string {
  if (paused) return 'paused';
  return nextTime ? timeText(nextTime) : 'never';
}
