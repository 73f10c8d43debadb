import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { create } from '@bufbuild/protobuf';
import { type Payload, PayloadSchema } from '../gen/polos/v1/payload_pb.js';
import { findJsonFault } from './json-position.js';
import { UsageError } from './usage-error.js';

/**
 * Reads an argument that holds JSON: the text itself, `@FILE` for a file's content or `-` for stdin. The text is passed on
 * exactly as it is; whether its content is acceptable is the server's to say.
 * @param option  the option's name, for errors.
 * @throws UsageError when the file cannot be read or the text is not JSON, with the place.
 */
export async function readJsonArgument(option: string, argument: string): Promise<string> {
  const { text, source } = await readSource(option, argument);
  const fault = findJsonFault(text);
  if (!fault) return text;
  const { line, column, found } = fault;
  const place = line === 1 && !text.includes('\n') ? `column ${column}` : `line ${line}, column ${column}`;
  const message = `${source} is not JSON: ${found} is unexpected at ${place}`;
  throw new UsageError(
    text.trim() === '' ? `${source} is empty, and not JSON` : `${message}\n${excerpt(fault)}`,
  );
}

/** Reads an option that holds a payload, as `readJsonArgument` does; undefined if it was not given: no value. */
export async function readPayloadArgument(
  option: string,
  argument: string | undefined,
): Promise<Payload | undefined> {
  if (argument === undefined) return undefined;
  const value = await readJsonArgument(option, argument);
  return create(PayloadSchema, { body: { case: 'json', value } });
}

interface Source {
  readonly text: string;
  readonly source: string;
}

async function readSource(option: string, argument: string): Promise<Source> {
  if (argument === '-') {
    return { text: await readText(option, 'stdin', buffer(process.stdin)), source: `${option} (stdin)` };
  }
  if (!argument.startsWith('@')) return { text: argument, source: option };
  const path = argument.slice(1);
  return { text: await readText(option, path, readFile(path)), source: `${option} (${path})` };
}

async function readText(option: string, name: string, content: Promise<Buffer>): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await content;
  } catch (error) {
    throw new UsageError(`${option}: ${name} cannot be read: ${systemText(error)}`);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new UsageError(`${option}: ${name} is not UTF-8 text`);
  }
}

/** The words of a system error such as "ENOENT: no such file or directory, open 'x.json'". */
function systemText(error: unknown): string {
  const { message } = error as Error;
  return /^[A-Z]+: (.*?), /.exec(message)?.[1] ?? message;
}

const EXCERPT_LENGTH_MAX = 70;

/** The part of the line around the fault, with a mark under it. */
function excerpt({ lineText, column }: { readonly lineText: string; readonly column: number }): string {
  const start = Math.max(
    0,
    Math.min(column - 1 - EXCERPT_LENGTH_MAX / 2, lineText.length - EXCERPT_LENGTH_MAX),
  );
  const shown = lineText.slice(start, start + EXCERPT_LENGTH_MAX).replaceAll(/\s/g, ' ');
  return `  ${shown}\n  ${' '.repeat(column - 1 - start)}^`;
}
