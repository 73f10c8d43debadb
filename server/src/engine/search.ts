import { fieldName, pointerOf } from '../core/field-path.js';
import { attributePrefix, type TermCondition, termCondition } from '../core/search-term.js';
import type { ExecutionSearch } from '../store/store.js';
import { compareText } from '../store/text-order.js';
import type { ExecutionListQuery, SearchCondition } from './api.js';
import { EngineError } from './errors.js';
import type { StateIndexes } from './state-indexes.js';

/** Executions that the store looks at for a page beside those on it; see `ExecutionSearch.lookedAt`. */
const LOOKED_AT = 2_000;

/**
 * What the store is asked for a list.
 * @throws EngineError for what cannot be asked: a field that nobody declared, or a comparison that its index cannot answer.
 */
export async function toSearch(
  { conditions, ...query }: ExecutionListQuery,
  indexes: StateIndexes,
): Promise<ExecutionSearch> {
  const byField = new Map<string, TermCondition[]>();
  let isOneWorkflows = false;
  for (const condition of conditions) {
    const prefix = await prefixOf(condition, query, indexes);
    const found = termCondition(prefix, condition.comparison, condition.value);
    if ('problem' in found) throw refused(`${nameOf(condition)}: ${found.problem}`);
    isOneWorkflows ||= condition.field.type === 'state' && 'is' in found.condition;
    byField.set(prefix, narrowed(byField.get(prefix) ?? [], found.condition));
  }
  const { workflowId, ...others } = query;
  // An exact term of a state is of one workflow: there is nothing left for that to leave out.
  const search = isOneWorkflows || workflowId === undefined ? others : { ...others, workflowId };
  return { ...search, terms: [...byField.values()].flat(), lookedAt: LOOKED_AT };
}

/** Ranges of one field are one: the index is bounded on both sides then. */
function narrowed(conditions: readonly TermCondition[], added: TermCondition): TermCondition[] {
  if ('is' in added) return [...conditions, added];
  const others = conditions.filter((condition) => 'is' in condition);
  const ranges = [...conditions.filter((condition) => 'from' in condition), added];
  const from = ranges.map((range) => range.from).reduce((a, b) => (compareText(a, b) > 0 ? a : b));
  const before = ranges.map((range) => range.before).reduce((a, b) => (compareText(a, b) < 0 ? a : b));
  return [...others, { from, before }];
}

async function prefixOf(
  condition: SearchCondition,
  { projectId, workflowId }: Omit<ExecutionListQuery, 'conditions'>,
  indexes: StateIndexes,
): Promise<string> {
  const { field } = condition;
  if (field.type === 'attribute') return attributePrefix(projectId, field.name);
  if (workflowId === undefined) {
    throw refused(
      `${nameOf(condition)}: states are searched within one workflow; add workflow_id = "..." to the filter`,
    );
  }
  const pointer = pointerOf(field.path);
  const isMeant = ({ path }: { readonly path: readonly string[] }) => pointerOf(path) === pointer;
  const workflow = { projectId, workflowId };
  const known = indexes.fieldsOf(workflow).find(isMeant);
  if (known) return known.prefix;
  const fields = await indexes.currentFieldsOf(workflow);
  const found = fields.find(isMeant);
  if (found) return found.prefix;
  const declared =
    fields.length === 0 ? 'has none' : `has ${fields.map(({ path }) => fieldName(path)).join(', ')}`;
  throw refused(
    `${nameOf(condition)}: the workflow "${workflowId}" declares no such field in its state index, which ${declared}`,
  );
}

function nameOf({ field }: SearchCondition): string {
  return field.type === 'state' ? `state.${fieldName(field.path)}` : `search_attributes.${field.name}`;
}

function refused(message: string): EngineError {
  return new EngineError({ type: 'invalid', field: 'filter', message });
}
