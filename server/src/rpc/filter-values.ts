import type { ExecutionStatus } from '../core/execution.js';
import { parseJson } from '../core/json.js';
import type { SearchValue } from '../core/search-term.js';
import type { Token } from './filter-tokens.js';
import { invalidField } from './refusals.js';

const STATUSES = new Map<string, ExecutionStatus>([
  ['QUEUED', 'queued'],
  ['RUNNING', 'running'],
  ['WAITING', 'waiting'],
  ['PAUSED', 'paused'],
  ['COMPLETED', 'completed'],
  ['FAILED', 'failed'],
  ['CANCELLED', 'cancelled'],
  ['TIMED_OUT', 'timed_out'],
]);

const RFC3339 = /^(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:\d{2})$/;

/** A status by its name in the protocol, with or without the prefix of the enum. */
export function statusOf({ text }: Token): ExecutionStatus {
  const status = STATUSES.get(text.replace(/^EXECUTION_STATUS_/, ''));
  if (status) return status;
  const known = [...STATUSES.keys()].join(', ');
  throw invalidField('filter', `there is no status "${text}"; there are ${known}`);
}

/** A value of a state: a text in quotes, or a number, true, false or null as JSON writes them. */
export function searchValueOf({ kind, text, at }: Token): SearchValue {
  if (kind === 'string') return text;
  const parsed = /^(true|false|null|-?\d.*)$/s.test(text) ? parseJson(text) : undefined;
  if (parsed && 'value' in parsed) return parsed.value as SearchValue;
  const reason = parsed ? `: ${parsed.problem.message}` : '; a text is written in quotes';
  throw invalidField('filter', `"${text}" at position ${at} is no number, true, false or null${reason}`);
}

/** Bounds of a time in whole milliseconds, as times are kept: from (inclusive) and before (exclusive). */
export interface TimeBounds {
  readonly from?: number;
  readonly before?: number;
}

/** The bounds that one comparison gives a time. */
export function timeBounds(field: string, operator: string, value: Token): TimeBounds {
  const { ms, isWhole } = timeOf(field, value);
  const next = isWhole ? ms : ms + 1;
  switch (operator) {
    case '>=':
      return { from: next };
    case '>':
      return { from: ms + 1 };
    case '<':
      return { before: next };
    case '<=':
      return { before: ms + 1 };
    default:
      throw invalidField('filter', `${field} is compared with <, <=, > and >=, not with ${operator}`);
  }
}

function timeOf(field: string, { kind, text }: Token): { readonly ms: number; readonly isWhole: boolean } {
  const match = RFC3339.exec(text);
  const [, date, time, fraction = '', zone = ''] = match ?? [];
  const seconds = Date.parse(`${date}T${time}${zone.toUpperCase()}`);
  if (kind !== 'string' || !match || Number.isNaN(seconds)) {
    const message = `"${text}" is no time; write one as ${field} >= "2026-11-22T08:00:00Z", with the quotes`;
    throw invalidField('filter', message);
  }
  const digits = fraction.padEnd(9, '0');
  return { ms: seconds + Number(digits.slice(0, 3)), isWhole: Number(digits.slice(3)) === 0 };
}
