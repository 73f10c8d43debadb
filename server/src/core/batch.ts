import { utf8Bytes } from './json.js';
import { BATCH_ERRORS_LENGTH_MAX } from './limits.js';
import type { BatchChild, StepOutcome } from './step.js';

/** What a batch comes to once all of its children are final: what became of each, in the order asked for. */
export function batchResult(children: readonly BatchChild[]): StepOutcome {
  return { type: 'completed', result: { json: textOf(children) } };
}

/** Bytes of that in UTF-8. */
export function batchBytes(children: readonly BatchChild[]): number {
  return utf8Bytes(textOf(children));
}

/** The ids of a batch's children, in the order asked for. */
export function batchIds(children: readonly { readonly id: string }[]): StepOutcome {
  return { type: 'completed', result: { json: JSON.stringify(children.map(({ id }) => id)) } };
}

/**
 * What a batch keeps of what a child came to: results that are JSON; of a failure its type and as much of its message as
 * leaves room for those of all others. The child's own execution has the whole.
 */
export function briefOf(outcome: StepOutcome, childCount: number): StepOutcome {
  if (outcome.type === 'completed')
    return outcome.result && 'data' in outcome.result ? withoutResult(outcome) : outcome;
  const { type, message, retryable } = outcome.failure;
  const length = Math.floor(BATCH_ERRORS_LENGTH_MAX / childCount);
  const short = message.length > length ? `${message.slice(0, length - 3).toWellFormed()}...` : message;
  return { type: 'failed', failure: { type, message: short, retryable } };
}

/** The same without its result, if it has one. */
export function withoutResult(outcome: StepOutcome): StepOutcome {
  return outcome.type === 'completed' ? { type: 'completed' } : outcome;
}

/** Bytes that the result of one child takes of what all may take together. */
export function resultBytesOf(outcome: StepOutcome): number {
  const result = outcome.type === 'completed' ? outcome.result : undefined;
  return result && 'json' in result ? utf8Bytes(result.json) : 0;
}

function textOf(children: readonly BatchChild[]): string {
  return `[${children.map(itemOf).join()}]`;
}

/** Results are JSON text already: they are put in as they are. */
function itemOf({ id, workflowId, outcome }: BatchChild): string {
  const child = `"workflowId":${JSON.stringify(workflowId)},"executionId":${JSON.stringify(id)}`;
  if (outcome?.type !== 'completed') {
    const { type = '', message = '' } = outcome?.failure ?? {};
    return `{${child},"success":false,"error":${JSON.stringify({ type, message })}}`;
  }
  const { result } = outcome;
  return `{${child},"success":true${result && 'json' in result ? `,"result":${result.json}` : ''}}`;
}
