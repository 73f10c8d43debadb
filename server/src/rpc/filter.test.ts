import { expect, test } from 'vitest';
import type { Comparison, SearchValue } from '../core/search-term.js';
import { parseFilter } from './filter.js';
import { RpcError } from './status.js';

const T = Date.parse('2026-11-22T08:00:00Z');

function stateCondition(path: readonly string[], comparison: Comparison, value: SearchValue) {
  return { field: { type: 'state', path }, comparison, value };
}

function attributeCondition(name: string, comparison: Comparison, value: string) {
  return { field: { type: 'attribute', name }, comparison, value };
}

test.each([
  ['', {}],
  ['   ', {}],
  ['workflow_id = "batch"', { workflowId: 'batch' }],
  ["workflow_id='batch'", { workflowId: 'batch' }],
  ['workflow_id = batch', { workflowId: 'batch' }],
  ['workflow_id = "a \\"b\\" \\\\c"', { workflowId: 'a "b" \\c' }],
  ['workflow_id = "x AND y = z"', { workflowId: 'x AND y = z' }],
  ['workflow_id = "batch" AND status = FAILED', { workflowId: 'batch', status: 'failed' }],
  ['status = EXECUTION_STATUS_TIMED_OUT', { status: 'timed_out' }],
  ['status = "QUEUED"', { status: 'queued' }],
  ['status = PAUSED', { status: 'paused' }],
  ['update_time > "2026-11-22T08:00:00Z"', { updatedFrom: T + 1 }],
  [
    'close_time >= "2026-11-22T08:00:00Z" AND close_time < "2026-11-22T08:00:01Z"',
    { closedFrom: T, closedBefore: T + 1000 },
  ],
  ['state.customerId = "c-7"', { conditions: [stateCondition(['customerId'], '=', 'c-7')] }],
  [
    'state.order.total>=1.5e2 AND state.order.total < -0.5',
    {
      conditions: [
        stateCondition(['order', 'total'], '>=', 150),
        stateCondition(['order', 'total'], '<', -0.5),
      ],
    },
  ],
  [
    'state.a = true AND state.b = false AND state.c = null',
    {
      conditions: [
        stateCondition(['a'], '=', true),
        stateCondition(['b'], '=', false),
        stateCondition(['c'], '=', null),
      ],
    },
  ],
  [
    `state."a.b".c."d \\" e" <= "7" AND state.'x'="" AND state.$é-_/~1 = "AND"`,
    {
      conditions: [
        stateCondition(['a.b', 'c', 'd " e'], '<=', '7'),
        stateCondition(['x'], '=', ''),
        stateCondition(['$é-_/~1'], '=', 'AND'),
      ],
    },
  ],
  [
    'search_attributes.tenant = acme AND search_attributes."cost center" > "7"',
    {
      conditions: [attributeCondition('tenant', '=', 'acme'), attributeCondition('cost center', '>', '7')],
    },
  ],
  ['parent_execution_id = a AND root_execution_id = b', { parentExecutionId: 'a', rootExecutionId: 'b' }],
  ['session_id = s AND user_id = "u"', { sessionId: 's', userId: 'u' }],
  ['create_time >= "2026-11-22T08:00:00Z"', { createdFrom: T }],
  ['create_time > "2026-11-22T08:00:00Z"', { createdFrom: T + 1 }],
  ['create_time < "2026-11-22T08:00:00Z"', { createdBefore: T }],
  ['create_time <= "2026-11-22T08:00:00Z"', { createdBefore: T + 1 }],
  ['create_time >= "2026-11-22T08:00:00.0005Z"', { createdFrom: T + 1 }],
  ['create_time < "2026-11-22T08:00:00.0005Z"', { createdBefore: T + 1 }],
  ['create_time > "2026-11-22T10:00:00.25+02:00"', { createdFrom: T + 251 }],
  [
    'create_time >= "2026-11-22T08:00:00Z" AND create_time < "2026-11-22T08:00:01Z"',
    { createdFrom: T, createdBefore: T + 1000 },
  ],
  [
    'create_time > "2026-11-22T08:00:00Z" AND create_time > "2026-11-22T08:00:01Z"',
    { createdFrom: T + 1001 },
  ],
])('the filter %j asks for %j', (text, expected) => {
  expect(parseFilter(text)).toEqual({ conditions: [], ...expected });
});

test.each([
  ['colour = red', 'there is no field "colour"'],
  ['workflow_id', 'an operator after workflow_id and not the end'],
  ['workflow_id =', 'a value for workflow_id and not the end'],
  ['workflow_id = a b', 'there should be AND and not "b" at position 16'],
  ['workflow_id = a AND', 'a comparison after AND'],
  ['workflow_id = a OR status = FAILED', 'there should be AND and not "OR"'],
  ['workflow_id = a and status = FAILED', 'there should be AND and not "and"'],
  ['workflow_id != a', 'workflow_id is compared with =, not with !='],
  ['status < FAILED', 'status is compared with =, not with <'],
  ['status = FAILD', 'there is no status "FAILD"; there are QUEUED'],
  ['workflow_id = a AND workflow_id = b', 'workflow_id is there twice'],
  ['create_time = "2026-11-22T08:00:00Z"', 'create_time is compared with <, <=, > and >=, not with ='],
  ['create_time > "yesterday"', '"yesterday" is no time'],
  ['create_time > "2026-13-22T08:00:00Z"', 'is no time'],
  ['create_time > "2026-11-22"', 'is no time'],
  ['(status = FAILED)', '"(" at position 0 is not understood'],
  ['workflow_id = "open', '""" at position 14 is not understood'],
  ['state = "x"', 'there is no field "state"; there are workflow_id'],
  ['state.a = x', '"x" at position 10 is no number, true, false or null; a text is written in quotes'],
  ['state.a = 01', '"01" at position 10 is no number'],
  ['state.a = -', 'is no number'],
  ['state.a = 1e999', 'is no number'],
  ['state.a = 9007199254740993', 'is no number'],
  ['state.a = [1]', 'is no number'],
  ['state.a != 1', 'state.a is compared with =, <, <=, > and >=, not with !='],
  ['state.a:1', 'not with :'],
  ['state..a = 1', 'there should be a field and not "state..a" at position 0'],
  ['state.a. = 1', 'there should be a field and not "state.a."'],
  ['state."a"b = 1', 'there should be a field and not "state."'],
  ['state.a"b" = 1', 'there should be a field and not "state.a"'],
  ['state."a" .b = 1', 'an operator after state."a" and not ".b"'],
  ['"state".a = 1', 'there should be a field and not "state" at position 0'],
  ['search_attributes = x', 'there is no field "search_attributes"'],
  ['search_attributes.a.b = x', 'a name with dots is written search_attributes."a.b"'],
  [Array(33).fill('state.a = 1').join(' AND '), 'at most 32 comparisons'],
  ['= =', 'there should be a field and not "=" at position 0'],
])('the filter %j is refused: %s', (text, reason) => {
  expect(() => parseFilter(text)).toThrow(RpcError);
  expect(() => parseFilter(text)).toThrow(reason);
});
