import type { FieldPath } from '../core/field-path.js';
import type { Comparison, SearchValue } from '../core/search-term.js';
import type { ExecutionSearch } from '../store/store.js';

/** Which executions of a project. */
export interface ExecutionListQuery extends Omit<ExecutionSearch, 'terms' | 'lookedAt'> {
  readonly conditions: readonly SearchCondition[];
}

/** What is asked of a state or of the search attributes. Fields of a state need the `workflowId` of the query. */
export interface SearchCondition {
  readonly field:
    | { readonly type: 'state'; readonly path: FieldPath }
    | { readonly type: 'attribute'; readonly name: string };
  readonly comparison: Comparison;
  readonly value: SearchValue;
}
