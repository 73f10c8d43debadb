import { Ajv2020, type CodeKeywordDefinition, _ as code, type ErrorObject } from 'ajv/dist/2020.js';
import { RE2JS } from 're2js';
import { isJsonObject, type JsonObject, type JsonValue, parseJson, utf8Bytes } from '../core/json.js';
import { SCHEMA_BYTES_MAX } from '../core/limits.js';
import type { SchemaIssue } from './errors.js';

/** A schema that can be checked against. */
export interface CompiledSchema {
  /**
   * Where a value does not fit, at most 20 places; empty if it does, and if to find out would take too long: then the
   * SDK alone checks it, as with a schema that cannot be used.
   */
  check(value: JsonValue): readonly SchemaIssue[];
}

/**
 * Objects and arrays in one schema. ajv needs 6 s for 20,000 properties and overflows the stack; 2,000 take well under
 * 100 ms.
 */
const NODES_MAX = 2_000;

/** Values in a schema times values in what it checks. A second's work at worst. */
const WORK_MAX = 200_000_000;

/** The same for all places that do not fit: each costs memory. In larger values only the first is looked for. */
const WORK_FOR_ALL_ISSUES_MAX = 1_000_000;

/** References followed in one check: few of them can double the work with each level. */
const REFERENCES_MAX = 200_000;

const ISSUES_MAX = 20;

/**
 * Compiles a JSON Schema (2020-12) that somebody else wrote. Patterns run in linear time (RE2): where a pattern uses
 * what RE2 lacks, such as look-ahead, it is not checked here but by the SDK alone. `uniqueItems` takes linear time, too.
 */
export function compileSchema(
  text: string,
): { readonly schema: CompiledSchema } | { readonly problem: string } {
  if (utf8Bytes(text) > SCHEMA_BYTES_MAX) return { problem: `it is longer than ${SCHEMA_BYTES_MAX} bytes` };
  const parsed = parseJson(text);
  if ('problem' in parsed) return { problem: parsed.problem.message };
  const schema = parsed.value;
  if (!isJsonObject(schema)) return { problem: 'it is no JSON object' };
  const nodes = countNodes(schema);
  if (nodes > NODES_MAX) return { problem: `it has ${nodes} objects and arrays; ${NODES_MAX} are allowed` };
  // ajv would answer with a promise, which nobody awaits.
  if ('$async' in schema) return { problem: 'it has "$async", which is not JSON Schema' };
  try {
    return { schema: { check: checker(schema) } };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

function checker(schema: JsonObject): CompiledSchema['check'] {
  const weight = countValues(schema);
  const references = Math.min(REFERENCES_MAX, WORK_MAX / weight);
  const first = compile(schema, { allErrors: false, references });
  let all: typeof first | undefined;
  return (value) => {
    const work = weight * countValues(value);
    if (work > WORK_MAX) return [];
    const errors = first(value);
    if (errors.length === 0 || work > WORK_FOR_ALL_ISSUES_MAX)
      return errors.slice(0, ISSUES_MAX).map(issueOf);
    all ??= compile(schema, { allErrors: true, references });
    return all(value).slice(0, ISSUES_MAX).map(issueOf);
  };
}

/** What ajv makes of a schema. Too many references, or too deep ones, count as a fit. */
function compile(
  schema: JsonObject,
  { allErrors, references }: { readonly allErrors: boolean; readonly references: number },
): (value: JsonValue) => readonly ErrorObject[] {
  let left = Number.POSITIVE_INFINITY;
  const follow = () => {
    left -= 1;
    if (left < 0) throw new RangeError('too many references');
  };
  const validate = compiler(allErrors, follow).compile(schema);
  return (value) => {
    left = references;
    try {
      return validate(value) ? [] : (validate.errors ?? []);
    } catch (error) {
      if (error instanceof RangeError) return [];
      throw error;
    }
  };
}

/** @param follow  called before each reference that a check follows. */
function compiler(allErrors: boolean, follow: () => void): Ajv2020 {
  const regExp = Object.assign(linearPattern, { code: 'linearPattern' });
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors, code: { regExp } });
  ajv.removeKeyword('uniqueItems');
  ajv.addKeyword({ keyword: 'uniqueItems', type: 'array', schemaType: 'boolean', validate: hasUniqueItems });
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

function countNodes(value: JsonValue): number {
  if (typeof value !== 'object' || value === null) return 0;
  let nodes = 1;
  for (const item of Array.isArray(value) ? value : Object.values(value)) nodes += countNodes(item);
  return nodes;
}

function countValues(value: JsonValue): number {
  if (typeof value !== 'object' || value === null) return 1;
  let values = 1;
  for (const item of Array.isArray(value) ? value : Object.values(value)) values += countValues(item);
  return values;
}
