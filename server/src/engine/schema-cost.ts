import { isJsonObject, JSON_DEPTH_MAX, type JsonObject, type JsonValue } from '../core/json.js';
import {
  ANNOTATIONS,
  holdsSchemas,
  openSchema,
  partsOf,
  type SchemaDocument,
  type SchemaPart,
} from '../core/schema/schema-document.js';

/**
 * What a check of a value costs at most, in units of some nanoseconds: for each value and each character at a level of
 * nesting. Keys are characters of the value that they name.
 */
export interface SchemaCost {
  readonly perValue: readonly number[];
  readonly perCharacter: readonly number[];
  /** For each value and character, wherever: items are written as text to find equal ones. */
  readonly everywhere: number;
}

/** `circle`: the schema applies itself to the same value again. `unknown`: what it applies cannot be followed. */
export type CostAnswer = { readonly cost: SchemaCost } | { readonly refused: 'circle' | 'unknown' };

/** Writing a value as text, for `uniqueItems`. */
const AS_TEXT = 40;

/** Running a pattern over one character: this, and twice its own size. */
const PATTERN_BASE = 20;

/** Parts of the schema for all levels; beyond, nobody needs to know. */
const STEPS_MAX = 100_000;

/** Finds out what a check by a schema costs at most. */
export function costOf(root: JsonObject): CostAnswer {
  const document = openSchema(root);
  const perValue: number[] = [];
  const perCharacter: number[] = [];
  let everywhere = 0;
  let steps = 0;
  let level = new Map<SchemaPart['schema'], number>([[root, 1]]);
  for (let depth = 0; depth <= JSON_DEPTH_MAX && level.size > 0; depth++) {
    const all = withInPlace(document, level);
    if (typeof all === 'string') return { refused: all };
    steps += all.size;
    if (steps > STEPS_MAX) return { refused: 'unknown' };
    let [values, characters] = [0, 0];
    const next = new Map<SchemaPart['schema'], number>();
    for (const [schema, times] of all) {
      if (!isJsonObject(schema)) continue;
      values += times * sizeOf(schema);
      characters += times * characterCost(schema);
      everywhere += times * (schema.uniqueItems === true ? AS_TEXT : 0);
      for (const { schema: part } of partsOf(document, { schema, pointer: '' })?.below ?? []) {
        next.set(part, (next.get(part) ?? 0) + times);
      }
      // Patterns are run over the names of the members, which count one level below.
      for (const pattern of Object.keys(
        isJsonObject(schema.patternProperties) ? schema.patternProperties : {},
      )) {
        next.set({ pattern }, times);
      }
    }
    perValue.push(values);
    perCharacter.push(characters);
    level = next;
  }
  return { cost: { perValue, perCharacter, everywhere } };
}

/** What a check of this value costs at most. */
export function workOf(cost: SchemaCost, value: JsonValue, depth = 0): number {
  let work = (cost.perValue[depth] ?? 0) + cost.everywhere;
  if (typeof value === 'string')
    return work + ((cost.perCharacter[depth] ?? 0) + cost.everywhere) * value.length;
  if (typeof value !== 'object' || value === null) return work;
  if (Array.isArray(value)) {
    for (const item of value) work += workOf(cost, item, depth + 1);
    return work;
  }
  const perNameCharacter = (cost.perCharacter[depth + 1] ?? 0) + cost.everywhere;
  // Of JSON all members are own ones; this is what a check of an ordinary state takes most of its time for.
  for (const name in value) {
    work +=
      perNameCharacter * name.length + workOf(cost, (value as JsonObject)[name] as JsonValue, depth + 1);
  }
  return work;
}

/**
 * What a check of any value costs at most whose text has so many bytes: at least as much as `workOf` would say, without a walk
 * through the value. Each value but the root takes two bytes or more with its separator, each character one or more.
 */
export function workBound({ perValue, perCharacter, everywhere }: SchemaCost, bytes: number): number {
  const [ofRoot = 0, ...below] = perValue;
  const ofValues = (bytes / 2) * Math.max(0, ...below);
  const ofCharacters = bytes * Math.max(0, ...perCharacter);
  return ofRoot + ofValues + ofCharacters + (bytes + 1) * everywhere;
}

/** How large a program a pattern becomes: counted repetitions are written out. */
export function patternSize(pattern: string): number {
  const outer: number[] = [];
  let size = 0;
  let last = 1;
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at];
    const count = character === '{' ? /^\{(\d+)(?:,(\d*))?\}/.exec(pattern.slice(at, at + 16)) : null;
    if (count) {
      const times = Math.max(Number(count[1]), Number(count[2] ?? 0), 1);
      size += last * (times - 1);
      last *= times;
      at += count[0].length - 1;
    } else if (character === '(') {
      outer.push(size);
      size = 0;
    } else if (character === ')') {
      last = size + 1;
      size = (outer.pop() ?? 0) + last;
    } else {
      if (character === '\\') at += 1;
      else if (character === '[') at = Math.max(at, pattern.indexOf(']', at + 2));
      last = 1;
      size += 1;
    }
  }
  return outer.reduce((sum, each) => sum + each, size);
}

/** How often each schema is applied to one value, with all that these apply to the same value. */
function withInPlace(
  document: SchemaDocument,
  start: ReadonlyMap<SchemaPart['schema'], number>,
): Map<SchemaPart['schema'], number> | 'circle' | 'unknown' {
  const order: SchemaPart['schema'][] = [];
  const state = new Map<SchemaPart['schema'], 'under way' | 'done'>();
  const edges = new Map<SchemaPart['schema'], readonly SchemaPart[]>();
  const visit = (schema: SchemaPart['schema']): 'circle' | 'unknown' | undefined => {
    if (state.get(schema) === 'under way') return 'circle';
    if (typeof schema === 'boolean' || state.has(schema)) return undefined;
    state.set(schema, 'under way');
    const parts = partsOf(document, { schema, pointer: '' });
    if (!parts) return 'unknown';
    edges.set(schema, parts.inPlace);
    for (const part of parts.inPlace) {
      const trouble = visit(part.schema);
      if (trouble) return trouble;
    }
    state.set(schema, 'done');
    order.push(schema);
    return undefined;
  };
  for (const schema of start.keys()) {
    const trouble = visit(schema);
    if (trouble) return trouble;
  }
  const times = new Map(start);
  for (const schema of order.reverse()) {
    for (const part of edges.get(schema) ?? []) {
      times.set(part.schema, (times.get(part.schema) ?? 0) + (times.get(schema) ?? 0));
    }
  }
  return times;
}

/** What one schema asks of one value, without its parts. */
function sizeOf(schema: JsonObject): number {
  let size = 1;
  for (const [name, value] of Object.entries(schema)) {
    if (ANNOTATIONS.has(name)) continue;
    if (!holdsSchemas(name)) size += countValues(value);
    else size += typeof value === 'object' && value !== null ? Object.keys(value).length : 1;
  }
  return size;
}

function characterCost(schema: JsonObject): number {
  const { pattern, minLength, maxLength } = schema;
  const counting = minLength !== undefined || maxLength !== undefined ? 1 : 0;
  return counting + (typeof pattern === 'string' ? PATTERN_BASE + 2 * patternSize(pattern) : 0);
}

/** Values in a value, itself included. */
export function countValues(value: JsonValue): number {
  if (typeof value !== 'object' || value === null) return 1;
  let values = 1;
  for (const item of Array.isArray(value) ? value : Object.values(value)) values += countValues(item);
  return values;
}
