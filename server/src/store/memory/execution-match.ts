import type { Execution } from '../../core/execution.js';
import type { SearchTerm, TermCondition } from '../../core/search-term.js';
import type { ExecutionPlace, ExecutionQuery, ExecutionSearch } from '../store.js';
import { compareText } from '../text-order.js';

/** Whether a search finds an execution. */
export function isFound(
  { execution, terms }: { readonly execution: Execution; readonly terms: readonly SearchTerm[] },
  search: ExecutionSearch,
): boolean {
  const { updatedAt, closedAt } = execution;
  return (
    matches(execution, search) &&
    isWithin(updatedAt, search.updatedFrom, search.updatedBefore) &&
    isWithin(closedAt, search.closedFrom, search.closedBefore) &&
    search.terms.every((condition) => terms.some((term) => isMeant(term, condition)))
  );
}

/** Whether the list of a query has an execution. */
export function matches(execution: Execution, query: ExecutionQuery): boolean {
  return (
    execution.projectId === query.projectId &&
    isAny(query.workflowId, execution.workflowId) &&
    isAny(query.status, execution.status) &&
    isAny(query.parentExecutionId, execution.parent?.executionId) &&
    isAny(query.rootExecutionId, execution.rootExecutionId) &&
    isAny(query.sessionId, execution.sessionId) &&
    isAny(query.userId, execution.userId) &&
    isWithin(execution.createdAt, query.createdFrom, query.createdBefore) &&
    (!query.after || comparePlaces(execution, query.after) > 0)
  );
}

/** The order of the list: newest first, then by id, descending. */
export function comparePlaces(a: ExecutionPlace, b: ExecutionPlace): number {
  return b.createdAt - a.createdAt || compareText(b.id, a.id);
}

function isAny(wanted: string | undefined, actual: string | undefined): boolean {
  return wanted === undefined || wanted === actual;
}

/** What is missing is within no bounds, but where there are none. */
function isWithin(time: number | undefined, from: number | undefined, before: number | undefined): boolean {
  if (from === undefined && before === undefined) return true;
  return (
    time !== undefined &&
    time >= (from ?? Number.NEGATIVE_INFINITY) &&
    time < (before ?? Number.POSITIVE_INFINITY)
  );
}

function isMeant(term: SearchTerm, condition: TermCondition): boolean {
  if ('is' in condition) return term === condition.is;
  return compareText(term, condition.from) >= 0 && compareText(term, condition.before) < 0;
}
