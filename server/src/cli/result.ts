import {
  type Execution,
  ExecutionStatus,
  ExecutionStatusSchema,
  StatusReason,
} from '../gen/polos/v1/execution_pb.js';
import { FailureSchema } from '../gen/polos/v1/failure_pb.js';
import type { Call } from './call.js';
import { type Document, enumName, payloadValue, toDocument } from './document.js';
import { isFinal, statusText, valueText } from './execution-text.js';
import { failureText } from './failure-text.js';
import { pauseAdvice } from './pause-commands.js';
import type { Recovery } from './recovery.js';
import { printable } from './terminal.js';
import { spanText } from './time-text.js';
import { ExitStatus } from './usage-error.js';

/** How long one long poll waits, in milliseconds; the first is short, to say soon how things are. */
const FIRST_WAIT_MS = 2000;
const WAIT_MS = 30_000;

/** How much longer than its wait a long poll may take, in milliseconds. */
const ANSWER_MS = 15_000;

/** Which execution to wait for, and how. */
export interface ResultWait {
  readonly executionId: string;
  readonly recovery: Recovery;
  /** How long to wait; then the execution is read as it is. Undefined: for as long as it takes. */
  readonly timeoutMs?: number | undefined;
}

/** Waits until an execution is final, also across restarts of the server, and reads it. */
export async function awaitFinal(
  call: Call,
  { executionId, recovery, timeoutMs }: ResultWait,
): Promise<Execution> {
  const deadline = timeoutMs === undefined ? Number.POSITIVE_INFINITY : Date.now() + timeoutMs;
  let waitMs = FIRST_WAIT_MS;
  let explained: ExecutionStatus | undefined;
  for (;;) {
    const leftMs = Math.max(0, deadline - Date.now());
    try {
      const execution = await poll(call, executionId, Math.min(waitMs, leftMs));
      recovery.succeeded();
      if (isFinal(execution.status) || Date.now() >= deadline) return execution;
      if (explained !== execution.status) explainWaiting(call, execution);
      explained = execution.status;
      waitMs = WAIT_MS;
    } catch (error) {
      await recovery.recover(error);
      waitMs = FIRST_WAIT_MS;
    }
  }
}

/** Tells a person why an execution does not go on, if it is that no worker serves it, or that it is held back. */
export function explainWaiting(call: Call, execution: Execution): void {
  const { workflowId, statusReason, status } = execution;
  if (status === ExecutionStatus.PAUSED) {
    call.remark(`${statusText(execution, call.terminal.colors)}; ${pauseAdvice(execution)}`);
    return;
  }
  if (statusReason !== StatusReason.NO_WORKER) return;
  call.remark(
    `queued: no connected worker serves "${printable(workflowId)}"; it starts as soon as one connects`,
  );
}

/**
 * Prints what became of an execution: its result on stdout, what else there is to say on stderr.
 * @param document  what the document for a script holds besides.
 * @returns whether it completed, as exit status.
 */
export function reportResult(call: Call, execution: Execution, document: Document): ExitStatus {
  const isCompleted = execution.status === ExecutionStatus.COMPLETED;
  const value = payloadValue(execution.result);
  call.remark(outcomeText(call, execution));
  if (call.isJson || value !== undefined) {
    call.answer({ ...document, ...resultDocument(execution) }, () => valueText(value));
  }
  return isCompleted ? ExitStatus.done : ExitStatus.failed;
}

async function poll({ client }: Call, executionId: string, waitMs: number): Promise<Execution> {
  const wait = { seconds: BigInt(Math.floor(waitMs / 1000)), nanos: (waitMs % 1000) * 1_000_000 };
  const { execution } = await client.awaitResult({ executionId, wait }, { timeoutMs: waitMs + ANSWER_MS });
  if (!execution) throw new Error(`the server answered without the execution ${executionId}`);
  return execution;
}

function resultDocument({ status, result, failure }: Execution): Document {
  const value = payloadValue(result);
  return {
    status: enumName(ExecutionStatusSchema, status),
    ...(value !== undefined && { result: value }),
    ...(failure && { failure: toDocument(FailureSchema, failure) }),
  };
}

/** The status in words, with the time it took, and why if it did not complete. */
function outcomeText({ terminal }: Call, execution: Execution): string {
  const { failure, startTime, closeTime, id } = execution;
  const colors = terminal.remarkColors;
  const status = statusText(execution, colors);
  if (!isFinal(execution.status)) return `execution ${id} is still ${status}`;
  const took = startTime ? ` after ${spanText(startTime, closeTime)}` : '';
  const noResult =
    execution.status === ExecutionStatus.COMPLETED && !execution.result ? ', without a result' : '';
  const reason = failure ? `\n${failureText(failure)}` : '';
  return `execution ${id} ${status}${took}${noResult}${reason}`;
}
