import type { Command } from 'commander';
import { type Execution, ExecutionSchema } from '../gen/polos/v1/execution_pb.js';
import type { Call, OutputOption, RunCall } from './call.js';
import { toDocument } from './document.js';
import { DURATION_FORM, parseDurationMs } from './duration.js';
import { executionTable } from './execution-text.js';
import { outputOption, parseInteger, parseText } from './options.js';
import { pagesOf } from './pages.js';
import { ExitStatus } from './usage-error.js';

/** Adds `execution list`. */
export function addListCommand(group: Command, runCall: RunCall): void {
  group
    .command('list')
    .summary('list executions, newest first')
    .description('Lists executions, newest first.')
    .option('--workflow <id>', 'only those of this workflow', parseText)
    .option('--status <status>', 'only those with this status, like failed or timed_out', parseText)
    .option('--parent <execution>', 'only those that this execution started', parseText)
    .option('--root <execution>', 'only this tree of executions', parseText)
    .option('--session-id <id>', 'only those of this session', parseText)
    .option('--user-id <id>', 'only those of this user', parseText)
    .option('--since <duration>', `only those created within this time, ${DURATION_FORM}`)
    .option('--filter <expression>', 'a filter as ListExecutions takes it, joined with the others', parseText)
    .option('--limit <number>', 'at most so many', parseInteger({ from: 1, to: 100_000 }), 50)
    .option('--page-token <token>', 'go on where an earlier list ended', parseText)
    .addOption(outputOption())
    .action((options: ListOptions) => runCall(options, (call) => list(call, options)));
}

interface ListOptions extends OutputOption {
  readonly workflow?: string;
  readonly status?: string;
  readonly parent?: string;
  readonly root?: string;
  readonly sessionId?: string;
  readonly userId?: string;
  readonly since?: string;
  readonly filter?: string;
  readonly limit: number;
  readonly pageToken?: string;
}

/** The server's own limit. */
const PAGE_SIZE_MAX = 500;

async function list(call: Call, options: ListOptions): Promise<ExitStatus> {
  const filter = toFilter(options);
  const executions: Execution[] = [];
  let nextPageToken = '';
  const read = (pageToken: string) => {
    const pageSize = Math.min(PAGE_SIZE_MAX, options.limit - executions.length);
    return call.client.listExecutions({ filter, pageSize, pageToken });
  };
  for await (const page of pagesOf(read, options.pageToken)) {
    executions.push(...page.executions);
    nextPageToken = page.nextPageToken;
    if (executions.length >= options.limit) break;
  }
  const documents = executions.map((execution) => toDocument(ExecutionSchema, execution));
  call.answer({ executions: documents, ...(nextPageToken && { nextPageToken }) }, () =>
    executions.length === 0 ? 'no executions' : executionTable(executions, call.terminal),
  );
  if (nextPageToken !== '') {
    call.remark(`There are more: give a larger --limit, or --page-token ${nextPageToken}`);
  }
  return ExitStatus.done;
}

function toFilter(options: ListOptions): string {
  const { workflow, status, parent, root, sessionId, userId, since, filter } = options;
  const createdAfter = since && new Date(Date.now() - parseDurationMs('--since', since)).toISOString();
  return [
    ...equals('workflow_id', workflow),
    ...equals('status', status?.toUpperCase().replaceAll('-', '_')),
    ...equals('parent_execution_id', parent),
    ...equals('root_execution_id', root),
    ...equals('session_id', sessionId),
    ...equals('user_id', userId),
    ...(createdAfter ? [`create_time >= "${createdAfter}"`] : []),
    ...(filter ? [filter] : []),
  ].join(' AND ');
}

function equals(field: string, value: string | undefined): string[] {
  return value === undefined ? [] : [`${field} = "${value.replaceAll(/["\\]/g, '\\$&')}"`];
}
