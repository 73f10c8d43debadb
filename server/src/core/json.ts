import { pointerSegment } from './json-pointer.js';
import { countMembers, inspectText } from './json-text.js';

/** A JSON value as JavaScript holds it: what `JSON.parse` returns. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

/** A JSON object. Every own key is ordinary, `__proto__` included. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** Why a text is not acceptable JSON, and where: a JSON Pointer (RFC 6901), empty for the whole. */
export interface JsonProblem {
  readonly kind: 'syntax' | 'lossy' | 'depth';
  readonly message: string;
  readonly path: string;
}

/** The least number that JavaScript writes with an exponent. */
const LARGE_NUMBER_MIN = 1e21;

/** Levels of nesting in any JSON value; a bare scalar has depth 0, `[]` has depth 1. */
export const JSON_DEPTH_MAX = 64;

/**
 * Parses I-JSON (RFC 7493): what a double, a UTF-16 string without lone surrogates and an object with distinct names
 * can hold without alteration. Whatever `JSON.parse` would alter silently is a problem, never a different value.
 * @param depthMax  for a text that only carries values, and is deeper than they are.
 */
export function parseJson(
  text: string,
  depthMax = JSON_DEPTH_MAX,
): { readonly value: JsonValue } | { readonly problem: JsonProblem } {
  let value: JsonValue;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { problem: { kind: 'syntax', message: `not JSON: ${(error as Error).message}`, path: '' } };
  }
  const count = { members: 0, hasLargeNumber: false, depthMax };
  const problem = inspect(value, 0, count) ?? (isTextTelling(text, count) ? inspectText(text) : undefined);
  return problem ? { problem } : { value };
}

/** Whether a value is a JSON object, and not an array or null. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Deep equality; the order of an object's members does not count. */
export function jsonEquals(a: JsonValue, b: JsonValue): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, index) => jsonEquals(item, b[index]));
  }
  const left = a as JsonObject;
  const right = b as JsonObject;
  const keys = Object.keys(left);
  if (keys.length !== Object.keys(right).length) return false;
  return keys.every(
    (key) => Object.hasOwn(right, key) && jsonEquals(left[key] as JsonValue, right[key] as JsonValue),
  );
}

/** Levels of nesting: 0 for a scalar, 1 for an array or object of scalars. */
export function jsonDepth(value: JsonValue): number {
  if (typeof value !== 'object' || value === null) return 0;
  let deepest = 0;
  for (const item of Array.isArray(value) ? value : Object.values(value)) {
    deepest = Math.max(deepest, jsonDepth(item));
  }
  return deepest + 1;
}

/** The first place of a value that has `levels` levels around it and is one more: a JSON Pointer; undefined if there is none. */
export function placeTooDeep(value: JsonValue, levels: number): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (levels <= 0) return '';
  for (const [key, inner] of Object.entries(value)) {
    const place = placeTooDeep(inner, levels - 1);
    if (place !== undefined) return pointerSegment(key) + place;
  }
  return undefined;
}

/** Bytes of a value's JSON text in UTF-8, without white space. */
export function jsonBytes(value: JsonValue): number {
  return utf8Bytes(JSON.stringify(value));
}

/** Bytes of a well-formed string in UTF-8. */
export function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    // A surrogate pair is two units and four bytes: each half adds one.
    bytes += unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 1 : 2;
  }
  return bytes;
}

/** What one inspection counts, and what it allows. */
interface Count {
  members: number;
  hasLargeNumber: boolean;
  readonly depthMax: number;
}

/** Whether the text may say what the value does not. */
function isTextTelling(text: string, { members, hasLargeNumber }: Count): boolean {
  return hasLargeNumber || (members > 0 && countMembers(text) !== members);
}

/** The first problem in a value; its path is put together on the way back, so that a good value costs none. */
function inspect(value: JsonValue, depth: number, count: Count): JsonProblem | undefined {
  if (typeof value === 'number') return inspectNumber(value, count);
  if (typeof value === 'string') return inspectString(value);
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth >= count.depthMax) {
    return { kind: 'depth', message: `nested deeper than ${count.depthMax} levels`, path: '' };
  }
  return Array.isArray(value)
    ? inspectArray(value, depth, count)
    : inspectObject(value as JsonObject, depth, count);
}

function inspectArray(value: readonly JsonValue[], depth: number, count: Count): JsonProblem | undefined {
  for (let index = 0; index < value.length; index++) {
    const problem = inspect(value[index] as JsonValue, depth + 1, count);
    if (problem) return within(index, problem);
  }
  return undefined;
}

function inspectObject(value: JsonObject, depth: number, count: Count): JsonProblem | undefined {
  for (const key of Object.keys(value)) {
    count.members += 1;
    const nameProblem = inspectString(key);
    if (nameProblem) return nameProblem;
    const problem = inspect(value[key] as JsonValue, depth + 1, count);
    if (problem) return within(key, problem);
  }
  return undefined;
}

function within(key: string | number, problem: JsonProblem): JsonProblem {
  return { ...problem, path: pointerSegment(key) + problem.path };
}

/**
 * Integers beyond ±(2^53-1) are read differently by languages that have larger ones. From 1e21 on, JavaScript writes an
 * exponent (RFC 8785 does, too), so that all languages read the same double.
 */
function inspectNumber(value: number, count: Count): JsonProblem | undefined {
  if (!Number.isFinite(value)) {
    return { kind: 'lossy', message: 'a number is larger than a double holds', path: '' };
  }
  if (!Number.isInteger(value) || Number.isSafeInteger(value)) return undefined;
  if (Math.abs(value) >= LARGE_NUMBER_MIN) {
    count.hasLargeNumber = true;
    return undefined;
  }
  const message = `the integer ${value} is outside ±(2^53-1) and would lose digits; send it as a string`;
  return { kind: 'lossy', message, path: '' };
}

function inspectString(value: string): JsonProblem | undefined {
  if (value.isWellFormed()) return undefined;
  return { kind: 'lossy', message: 'a string holds a lone surrogate, which is no Unicode text', path: '' };
}
