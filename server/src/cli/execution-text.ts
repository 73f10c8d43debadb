import type { Event } from '../gen/polos/v1/event_pb.js';
import {
  type Execution,
  ExecutionStatus,
  ExecutionStatusSchema,
  StatusReasonSchema,
} from '../gen/polos/v1/execution_pb.js';
import { StepKindSchema, type StepRecord, StepStatus, StepStatusSchema } from '../gen/polos/v1/step_pb.js';
import { enumName, payloadValue } from './document.js';
import { failureLine, failureText } from './failure-text.js';
import { pauseAdvice } from './pause-commands.js';
import { cut, fieldList, table } from './table.js';
import { type Colors, printable, type Terminal } from './terminal.js';
import { eventTimeText, spanText, timeText } from './time-text.js';

/** Whether a status never changes again. */
export function isFinal(status: ExecutionStatus): boolean {
  return FINAL.has(status);
}

/** A status for people, with the reason why it does not run: `queued (no worker)`. */
export function statusText(
  { status, statusReason }: Pick<Execution, 'status' | 'statusReason'>,
  colors: Colors,
): string {
  const name = enumName(ExecutionStatusSchema, status).replaceAll('_', ' ');
  const reason = enumName(StatusReasonSchema, statusReason).replaceAll('_', ' ');
  return colored(status, colors)(reason ? `${name} (${reason})` : name);
}

/** A value for people: indented JSON, or a dash for "no value". */
export function valueText(value: unknown): string {
  return value === undefined ? '-' : printable(JSON.stringify(value, undefined, 2));
}

/** A table of executions. */
export function executionTable(executions: readonly Execution[], { colors }: Terminal): string {
  return table(executions, [
    { heading: 'EXECUTION', text: ({ id }) => id },
    { heading: 'WORKFLOW', text: ({ workflowId }) => printable(workflowId) },
    { heading: 'STATUS', text: (execution) => statusText(execution, colors) },
    { heading: 'STEPS', text: ({ stepCount }) => String(stepCount), align: 'right' },
    { heading: 'TOOK', text: ({ startTime, closeTime }) => spanText(startTime, closeTime), align: 'right' },
    { heading: 'CREATED', text: ({ createTime }) => timeText(createTime) },
  ]);
}

/** Everything about one execution that a person may want to know. */
export function executionDetails(execution: Execution, { colors }: Terminal): string {
  const { failure, payload, result, initialState } = execution;
  const took = execution.closeTime ? `, took ${spanText(execution.startTime, execution.closeTime)}` : '';
  const attributes = Object.entries(execution.searchAttributes).map(([name, value]) => `${name}=${value}`);
  return fieldList([
    ['execution', colors.bold(execution.id)],
    ['workflow', printable(execution.workflowId)],
    ['status', statusText(execution, colors)],
    ['created', timeText(execution.createTime)],
    ['started', execution.startTime ? timeText(execution.startTime) : ''],
    ['closed', execution.closeTime ? timeText(execution.closeTime) + took : ''],
    ['cancel asked', execution.cancelRequestTime ? timeText(execution.cancelRequestTime) : ''],
    ['steps', String(execution.stepCount)],
    ['events', String(execution.eventCount)],
    ['state', `revision ${execution.stateRevision}, ${execution.stateSizeBytes} bytes`],
    ['attempts', attemptsText(execution)],
    ['worker', execution.workerId],
    ['queue', execution.queue === execution.workflowId ? '' : printable(execution.queue)],
    ['concurrency key', printable(execution.concurrencyKey)],
    ['priority', execution.priority === 0 ? '' : String(execution.priority)],
    [
      'parent',
      execution.parentExecutionId &&
        `${execution.parentExecutionId}, step ${printable(execution.parentStepKey)}`,
    ],
    ['session', execution.sessionId],
    ['user', printable(execution.userId)],
    ['attributes', printable(attributes.join('\n'))],
    ['payload', valueText(payloadValue(payload))],
    ['initial state', initialState && valueText(JSON.parse(initialState))],
    ['result', execution.status === ExecutionStatus.COMPLETED ? valueText(payloadValue(result)) : ''],
    ['to do', pauseAdvice(execution)],
    ['failure', failure ? colors.red(failureText(failure)) : ''],
  ]);
}

