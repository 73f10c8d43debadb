import { isJsonObject, JSON_DEPTH_MAX, type JsonObject, type JsonValue, utf8Bytes } from './json.js';
import { pointerSegment, pointerSegments } from './json-pointer.js';

/** The names that lead from a state document to one of its fields, through objects only. */
export type FieldPath = readonly string[];

/** Bytes of a path, however it is written. */
const PATH_BYTES_MAX = 256;

/** A name that needs no JSON Pointer. */
const PLAIN_NAME = /^[\p{L}\p{N}_$-]+$/u;

/**
 * Reads a path as a workflow declares it: names joined by dots (`order.status`), each of letters, digits, `_`, `$` and `-`,
 * or, for any other name, a JSON Pointer (`/order/status`). At most 256 bytes and 64 names.
 */
export function parseFieldPath(text: string): { readonly path: FieldPath } | { readonly problem: string } {
  if (text === '') return { problem: 'a path has at least one name' };
  if (utf8Bytes(text) > PATH_BYTES_MAX) return { problem: `a path has at most ${PATH_BYTES_MAX} bytes` };
  const path = text.startsWith('/') ? pointerSegments(text) : dottedNames(text);
  if (!path)
    return {
      problem: `"${text}" is no path: write it like order.status, or as a JSON Pointer like /order/status`,
    };
  if (path.length > JSON_DEPTH_MAX) return { problem: `a path has at most ${JSON_DEPTH_MAX} names` };
  return { path };
}

/** The one way in which a path is kept and compared. */
export function pointerOf(path: FieldPath): string {
  return path.map(pointerSegment).join('');
}

/** A path as people write it: with dots if that is possible. */
export function fieldName(path: FieldPath): string {
  return path.every((name) => PLAIN_NAME.test(name)) ? path.join('.') : pointerOf(path);
}

/** What is at a path; undefined if there is nothing, or if an array is on the way. */
export function fieldAt(state: JsonObject, path: FieldPath): JsonValue | undefined {
  let value: JsonValue | undefined = state;
  for (const name of path) {
    if (!isJsonObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

function dottedNames(text: string): FieldPath | undefined {
  const names = text.split('.');
  return names.every((name) => PLAIN_NAME.test(name)) ? names : undefined;
}
