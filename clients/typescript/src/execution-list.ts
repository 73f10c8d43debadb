import { create } from '@bufbuild/protobuf';
import type { WorkflowTarget } from './batch.js';
import { type ExecutionInfo, type ExecutionStatus, toExecutionInfo } from './execution.js';
import { ListExecutionsRequestSchema, WorkflowService } from './gen/polos/v1/workflow_service_pb.js';
import { pagesOf } from './pages.js';
import { fromPointer } from './state/pointer.js';
import type { Transport } from './transport.js';
import { idOf } from './workflow-target.js';

/** Which executions are listed: those for which all holds that is given. */
export interface ListExecutionsOptions {
  /** The workflow, or its id. */
  readonly workflow?: WorkflowTarget | undefined;
  readonly status?: ExecutionStatus | undefined;
  /** Only those that this execution started. */
  readonly parentExecutionId?: string | undefined;
  /** Only those of this tree. */
  readonly rootExecutionId?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly userId?: string | undefined;
  /** The values of search attributes, by name. */
  readonly searchAttributes?: Readonly<Record<string, string>> | undefined;
  /**
   * The values of fields of the state, by path as `stateIndex` of the workflow declares them: `{ 'order.status': 'open' }`.
   * Needs `workflow`.
   */
  readonly state?: Readonly<Record<string, string | number | boolean | null>> | undefined;
  /**
   * More conditions, as ListExecutions takes them: `state.total >= 100 AND create_time > "2026-11-22T08:00:00Z"`. Values that
   * somebody else wrote belong in the fields above, which quote them.
   */
  readonly filter?: string | undefined;
  /** How many to list at most, 1 or more. Default: all. */
  readonly limit?: number | undefined;
}

/** Executions that one request asks for. */
const PAGE_SIZE_MAX = 500;

/**
 * Lists executions, newest first, page by page as they are taken.
 * @throws RangeError for the limit; InvalidArgumentError for what cannot be asked: a field that no version of the workflow
 * declares, or a filter that means nothing.
 */
export async function* listExecutions(
  transport: Transport,
  options: ListExecutionsOptions = {},
): AsyncGenerator<ExecutionInfo, void, undefined> {
  const { limit = Number.POSITIVE_INFINITY } = options;
  if (!(limit >= 1)) throw new RangeError(`the limit is ${limit}; it must be at least 1`);
  const filter = toFilter(options);
  let left = limit;
  const read = (pageToken: string) => {
    const request = create(ListExecutionsRequestSchema, {
      filter,
      pageToken,
      pageSize: Math.min(left, PAGE_SIZE_MAX),
    });
    return transport.call(WorkflowService.method.listExecutions, request, { repeatable: true });
  };
  for await (const { executions } of pagesOf(read)) {
    for (const execution of executions) {
      yield toExecutionInfo(execution);
      left -= 1;
      if (left <= 0) return;
    }
  }
}

/** The filter of a request. */
export function toFilter(options: ListExecutionsOptions): string {
  const { workflow, status, parentExecutionId, rootExecutionId, sessionId, userId } = options;
  const { searchAttributes = {}, state = {}, filter } = options;
  const comparisons = [
    ...equals('workflow_id', workflow && idOf(workflow)),
    ...equals('status', status?.toUpperCase()),
    ...equals('parent_execution_id', parentExecutionId),
    ...equals('root_execution_id', rootExecutionId),
    ...equals('session_id', sessionId),
    ...equals('user_id', userId),
    ...Object.entries(searchAttributes).flatMap(([name, value]) =>
      equals(`search_attributes.${quoted(name)}`, value),
    ),
    ...Object.entries(state).flatMap(([path, value]) => equals(`state.${namesOf(path)}`, value)),
  ];
  return [...comparisons, ...(filter ? [filter] : [])].join(' AND ');
}

function equals(field: string, value: string | number | boolean | null | undefined): string[] {
  if (value === undefined) return [];
  return [`${field} = ${typeof value === 'string' ? quoted(value) : String(value)}`];
}

/** The names of a path, be they joined by dots or a JSON Pointer. */
function namesOf(path: string): string {
  const names = path.startsWith('/') ? fromPointer(path) : path.split('.');
  return names.map(quoted).join('.');
}

function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
}
