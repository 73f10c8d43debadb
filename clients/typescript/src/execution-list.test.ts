import { expect, test } from 'vitest';
import { toFilter } from './execution-list.js';

test.each([
  [{}, ''],
  [
    { workflow: 'a "b" \\', status: 'timed_out' as const },
    'workflow_id = "a \\"b\\" \\\\" AND status = "TIMED_OUT"',
  ],
  [{ sessionId: 's', userId: 'u' }, 'session_id = "s" AND user_id = "u"'],
  [{ parentExecutionId: 'p', rootExecutionId: 'r' }, 'parent_execution_id = "p" AND root_execution_id = "r"'],
  [{ searchAttributes: { 'cost.center': '" OR ' } }, 'search_attributes."cost.center" = "\\" OR "'],
  [
    { state: { 'order.status': 'open', n: -1.5, b: true, z: null } },
    'state."order"."status" = "open" AND state."n" = -1.5 AND state."b" = true AND state."z" = null',
  ],
  [{ state: { '/a.b/c~1d/~01': '' } }, 'state."a.b"."c/d"."~1" = ""'],
  [{ userId: 'u', filter: 'state.n > 1' }, 'user_id = "u" AND state.n > 1'],
])('%j asks for %s', (options, filter) => {
  expect(toFilter(options)).toBe(filter);
});
