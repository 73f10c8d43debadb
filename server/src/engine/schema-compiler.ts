import { Ajv2020, type CodeKeywordDefinition, _ as code, type ErrorObject } from 'ajv/dist/2020.js';
import { RE2JS } from 're2js';
import { isJsonObject, type JsonObject, type JsonValue, parseJson, utf8Bytes } from '../core/json.js';
import { SCHEMA_BYTES_MAX } from '../core/limits.js';
import type { SchemaIssue } from './errors.js';
import { costOf, patternSize, type SchemaCost, workOf } from './schema-cost.js';

/** What came of a check: where the value does not fit, at most 20 places (none if it does), or why it was not checked. */
export type Checked = { readonly issues: readonly SchemaIssue[] } | { readonly unchecked: string };

/** A schema that was read, and what is known of it before it is compiled. */
export interface ReadSchema {
  readonly root: JsonObject;
  readonly text: string;
  /** Objects and arrays in it. */
  readonly nodes: number;
  /** What checks cost at most; missing if that cannot be told. */
  readonly cost?: SchemaCost;
  /** How large its patterns become, together. */
  readonly patternsSize: number;
}

/** Objects and arrays in one schema: what ajv takes to compile it grows faster than they do. */
const NODES_MAX = 2_000;

/** Units of work (see SchemaCost) up to which all places that do not fit are looked for, not only the first. */
const WORK_FOR_ALL_ISSUES_MAX = 200_000;

/** References followed in one check of which the cost is not known. */
const REFERENCES_MAX = 5_000_000;

const ISSUES_MAX = 20;

/** Reads a JSON Schema (2020-12) that somebody else wrote, and refuses what is too large or goes in circles. */
export function readSchema(text: string): { readonly read: ReadSchema } | { readonly problem: string } {
  const bytes = utf8Bytes(text);
  if (bytes > SCHEMA_BYTES_MAX) return { problem: `it has ${bytes} bytes; ${SCHEMA_BYTES_MAX} are allowed` };
  const parsed = parseJson(text);
  if ('problem' in parsed) return { problem: parsed.problem.message + placeText(parsed.problem.path) };
  const root = parsed.value;
  if (!isJsonObject(root)) return { problem: 'it is no JSON object' };
  const nodes = countNodes(root);
  if (nodes > NODES_MAX) return { problem: `it has ${nodes} objects and arrays; ${NODES_MAX} are allowed` };
  // ajv would answer with a promise, which nobody awaits.
  if ('$async' in root) return { problem: 'it has "$async", which is not JSON Schema' };
  const answer = costOf(root);
  if ('refused' in answer && answer.refused === 'circle') {
    return { problem: 'it applies itself to the same value again, without end' };
  }
  const patternsSize = sizeOfPatterns(root);
  return { read: { root, text, nodes, patternsSize, ...('cost' in answer && { cost: answer.cost }) } };
}

/**
 * Compiles a schema. Patterns run in linear time (RE2): where a pattern uses what RE2 lacks, such as look-ahead, it is not
 * checked here but by the SDK alone. `uniqueItems` takes linear time, too. Formats are not checked.
 */
