import { isJsonObject, type JsonObject, type JsonValue, jsonEquals } from '../json.js';
import { kindOf, namedValues, typeKinds } from './facts.js';
import {
  ANNOTATIONS,
  isSchema,
  keyword,
  resolve,
  type Schema,
  type SchemaDocument,
} from './schema-document.js';

/** How much may still be done; shared by all that one comparison asks. */
export interface Fuel {
  left: number;
}

/** Whether a value fits a schema; undefined where that takes more than is done here: patterns, rare keywords, too much work. */
export function accepts(
  document: SchemaDocument,
  schema: Schema,
  value: JsonValue,
  fuel: Fuel,
): boolean | undefined {
  fuel.left -= 1;
  if (fuel.left < 0) return undefined;
  if (typeof schema === 'boolean') return schema;
  const answers = Object.keys(schema).map((name) => ruleOf(name)({ document, schema, value, fuel }, name));
  if (answers.includes(false)) return false;
  return answers.includes(undefined) ? undefined : true;
}

interface Question {
  readonly document: SchemaDocument;
  readonly schema: JsonObject;
  readonly value: JsonValue;
  readonly fuel: Fuel;
}

type Rule = (question: Question, name: string) => boolean | undefined;

const RULES: Readonly<Record<string, Rule>> = {
  type: ({ schema, value }) => typeKinds(schema)?.has(kindOf(value)),
  enum: named,
  const: named,
  minimum: number((value, bound) => value >= bound),
  maximum: number((value, bound) => value <= bound),
  exclusiveMinimum: number((value, bound) => value > bound),
  exclusiveMaximum: number((value, bound) => value < bound),
  multipleOf: number((value, divisor) => isMultiple(value, divisor)),
  minLength: size('string', (length, bound) => length >= bound),
  maxLength: size('string', (length, bound) => length <= bound),
  minItems: size('array', (length, bound) => length >= bound),
  maxItems: size('array', (length, bound) => length <= bound),
  minProperties: size('object', (length, bound) => length >= bound),
  maxProperties: size('object', (length, bound) => length <= bound),
  required: ({ schema, value }) => {
    const names = keyword(schema, 'required');
    if (!isJsonObject(value) || !Array.isArray(names)) return true;
    return names.every((name) => Object.hasOwn(value, String(name)));
  },
  allOf: (question, name) => every(branches(question, name)),
  anyOf: (question, name) => some(branches(question, name)),
  oneOf: (question, name) => {
    const answers = branches(question, name);
    if (answers.includes(undefined)) return undefined;
    return answers.filter((answer) => answer === true).length === 1;
  },
  not: (question, name) => {
    const answer = ask(question, keyword(question.schema, name), question.value);
    return answer === undefined ? undefined : !answer;
  },
  $ref: (question, name) => {
    const target = resolve(question.document, keyword(question.schema, name) ?? '');
    return target && ask(question, target.schema, question.value);
  },
  properties: (question, name) => {
    const { schema, value } = question;
    const map = keyword(schema, name);
    if (!isJsonObject(value) || !isJsonObject(map)) return true;
    const members = Object.keys(map).filter((member) => Object.hasOwn(value, member));
    return every(
      members.map((member) => ask(question, keyword(map, member), keyword(value, member) ?? null)),
    );
  },
  additionalProperties: (question, name) => {
    const { schema, value } = question;
    if (!isJsonObject(value)) return true;
    const map = keyword(schema, 'properties');
    const others = Object.keys(value).filter((member) => !isJsonObject(map) || !Object.hasOwn(map, member));
    if (others.length > 0 && keyword(schema, 'patternProperties') !== undefined) return undefined;
    return every(
      others.map((member) => ask(question, keyword(schema, name), keyword(value, member) ?? null)),
    );
  },
  prefixItems: (question, name) => {
    const { schema, value } = question;
    const schemas = keyword(schema, name);
    if (!Array.isArray(value) || !Array.isArray(schemas)) return true;
    return every(schemas.slice(0, value.length).map((item, index) => ask(question, item, value[index])));
  },
  items: (question, name) => {
    const { schema, value } = question;
    const first = keyword(schema, 'prefixItems');
    if (!Array.isArray(value)) return true;
    const rest = value.slice(Array.isArray(first) ? first.length : 0);
    return every(rest.map((item) => ask(question, keyword(schema, name), item)));
  },
  // With `type`, which knows it.
  nullable: () => true,
};

/** Keywords of which this knows what they say only for other kinds of values. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  pattern: 'string',
  format: 'string',
  contains: 'array',
  minContains: 'array',
  maxContains: 'array',
  uniqueItems: 'array',
  unevaluatedItems: 'array',
  patternProperties: 'object',
  propertyNames: 'object',
  dependentRequired: 'object',
  dependentSchemas: 'object',
  unevaluatedProperties: 'object',
};

function ruleOf(name: string): Rule {
  if (Object.hasOwn(RULES, name)) return RULES[name] as Rule;
  if (ANNOTATIONS.has(name)) return () => true;
  const kind = ELSEWHERE[name];
  return ({ value }) => (kind !== undefined && kind !== kindOf(value) ? true : undefined);
}

function ask(
  { document, fuel }: Question,
  schema: JsonValue | undefined,
  value: JsonValue | undefined,
): boolean | undefined {
  return isSchema(schema) && value !== undefined ? accepts(document, schema, value, fuel) : undefined;
}

function branches(question: Question, name: string): (boolean | undefined)[] {
  const schemas = keyword(question.schema, name);
  if (!Array.isArray(schemas)) return [undefined];
  return schemas.map((schema) => ask(question, schema, question.value));
}

function every(answers: readonly (boolean | undefined)[]): boolean | undefined {
  if (answers.includes(false)) return false;
  return answers.includes(undefined) ? undefined : true;
}

function some(answers: readonly (boolean | undefined)[]): boolean | undefined {
  if (answers.includes(true)) return true;
  return answers.includes(undefined) ? undefined : false;
}

function named({ schema, value, fuel }: Question, name: string): boolean {
  const only =
    name === 'const' ? { const: keyword(schema, name) ?? null } : { enum: keyword(schema, name) ?? [] };
  const values = namedValues(only) ?? [];
  fuel.left -= values.length;
  return values.some((each) => jsonEquals(each, value));
}

/** Beyond what a double holds exactly, validators differ. */
function isMultiple(value: number, divisor: number): boolean | undefined {
  const ratio = value / divisor;
  return Math.abs(ratio) <= Number.MAX_SAFE_INTEGER ? Number.isInteger(ratio) : undefined;
}

function number(holds: (value: number, bound: number) => boolean | undefined): Rule {
  return ({ schema, value }, name) => {
    const bound = keyword(schema, name);
    if (typeof bound !== 'number') return undefined;
    return typeof value !== 'number' || holds(value, bound);
  };
}

function size(kind: 'string' | 'array' | 'object', holds: (length: number, bound: number) => boolean): Rule {
  return ({ schema, value }, name) => {
    const bound = keyword(schema, name);
    if (typeof bound !== 'number') return undefined;
    return kindOf(value) !== kind || holds(lengthOf(value), bound);
  };
}

/** Characters are Unicode code points. */
function lengthOf(value: JsonValue): number {
  if (typeof value === 'string') return [...value].length;
  return Array.isArray(value) ? value.length : Object.keys(value as JsonObject).length;
}