/** A table of recorded steps, in the order in which the code was given their outcomes. */
export function stepTable(steps: readonly StepRecord[], { colors, width }: Terminal): string {
  const lengthMax = width ? Math.max(30, width - 80) : RESULT_LENGTH_MAX;
  return table(steps, [
    { heading: '#', text: ({ sequence }) => (sequence === 0n ? '-' : String(sequence)), align: 'right' },
    { heading: 'STEP', text: ({ key }) => printable(key) },
    { heading: 'KIND', text: ({ kind }) => enumName(StepKindSchema, kind) },
    { heading: 'STATUS', text: (step) => stepStatusText(step, colors) },
    { heading: 'TRIES', text: ({ attempts }) => String(attempts.length || '-'), align: 'right' },
    {
      heading: 'TOOK',
      text: ({ attempts }) => spanText(attempts[0]?.startTime, attempts.at(-1)?.endTime),
      align: 'right',
    },
    { heading: 'OUTCOME', text: (step) => cut(outcomeText(step), lengthMax) },
  ]);
}

/**
 * An event on one line: when, what, about which step, and its data in short.
 *
 * @param place  its place among the events of several executions; then it says whose it is.
 */
export function eventLine(event: Event, { colors, width }: Terminal, place?: string): string {
  const type = event.type.padEnd(EVENT_TYPE_WIDTH);
  const number = place ?? String(event.sequence);
  const start = `${eventTimeText(event.createTime)}  ${number.padStart(4)}  ${type}`;
  const whose = place === undefined ? '' : event.executionId;
  const rest = [whose, printable(event.stepKey), eventDataText(payloadValue(event.data))].filter(
    (part) => part !== '',
  );
  const shown = cut(rest.join('  '), width ? Math.max(20, width - start.length - 2) : RESULT_LENGTH_MAX);
  return `${colors.dim(start.slice(0, -type.length))}${eventColor(event.type, colors)(type)}  ${shown}`.trimEnd();
}

const FINAL: ReadonlySet<ExecutionStatus> = new Set([
  ExecutionStatus.COMPLETED,
  ExecutionStatus.FAILED,
  ExecutionStatus.CANCELLED,
  ExecutionStatus.TIMED_OUT,
]);

/** Characters of a result in a table that goes to a file. */
const RESULT_LENGTH_MAX = 160;

/** Columns of the longest usual event type, `workflow_cancel_request` being too rare to count. */
const EVENT_TYPE_WIDTH = 16;

function colored(status: ExecutionStatus, colors: Colors): (text: string) => string {
  if (status === ExecutionStatus.COMPLETED) return colors.green;
  if (status === ExecutionStatus.RUNNING) return colors.cyan;
  if (status === ExecutionStatus.CANCELLED) return colors.yellow;
  return isFinal(status) ? colors.red : colors.bold;
}

function attemptsText({ failedAttempts, lostLeases }: Execution): string {
  if (failedAttempts === 0 && lostLeases === 0) return '';
  return `${failedAttempts} failed, ${lostLeases} lost with their worker`;
}

function stepStatusText({ status }: StepRecord, colors: Colors): string {
  const name = enumName(StepStatusSchema, status);
  if (status === StepStatus.FAILED) return colors.red(name);
  return status === StepStatus.COMPLETED ? colors.green(name) : name;
}

function outcomeText({ failure, result, childExecutionId, status }: StepRecord): string {
  if (failure) return failureLine(failure);
  if (status !== StepStatus.COMPLETED) return childExecutionId && `child ${childExecutionId}`;
  const value = payloadValue(result);
  return value === undefined ? '-' : printable(JSON.stringify(value));
}

/** `name=value` of each member; of a failure its type and message. */
function eventDataText(data: unknown): string {
  if (typeof data !== 'object' || data === null)
    return data === undefined ? '' : printable(JSON.stringify(data));
  const parts = Object.entries(data).map(([name, value]) => `${name}=${memberText(value)}`);
  return printable(parts.join(' '));
}

function memberText(value: unknown): string {
  if (typeof value === 'string') return value;
  const isFailure = typeof value === 'object' && value !== null && 'type' in value && 'message' in value;
  return isFailure ? `${value.type}: ${value.message}`.replaceAll('\n', ' ') : JSON.stringify(value);
}

function eventColor(type: string, colors: Colors): (text: string) => string {
  if (/_fail$|_lost$|_timeout$/.test(type)) return colors.red;
  if (/_finish$/.test(type)) return colors.green;
  return /_cancel|_retry$/.test(type) ? colors.yellow : (text) => text;
}
