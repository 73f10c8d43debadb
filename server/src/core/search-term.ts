import type { Execution } from './execution.js';
import { type FieldPath, fieldAt, pointerOf } from './field-path.js';
import { type JsonObject, type JsonValue, utf8Bytes } from './json.js';

/** Fields of a workflow's state that may be searched. */
export const INDEXED_FIELDS_MAX = 16;

/** Bytes of a text that is searched for; of a longer one in a state, only so much is looked at that no answer is wrong. */
const SEARCH_TEXT_BYTES_MAX = 256;

/** A value that can be searched for. Objects and arrays cannot. */
export type SearchValue = null | boolean | number | string;

/** How a value is compared with the one in question. */
export type Comparison = '=' | '<' | '<=' | '>' | '>=';

/** A field of a workflow's state by which its executions are found. */
export interface IndexedField {
  readonly path: FieldPath;
  /** What its terms begin with: see `SearchTerm`. */
  readonly prefix: string;
}

/**
 * A text by which an execution is found: it says which field of what is meant, and the value. Terms of one field sort by
 * their code points as the values do: null, false, true, numbers, texts.
 */
export type SearchTerm = string;

/** The terms in question: one, or all from one (inclusive) to another (exclusive). */
export type TermCondition =
  | { readonly is: SearchTerm }
  | { readonly from: SearchTerm; readonly before: SearchTerm };

/** What each kind of value begins with, in their order. */
const KIND = { null: '0', false: '1', true: '2', number: '3', text: '4', end: '5' } as const;

/** A field of a workflow's state. */
export function indexedField(projectId: string, workflowId: string, path: FieldPath): IndexedField {
  return { path, prefix: JSON.stringify([projectId, workflowId, pointerOf(path)]) };
}

/** What the terms of a search attribute begin with. */
export function attributePrefix(projectId: string, name: string): string {
  return JSON.stringify([projectId, name]);
}

/**
 * All terms of an execution: one for each of its search attributes, and for each of the fields that has a value in its
 * state. A missing field has none; neither has one that is an object or an array.
 */
export function searchTerms(
  { projectId, searchAttributes }: Pick<Execution, 'projectId' | 'searchAttributes'>,
  state: JsonObject,
  fields: readonly IndexedField[],
): readonly SearchTerm[] {
  const terms: SearchTerm[] = [];
  for (const [name, value] of Object.entries(searchAttributes)) {
    terms.push(attributePrefix(projectId, name) + textTerm(value));
  }
  for (const { path, prefix } of fields) {
    const value = fieldAt(state, path);
    if (isSearchable(value)) terms.push(prefix + valueTerm(value));
  }
  return terms;
}

/**
 * The terms whose value compares so with the given one. Values of other kinds never do: no text is more than a number.
 * @returns why it cannot be asked for, if it cannot: null and booleans have no order, and a text may be too long.
 */
export function termCondition(
  prefix: string,
  comparison: Comparison,
  value: SearchValue,
): { readonly condition: TermCondition } | { readonly problem: string } {
  if (typeof value === 'string' && utf8Bytes(value) > SEARCH_TEXT_BYTES_MAX) {
    return { problem: `a text that is searched for has at most ${SEARCH_TEXT_BYTES_MAX} bytes` };
  }
  const term = prefix + valueTerm(value);
  if (comparison === '=') return { condition: { is: term } };
  if (typeof value !== 'number' && typeof value !== 'string') {
    return { problem: `${value} is compared with =, not with ${comparison}` };
  }
  const [kind, nextKind] = typeof value === 'number' ? [KIND.number, KIND.text] : [KIND.text, KIND.end];
  // No term is between one and the same with a NUL at its end.
  const after = `${term}\0`;
  switch (comparison) {
    case '<':
      return { condition: { from: prefix + kind, before: term } };
    case '<=':
      return { condition: { from: prefix + kind, before: after } };
    case '>':
      return { condition: { from: after, before: prefix + nextKind } };
    case '>=':
      return { condition: { from: term, before: prefix + nextKind } };
  }
}

function isSearchable(value: JsonValue | undefined): value is SearchValue {
  return value !== undefined && (value === null || typeof value !== 'object');
}

function valueTerm(value: SearchValue): string {
  if (typeof value === 'string') return textTerm(value);
  return typeof value === 'number' ? KIND.number + sortableNumber(value) : KIND[`${value}`];
}

/** As many characters as are more than `SEARCH_TEXT_BYTES_MAX` bytes say how a text compares with any that is not longer. */
function textTerm(text: string): string {
  if (text.length * 3 <= SEARCH_TEXT_BYTES_MAX || utf8Bytes(text) <= SEARCH_TEXT_BYTES_MAX) {
    return KIND.text + text;
  }
  let length = 0;
  let bytes = 0;
  while (bytes <= SEARCH_TEXT_BYTES_MAX) {
    const character = String.fromCodePoint(text.codePointAt(length) as number);
    length += character.length;
    bytes += utf8Bytes(character);
  }
  return KIND.text + text.slice(0, length);
}

/**
 * A double as sixteen hexadecimal digits that sort as the numbers do: the bits of positive ones sort so but for the sign,
 * those of negative ones the other way round. -0 is 0.
 */
function sortableNumber(value: number): string {
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setFloat64(0, value === 0 ? 0 : value);
  const bits = bytes.getBigUint64(0);
  const sortable = bits >> 63n === 0n ? bits | (1n << 63n) : ~bits & 0xffff_ffff_ffff_ffffn;
  return sortable.toString(16).padStart(16, '0');
}
