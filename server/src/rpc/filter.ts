import type { ExecutionStatus } from '../core/execution.js';
import type { ExecutionQuery } from '../engine/api.js';
import { invalidField } from './refusals.js';

/** What a filter of ListExecutions asks for. */
export type ExecutionFilter = Omit<ExecutionQuery, 'projectId' | 'after' | 'limit'>;

/**
 * Reads a filter: comparisons joined by AND, after AIP-160. What it cannot express is refused with the place, never
 * ignored.
 */
export function parseFilter(text: string): ExecutionFilter {
  const tokens = tokenize(text);
  const filter: Filter = {};
  let index = 0;
  while (index < tokens.length) {
    const [field, operator, value] = tokens.slice(index, index + 3);
    if (field?.kind !== 'word') throw refused(text, field, 'a field');
    if (operator?.kind !== 'operator') throw refused(text, operator, `an operator after ${field.text}`);
    if (!value || value.kind === 'operator') throw refused(text, value, `a value for ${field.text}`);
    add(filter, { field: field.text, operator: operator.text, value });
    index += 3;
    const joint = tokens[index];
    if (!joint) break;
    if (joint.kind !== 'word' || joint.text !== 'AND') throw refused(text, joint, 'AND');
    index += 1;
    if (index === tokens.length) throw refused(text, undefined, 'a comparison after AND');
  }
  return filter;
}

type Filter = { -readonly [Key in keyof ExecutionFilter]: ExecutionFilter[Key] };

interface Token {
  readonly kind: 'word' | 'string' | 'operator';
  readonly text: string;
  readonly at: number;
}

interface Comparison {
  readonly field: string;
  readonly operator: string;
  readonly value: Token;
}

const EQUALITIES = new Map<string, keyof Omit<ExecutionFilter, 'status' | 'createdFrom' | 'createdBefore'>>([
  ['workflow_id', 'workflowId'],
  ['parent_execution_id', 'parentExecutionId'],
  ['root_execution_id', 'rootExecutionId'],
  ['session_id', 'sessionId'],
  ['user_id', 'userId'],
]);

const STATUSES = new Map<string, ExecutionStatus>([
  ['QUEUED', 'queued'],
  ['RUNNING', 'running'],
  ['WAITING', 'waiting'],
  ['COMPLETED', 'completed'],
  ['FAILED', 'failed'],
  ['CANCELLED', 'cancelled'],
  ['TIMED_OUT', 'timed_out'],
]);

/** Space, a quoted string with escapes, an operator, or a bare word; the last alternative is what nothing else takes. */
const TOKEN = /\s+|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|(<=|>=|!=|[=<>:])|([^\s"'=<>!:()]+)|(.)/gsu;

const RFC3339 = /^(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:\d{2})$/;

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  for (const match of text.matchAll(TOKEN)) {
    const [, double, single, operator, word, other] = match;
    const at = match.index;
    if (other !== undefined) throw invalidField('filter', `"${other}" at position ${at} is not understood`);
    const quoted = double ?? single;
    if (quoted !== undefined) tokens.push({ kind: 'string', text: quoted.replace(/\\(.)/gsu, '$1'), at });
    else if (operator !== undefined) tokens.push({ kind: 'operator', text: operator, at });
    else if (word !== undefined) tokens.push({ kind: 'word', text: word, at });
  }
  return tokens;
}

function add(filter: Filter, comparison: Comparison): void {
  const { field, operator, value } = comparison;
  if (field === 'create_time') {
    addTime(filter, operator, value);
    return;
  }
  const name = EQUALITIES.get(field);
  if (!name && field !== 'status') {
    const known = [...EQUALITIES.keys(), 'status', 'create_time'].join(', ');
    throw invalidField('filter', `there is no field "${field}"; there are ${known}`);
  }
  if (operator !== '=') throw invalidField('filter', `${field} is compared with =, not with ${operator}`);
  if (filter[name ?? 'status'] !== undefined) throw invalidField('filter', `${field} is there twice`);
  if (name) filter[name] = value.text;
  else filter.status = statusOf(value.text);
}

function statusOf(text: string): ExecutionStatus {
  const status = STATUSES.get(text.replace(/^EXECUTION_STATUS_/, ''));
  if (!status)
    throw invalidField(
      'filter',
      `there is no status "${text}"; there are ${[...STATUSES.keys()].join(', ')}`,
    );
  return status;
}

/** Bounds are kept in whole milliseconds, as `createdAt` is: from (inclusive) and before (exclusive). */
function addTime(filter: Filter, operator: string, value: Token): void {
  const { ms, isWhole } = timeOf(value);
  switch (operator) {
    case '>=':
      filter.createdFrom = Math.max(filter.createdFrom ?? 0, isWhole ? ms : ms + 1);
      return;
    case '>':
      filter.createdFrom = Math.max(filter.createdFrom ?? 0, ms + 1);
      return;
    case '<':
      filter.createdBefore = Math.min(
        filter.createdBefore ?? Number.POSITIVE_INFINITY,
        isWhole ? ms : ms + 1,
      );
      return;
    case '<=':
      filter.createdBefore = Math.min(filter.createdBefore ?? Number.POSITIVE_INFINITY, ms + 1);
      return;
    default:
      throw invalidField('filter', `create_time is compared with <, <=, > and >=, not with ${operator}`);
  }
}

function timeOf({ kind, text }: Token): { readonly ms: number; readonly isWhole: boolean } {
  const match = RFC3339.exec(text);
  const [, date, time, fraction = '', zone = ''] = match ?? [];
  const seconds = Date.parse(`${date}T${time}${zone.toUpperCase()}`);
  if (kind !== 'string' || !match || Number.isNaN(seconds)) {
    const message = `"${text}" is no time; write one as create_time >= "2026-11-22T08:00:00Z", with the quotes`;
    throw invalidField('filter', message);
  }
  const digits = fraction.padEnd(9, '0');
  return { ms: seconds + Number(digits.slice(0, 3)), isWhole: Number(digits.slice(3)) === 0 };
}

function refused(text: string, found: Token | undefined, wanted: string): Error {
  const place = found ? `"${found.text}" at position ${found.at}` : `the end, position ${text.length}`;
  return invalidField('filter', `there should be ${wanted} and not ${place}`);
}
