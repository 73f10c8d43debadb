import type { Command } from 'commander';
import { SchemaComparisonSchema } from '../gen/polos/v1/schema_pb.js';
import type { Call, OutputOption, RunCall } from './call.js';
import { toDocument } from './document.js';
import { outputOption } from './options.js';
import {
  type KindWord,
  kindOf,
  kindOption,
  type SchemaReference,
  schemaReference,
  shortDigest,
} from './schema-reference.js';
import { comparisonText } from './schema-text.js';
import { printable } from './terminal.js';
import { CommandError, ExitStatus } from './usage-error.js';

/** Adds `schema diff`. */
export function addSchemaDiffCommand(group: Command, runCall: RunCall): void {
  group
    .command('diff')
    .summary('compare two versions of a schema')
    .description(
      'Compares two versions of a schema: what differs, and whether values that were written under the first fit the second.\n' +
        'Without versions: the current one and the one before; with one: that one and the current one.',
    )
    .argument('<workflow>', 'the workflow')
    .argument('[before]', 'a digest, the beginning of one, @FILE, or - for stdin')
    .argument('[after]', 'the same, for the newer version')
    .addOption(kindOption())
    .addOption(outputOption())
    .action((workflow: string, before: string | undefined, after: string | undefined, options: DiffOptions) =>
      runCall(options, (call) => diff(call, { workflow, before, after, kind: options.kind })),
    );
}

interface DiffOptions extends OutputOption {
  readonly kind: KindWord;
}

interface Asked {
  readonly workflow: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
  readonly kind: KindWord;
}

async function diff(call: Call, { workflow, before, after, kind }: Asked): Promise<ExitStatus> {
  const registered = before === undefined || after === undefined ? await versions(call, workflow, kind) : [];
  const version = (place: number): SchemaReference => {
    const value = registered[place];
    if (value !== undefined) return { schema: { case: 'digest', value } };
    const found = registered.length === 0 ? 'no schema' : 'only one version of the schema';
    throw new CommandError(
      `${found} of the ${kind} of ${printable(workflow)} is registered; give two to compare`,
    );
  };
  const request = {
    before: before === undefined ? version(1) : await schemaReference(call, 'BEFORE', before),
    after: after === undefined ? version(0) : await schemaReference(call, 'AFTER', after),
  };
  const { comparison } = await call.client.compareSchemas(request);
  if (!comparison) throw new Error('the server answered without a comparison');
  call.remark(`${nameOf(request.before)} -> ${nameOf(request.after)}`);
  call.answer(toDocument(SchemaComparisonSchema, comparison), () => comparisonText(comparison));
  return ExitStatus.done;
}

/** The digests of a workflow's versions, newest first. */
async function versions({ client }: Call, workflowId: string, kind: KindWord): Promise<string[]> {
  const { schemas } = await client.listSchemas({ workflowId });
  return schemas.filter((schema) => schema.kind === kindOf(kind)).map(({ digest }) => digest);
}

function nameOf({ schema }: SchemaReference): string {
  return schema.case === 'digest' ? shortDigest(schema.value) : 'given';
}
