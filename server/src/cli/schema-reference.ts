import { Option } from 'commander';
import { SchemaKind } from '../gen/polos/v1/schema_pb.js';
import type { Call } from './call.js';
import { readJsonArgument } from './json-argument.js';
import { CommandError, UsageError } from './usage-error.js';

/** The kinds of schemas by the words of the command line. */
const KINDS = { payload: SchemaKind.PAYLOAD, state: SchemaKind.STATE, result: SchemaKind.RESULT } as const;

/** One of the words. */
export type KindWord = keyof typeof KINDS;

/** A schema as a request names it. */
export interface SchemaReference {
  readonly schema:
    | { readonly case: 'digest'; readonly value: string }
    | { readonly case: 'jsonSchema'; readonly value: string };
}

/** Characters of a digest that are shown. */
const DIGEST_LENGTH_SHOWN = 12;
const DIGEST_LENGTH = 64;

/** `--kind`. */
export function kindOption(): Option {
  const option = new Option('--kind <kind>', "which of the workflow's values the schema describes");
  return option.choices(Object.keys(KINDS)).default('state');
}

/** The kind that a word names. */
export function kindOf(word: KindWord): SchemaKind {
  return KINDS[word];
}

/** As much of a digest as is shown, and can be given back. */
export function shortDigest(digest: string): string {
  return digest.slice(0, DIGEST_LENGTH_SHOWN);
}

/** A schema that is given as `@FILE`, as `-` for stdin, or as a digest or the beginning of one. */
export async function schemaReference(call: Call, name: string, argument: string): Promise<SchemaReference> {
  if (argument === '-' || argument.startsWith('@')) return schemaFile(name, argument);
  return { schema: { case: 'digest', value: await wholeDigest(call, argument) } };
}

/** A schema in a file, as `@FILE` or `FILE`, or `-` for stdin. */
export async function schemaFile(name: string, argument: string): Promise<SchemaReference> {
  const source = argument === '-' || argument.startsWith('@') ? argument : `@${argument}`;
  return { schema: { case: 'jsonSchema', value: await readJsonArgument(name, source) } };
}

/** The digest that begins like this. */
export async function wholeDigest({ client }: Call, digest: string): Promise<string> {
  const start = digest.toLowerCase();
  if (!/^[0-9a-f]{1,64}$/.test(start)) {
    throw new UsageError(`"${digest}" is no digest, which is hexadecimal; polos schema list shows them`);
  }
  if (start.length === DIGEST_LENGTH) return start;
  const { schemas } = await client.listSchemas({});
  const [found, ...others] = new Set(
    schemas.map((schema) => schema.digest).filter((whole) => whole.startsWith(start)),
  );
  if (!found)
    throw new CommandError(`there is no schema ${digest} in this project; polos schema list shows them`);
  if (others.length > 0)
    throw new CommandError(`${others.length + 1} schemas begin with ${digest}; give more of it`);
  return found;
}
