import type { Command } from 'commander';
import { ExecutionStatusSchema } from '../gen/polos/v1/execution_pb.js';
import {
  Compatibility,
  type LiveStates,
  type LiveStates_Breaking,
  LiveStatesSchema,
  type SchemaReport,
  SchemaReportSchema,
} from '../gen/polos/v1/schema_pb.js';
import type { Call, OutputOption, RunCall } from './call.js';
import { type Document, enumName, toDocument } from './document.js';
import { outputOption } from './options.js';
import { type KindWord, kindOf, kindOption, schemaFile } from './schema-reference.js';
import { comparisonText } from './schema-text.js';
import { table } from './table.js';
import { printable } from './terminal.js';
import { ExitStatus } from './usage-error.js';

/** Adds `schema check`. */
export function addSchemaCheckCommand(group: Command, runCall: RunCall): void {
  group
    .command('check')
    .summary('tell what a schema would break before it is deployed')
    .description(
      'Compares a schema that nobody has registered with the current one and, for a state, checks the states of all\n' +
        'executions that are not final. Exit status 1 if the server cannot use the schema, if a state does not fit or could\n' +
        'not be checked, or, for a payload or a result, unless the schemas are compatible.',
    )
    .argument('<workflow>', 'the workflow')
    .argument('<file>', 'the JSON Schema (2020-12): a file, or - for stdin')
    .addOption(kindOption())
    .addOption(outputOption())
    .action((workflow: string, file: string, options: CheckOptions) =>
      runCall(options, (call) => check(call, workflow, file, options)),
    );
}

interface CheckOptions extends OutputOption {
  readonly kind: KindWord;
}

/** Executions that are named; more are only counted. */
const NAMED_MAX = 1_000;

interface Found {
  readonly report: SchemaReport;
  /** All pages together; undefined where no states were looked at. */
  readonly states: LiveStates | undefined;
}

async function check(
  call: Call,
  workflowId: string,
  file: string,
  { kind }: CheckOptions,
): Promise<ExitStatus> {
  const schema = await schemaFile('FILE', file);
  const found = await allPages(call, { workflowId, kind: kindOf(kind), schema });
  call.answer(foundDocument(found), () => foundText(found));
  return isFine(found) ? ExitStatus.done : ExitStatus.failed;
}

type Request = Parameters<Call['client']['checkSchema']>[0];

async function allPages({ client, remark }: Call, request: Request): Promise<Found> {
  const { report, nextPageToken } = await client.checkSchema(request);
  if (!report) throw new Error('the server answered without a report');
  const states = report.liveStates;
  let pageToken = nextPageToken;
  while (states && pageToken !== '') {
    remark(`${states.checked} executions checked, ${states.breaking} do not fit`);
    const page = await client.checkSchema({ ...request, pageToken });
    const more = page.report?.liveStates;
    if (more) {
      states.checked += more.checked;
      states.breaking += more.breaking;
      states.unchecked += more.unchecked;
      states.complete = more.complete;
      const room = NAMED_MAX - states.breakingExecutions.length;
      states.breakingExecutions.push(...more.breakingExecutions.slice(0, Math.max(0, room)));
    }
    pageToken = page.nextPageToken;
  }
  return { report, states };
}

function isFine({ report: { problem, comparison }, states }: Found): boolean {
  if (problem !== '') return false;
  if (states) return states.breaking === 0n && states.unchecked === 0n;
  return comparison === undefined || comparison.compatibility === Compatibility.COMPATIBLE;
}

function foundDocument({ report, states }: Found): Document {
  const document = toDocument(SchemaReportSchema, report);
  return states ? { ...document, liveStates: toDocument(LiveStatesSchema, states) } : document;
}

function foundText({ report: { problem, comparison, previousDigest, digest }, states }: Found): string {
  if (problem !== '') return `the server cannot use this schema: ${printable(problem)}`;
  const compared =
    digest === previousDigest
      ? 'this is the current schema'
      : comparison
        ? comparisonText(comparison)
        : 'no usable schema is registered to compare it with';
  return states ? `${compared}\n\n${statesText(states)}` : compared;
}

function statesText({ checked, breaking, unchecked, breakingExecutions }: LiveStates): string {
  const sum = `${checked} live executions: ${checked - breaking - unchecked} fit, ${breaking} do not fit`;
  const unknown = unchecked > 0n ? `, ${unchecked} could not be checked` : '';
  if (breakingExecutions.length === 0) return `${sum}${unknown}`;
  const rows = table(breakingExecutions, [
    { heading: 'EXECUTION', text: ({ executionId }) => executionId },
    { heading: 'STATUS', text: ({ status }) => enumName(ExecutionStatusSchema, status) },
    { heading: 'REVISION', text: ({ stateRevision }) => String(stateRevision), align: 'right' },
    { heading: 'WHERE', text: issueText },
  ]);
  const left = Number(breaking) - breakingExecutions.length;
  return `${sum}${unknown}\n${rows}${left > 0 ? `\nand ${left} more` : ''}`;
}

function issueText({ issues }: LiveStates_Breaking): string {
  const [first] = issues;
  if (!first) return '';
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : '';
  return printable(`${first.path || '(root)'} ${first.keyword}: ${first.message}${more}`);
}
