import { expect, test } from 'vitest';
import { parseFilter } from './filter.js';
import { RpcError } from './status.js';

const T = Date.parse('2026-11-22T08:00:00Z');

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
  expect(parseFilter(text)).toEqual(expected);
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
  ['status = PAUSED', 'there is no status "PAUSED"'],
  ['workflow_id = a AND workflow_id = b', 'workflow_id is there twice'],
  ['create_time = "2026-11-22T08:00:00Z"', 'create_time is compared with <, <=, > and >=, not with ='],
  ['create_time > "yesterday"', '"yesterday" is no time'],
  ['create_time > "2026-13-22T08:00:00Z"', 'is no time'],
  ['create_time > "2026-11-22"', 'is no time'],
  ['(status = FAILED)', '"(" at position 0 is not understood'],
  ['workflow_id = "open', '""" at position 14 is not understood'],
  ['= =', 'there should be a field and not "=" at position 0'],
])('the filter %j is refused: %s', (text, reason) => {
  expect(() => parseFilter(text)).toThrow(RpcError);
  expect(() => parseFilter(text)).toThrow(reason);
});
