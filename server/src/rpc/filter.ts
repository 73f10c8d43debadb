import type { Comparison } from '../core/search-term.js';
import type { ExecutionListQuery, SearchCondition } from '../engine/api.js';
import { type FieldToken, fieldOf, type Token, tokenize } from './filter-tokens.js';
import { searchValueOf, statusOf, timeBounds } from './filter-values.js';
import { invalidField } from './refusals.js';

/** What a filter of ListExecutions asks for. */
export type ExecutionFilter = Omit<ExecutionListQuery, 'projectId' | 'after' | 'limit'>;

/** Comparisons with fields of states and search attributes in one filter. */
const CONDITIONS_MAX = 32;

/**
 * Reads a filter: comparisons joined by AND, after AIP-160. What it cannot express is refused with the place, never
 * ignored.
 */
export function parseFilter(text: string): ExecutionFilter {
  const tokens = tokenize(text);
  const filter: Filter = { conditions: [] };
  let index = 0;
  while (index < tokens.length) {
    const pieces = piecesOfField(tokens, index);
    const field = pieces.length > 0 ? fieldOf(pieces) : undefined;
    if (!field) throw refused(text, tokens[index], 'a field');
    index += pieces.length;
    const [operator, value] = tokens.slice(index, index + 2);
    if (operator?.kind !== 'operator') throw refused(text, operator, `an operator after ${field.text}`);
    if (!value || value.kind === 'operator') throw refused(text, value, `a value for ${field.text}`);
    add(filter, { field, operator: operator.text, value });
    index += 2;
    const joint = tokens[index];
    if (!joint) break;
    if (joint.kind !== 'word' || joint.text !== 'AND') throw refused(text, joint, 'AND');
    index += 1;
    if (index === tokens.length) throw refused(text, undefined, 'a comparison after AND');
  }
  return filter;
}

type Filter = { -readonly [Key in keyof ExecutionFilter]: ExecutionFilter[Key] } & {
  readonly conditions: SearchCondition[];
};

interface ParsedComparison {
  readonly field: FieldToken;
  readonly operator: string;
  readonly value: Token;
}

const EQUALITIES = {
  workflow_id: 'workflowId',
  parent_execution_id: 'parentExecutionId',
  root_execution_id: 'rootExecutionId',
  session_id: 'sessionId',
  user_id: 'userId',
} as const satisfies Readonly<Record<string, keyof ExecutionFilter>>;

const TIMES = {
  create_time: { from: 'createdFrom', before: 'createdBefore' },
  update_time: { from: 'updatedFrom', before: 'updatedBefore' },
  close_time: { from: 'closedFrom', before: 'closedBefore' },
} as const satisfies Readonly<
  Record<string, { readonly from: keyof ExecutionFilter; readonly before: keyof ExecutionFilter }>
>;

/** What a field of a state and a search attribute begin with. */
const STATE = 'state';
const ATTRIBUTES = 'search_attributes';

const COMPARISONS: ReadonlySet<string> = new Set<Comparison>(['=', '<', '<=', '>', '>=']);

/** A word, and the words and strings that come after it without a space. */
function piecesOfField(tokens: readonly Token[], start: number): readonly Token[] {
  if (tokens[start]?.kind !== 'word') return [];
  let end = start + 1;
  while (tokens[end]?.at === tokens[end - 1]?.end && tokens[end]?.kind !== 'operator') end += 1;
  return tokens.slice(start, end);
}

function add(filter: Filter, comparison: ParsedComparison): void {
  const { field, operator, value } = comparison;
  const [first, ...path] = field.names;
  if (path.length > 0 && (first === STATE || first === ATTRIBUTES)) {
    addCondition(filter, comparison, path);
  } else if (isOneOf(TIMES, field.text)) {
    addTime(filter, TIMES[field.text], timeBounds(field.text, operator, value));
  } else if (field.text === 'status' || isOneOf(EQUALITIES, field.text)) {
    const name = field.text === 'status' ? 'status' : EQUALITIES[field.text];
    if (operator !== '=')
      throw invalidField('filter', `${field.text} is compared with =, not with ${operator}`);
    if (filter[name] !== undefined) throw invalidField('filter', `${field.text} is there twice`);
    if (name === 'status') filter.status = statusOf(value);
    else filter[name] = value.text;
  } else {
    const known = [...Object.keys(EQUALITIES), 'status', ...Object.keys(TIMES)].join(', ');
    const message = `there is no field "${field.text}"; there are ${known}, ${STATE}.FIELD and ${ATTRIBUTES}.NAME`;
    throw invalidField('filter', message);
  }
}

function addCondition(filter: Filter, comparison: ParsedComparison, path: readonly string[]): void {
  const { field, operator, value } = comparison;
  if (!isComparison(operator)) {
    throw invalidField('filter', `${field.text} is compared with =, <, <=, > and >=, not with ${operator}`);
  }
  if (filter.conditions.length === CONDITIONS_MAX) {
    throw invalidField('filter', `there are at most ${CONDITIONS_MAX} comparisons with fields of the user's`);
  }
  const isState = field.names[0] === STATE;
  const [name = '', ...more] = path;
  if (!isState && more.length > 0) {
    const written = `${ATTRIBUTES}.${JSON.stringify(path.join('.'))}`;
    throw invalidField(
      'filter',
      `${field.text} has no fields of its own; a name with dots is written ${written}`,
    );
  }
  filter.conditions.push({
    field: isState ? { type: 'state', path } : { type: 'attribute', name },
    comparison: operator,
    value: isState ? searchValueOf(value) : value.text,
  });
}

function addTime(
  filter: Filter,
  names: (typeof TIMES)[keyof typeof TIMES],
  { from, before }: { readonly from?: number; readonly before?: number },
): void {
  if (from !== undefined) filter[names.from] = Math.max(filter[names.from] ?? 0, from);
  if (before !== undefined) {
    filter[names.before] = Math.min(filter[names.before] ?? Number.POSITIVE_INFINITY, before);
  }
}

function isOneOf<T extends object>(names: T, text: string): text is Extract<keyof T, string> {
  return Object.hasOwn(names, text);
}

function isComparison(operator: string): operator is Comparison {
  return COMPARISONS.has(operator);
}

function refused(text: string, found: Token | undefined, wanted: string): Error {
  const place = found ? `"${found.text}" at position ${found.at}` : `the end, position ${text.length}`;
  return invalidField('filter', `there should be ${wanted} and not ${place}`);
}
