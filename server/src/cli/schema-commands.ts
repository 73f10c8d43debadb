import type { Command } from 'commander';
import { type Schema, SchemaKindSchema, SchemaSchema } from '../gen/polos/v1/schema_pb.js';
import type { Call, OutputOption, RunCall } from './call.js';
import { enumName, toDocument } from './document.js';
import { valueText } from './execution-text.js';
import { outputOption, parseText } from './options.js';
import { addSchemaCheckCommand } from './schema-check-command.js';
import { addSchemaDiffCommand } from './schema-diff-command.js';
import { shortDigest, wholeDigest } from './schema-reference.js';
import { table } from './table.js';
import { printable } from './terminal.js';
import { timeText } from './time-text.js';
import { ExitStatus } from './usage-error.js';

/** Adds `schema` with its commands. */
export function addSchemaCommands(program: Command, runCall: RunCall): void {
  const group = program
    .command('schema')
    .summary('look at schemas, compare them, check what they would break');
  group
    .command('list')
    .summary('list schemas')
    .description(
      'Lists the versions of schemas that workers registered. Invoke checks against the current ones.',
    )
    .option('--workflow <id>', 'only those of this workflow', parseText)
    .addOption(outputOption())
    .action((options: ListOptions) => runCall(options, (call) => list(call, options)));
  group
    .command('show')
    .summary('print a schema')
    .description('Prints a schema, which is JSON Schema (2020-12).')
    .argument('<digest>', 'its digest, or as much of its beginning as is unique')
    .addOption(outputOption())
    .action((digest: string, options: OutputOption) => runCall(options, (call) => show(call, digest)));
  addSchemaDiffCommand(group, runCall);
  addSchemaCheckCommand(group, runCall);
}

interface ListOptions extends OutputOption {
  readonly workflow?: string;
}

async function list(call: Call, { workflow }: ListOptions): Promise<ExitStatus> {
  const { schemas } = await call.client.listSchemas({ workflowId: workflow ?? '' });
  const document = { schemas: schemas.map((schema) => toDocument(SchemaSchema, schema)) };
  call.answer(document, () => (schemas.length === 0 ? 'no schemas are registered' : schemaTable(schemas)));
  return ExitStatus.done;
}

function schemaTable(schemas: readonly Schema[]): string {
  return table(schemas, [
    { heading: 'DIGEST', text: ({ digest }) => shortDigest(digest) },
    { heading: 'WORKFLOW', text: ({ workflowId }) => printable(workflowId) },
    { heading: 'KIND', text: ({ kind }) => enumName(SchemaKindSchema, kind) },
    { heading: 'CURRENT', text: ({ current }) => (current ? 'yes' : 'no') },
    { heading: 'REGISTERED', text: ({ registerTime }) => timeText(registerTime) },
  ]);
}

async function show(call: Call, digest: string): Promise<ExitStatus> {
  const { schema } = await call.client.getSchema({ digest: await wholeDigest(call, digest) });
  if (!schema) throw new Error(`the server answered without the schema ${digest}`);
  const { workflowId, kind, registerTime, current } = schema;
  const version = current ? 'current' : 'superseded';
  call.remark(
    `${enumName(SchemaKindSchema, kind)} of ${printable(workflowId)}, ${version}, ${timeText(registerTime)}`,
  );
  call.answer(toDocument(SchemaSchema, schema), () => valueText(JSON.parse(schema.jsonSchema)));
  return ExitStatus.done;
}
