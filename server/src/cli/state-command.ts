import type { Command } from 'commander';
import {
  StateChangeCause,
  type StateRevision,
  StateRevisionSchema,
  StateSchema,
} from '../gen/polos/v1/state_pb.js';
import type { Call, OutputOption, RunCall } from './call.js';
import { toDocument } from './document.js';
import { valueText } from './execution-text.js';
import { outputOption, parseInteger } from './options.js';
import { pagesOf } from './pages.js';
import { reopening } from './recovery.js';
import type { Operation } from './state-undo.js';
import { printable } from './terminal.js';
import { eventTimeText, timeText } from './time-text.js';
import { ExitStatus, UsageError } from './usage-error.js';

/** Adds `execution state`. */
export function addStateCommand(group: Command, runCall: RunCall): void {
  group
    .command('state')
    .summary('print the state of an execution, as it is or was, or what changed')
    .description(
      'Prints the state document of an execution: the latest revision, or an earlier one. With --follow each change as ' +
        'it is committed, until the execution ends; with --revisions all changes so far; with --diff those that lead ' +
        'from one revision to another. No worker is needed.',
    )
    .argument('<execution>', "the execution's id")
    .option(
      '--revision <number>',
      'this revision; 1 is the state it was created with',
      parseInteger(REVISIONS),
    )
    .option('--path <pointer...>', 'only what is at these JSON Pointers, for example /customer/name')
    .option('-f, --follow', 'stay for changes to come; starts after --revision if that is given')
    .option('--revisions', 'every change, with the step that it came with')
    .option('--diff <numbers...>', 'what leads from one revision to a later one: two numbers')
    .addOption(outputOption())
    .action((id: string, options: StateOptions) => runCall(options, (call) => answer(call, id, options)));
}

interface StateOptions extends OutputOption {
  readonly revision?: number;
  readonly path?: readonly string[];
  readonly follow?: true;
  readonly revisions?: true;
  readonly diff?: readonly string[];
}

const REVISIONS = { from: 1, to: Number.MAX_SAFE_INTEGER };

function answer(call: Call, executionId: string, options: StateOptions): Promise<ExitStatus> {
  const { follow, revisions, diff, revision } = options;
  const ways = [follow, revisions, diff].filter((way) => way !== undefined);
  if (ways.length > 1) throw new UsageError('--follow, --revisions and --diff exclude each other');
  if (follow) return watch(call, executionId, revision ?? 0);
  if (revisions) return list(call, executionId);
  return diff ? compare(call, executionId, diff) : print(call, executionId, options);
}

async function print(
  call: Call,
  executionId: string,
  { revision, path = [] }: StateOptions,
): Promise<ExitStatus> {
  const at = revision === undefined ? undefined : ({ case: 'revision', value: BigInt(revision) } as const);
  const { state } = await call.client.getState({ executionId, paths: [...path], ...(at && { at }) });
  if (!state) throw new Error(`the server answered without the state of the execution ${executionId}`);
  const { json, sizeBytes, updateTime } = state;
  const isLast = state.final ? ', final' : '';
  call.remark(`revision ${state.revision}, ${sizeBytes} bytes, ${timeText(updateTime)}${isLast}`);
  call.answer({ executionId, ...toDocument(StateSchema, state) }, () => valueText(JSON.parse(json)));
  return ExitStatus.done;
}

async function watch(call: Call, executionId: string, after: number): Promise<ExitStatus> {
  let afterRevision = BigInt(after);
  const stream = reopening(call, (options) =>
    call.client.watchState({ executionId, afterRevision }, options),
  );
  for await (const { message } of stream) {
    if (message.case === 'state') {
      const { value } = message;
      afterRevision = value.revision;
      call.answer(toDocument(StateSchema, value), () => `r${value.revision}  ${value.json}`);
    } else if (message.case === 'revision') {
      const { value } = message;
      afterRevision = value.revision;
      call.answer(toDocument(StateRevisionSchema, value), () => revisionText(value, call));
    }
  }
  return ExitStatus.done;
}

async function list(call: Call, executionId: string): Promise<ExitStatus> {
  for await (const revision of revisionsOf(call, executionId)) {
    call.answer(toDocument(StateRevisionSchema, revision), () => revisionText(revision, call));
  }
  return ExitStatus.done;
}

async function compare(call: Call, executionId: string, diff: readonly string[]): Promise<ExitStatus> {
  const [from = 0, to = 0] = diff.map(Number);
  const isRange =
    diff.length === 2 && Number.isInteger(from) && Number.isInteger(to) && 1 <= from && from <= to;
  if (!isRange) throw new UsageError('--diff takes two revisions, the earlier one first: --diff 2 5');
  await call.client.getState({ executionId, at: { case: 'revision', value: BigInt(to) } });
  const between: StateRevision[] = [];
  for await (const revision of revisionsOf(call, executionId, from)) {
    if (revision.revision > to) break;
    between.push(revision);
  }
  const patch = between.flatMap((revision) => JSON.parse(revision.patch));
  call.answer({ executionId, from, to, patch }, () =>
    between.length === 0 ? 'no change' : between.map((revision) => revisionText(revision, call)).join('\n'),
  );
  return ExitStatus.done;
}

async function* revisionsOf(
  { client }: Call,
  executionId: string,
  after = 0,
): AsyncGenerator<StateRevision, void, undefined> {
  const what = { executionId, afterRevision: BigInt(after), pageSize: 500 };
  const read = (pageToken: string) => client.listStateRevisions({ ...what, pageToken });
  for await (const { revisions } of pagesOf(read)) yield* revisions;
}

/** A revision in lines: who and when, then one line for each operation. */
function revisionText(revision: StateRevision, { terminal: { colors } }: Call): string {
  const { createTime, patch } = revision;
  const made = printable(makerText(revision));
  const head = colors.dim(`r${revision.revision}  ${eventTimeText(createTime)}  ${made}`.trimEnd());
  const lines = (JSON.parse(patch) as Operation[]).map(
    ({ op, path, value }) =>
      `  ${op} ${path || 'all'}${value === undefined ? '' : ` ${JSON.stringify(value)}`}`,
  );
  return [head, ...lines].join('\n');
}

/** What made a revision: a step, an operator, or a later version of the workflow. */
function makerText(revision: StateRevision): string {
  const { stepKey, cause, reason, author } = revision;
  if (cause === StateChangeCause.MIGRATION) {
    return `migrated from version ${revision.fromStateVersion} to ${revision.toStateVersion}`;
  }
  return cause === StateChangeCause.REPAIR ? `repaired by ${author}: ${reason}` : stepKey;
}
