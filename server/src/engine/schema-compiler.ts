import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { RE2JS } from 're2js';
import { isJsonObject, type JsonValue, parseJson } from '../core/json.js';
import { SCHEMA_BYTES_MAX } from '../core/limits.js';
import type { SchemaIssue } from './errors.js';

/** A schema that can be checked against. */
export interface CompiledSchema {
  /** Where a value does not fit, at most 20 places; empty if it does. */
  check(value: JsonValue): readonly SchemaIssue[];
}

/**
 * Objects and arrays in one schema. ajv needs 6 s for 20,000 properties and overflows the stack; 2,000 take well under
 * 100 ms.
 */
const NODES_MAX = 2_000;

const ISSUES_MAX = 20;

/**
 * Compiles a JSON Schema (2020-12) that somebody else wrote. Patterns run in linear time (RE2): where a pattern uses
 * what RE2 lacks, such as look-ahead, it is not checked here but by the SDK alone. `uniqueItems` takes linear time, too.
 */
export function compileSchema(
  text: string,
): { readonly schema: CompiledSchema } | { readonly problem: string } {
  if (text.length > SCHEMA_BYTES_MAX) return { problem: `it is longer than ${SCHEMA_BYTES_MAX} bytes` };
  const parsed = parseJson(text);
  if ('problem' in parsed) return { problem: parsed.problem.message };
  if (!isJsonObject(parsed.value)) return { problem: 'it is no JSON object' };
  const nodes = countNodes(parsed.value);
  if (nodes > NODES_MAX) return { problem: `it has ${nodes} objects and arrays; ${NODES_MAX} are allowed` };
  try {
    const validate = compiler().compile(parsed.value);
    return { schema: { check: (value) => issuesOf(validate, value) } };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

function compiler(): Ajv2020 {
  const regExp = Object.assign(linearPattern, { code: 'linearPattern' });
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true, code: { regExp } });
  ajv.removeKeyword('uniqueItems');
  ajv.addKeyword({ keyword: 'uniqueItems', type: 'array', schemaType: 'boolean', validate: hasUniqueItems });
  return ajv;
}

function linearPattern(pattern: string): { test(text: string): boolean } {
  try {
    const compiled = RE2JS.compile(pattern);
    return { test: (text) => compiled.matcher(text).find() };
  } catch {
    return { test: () => true };
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

function issuesOf(validate: ValidateFunction, value: JsonValue): readonly SchemaIssue[] {
  return validate(value) ? [] : (validate.errors ?? []).slice(0, ISSUES_MAX).map(issueOf);
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
