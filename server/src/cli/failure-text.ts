import type { Failure } from '../gen/polos/v1/failure_pb.js';
import { payloadValue } from './document.js';
import { cut } from './table.js';
import { printable } from './terminal.js';

/** Levels of causes that are shown; SDKs send no more. */
const CAUSES_MAX = 16;

/** Lines of a stack that are shown: the user's own code is at its top. */
const STACK_LINES_MAX = 5;

/** A failure on one line: type and message. */
export function failureLine({ type, message }: Failure): string {
  return printable(`${type}: ${message}`).replaceAll('\n', ' ');
}

/** A failure in full: what was thrown, where, with which data, and what was behind it. */
export function failureText(failure: Failure): string {
  const lines: string[] = [];
  let current: Failure | undefined = failure;
  for (let level = 0; current && level < CAUSES_MAX; level++) {
    lines.push(`${level === 0 ? '' : 'caused by '}${current.type}: ${current.message}`);
    if (current.stepKey) lines.push(`  in step ${current.stepKey}`);
    const details = payloadValue(current.details);
    if (details !== undefined) lines.push(`  with ${cut(JSON.stringify(details), DETAILS_LENGTH_MAX)}`);
    if (!current.cause) lines.push(...stackLines(current));
    current = current.cause;
  }
  return printable(lines.join('\n'));
}

const DETAILS_LENGTH_MAX = 500;

/** The frames alone: the lines before them repeat type and message. */
function stackLines({ stack }: Failure): string[] {
  const frames = stack.split('\n').filter((line) => /^\s+at /.test(line));
  const more = frames.length - STACK_LINES_MAX;
  const shown = frames.slice(0, STACK_LINES_MAX).map((frame) => `  ${frame.trim()}`);
  return more > 0 ? [...shown, `  … ${more} more`] : shown;
}