export function compileSchema(
  read: ReadSchema,
): { readonly check: (value: JsonValue) => Checked } | { readonly problem: string } {
  try {
    const problem = metaProblem(read.root);
    return problem === undefined ? { check: checker(read) } : { problem };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

function checker(read: ReadSchema): (value: JsonValue) => Checked {
  const first = compile(read, false);
  let all: typeof first | undefined;
  return (value) => {
    try {
      const errors = first(value);
      if (errors.length === 0) return { issues: [] };
      // Not before: it walks through the value, which is nearly always a good one.
      const work = read.cost ? workOf(read.cost, value) : Number.POSITIVE_INFINITY;
      if (work > WORK_FOR_ALL_ISSUES_MAX) return { issues: errors.slice(0, ISSUES_MAX).map(issueOf) };
      all ??= compile(read, true);
      return { issues: all(value).slice(0, ISSUES_MAX).map(issueOf) };
    } catch (error) {
      // The stack is used up, or the validator itself is wrong: it is for rare schemas and values.
      return { unchecked: `the check broke off: ${(error as Error).message}` };
    }
  };
}

function compile(
  { root, text, cost }: ReadSchema,
  allErrors: boolean,
): (value: JsonValue) => readonly ErrorObject[] {
  let left = Number.POSITIVE_INFINITY;
  const follow = () => {
    left -= 1;
    if (left < 0) throw new RangeError('too many references');
  };
  const validate = compiler({
    allErrors,
    ownProperties: namesInherited(text),
    ...(!cost && { follow }),
  }).compile(root);
  return (value) => {
    left = REFERENCES_MAX;
    return validate(value) ? [] : (validate.errors ?? []);
  };
}

/** The schema of schemas is compiled once. */
let metaSchema: Ajv2020 | undefined;

function metaProblem(root: JsonObject): string | undefined {
  metaSchema ??= new Ajv2020({ strict: false, validateFormats: false, logger: false });
  if (metaSchema.validateSchema(root) === true) return undefined;
  const [error] = metaSchema.errors ?? [];
  return `${error?.message ?? 'it is no JSON Schema (2020-12)'}${placeText(error?.instancePath ?? '')}`;
}

interface CompilerOptions {
  readonly allErrors: boolean;
  readonly ownProperties: boolean;
  /** Called before each reference that a check follows. */
  readonly follow?: () => void;
}

function compiler({ allErrors, ownProperties, follow }: CompilerOptions): Ajv2020 {
  const regExp = Object.assign(linearPattern, { code: 'linearPattern' });
  const ajv = new Ajv2020({
    ...{ strict: false, validateFormats: false, allErrors, ownProperties, logger: false },
    // A schema may refer to a large part of itself a thousand times: its code is written once.
    inlineRefs: false,
    ...{ meta: false, validateSchema: false, code: { regExp, optimize: false } },
  });
  ajv.removeKeyword('uniqueItems');
  ajv.addKeyword({ keyword: 'uniqueItems', type: 'array', schemaType: 'boolean', validate: hasUniqueItems });
  if (!follow) return ajv;
  for (const keyword of ['$ref', '$dynamicRef']) {
    const original = ajv.getKeyword(keyword) as CodeKeywordDefinition;
    ajv.removeKeyword(keyword);
    ajv.addKeyword({
      ...original,
      code(context) {
        context.gen.code(code`${context.gen.scopeValue('func', { ref: follow })}()`);
        original.code(context);
      },
    });
  }
  return ajv;
}

/** Whether a schema may name what every JavaScript object inherits: ajv then has to look twice. */
function namesInherited(text: string): boolean {
  return text.includes('\\u') || INHERITED.some((name) => text.includes(`"${name}"`));
}

const INHERITED = Object.getOwnPropertyNames(Object.prototype);

/** `toString` is what ajv tells patterns apart by. */
function linearPattern(pattern: string): { test(text: string): boolean; toString(): string } {
  const name = { toString: () => pattern };
  try {
    const compiled = RE2JS.compile(pattern);
    return { test: (text) => compiled.matcher(text).find(), ...name };
  } catch {
    return { test: () => true, ...name };
  }
}

function hasUniqueItems(isWanted: boolean, items: readonly JsonValue[]): boolean {
  return !isWanted || new Set(items.map(sortedText)).size === items.length;
}

/** JSON text with sorted members, so that equal values have equal texts. */
function sortedText(value: JsonValue): string {
  if (!isJsonObject(value))
    return Array.isArray(value) ? `[${value.map(sortedText)}]` : JSON.stringify(value);
  const members = Object.keys(value).sort();
  return `{${members.map((key) => `${JSON.stringify(key)}:${sortedText(value[key] as JsonValue)}`)}}`;
}

function issueOf({ instancePath, keyword, message, params }: ErrorObject): SchemaIssue {
  const named = keyword === 'additionalProperties' ? ` ("${params.additionalProperty}")` : '';
  return { path: instancePath, keyword, message: `${message ?? keyword}${named}` };
}

function placeText(path: string): string {
  return path === '' ? '' : ` (at ${path})`;
}

function countNodes(value: JsonValue): number {
  if (typeof value !== 'object' || value === null) return 0;
  let nodes = 1;
  for (const item of Array.isArray(value) ? value : Object.values(value)) nodes += countNodes(item);
  return nodes;
}

function sizeOfPatterns(value: JsonValue): number {
  if (typeof value !== 'object' || value === null) return 0;
  let size = 0;
  for (const [name, item] of Object.entries(value)) {
    if (name === 'pattern' && typeof item === 'string') size += patternSize(item);
    else if (name === 'patternProperties' && isJsonObject(item))
      size += Object.keys(item).reduce((sum, pattern) => sum + patternSize(pattern), 0);
    size += sizeOfPatterns(item);
  }
  return size;
}
